/* SPDX-License-Identifier: MIT */
/*
 * Prints a decoded stream for people and scripts, a line each:
 *   text            what the machine itself wrote
 *   a> text         what VM a wrote (a/b>: a VM of VM a; a:com1>: on COM1)
 *   @ kind field=…  a record of the machine itself; "@a kind …" of VM a
 * or, as JSON, an object a line: {"from": "a", "text": "…"} and {"from": "a", "record": "kind", …}.
 */
#ifndef EXPERIMENTS_PRINTER_H
#define EXPERIMENTS_PRINTER_H

#include <stdbool.h>
#include <stdio.h>

#include "experiments/decode.h"

struct printer_line;

struct printer {
	FILE *out;
	bool json;
	struct printer_line *lines; /* unfinished, one a source */
};

/* Callbacks of a decode_sink whose ctx is the printer. */
void printer_text(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size);
void printer_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record);
void printer_bad(void *ctx, const struct decode_source *from, size_t size);
/* Prints unfinished lines and frees them. */
void printer_end(struct printer *p);

#endif
