/* SPDX-License-Identifier: MIT */
/* The barrier's steps, and that each step left out shows in the captured stream alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/migration_world.h"

static void test_steps_in_order(void **state)
{
	const struct barrier_config config = {.time_limit = 100, .interval = 50};
	enum barrier_step step = BARRIER_STOP_VCPUS;
	struct barrier b;

	(void)state;
	barrier_init(&b, &config);
	assert_int_equal(barrier_event(&b, BARRIER_DONE, 1), BARRIER_NOTHING);
	assert_int_equal(barrier_event(&b, BARRIER_REQUEST, 1), BARRIER_PERFORM);
	for (; step < BARRIER_WAIT_APPLIED; step++) {
		assert_int_equal(b.step, step);
		assert_int_equal(barrier_event(&b, BARRIER_REQUEST, 2), BARRIER_JOINED);
		assert_int_equal(barrier_event(&b, BARRIER_APPLIED, 2), BARRIER_NOTHING);
		assert_int_equal(barrier_event(&b, BARRIER_TICK, 2), BARRIER_NOTHING);
		assert_int_equal(barrier_event(&b, BARRIER_DONE, 2),
				 step + 1 < BARRIER_WAIT_APPLIED ? BARRIER_PERFORM : BARRIER_NOTHING);
	}
	assert_int_equal(b.step, BARRIER_WAIT_APPLIED);
	assert_int_equal(barrier_event(&b, BARRIER_DONE, 3),
			 BARRIER_NOTHING); /* only the target can say so */
	assert_int_equal(barrier_event(&b, BARRIER_APPLIED, 4), BARRIER_PERFORM);
	assert_int_equal(b.step, BARRIER_RESUME);
	assert_int_equal(barrier_event(&b, BARRIER_DONE, 5), BARRIER_FINISHED);
	assert_int_equal(b.finished, 1);
	/* The rate limit, to the tick. */
	assert_int_equal(barrier_event(&b, BARRIER_REQUEST, 54), BARRIER_LATER);
	assert_true(b.not_before == 55);
	assert_int_equal(barrier_event(&b, BARRIER_REQUEST, 55), BARRIER_PERFORM);
}

static void test_time_limit_and_cancel_at_each_step(void **state)
{
	const struct barrier_config config = {.time_limit = 100};

	(void)state;
	for (int at = BARRIER_STOP_VCPUS; at < BARRIER_RESUME; at++) {
		for (int cancel = 0; cancel < 2; cancel++) {
			struct barrier b;

			barrier_init(&b, &config);
			assert_int_equal(barrier_event(&b, BARRIER_REQUEST, 1000), BARRIER_PERFORM);
			while ((int)b.step != at)
				barrier_event(&b, BARRIER_DONE, 1000);
			assert_int_equal(barrier_event(&b, BARRIER_TICK, 1100), BARRIER_NOTHING);
			if (cancel)
				assert_int_equal(barrier_event(&b, BARRIER_CANCEL, 1100), BARRIER_PERFORM);
			else
				assert_int_equal(barrier_event(&b, BARRIER_TICK, 1101), BARRIER_ABORT);
			/* Either way the vCPUs run again. */
			assert_int_equal(b.step, BARRIER_RESUME);
			assert_int_equal(barrier_event(&b, BARRIER_TICK, 5000), BARRIER_NOTHING);
			assert_int_equal(barrier_event(&b, BARRIER_DONE, 1102), BARRIER_FINISHED);
			assert_int_equal(b.finished, 0);
			assert_int_equal(b.timeouts, !cancel);
		}
	}
}

/*
 * The stream of a source that leaves a step out, and what is said of it. honest: vCPUs' times are those of
 * steps that were done. Where they lie, what the step is for must show in pages, digests and order.
 */
static void test_each_step_left_out_shows(void **state)
{
	static const struct {
		enum barrier_step step;
		bool liar;
		enum verify_error error;
	} cases[] = {
		{BARRIER_STOP_VCPUS,       false, VERIFY_MEMORY_DIGEST},
		{BARRIER_STOP_VCPUS,       true,  VERIFY_MEMORY_DIGEST},
		{BARRIER_FINISH_EMULATION, true,  VERIFY_LATE         },
		{BARRIER_DRAIN_DEVICES,    true,  VERIFY_LATE         },
		{BARRIER_DRAIN_PML,        true,  VERIFY_MEMORY_DIGEST},
		{BARRIER_FLUSH_EPT,        false, VERIFY_BARRIER_STEPS},
		{BARRIER_FLUSH_EPT,        true,  VERIFY_MEMORY_DIGEST},
		{BARRIER_WBINVD,           false, VERIFY_MEMORY_DIGEST},
		{BARRIER_WBINVD,           true,  VERIFY_MEMORY_DIGEST},
		{BARRIER_SEND_DIRTY,       true,  VERIFY_MEMORY_DIGEST},
		{BARRIER_WAIT_APPLIED,     true,  VERIFY_ORDER        },
		{BARRIER_RESUME,           true,  VERIFY_NOT_RESUMED  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		struct world_verdict v;

		w->barrier.config.leave_out = 1u << cases[i].step;
		w->liar = cases[i].liar;
		assert_true(world_run(w));
		v = world_verify(w->capture, w->captured, true);
		if (v.frame || v.error != cases[i].error)
			fail_msg("without '%s'%s: %s (expected %llu, got %llu), not: %s",
				 barrier_step_name(cases[i].step), cases[i].liar ? ", lying" : "",
				 verify_error_text(v.error), (unsigned long long)v.expected,
				 (unsigned long long)v.got, verify_error_text(cases[i].error));
		/* The target saw it too, but for what only the source's order shows: the guest did not move.
		 */
		if (cases[i].step != BARRIER_WAIT_APPLIED &&
		    !session_runs_guest(&w->side[SENDER_SOURCE].session))
			fail_msg("without '%s': source %s, target %s", barrier_step_name(cases[i].step),
				 session_state_name(&w->side[SENDER_SOURCE].session),
				 session_state_name(&w->side[SENDER_TARGET].session));
		world_free(w);
	}
}

/* Without Barrier nobody answers: the time limit ends the move, not the guest. */
static void test_no_barrier_is_a_time_limit(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->barrier.config.leave_out = 1u << BARRIER_SEND_BARRIER;
	assert_true(world_run(w));
	assert_int_equal(w->side[SENDER_SOURCE].session.state, SOURCE_KEPT);
	assert_int_equal(world_verify(w->capture, w->captured, true).phase, PHASE_OVER);
	assert_false(w->stopped);
	world_free(w);
}

/* Where the source does not wait for it either, End counts what the guest asked for. */
static void test_barriers_are_counted(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->barrier.config.leave_out = 1u << BARRIER_SEND_BARRIER | 1u << BARRIER_WAIT_APPLIED;
	assert_true(world_run(w));
	assert_int_equal(world_verify(w->capture, w->captured, true).error, VERIFY_BARRIERS);
	world_free(w);
}

/* The ledger alone, where no digests are kept, sees writes that belong before the barrier. */
static void test_ledger_without_digests(void **state)
{
	static const enum barrier_step steps[] = {BARRIER_FINISH_EMULATION, BARRIER_DRAIN_DEVICES};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct world *w = world_new();

		w->barrier.config.leave_out = 1u << steps[i];
		assert_true(world_run(w));
		assert_int_equal(world_verify(w->capture, w->captured, false).error, VERIFY_LATE);
		world_free(w);
	}
}

/* In the barrier's own epoch, which ends when the vCPUs run again. */
static void test_write_behind_the_barrier(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->late_device = true;
	assert_true(world_run(w));
	assert_int_equal(world_verify(w->capture, w->captured, false).error, VERIFY_LATE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_in_order),
		cmocka_unit_test(test_time_limit_and_cancel_at_each_step),
		cmocka_unit_test(test_each_step_left_out_shows),
		cmocka_unit_test(test_no_barrier_is_a_time_limit),
		cmocka_unit_test(test_barriers_are_counted),
		cmocka_unit_test(test_ledger_without_digests),
		cmocka_unit_test(test_write_behind_the_barrier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
