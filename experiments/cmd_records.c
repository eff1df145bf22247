/* SPDX-License-Identifier: MIT */
/* nestbed records: a file of records, or anything with records in it, as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/printer.h"

static const struct argp_option options[] = {
	{"json", 'j', 0, 0, "Print JSON, an object a line", 0},
	{0    },
};

struct arguments {
	bool json;
	const char *path;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "one FILE at a time");
		a->path = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which FILE?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_records(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Prints FILE, a result's records.pb or any capture of a machine's output, as "
		       "text.\v" CLI_EXIT_DOC,
	};
	struct arguments a = {0};
	struct printer printer = {.out = stdout};
	const struct decode_sink sink = {
		.text = printer_text, .record = printer_record, .bad = printer_bad, .ctx = &printer};
	struct decode *decode;
	struct blob file;
	int err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	err = file_read(a.path, &file);
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", a.path, strerror(-err));
		return CLI_FAILED;
	}
	printer.json = a.json;
	decode = decode_new(&sink);
	decode_feed(decode, file.data, file.size);
	decode_end(decode);
	printer_end(&printer);
	decode_free(decode);
	free(file.data);
	return CLI_OK;
}
