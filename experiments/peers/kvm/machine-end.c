/* SPDX-License-Identifier: MIT */
/* machine-end: ends the Bochs machine that Linux runs on, as the shutdown port does. */
#include <stdio.h>
#include <sys/io.h>

#include "nestbed/ports.h"

int main(void)
{
	if (ioperm(NB_PORT_SHUTDOWN, 1, 1)) {
		perror("machine-end: the shutdown port");
		return 1;
	}
	for (const char *s = NB_SHUTDOWN_WORD; *s; s++)
		outb((unsigned char)*s, NB_PORT_SHUTDOWN);
	fputs("machine-end: this machine has no shutdown port\n", stderr);
	return 1;
}
