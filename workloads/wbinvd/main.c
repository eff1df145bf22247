/* SPDX-License-Identifier: MIT */
/*
 * wbinvd: docs/workloads.md. Writes pages, executes WBINVD, WBNOINVD or INVD, and finds what it wrote.
 * Command line: rounds=, pages=, only=wbinvd|wbnoinvd|invd, pause= (ticks between two rounds).
 */
#include <nestbed/ports.h>

#include "rt.h"
#include "rt_check.h"
#include "rt_record.h"

#define PAGE_WORDS        512u
#define CPUID_EXTENDED    0x80000008u
#define EBX_WBNOINVD      (1u << 9)
#define CPUID_EXTENDED_HI 0x80000000u

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

static void write_all(volatile uint64_t *word, uint64_t words, uint64_t round)
{
	for (uint64_t i = 0; i < words; i += PAGE_WORDS)
		word[i + round % PAGE_WORDS] = (round + 1) * 0x9e3779b97f4a7c15ull ^ i;
}

static uint64_t wrong(const volatile uint64_t *word, uint64_t words, uint64_t round)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < words; i += PAGE_WORDS)
		count += word[i + round % PAGE_WORDS] != ((round + 1) * 0x9e3779b97f4a7c15ull ^ i);
	return count;
}

static void try_one(unsigned int which, volatile uint64_t *word, uint64_t words, uint64_t rounds)
{
	const uint64_t pause = rt_arg_u64("pause", 0);
	const char *why = instructions[which].missing ? instructions[which].missing() : NULL;
	uint64_t bad = 0, ticks = 0;

	if (why) {
		rt_skip(instructions[which].name, why);
		return;
	}
	for (uint64_t round = 0; round < rounds; round++) {
		uint64_t begin;

		write_all(word, words, round);
		begin = rdtsc();
		instructions[which].execute();
		ticks += rdtsc() - begin;
		bad += wrong(word, words, round);
		outl(NB_PORT_MARK, NB_MARK_ROUND);
		while (pause && rdtsc() - begin < pause)
			pause_cpu();
	}
	rt_check_u64(instructions[which].name, bad, 0);
	rt_value(instructions[which].name, ticks, "ticks");
}

void rt_main(void)
{
	const uint64_t rounds = rt_arg_u64("rounds", 10), pages = rt_arg_u64("pages", 64);
	const char *only = rt_arg("only");
	volatile uint64_t *word;

	if (!pages || pages > 1u << 18)
		rt_panic("pages: 1 to 262144");
	word = rt_pages(pages);
	for (unsigned int i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
		if (!only || !strcmp(only, instructions[i].name))
			try_one(i, word, pages * PAGE_WORDS, rounds);
	rt_check_end();
}
