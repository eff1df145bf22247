/* SPDX-License-Identifier: MIT */
/* A whole move, with each fault at each message of either direction: at the end the guest runs in exactly one
 * place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/migration_world.h"

static const char *const fault_names[WORLD_FAULTS] = {"none",
						      "drop",
						      "truncate",
						      "flip a bit",
						      "duplicate",
						      "reorder",
						      "kill source before",
						      "kill source after",
						      "kill target before",
						      "kill target after",
						      "cut"};

static void test_move(void **state)
{
	struct world *w = world_new();
	struct world_verdict v;

	(void)state;
	assert_true(world_run(w));
	assert_int_equal(w->side[SENDER_SOURCE].session.state, SOURCE_MOVED);
	assert_int_equal(w->side[SENDER_TARGET].session.state, TARGET_RUNNING);
	assert_int_equal(w->both_ran, 0);
	assert_memory_equal(w->copy, w->memory, sizeof(w->copy));
	assert_int_equal(w->barrier.finished, 1);
	v = world_verify(w->capture, w->captured, true);
	if (v.frame || v.error)
		fail_msg("%s; %s (expected %llu, got %llu)", frame_error_text(v.frame),
			 verify_error_text(v.error), (unsigned long long)v.expected,
			 (unsigned long long)v.got);
	assert_int_equal(v.phase, PHASE_RUNNING);
	world_free(w);
}

/* Where nobody is left to run the guest: the process that held it is dead. */
static bool may_be_lost(const struct world *w)
{
	const struct world_side *s = w->side;

	if (!s[SENDER_TARGET].alive && s[SENDER_TARGET].session.state == TARGET_RUNNING)
		return true;
	return !s[SENDER_SOURCE].alive && s[SENDER_SOURCE].session.state < SOURCE_COMMITTED &&
	       s[SENDER_TARGET].session.state == TARGET_DROPPED;
}

static void one_fault(enum world_fault fault, unsigned at, unsigned flip, bool target_first)
{
	struct world *w = world_new();
	bool ended;
	unsigned running;

	w->fault = fault;
	w->fault_at = at;
	w->flip = flip;
	w->target_first = target_first;
	ended = world_run(w);
	running = world_running(w);
	if (!ended || w->both_ran || (running != 1 && !(running == 0 && may_be_lost(w))) ||
	    (running == 1 && session_runs_guest(&w->side[SENDER_TARGET].session) &&
	     memcmp(w->copy, w->memory, sizeof(w->copy)) != 0))
		fail_msg("%s at frame %u, %s first: %s, %u run, both %u times; source %s, target %s",
			 fault_names[fault], at, target_first ? "target" : "source",
			 ended ? "ended" : "hangs", running, w->both_ran,
			 session_state_name(&w->side[SENDER_SOURCE].session),
			 session_state_name(&w->side[SENDER_TARGET].session));
	world_free(w);
}

static void test_each_fault_at_each_message(void **state)
{
	struct world *whole = world_new();
	unsigned frames;

	(void)state;
	assert_true(world_run(whole));
	frames = whole->frames;
	world_free(whole);
	assert_true(frames > 25);
	for (unsigned at = 0; at < frames; at++)
		for (unsigned fault = FAULT_DROP; fault < WORLD_FAULTS; fault++)
			for (unsigned order = 0; order < 2; order++)
				one_fault((enum world_fault)fault, at, 8 * 20 + 3, order);
}

/* Every bit of header and the first of the body, at a few messages that matter. */
static void test_each_bit_of_headers(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 30; at += 3)
		for (unsigned bit = 0; bit < 8 * (FRAME_HEAD + 2); bit++)
			one_fault(FAULT_FLIP, at, bit, bit & 1);
}

/* Any events in any order: at most one side runs the guest as long as both keep to what the other said. */
static void test_tables_are_closed(void **state)
{
	(void)state;
	for (unsigned target = 0; target < 2; target++)
		for (unsigned from = 0; from < (target ? (unsigned)TARGET_STATES : (unsigned)SOURCE_STATES);
		     from++)
			for (unsigned e = 0; e < SESSION_EVENTS; e++) {
				struct session s = {.state = (uint8_t)from, .target = target};
				const bool over = session_over(&s), ran = session_runs_guest(&s);
				const uint32_t actions = session_event(&s, (enum session_event)e);

				if (over && s.state != from)
					fail_msg("%s leaves its end on %s", session_state_name(&s),
						 session_event_name((enum session_event)e));
				/* The guest starts where an action says so, and nowhere else. */
				if (!ran && session_runs_guest(&s) && !(actions & ACT_RUN_GUEST))
					fail_msg("guest runs without the action, on event %u", e);
				if (ran && !session_runs_guest(&s) && !(actions & ACT_STOP_GUEST))
					fail_msg("guest stands still without the action, on event %u", e);
				/* The commit rule. */
				if (!target && from >= SOURCE_COMMITTED && from < SOURCE_MOVED &&
				    session_runs_guest(&s) && e != EVENT_DECIDE_RUN)
					fail_msg("a source that committed runs the guest on event %u", e);
				if (target && !ran && session_runs_guest(&s) && e != EVENT_COMMIT &&
				    e != EVENT_DECIDE_RUN)
					fail_msg("a target runs the guest on event %u", e);
				if (actions & ACT_SEND_COMMIT && !(actions & ACT_RECORD))
					fail_msg("Commit without a record");
			}
}

/* All that a target may say, against where its source is: what has no place there is told to the caller, who
 * takes it for bad, and a source that has not committed is free of such a peer at once. */
static void test_messages_of_the_target(void **state)
{
	static const enum session_event said[] = {EVENT_ACCEPT,    EVENT_REFUSE,  EVENT_APPLIED, EVENT_READY,
						  EVENT_READY_BAD, EVENT_RUNNING, EVENT_ABORT};
	static const char *const places[SOURCE_STATES] = {
		[SOURCE_IDLE] = ".......",    [SOURCE_OFFERED] = "xx....x", [SOURCE_ROUNDS] = "..x...x",
		[SOURCE_STOPPED] = "......x", [SOURCE_ENDED] = "...xx.x",   [SOURCE_COMMITTED] = ".....xx",
		[SOURCE_DOUBT] = ".....x.",   [SOURCE_MOVED] = ".......",   [SOURCE_KEPT] = ".......",
	};

	(void)state;
	for (unsigned from = 0; from < SOURCE_STATES; from++)
		for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
			struct session s = {.state = (uint8_t)from};

			if (session_expects(&s, said[i]) != (places[from][i] == 'x') || s.state != from)
				fail_msg("%s in state '%s'", session_event_name(said[i]),
					 session_state_name(&s));
			if (session_expects(&s, said[i]) || from < SOURCE_OFFERED || from > SOURCE_ENDED)
				continue;
			(void)session_event(&s, EVENT_BAD);
			assert_int_equal(s.state, SOURCE_KEPT);
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_each_fault_at_each_message),
		cmocka_unit_test(test_each_bit_of_headers),
		cmocka_unit_test(test_tables_are_closed),
		cmocka_unit_test(test_messages_of_the_target),
	};

	/* With a file's name: the capture of a whole move into it, for the corpus of the fuzzer. */
	if (argc > 1) {
		struct world *w = world_new();
		FILE *f = fopen(argv[1], "wbe");
		bool ok = f && world_run(w) && fwrite(w->capture, 1, w->captured, f) == w->captured;

		ok = f && !fclose(f) && ok;
		world_free(w);
		return !ok;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
