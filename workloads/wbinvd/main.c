/* SPDX-License-Identifier: MIT */
/*
 * wbinvd: docs/workloads.md. Writes pages, executes WBINVD, WBNOINVD or INVD, and finds what it wrote, at
 * once and at the end; with cpus=2 another processor writes pages of its own all the time, with late= a
 * device has a write before it that it has not made yet.
 */
#include <nestbed/ports.h>

#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_move.h"
#include "rt_record.h"
#include "rt_writer.h"
#include "workloads/dirtier/dirtier.h"

#define PATIENCE          200000000ull /* ticks */
#define CPUID_EXTENDED    0x80000008u
#define EBX_WBNOINVD      (1u << 9)
#define CPUID_EXTENDED_HI 0x80000000u

static struct {
	volatile uint64_t *word;
	uint64_t pages;
	uint64_t done; /* rounds of all instructions */
	uint64_t move; /* the VM may move behind so many of them; 0: never */
	uint64_t pause; /* ticks from one instruction to the next, at least */
} run;

/* late=: the scratch device writes a word so many ticks after it was told to, before the instruction. */
static struct {
	uint64_t delay; /* 0: it does not */
	volatile uint64_t *word; /* a page */
	uint64_t pending, drained; /* as the instruction began; of these, made when it had ended */
	uint64_t wrong; /* not made, or not as it was asked for */
} late;

static struct writer writer; /* of the other processor */
static struct fill fill; /* so that a sender has something to do */
static volatile bool no_more, ended;

static void wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

/* A processor that has no WBNOINVD ignores the prefix. */
static void wbnoinvd(void)
{
	__asm__ volatile(".byte 0xf3; wbinvd" : : : "memory");
}

static void invd(void)
{
	__asm__ volatile("invd" : : : "memory");
}

static const char *no_wbnoinvd(void)
{
	if (cpuid(CPUID_EXTENDED_HI, 0).eax < CPUID_EXTENDED ||
	    !(cpuid(CPUID_EXTENDED, 0).ebx & EBX_WBNOINVD))
		return "CPUID does not show it";
	return NULL;
}

/* It drops what caches hold: only a hypervisor makes it harmless. */
static const char *no_invd(void)
{
	return rt_has_hypervisor() ? NULL : "no hypervisor: memory would be lost";
}

static const struct {
	const char *name;
	void (*execute)(void);
	const char *(*missing)(void); /* why it is not to be executed; NULL: always */
} instructions[] = {
	{"wbinvd",   wbinvd,   NULL       },
	{"wbnoinvd", wbnoinvd, no_wbnoinvd},
	{"invd",     invd,     no_invd    },
};

static uint64_t value_of(uint64_t page, uint64_t round)
{
	return (round + 1) * GOLDEN ^ page * PAGE_WORDS;
}

/* A round writes one word of each page. */
static volatile uint64_t *word_of(uint64_t page, uint64_t round)
{
	return &run.word[page * PAGE_WORDS + round % PAGE_WORDS];
}

static uint64_t wrong(uint64_t round)
{
	uint64_t count = 0;

	for (uint64_t page = 0; page < run.pages; page++)
		count += *word_of(page, round) != value_of(page, round);
	return count;
}

static void late_begin(uint64_t round)
{
	if (!late.delay)
		return;
	rt_writer_go(&late.word[round % PAGE_WORDS], value_of(0, round), late.delay);
	late.pending += rt_writer_get(NB_WRITER_CONTROL) == NB_WRITER_PENDING;
}

static void late_end(uint64_t round)
{
	const uint64_t begin = rdtsc();

	if (!late.delay)
		return;
	late.drained += rt_writer_get(NB_WRITER_CONTROL) != NB_WRITER_PENDING;
	while (rt_writer_get(NB_WRITER_CONTROL) == NB_WRITER_PENDING && rdtsc() - begin < PATIENCE)
		pause_cpu();
	late.wrong += rt_writer_get(NB_WRITER_CONTROL) != NB_WRITER_DONE ||
		      late.word[round % PAGE_WORDS] != value_of(0, round);
}

static void try_one(unsigned int which, uint64_t rounds)
{
	const char *why = instructions[which].missing ? instructions[which].missing() : NULL;
	uint64_t bad = 0, ticks = 0;

	if (why) {
		rt_skip(instructions[which].name, why);
		return;
	}
	for (uint64_t i = 0; i < rounds; i++) {
		const uint64_t round = run.done++;
		uint64_t begin;

		for (uint64_t page = 0; page < run.pages; page++)
			*word_of(page, round) = value_of(page, round);
		late_begin(round);
		begin = rdtsc();
		instructions[which].execute();
		ticks += rdtsc() - begin;
		late_end(round);
		bad += wrong(round);
		outl(NB_PORT_MARK, NB_MARK_ROUND);
		if (run.done == run.move)
			rt_may_move();
		while (run.pause && rdtsc() - begin < run.pause)
			pause_cpu();
	}
	rt_check_u64(instructions[which].name, bad, 0);
	rt_value(instructions[which].name, ticks, "ticks");
}

/* The last rounds; those before have been overwritten. */
static void check_all(void)
{
	uint64_t bad = 0, digest;

	for (uint64_t i = 0; i < run.done && i < PAGE_WORDS; i++)
		bad += wrong(run.done - 1 - i);
	rt_check_u64("all that was written is there at the end: wrong words", bad, 0);
	for (uint64_t i = 0; late.delay && i < run.done && i < PAGE_WORDS; i++)
		late.wrong += late.word[(run.done - 1 - i) % PAGE_WORDS] != value_of(0, run.done - 1 - i);
	if (late.delay) {
		rt_check_u64("what the device wrote later is there: wrong words", late.wrong, 0);
		rt_value("late writes pending before", late.pending, "writes");
		rt_value("late writes made behind", late.drained, "writes");
	}
	if (fill.pages)
		rt_check_u64("what was written once is there: wrong pages", fill_wrong(&fill, &digest), 0);
}

static void other(void *unused)
{
	(void)unused;
	while (!no_more)
		writer_run(&writer, 1);
	ended = true;
}

static void start_other(void)
{
	const uint64_t pages = rt_arg_u64("others", 64), rate = rt_arg_u64("rate", 0);

	if (pages < 2 || pages > 1u << 16 || rate > 1000000000)
		rt_panic("others: 2 to 65536 pages; rate: at most 1000000000");
	writer = (struct writer){
		.pages = pages,
		.hot = pages,
		.round = pages,
		.pattern = RANDOM,
		.seed = 1,
		.interval = rate ? 1000000000 / rate : 0,
		.probe = 256,
		.page = rt_pages(pages),
		.expected = rt_pages((pages * sizeof(uint32_t) + 4095) / 4096),
		.recount = rt_pages((pages * sizeof(uint32_t) + 4095) / 4096),
	};
	writer_init(&writer);
	if (!rt_start_cpu(1, 1, other, NULL, PATIENCE))
		rt_panic("CPU 1 did not start");
}

static void check_other(void)
{
	const char *name = "the other processor: each write is there, once";
	struct faults f;
	uint64_t digest;

	no_more = true;
	while (!ended)
		rt_yield();
	if (writer_check(&writer, writer.done, &f, &digest))
		rt_pass(name);
	else
		rt_fail(name, "%lu pages lost writes, %lu have too many, %lu are torn", f.lost, f.doubled,
			f.torn);
}

static void start_late(void)
{
	late.delay = rt_arg_u64("late", 0);
	if (!late.delay)
		return;
	if (late.delay > PATIENCE / 2)
		rt_panic("late: at most %llu ticks", PATIENCE / 2);
	if (!rt_has_writer()) {
		rt_skip("late", "this machine has no scratch device");
		late.delay = 0;
	}
	late.word = rt_pages(1);
}

void rt_main(void)
{
	const uint64_t rounds = rt_arg_u64("rounds", 10), cpus = rt_arg_u64("cpus", 1);
	const char *only;

	run.pages = rt_arg_u64("pages", 64);
	run.pause = rt_arg_u64("pause", 0);
	run.move = rt_arg_u64("move", 0);
	if (!run.pages || run.pages > 1u << 18 || !cpus || cpus > 2)
		rt_panic("pages: 1 to 262144; cpus: 1 or 2");
	run.word = rt_pages(run.pages);
	fill_make(&fill, rt_arg_u64("fill", 0), 1);
	start_late();
	if (cpus == 2)
		start_other();
	only = rt_arg("only"); /* good until the next rt_arg() */
	for (unsigned int i = 0; i < sizeof(instructions) / sizeof(instructions[0]);
	     i++, only = rt_arg("only"))
		if (!only || !strcmp(only, instructions[i].name))
			try_one(i, rounds);
	check_all();
	if (cpus == 2)
		check_other();
	rt_check_end();
}
