/* SPDX-License-Identifier: MIT */
/*
 * Two tables, cut at the first zero byte: each is read, or refused with a reason that names the line. A table
 * equals itself; the rows that both have are as many the other way round.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct compare_options exact = {.tolerance = -1}, loose = {.tolerance = 3, .loose = true};

static unsigned count(const struct table *a, const struct table *b, const struct compare_options *options,
		      unsigned *rows)
{
	struct comparison c = {0};
	struct text out = {0};
	unsigned n;

	compare_tables("t", a, b, NULL, options, &c);
	compare_text(&out, &c, 5);
	compare_csv(&out, &c);
	n = c.count;
	*rows = c.rows;
	text_free(&out);
	comparison_free(&c);
	return n;
}

static int parse(const uint8_t *data, size_t size, struct table *t)
{
	char *why = NULL;
	const int err = table_parse((const char *)data, size, "f", t, &why);

	if (err && strncmp(why, "f:", 2) != 0)
		abort();
	free(why);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
	const size_t first = cut ? (size_t)(cut - data) : size;
	unsigned rows, back;
	struct table a, b;

	if (parse(data, first, &a))
		return 0;
	if (count(&a, &a, &exact, &rows) || rows != a.rows || count(&a, &a, &loose, &rows) || rows != a.rows)
		abort();
	if (cut && !parse(cut + 1, size - first - 1, &b)) {
		count(&a, &b, &exact, &rows);
		count(&b, &a, &exact, &back);
		if (rows != back)
			abort();
		count(&a, &b, &loose, &rows);
		table_free(&b);
	}
	table_free(&a);
	return 0;
}
