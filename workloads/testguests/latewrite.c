/* SPDX-License-Identifier: MIT */
/*
 * A device that writes to memory while the guest does something else: the scratch device's writer
 * (include/nestbed/ports.h). delay= ticks of a write (100000), rounds= of random writes, move= the round
 * behind which the VM may move.
 */
#include <nestbed/ports.h>

#include "random.h"
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_move.h"
#include "rt_writer.h"

#define PATIENCE 400000000ull /* ticks */
#define VECTOR   0x60u
#define PAGES    16u

static uint64_t delay;

/* Nothing in the loop exits. */
static void test_one(volatile uint64_t *word)
{
	const uint64_t begin = rdtsc();

	*word = 0;
	rt_writer_go(word, 0x1122334455667788, delay);
	rt_check_u64("pending", rt_writer_get(NB_WRITER_CONTROL), NB_WRITER_PENDING);
	rt_check_u64("not written yet", *word, 0);
	rt_writer_put(NB_WRITER_VALUE, 1);
	rt_writer_put(NB_WRITER_CONTROL, NB_WRITER_GO);
	while (!*word && rdtsc() - begin < PATIENCE)
		pause_cpu();
	rt_check_u64("written, as it was asked for", *word, 0x1122334455667788);
	rt_check("not before its time", rdtsc() - begin >= delay);
	rt_check_u64("done", rt_writer_get(NB_WRITER_CONTROL), NB_WRITER_DONE);
}

static void test_outside(volatile uint64_t *word)
{
	const uint64_t end = rt_boot_info.memory_bytes;
	volatile uint32_t *last = (volatile uint32_t *)(uintptr_t)(end - 4);
	const uint32_t before = *last;

	*word = 0;
	rt_writer_go((volatile void *)(uintptr_t)(end - 4), ~(uint64_t)before, 0);
	for (uint64_t begin = rdtsc();
	     rt_writer_get(NB_WRITER_CONTROL) == NB_WRITER_PENDING && rdtsc() - begin < PATIENCE;)
		pause_cpu();
	rt_check_u64("no RAM behind it: failed", rt_writer_get(NB_WRITER_CONTROL), NB_WRITER_FAILED);
	rt_check_u64("nothing of it was written", *last, before);
}

static volatile bool woken;

static void on_timer(struct rt_regs *regs)
{
	(void)regs;
	woken = true;
	rt_apic_eoi();
}

static void test_halted(volatile uint64_t *word)
{
	*word = 0;
	rt_on(VECTOR, on_timer);
	rt_apic_enable();
	rt_writer_go(word, 77, delay);
	rt_apic_timer(RT_TIMER_ONE_SHOT, VECTOR, 10 * delay);
	while (!woken) {
		interrupts_on_and_halt();
		interrupts_off();
	}
	rt_check_u64("written while the processor halts", *word, 77);
}

/* At any address, across pages too; what is around it stays. Reading the state exits. */
static void test_many(uint8_t *memory, uint8_t *model)
{
	const uint64_t rounds = rt_arg_u64("rounds", 100), move = rt_arg_u64("move", 0);
	uint64_t wrong = 0, late = 0;

	for (uint64_t i = 1; i <= rounds; i++) {
		const uint64_t at = next() % (4096 * PAGES - 8), value = next();
		const uint64_t begin = rdtsc();

		rt_writer_go(memory + at, value, next() % delay);
		memcpy(model + at, &value, sizeof(value));
		if (i == move)
			rt_may_move();
		while (rt_writer_get(NB_WRITER_CONTROL) == NB_WRITER_PENDING && rdtsc() - begin < PATIENCE)
			for (unsigned int k = 0; k < 100; k++)
				pause_cpu();
		late += rt_writer_get(NB_WRITER_CONTROL) != NB_WRITER_DONE;
		wrong += memcmp(memory, model, (size_t)4096 * PAGES) != 0;
		outl(NB_PORT_MARK, NB_MARK_ROUND);
	}
	rt_check_u64("random writes: not done", late, 0);
	rt_check_u64("random writes: memory is wrong", wrong, 0);
}

void rt_main(void)
{
	volatile uint64_t *word = rt_pages(1);

	if (!rt_has_writer()) {
		rt_skip("latewrite", "this machine has no scratch device");
		rt_check_end();
		return;
	}
	delay = rt_arg_u64("delay", 100000);
	if (!delay || delay > UINT32_MAX / 10)
		rt_panic("delay: 1 to %u", UINT32_MAX / 10);
	random_seed();
	test_one(word);
	test_outside(word);
	test_halted(word);
	test_many(rt_pages(PAGES), rt_pages(PAGES));
	rt_check_end();
}
