/* SPDX-License-Identifier: MIT */
/*
 * dirtier: docs/workloads.md, "Workloads that move". Each round ends with NB_MARK_ROUND.
 */
#include <nestbed/ports.h>

#include "dirtier.h"
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_move.h"
#include "rt_record.h"

#define CPUS_MAX 8u
#define PATIENCE 200000000ull /* ticks */
#define WINDOW   1u /* mark around all rounds */
#define SECOND   1000000000ull /* ticks, of rate= */

static struct writer writers[CPUS_MAX];
static struct fill fill;
static uint64_t cpus;
static uint64_t move; /* the VM may move when the first processor has made so many writes; 0: never */
static volatile uint64_t wanted; /* writes that the processors are to come to */
static volatile uint64_t reached[CPUS_MAX]; /* that each has come to */
static volatile bool no_more;

static enum pattern pattern_named(const char *name)
{
	static const struct {
		const char *name;
		enum pattern pattern;
	} names[] = {
		{"sequential",  SEQUENTIAL },
                {"seq",         SEQUENTIAL },
                {"random",      RANDOM     },
                {"zipf",        ZIPF       },
		{"adversarial", ADVERSARIAL},
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i].name))
			return names[i].pattern;
	rt_panic("pattern=%s: sequential, random, zipf or adversarial", name);
}

static uint64_t interval_of(uint64_t rate)
{
	if (rate > SECOND)
		rt_panic("rate: pages that a processor writes in 10^9 ticks, at most as many");
	return rate ? SECOND / rate : 0;
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
		w->round = rt_arg_u64("round", 2 * pages);
		w->interval = interval_of(rt_arg_u64("rate", 0));
		w->probe = rt_arg_u64("probe", 256);
		w->shares = cpus > 1;
		w->seed = rt_arg_u64("seed", 1) + (uint64_t)i * 1000003;
		w->pattern = pattern;
		w->page = rt_pages(pages);
		w->expected = rt_pages((pages * sizeof(uint32_t) + 4095) / 4096);
		w->recount = rt_pages((pages * sizeof(uint32_t) + 4095) / 4096);
		if (!w->round)
			rt_panic("round: 1 or more");
		writer_init(w);
	}
	writers[0].spoil = (struct spoil){
		.lose = rt_arg_u64("lose", 0),
		.twice = rt_arg_u64("twice", 0),
		.tear = rt_arg_u64("tear", 0),
	};
}

static void other(void *p)
{
	const unsigned int me = (unsigned int)(uintptr_t)p;

	while (!no_more) {
		const uint64_t more = wanted - reached[me];

		if (!more) {
			rt_yield();
			continue;
		}
		writer_run(&writers[me], more);
		reached[me] += more;
	}
}

static void run_first(uint64_t writes)
{
	struct writer *w = &writers[0];

	if (move > w->done && move - w->done <= writes) {
		writes -= move - w->done;
		writer_run(w, move - w->done);
		rt_may_move();
	}
	writer_run(w, writes);
}

/* A round of every processor; none writes when it is over. */
static void whole_round(uint64_t writes)
{
	wanted += writes;
	run_first(writes);
	for (unsigned int i = 1; i < cpus; i++)
		while (reached[i] != wanted)
			rt_yield();
	outl(NB_PORT_MARK, NB_MARK_ROUND);
}

static uint64_t run_all(void)
{
	const uint64_t round = writers[0].round, ticks = rt_arg_u64("ticks", 0);
	const uint64_t writes = rt_arg_u64("writes", rt_arg_u64("rounds", 8) * round);
	const uint64_t begin = rdtsc();
	uint64_t rounds = 0;

	for (; ticks ? rdtsc() - begin < ticks : wanted < writes; rounds++)
		whole_round(ticks || writes - wanted > round ? round : writes - wanted);
	return rounds;
}

static uint64_t check_writer(unsigned int i)
{
	struct faults f;
	uint64_t digest;
	char name[48];

	rt_snprintf(name, sizeof(name), "CPU %u: each write is there, once", i);
	if (writer_check(&writers[i], wanted, &f, &digest))
		rt_pass(name);
	else
		rt_fail(name,
			"%lu pages lost writes, %lu have too many, %lu are torn, first page %ld; %lu counts "
			"and %lu probes wrong",
			f.lost, f.doubled, f.torn, (long)f.first, f.uncounted, writers[i].bad_probes);
	return digest;
}

static void check_all(uint64_t rounds)
{
	uint64_t digest = 0, of_fill;

	for (unsigned int i = 0; i < cpus; i++)
		digest += mix(check_writer(i) + i);
	if (fill.pages) {
		rt_check_u64("what was written once is there: wrong pages", fill_wrong(&fill, &of_fill), 0);
		digest += mix(of_fill);
	}
	rt_printf("%lu rounds, %lu writes, digest %016lx\n", rounds, wanted * cpus, digest);
	rt_value("rounds", rounds, "");
	rt_value("writes", wanted * cpus, "");
	rt_value("digest", digest, "");
}

void rt_main(void)
{
	uint64_t rounds;

	move = rt_arg_u64("move", 0);
	make_writers();
	fill_make(&fill, rt_arg_u64("fill", 0), rt_arg_u64("seed", 1));
	for (unsigned int i = 1; i < cpus; i++)
		if (!rt_start_cpu(i, i, other, (void *)(uintptr_t)i, PATIENCE))
			rt_panic("CPU %u did not start", i);
	outl(NB_PORT_MARK, NB_MARK_ROUND); /* what came before is in no round of ours */
	outl(NB_PORT_MARK, NB_MARK_BEGIN | WINDOW);
	rounds = run_all();
	outl(NB_PORT_MARK, NB_MARK_END | WINDOW);
	no_more = true;
	check_all(rounds);
	rt_check_end();
}
