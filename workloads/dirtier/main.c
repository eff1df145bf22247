/* SPDX-License-Identifier: MIT */
/*
 * dirtier: docs/workloads.md. Command line: seed=, pattern=sequential|random|zipf|adversarial, pages=, hot=,
 * hot_percent=, writes= (of a round, of each processor), pause= (ticks from write to write), rounds= or
 * ticks=, cpus=. Each round ends with NB_MARK_ROUND.
 */
#include <nestbed/ports.h>

#include "dirtier.h"
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_record.h"

#define CPUS_MAX 8u
#define PATIENCE 200000000ull /* ticks */
#define WINDOW   1u /* mark around all rounds */

static struct writer writers[CPUS_MAX];
static uint64_t cpus;
static volatile uint64_t round_wanted; /* that the processors are to come to */
static volatile uint64_t round_of[CPUS_MAX]; /* that each has come to */
static volatile bool no_more;

static enum pattern pattern_named(const char *name)
{
	static const char *const names[PATTERNS] = {
		[SEQUENTIAL] = "sequential",
		[RANDOM] = "random",
		[ZIPF] = "zipf",
		[ADVERSARIAL] = "adversarial",
	};

	for (enum pattern p = SEQUENTIAL; p < PATTERNS; p++)
		if (!strcmp(name, names[p]))
			return p;
	rt_panic("pattern=%s: sequential, random, zipf or adversarial", name);
}

static void make_writers(void)
{
	const char *name = rt_arg("pattern");
	const enum pattern pattern = pattern_named(name ? name : "random"); /* rt_arg() keeps one */
	const uint64_t pages = rt_arg_u64("pages", 1024),
		       hot = rt_arg_u64("hot", pages / 16 ? pages / 16 : 1);

	cpus = rt_arg_u64("cpus", 1);
	if (!cpus || cpus > CPUS_MAX)
		rt_panic("cpus: 1 to %u", CPUS_MAX);
	if (pages < 2 || pages > 1u << 18 || !hot || hot > pages)
		rt_panic("pages: 2 to 262144; hot: 1 to pages");
	for (unsigned int i = 0; i < cpus; i++) {
		struct writer *w = &writers[i];

		w->pages = pages;
		w->hot = hot;
		w->hot_percent = rt_arg_u64("hot_percent", 90);
		w->writes = rt_arg_u64("writes", 2 * pages);
		w->pause = rt_arg_u64("pause", 0);
		w->seed = rt_arg_u64("seed", 1) + (uint64_t)i * 1000003;
		w->pattern = pattern;
		w->page = rt_pages(pages);
		w->expected = rt_pages((pages * sizeof(uint32_t) + 4095) / 4096);
		if (!w->writes)
			rt_panic("writes: 1 or more");
		writer_init(w);
	}
}

static void other(void *p)
{
	const unsigned int me = (unsigned int)(uintptr_t)p;

	while (!no_more) {
		if (round_of[me] == round_wanted) {
			rt_yield();
			continue;
		}
		writer_round(&writers[me]);
		round_of[me]++;
	}
}

/* One round of every processor; none writes when it is over. */
static void whole_round(void)
{
	round_wanted++;
	writer_round(&writers[0]);
	for (unsigned int i = 1; i < cpus; i++)
		while (round_of[i] != round_wanted)
			rt_yield();
	outl(NB_PORT_MARK, NB_MARK_ROUND);
}

static void check_all(void)
{
	uint64_t done = 0, sum = 0;
	char name[48];

	for (unsigned int i = 0; i < cpus; i++) {
		struct faults f;

		rt_snprintf(name, sizeof(name), "CPU %u: each write is there, once", i);
		if (writer_check(&writers[i], &f))
			rt_pass(name);
		else
			rt_fail(name, "%lu pages lost writes, %lu have too many, %lu are torn%s", f.lost,
				f.doubled, f.torn, f.sum_differs ? "; the sum differs" : "");
		done += writers[i].done;
		sum += writers[i].sum;
	}
	rt_printf("%lu rounds, %lu writes, digest %016lx\n", round_wanted, done, sum);
	rt_value("rounds", round_wanted, "");
	rt_value("writes", done, "");
	rt_value("digest", sum, "");
}

void rt_main(void)
{
	const uint64_t rounds = rt_arg_u64("rounds", 8), ticks = rt_arg_u64("ticks", 0);
	uint64_t begin;

	make_writers();
	for (unsigned int i = 1; i < cpus; i++)
		if (!rt_start_cpu(i, i, other, (void *)(uintptr_t)i, PATIENCE))
			rt_panic("CPU %u did not start", i);
	outl(NB_PORT_MARK, NB_MARK_ROUND); /* what came before is in no round of ours */
	outl(NB_PORT_MARK, NB_MARK_BEGIN | WINDOW);
	begin = rdtsc();
	while (ticks ? rdtsc() - begin < ticks : round_wanted < rounds)
		whole_round();
	outl(NB_PORT_MARK, NB_MARK_END | WINDOW);
	no_more = true;
	check_all();
	rt_check_end();
}
