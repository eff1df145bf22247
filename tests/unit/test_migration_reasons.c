/* SPDX-License-Identifier: MIT */
/* What is kept of the reasons of a Refuse, whoever wrote it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/messages.h"
#include "migration/reasons.h"

#define MANY  1000u
#define LONG  4000u
#define ARENA (8u << 20)

static struct reasons kept;

static void test_text(void **state)
{
	static const struct {
		const char *name, *from, *to;
	} rows[] = {
		{"nothing",             "",                  ""               },
		{"a sentence",          "avx2 is lacking",   "avx2 is lacking"},
		{"control characters",  "a\nb\033[2Jc\177d", "a?b?[2Jc?d"     },
		{"bytes beyond ASCII",  "\x80\xff\xc3\xa9",  "????"           },
		{"the ends of the row", " ~",                " ~"             },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *list[] = {(char *)(uintptr_t)rows[i].from};

		reasons_take(&kept, list, 1);
		if (kept.count != 1 || strcmp(kept.list[0], rows[i].to) != 0)
			fail_msg("%s: %zu, '%s'", rows[i].name, kept.count, kept.list[0]);
	}
	reasons_take(&kept, NULL, 0);
	assert_int_equal(kept.count, 0);
}

/* A whole Refuse, unpacked as a host does it; its memory is then the next message's. */
static void test_large_refuse(void **state)
{
	char *words = malloc(LONG + 1), **list = calloc(MANY, sizeof(*list));
	uint8_t *body, *memory = aligned_alloc(16, ARENA);
	Nestbed__Refuse m = NESTBED__REFUSE__INIT;
	ProtobufCMessage *message;
	struct message_arena arena;
	size_t n;

	(void)state;
	assert_non_null(words);
	assert_non_null(list);
	assert_non_null(memory);
	memset(words, 'x', LONG);
	words[LONG] = '\0';
	for (size_t i = 0; i < MANY; i++)
		list[i] = words;
	m.reason = list;
	m.n_reason = MANY;
	n = nestbed__refuse__get_packed_size(&m);
	body = malloc(n);
	assert_non_null(body);
	nestbed__refuse__pack(&m, body);
	message_arena_init(&arena, memory, ARENA);
	assert_int_equal(stream_unpack(STREAM_REFUSE, body, n, &arena, &message), 0);
	reasons_take(&kept, ((Nestbed__Refuse *)(void *)message)->reason,
		     ((Nestbed__Refuse *)(void *)message)->n_reason);
	memset(memory, 0xff, ARENA);
	assert_int_equal(kept.count, REASONS_MAX);
	for (size_t i = 0; i < kept.count; i++) {
		assert_ptr_equal(kept.list[i], kept.text[i]);
		assert_int_equal(strspn(kept.list[i], "x"), REASON_BYTES - 1);
		assert_int_equal(strlen(kept.list[i]), REASON_BYTES - 1);
	}
	free(body);
	free(memory);
	free(list);
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_large_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
