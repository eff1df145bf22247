/* SPDX-License-Identifier: MIT */
/*
 * What each operation costs, the same image bare, as L1 and as L2. Arguments:
 *   iterations=N  of each operation (200)
 *   ops=a,b       only these
 *   list          print the names and end
 * Text is the same at every level; ticks and what was skipped are in Sample records alone.
 */
#include <nestbed/ports.h>

#include "ops.h"
#include "rt.h"
#include "rt_record.h"

/* Where a trace of an operation begins and ends: nothing, unless traced/main.c says otherwise. */
#ifndef TRACE_MARK
#define TRACE_MARK()
#endif

#define WARM_UP    2u
#define ITERATIONS 200u

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	}
	return false;
}

/* A name in the list that is no operation would measure nothing, silently. */
static void check_list(const char *list)
{
	while (*list) {
		const char *end = strchr(list, ',');
		size_t n = end ? (size_t)(end - list) : strlen(list);
		bool known = false;

		for (unsigned int i = 0; i < op_count; i++)
			known |= strlen(ops[i].name) == n && !strncmp(list, ops[i].name, n);
		if (!known)
			rt_panic("ops: no operation \"%s\"; `list` prints them", list);
		list += end ? n + 1 : n;
	}
}

struct trial {
	const struct op *op;
	struct op_regs regs;
};

static void warm_up(void *p)
{
	struct trial *t = p;

	t->op->loop(WARM_UP, &t->regs);
}

static uint64_t run(op_loop *loop, const struct op *op, uint64_t n, struct op_regs *regs)
{
	*regs = (struct op_regs){0};
	op->before(regs);
	return loop(n, regs);
}

/* Interrupts wait only in the operation that is woken by one: the timer of an armed baseline is not waited
 * for. */
static uint64_t baseline(const struct op *op, uint64_t n)
{
	struct op_regs regs;
	uint64_t ticks = run(op->baseline, op, n, &regs);

	op->after(&regs, n);
	return ticks;
}

static void measure(unsigned int index, uint64_t iterations, Nestbed__Sample *s)
{
	static char why[64];
	const struct op *op = &ops[index];
	struct trial trial = {op, {0}};
	struct rt_fault fault;
	uint64_t n = iterations / op->every ? iterations / op->every : 1, base, ticks, twice = 0;
	uint32_t mark = index + 1;
	struct op_regs regs = {0};

	s->op = (char *)(uintptr_t)op->name;
	s->why = (char *)(uintptr_t)op->before(&trial.regs);
	if (!s->why && !rt_try(warm_up, &trial, &fault)) {
		rt_snprintf(why, sizeof(why), "faults with vector %u", fault.vector);
		s->why = why;
	}
	if (s->why) {
		s->skipped = true;
		return;
	}
	op->after(&trial.regs, WARM_UP);
	(void)baseline(op, WARM_UP);
	base = baseline(op, n);
	if (op->loop == loop_hlt) {
		timer_count = 2 * TIMER_COUNT;
		twice = run(op->loop, op, n, &regs);
		op->after(&regs, n);
		timer_count = TIMER_COUNT;
	}

	regs = (struct op_regs){0};
	op->before(&regs);
	outl(NB_PORT_MARK, NB_MARK_BEGIN | mark);
	TRACE_MARK();
	ticks = op->loop(n, &regs);
	TRACE_MARK();
	outl(NB_PORT_MARK, NB_MARK_END | mark);
	s->check = op->after(&regs, n);
	/* T(1) = I + cost, T(2) = 2 I + cost: the interval I falls out. */
	if (twice)
		ticks = 2 * ticks > twice ? 2 * ticks - twice : 0;
	if (op->loop != loop_empty)
		ticks = ticks > base ? ticks - base : 0;
	s->mark = mark;
	s->iterations = n;
	s->ticks = ticks;
}

void rt_main(void)
{
	uint64_t iterations = rt_arg_u64("iterations", ITERATIONS);
	const char *list;
	unsigned int done = 0;

	if (rt_arg("list")) {
		for (unsigned int i = 0; i < op_count; i++)
			rt_printf("%s\n", ops[i].name);
		return;
	}
	if (!iterations)
		rt_panic("iterations=0");
	list = rt_arg("ops"); /* rt_arg keeps one value at a time */
	if (list)
		check_list(list);
	rt_printf("exits: what each operation costs, %lu iterations\n", iterations);
	for (unsigned int i = 0; i < op_count; i++) {
		Nestbed__Sample sample = NESTBED__SAMPLE__INIT;
		Nestbed__Record record = NESTBED__RECORD__INIT;

		if (list && !in_list(list, ops[i].name))
			continue;
		rt_printf("%s\n", ops[i].name);
		measure(i, iterations, &sample);
		record.body_case = NESTBED__RECORD__BODY_SAMPLE;
		record.sample = &sample;
		rt_record(&record);
		done++;
	}
	rt_printf("end: %u operations\n", done);
}
