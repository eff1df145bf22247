/* SPDX-License-Identifier: MIT */
/* Exit status: 0 explained; 1 a file that cannot be read; 2 a wrong line or wrong use. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmcs_merge/explain/explain.h"

#ifndef NESTBED_VERSION
#define NESTBED_VERSION "unknown"
#endif

const char *argp_program_version = "vmcs-explain " NESTBED_VERSION;

#define LARGEST_FILE (1u << 20)

struct arguments {
	const char *file;
	struct explain_options options;
};

static const char doc[] = "Print vmcs02, the VMCS that L2 runs on, with the rule and the reason behind each "
			  "field and control bit."
			  "\vFILE ('-': standard input) holds lines 'vmcs12.FIELD = VALUE' and 'vmcs01.FIELD "
			  "= VALUE', or sections [vmcs12] "
			  "and [vmcs01] of lines 'FIELD = VALUE'. VALUE is numbers and names of control bits "
			  "joined by '|'; '#' starts a "
			  "comment. Fields not named are 0. Exit status: 0 explained, 1 FILE cannot be read, "
			  "2 a wrong line or wrong use.";

static const struct argp_option option_list[] = {
	{"all", 'a', NULL, 0, "Print also fields that are 0 everywhere", 0},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->options.all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->file)
			argp_error(state, "expected one FILE");
		arguments->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->file)
			argp_error(state, "expected a FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The whole file into a new buffer; 0 or a negative errno. */
static int read_file(const char *name, char **text, size_t *length)
{
	FILE *file = strcmp(name, "-") ? fopen(name, "rb") : stdin;
	int status = 0;

	*length = 0;
	*text = file ? malloc(LARGEST_FILE) : NULL;
	if (!file)
		return -errno;
	if (!*text)
		status = -ENOMEM;
	else
		*length = fread(*text, 1, LARGEST_FILE, file);
	if (!status && ferror(file))
		status = errno ? -errno : -EIO;
	if (!status && *length == LARGEST_FILE)
		status = -EFBIG;
	if (file != stdin)
		fclose(file);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {option_list, parse_option, "FILE", doc, NULL, NULL, NULL};
	struct arguments arguments = {0};
	struct explain_input input;
	struct explain_error error;
	char *text = NULL;
	size_t length;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = read_file(arguments.file, &text, &length);
	if (status) {
		fprintf(stderr, "vmcs-explain: %s: %s\n", arguments.file, strerror(-status));
		free(text);
		return 1;
	}
	status = explain_parse(text, length, &input, &error);
	free(text);
	if (status) {
		fprintf(stderr, "%s:%u: %s\n", arguments.file, error.line, error.text);
		return 2;
	}
	explain_print(stdout, &input, &arguments.options);
	if (fflush(stdout)) {
		fprintf(stderr, "vmcs-explain: standard output: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
