/* SPDX-License-Identifier: MIT */
#include "experiments/cli.h"
int cmd_list(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
int cmd_run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
int cmd_plot(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
int cmd_doctor(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
