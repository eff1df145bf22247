/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bundle/bundle.h"

#define SIZE       (3u * 4096u + 100u)
#define NAME_OF(n) (16u + 64u * (n)) /* an entry; 48 and 56 bytes on lie its offset and size */

static void sound(struct nb_bundle_header *h)
{
	memset(h, 0, sizeof(*h));
	h->magic = NB_BUNDLE_MAGIC;
	h->count = 2;
	h->entry[0] = (struct nb_bundle_entry){"config", 4096, 10};
	h->entry[1] = (struct nb_bundle_entry){"kernel", 12288, 100};
}

/* One field set to a wrong value a row. */
static const struct {
	const char *name;
	size_t offset, width;
	uint64_t value;
} rows[] = {
	{"magic",			 0,               8, NB_BUNDLE_MAGIC + 1      },
	{"count 0",		       8,               4, 0                        },
	{"count 33",		      8,               4, NB_BUNDLE_ENTRIES_MAX + 1},
	{"count -1",		      8,               4, UINT32_MAX               },
	{"count includes an empty entry", 8,               4, 3                        },
	{"reserved",		      12,              4, 1                        },
	{"first name",                    NAME_OF(0),      1, 'C'                      },
	{"no name",		       NAME_OF(1),      1, 0                        },
	{"offset in the header",          NAME_OF(1) + 48, 8, 0                        },
	{"offset unaligned",              NAME_OF(1) + 48, 8, 4097                     },
	{"offset behind the end",         NAME_OF(1) + 48, 8, 4 * 4096                 },
	{"offset huge",                   NAME_OF(1) + 48, 8, ~4095ull                 },
	{"size one too large",            NAME_OF(1) + 56, 8, 101                      },
	{"size wraps",                    NAME_OF(1) + 56, 8, UINT64_MAX - 12288 + 2   },
};

static void refused(void **state)
{
	char *blob = aligned_alloc(4096, 4 * 4096);

	(void)state;
	assert_non_null(blob);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nb_bundle_header h;
		struct bundle b;
		const char *why = NULL;

		sound(&h);
		memcpy(blob, &h, sizeof(h));
		memcpy(blob + rows[i].offset, &rows[i].value, rows[i].width);
		if (bundle_open(blob, SIZE, &b, &why) != -EINVAL || !why)
			fail_msg("%s: taken", rows[i].name);
	}
	free(blob);
}

static void names_must_end_and_differ(void **state)
{
	struct nb_bundle_header *h = aligned_alloc(4096, 4 * 4096);
	struct bundle b;

	(void)state;
	assert_non_null(h);
	sound(h);
	memset(h->entry[1].name, 'x', sizeof(h->entry[1].name));
	assert_int_equal(bundle_open(h, SIZE, &b, NULL), -EINVAL);
	sound(h);
	h->count = 3;
	h->entry[2] = h->entry[1];
	assert_int_equal(bundle_open(h, SIZE, &b, NULL), -EINVAL);
	free(h);
}

static void short_blobs(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(struct nb_bundle_header); n += 8) {
		char *blob = aligned_alloc(8, n ? n : 8);
		struct nb_bundle_header h;
		struct bundle b;

		assert_non_null(blob);
		sound(&h);
		memcpy(blob, &h, n);
		assert_int_equal(bundle_open(blob, n, &b, NULL), -EINVAL);
		free(blob);
	}
}

static void found(void **state)
{
	struct nb_bundle_header *h = aligned_alloc(4096, 4 * 4096);
	const void *data;
	size_t size;
	struct bundle b;
	const char *why = "x";

	(void)state;
	assert_non_null(h);
	sound(h);
	assert_int_equal(bundle_open(h, SIZE, &b, &why), 0);
	assert_null(why);
	assert_int_equal(bundle_find(&b, "kernel", &data, &size), 0);
	assert_ptr_equal(data, (char *)h + 12288);
	assert_int_equal(size, 100);
	assert_int_equal(bundle_find(&b, "config", &data, &size), 0);
	assert_int_equal(size, 10);
	assert_int_equal(bundle_find(&b, "kerne", &data, &size), -ENOENT);
	assert_int_equal(bundle_find(&b, "", &data, &size), -ENOENT);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(names_must_end_and_differ),
		cmocka_unit_test(short_blobs),
		cmocka_unit_test(found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
