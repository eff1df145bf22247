/* SPDX-License-Identifier: MIT */
/* What ranks tell each other of an attempt comes out as it went in; what is malformed is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "experiments/cluster/attempt.h"

static struct post_message last;

/* In place of the one that sends. */
void post_send(unsigned to, enum post_kind kind, const void *data, size_t size)
{
	uint8_t *copy = zalloc(size + 1);

	(void)to;
	if (size)
		memcpy(copy, data, size);
	free(last.data);
	last = (struct post_message){.kind = kind, .data = copy, .size = size};
}

static void an_attempt(void **state)
{
	char run[] = "run", quoted[] = "--set=args=a \"b\" \\";
	char *words[] = {run, quoted, NULL};
	char name[] = "n";
	const struct attempt sent = {7, 2, 3, 60, name, words};
	struct attempt got;

	(void)state;
	attempt_send(1, POST_TASK, &sent);
	assert_int_equal(attempt_read(&last, &got), 0);
	assert_int_equal(got.task, 7);
	assert_int_equal(got.attempt, 2);
	assert_int_equal(got.partner, 3);
	assert_int_equal(got.limit, 60);
	assert_string_equal(got.name, "n");
	assert_string_equal(got.words[1], quoted);
	assert_null(got.words[2]);
	attempt_free(&got);
}

static void alone(void **state)
{
	char name[] = "n";
	const struct attempt sent = {0, 1, ATTEMPT_ALONE, 0, name, NULL};
	struct attempt got;

	(void)state;
	attempt_send(1, POST_TASK, &sent);
	assert_int_equal(attempt_read(&last, &got), 0);
	assert_int_equal(got.partner, ATTEMPT_ALONE);
	attempt_free(&got);
}

static void an_end(void **state)
{
	const struct attempt_end sent = {.task = 5,
					 .attempt = 1,
					 .status = 137,
					 .over_limit = true,
					 .begun = true,
					 .ms = 123456789,
					 .bytes = 1ull << 40,
					 .why = "a file can't be read"};
	struct attempt_end got;

	(void)state;
	attempt_send_end(&sent);
	assert_int_equal(last.kind, POST_DONE);
	assert_int_equal(attempt_read_end(&last, &got), 0);
	assert_int_equal(got.task, 5);
	assert_int_equal(got.status, 137);
	assert_true(got.over_limit);
	assert_false(got.folder);
	assert_true(got.begun);
	assert_int_equal(got.ms, 123456789);
	assert_int_equal(got.bytes, 1ull << 40);
	assert_string_equal(got.why, "a file can't be read");
}

static void a_piece(void **state)
{
	const uint8_t bytes[] = {0, '\n', 255};
	const struct attempt_piece sent = {4, 2, "machines/a b/com1", bytes, sizeof(bytes)};
	struct attempt_piece got;

	(void)state;
	attempt_send_piece(&sent);
	assert_int_equal(attempt_read_piece(&last, &got), 0);
	assert_int_equal(got.task, 4);
	assert_int_equal(got.attempt, 2);
	assert_string_equal(got.path, "machines/a b/com1");
	assert_int_equal(got.size, sizeof(bytes));
	assert_memory_equal(got.data, bytes, sizeof(bytes));
}

static void refused_pieces(void **state)
{
	static const char *const wrong[] = {
		"",           "1 1 a",  "1 a\nx", "x 1 a\n", "1 1 /etc/x\n", "1 1 ../x\nx", "1 1 a/../../x\n",
		"1 1 a/..\n", "1 1 \nx"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct attempt_piece got;

		post_send(0, POST_FILE, wrong[i], strlen(wrong[i]));
		if (attempt_read_piece(&last, &got) != -EINVAL)
			fail_msg("taken: '%s'", wrong[i]);
	}
	/* dots alone lead nowhere */
	post_send(0, POST_FILE, "1 1 a..b/...\n", 13);
	assert_int_equal(attempt_read_piece(&last, &(struct attempt_piece){0}), 0);
}

static void refused_json(void **state)
{
	struct attempt_end end;
	struct attempt attempt;

	(void)state;
	post_send(0, POST_TASK, "{", 1);
	assert_int_equal(attempt_read(&last, &attempt), -EINVAL);
	assert_int_equal(attempt_read_end(&last, &end), -EINVAL);
	post_send(0, POST_TASK, "{}", 2);
	assert_int_equal(attempt_read(&last, &attempt), -EINVAL);
}

/* Of a plan's task, what `nestbed run` is given. */
static void words(void **state)
{
	static const struct experiment e = {.name = "still"};
	char cpu[] = "tigerlake", key[] = "ops", value[] = "a,b";
	struct setting setting = {key, value};
	const struct plan_task task = {
		.experiment = &e, .cpu = cpu, .settings = &setting, .setting_count = 1, .timeout = 9};
	static const char *const wanted[] = {"run",         "still",         "--cpu=tigerlake", "--jobs=1",
					     "--timeout=9", "--set=ops=a,b", "--keep"};
	char **got = attempt_words(&task, true);

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_string_equal(got[i], wanted[i]);
		free(got[i]);
	}
	assert_null(got[sizeof(wanted) / sizeof(wanted[0])]);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attempt),     cmocka_unit_test(alone),
		cmocka_unit_test(an_end),         cmocka_unit_test(a_piece),
		cmocka_unit_test(refused_pieces), cmocka_unit_test(refused_json),
		cmocka_unit_test(words),
	};
	const int failed = cmocka_run_group_tests_name("cluster_attempt", tests, NULL, NULL);

	free(last.data);
	return failed;
}
