// SPDX-License-Identifier: MIT
#include "tries.h"

L2_CODE(tries_code, "nop");

static struct {
	const char *name;
	enum mode mode;
	const struct set *sets;
	bool failed;
	char text[128];
} now;

uint64_t beyond_width(void)
{
	return (~0ull << lab_caps.physical_bits) & (5ull << lab_caps.physical_bits | 0x8018000000000000);
}

uint64_t efer_reserved(void)
{
	const uint32_t shown = cpuid(0x80000001, 0).edx;
	uint64_t hidden = 0;

	if (!(shown & 1u << 11))
		hidden |= EFER_SCE;
	if (!(shown & 1u << 20))
		hidden |= EFER_NXE;
	return hidden | 0x80000001800200feull;
}

static void reset(void)
{
	lab_reset(&code_tries_code, now.mode);
	for (const struct set *s = now.sets; s && s->field; s++)
		lab_set(s);
}

static bool begin(const char *name, enum mode mode, const struct set *sets, const char *bochs)
{
	struct shot shot = {.mode = mode, .bochs = bochs};
	const char *unfit;

	if (!lab_selected(name))
		return false;
	for (unsigned int i = 0; sets && sets[i].field; i++)
		shot.set[i] = sets[i];
	unfit = lab_unfit(&shot);
	if (unfit) {
		rt_skip(name, unfit);
		return false;
	}
	now.name = name;
	now.mode = mode;
	now.sets = sets;
	now.failed = false;
	reset();
	return true;
}

bool tries_begin(const char *name, enum mode mode, const struct set *sets)
{
	return begin(name, mode, sets, NULL);
}

bool tries_begin_not_bochs(const char *name, enum mode mode, const struct set *sets, const char *why)
{
	return begin(name, mode, sets, why);
}

static uint32_t outcome(void)
{
	switch (lab_run()) {
	case FAIL_VALID:
		return (uint32_t)get(VM_INSTRUCTION_ERROR);
	case FAIL_INVALID:
		return 0;
	case RAN:
		break;
	}
	if (!(get(EXIT_REASON) & EXIT_ENTRY_FAILURE))
		return TRY_RUNS;
	return TRY_EXIT(get(EXIT_REASON) & 0xff, get(EXIT_QUALIFICATION));
}

static const char *describe(uint32_t how, char *text, size_t size)
{
	if (how == TRY_RUNS)
		rt_snprintf(text, size, "L2 runs");
	else if (how & 0x20000)
		rt_snprintf(text, size, "exit %u at entry, qualification %u", how & 0xff, how >> 8 & 0xff);
	else
		rt_snprintf(text, size, "VMfail %u", how);
	return text;
}

static uint32_t run(uint32_t wanted)
{
	char a[48], b[48];
	uint32_t got = outcome();

	if (got != wanted && !now.failed) {
		now.failed = true;
		rt_snprintf(now.text, sizeof(now.text), "%s, wanted %s", describe(got, a, sizeof(a)),
			    describe(wanted, b, sizeof(b)));
	}
	return got;
}

void try_now(uint32_t wanted)
{
	if (run(wanted) == TRY_RUNS)
		reset();
}

void try_value(uint32_t field, uint64_t value, uint32_t wanted)
{
	const uint64_t old = get(field);
	const bool failed = now.failed;
	uint32_t got;

	put(field, value);
	got = run(wanted);
	if (now.failed && !failed)
		rt_snprintf(now.text + strlen(now.text), sizeof(now.text) - strlen(now.text), " (%x = 0x%lx)",
			    field, value);
	if (got == TRY_RUNS) /* L2 changed its state */
		reset();
	else
		put(field, old);
}

void try_bits(uint32_t field, uint64_t mask, uint32_t wanted)
{
	for (unsigned int i = 0; i < 64; i++)
		if (mask >> i & 1)
			try_value(field, get(field) ^ 1ull << i, wanted);
}

void tries_end(void)
{
	if (now.failed)
		rt_fail(now.name, "%s", now.text);
	else
		rt_pass(now.name);
}
