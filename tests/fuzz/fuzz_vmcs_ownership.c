/* SPDX-License-Identifier: MIT */
/*
 * No exit that L1 asked for is lost: what vmcs12 wants, vmcs02 exits for, so that L0 can reflect it; and L1
 * gets nothing but what it asked for: with no wish in vmcs12 only the unconditional exits are its own. The
 * input: the wishes of vmcs12 and vmcs01, then queries.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/ownership.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->n; i++, in->p++, in->n--)
		v |= (uint64_t)*in->p << (8 * i);
	return v;
}

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* SDM "Instructions That Cause VM Exits Conditionally": the controls, written down here once more. */
static const struct {
	uint8_t reason;
	unsigned field;
	uint32_t bit;
} traps[] = {
	{7,  F_CPU_CTLS,  1u << 2 }, /* interrupt window */
	{8,  F_CPU_CTLS,  1u << 22}, /* NMI window */
	{12, F_CPU_CTLS,  1u << 7 }, /* HLT */
	{14, F_CPU_CTLS,  1u << 9 }, /* INVLPG */
	{15, F_CPU_CTLS,  1u << 11}, /* RDPMC */
	{16, F_CPU_CTLS,  1u << 12}, /* RDTSC */
	{29, F_CPU_CTLS,  1u << 23}, /* MOV DR */
	{36, F_CPU_CTLS,  1u << 10}, /* MWAIT */
	{39, F_CPU_CTLS,  1u << 29}, /* MONITOR */
	{40, F_CPU_CTLS,  1u << 30}, /* PAUSE */
	{46, F_CPU_CTLS2, 1u << 2 }, /* GDTR, IDTR */
	{47, F_CPU_CTLS2, 1u << 2 }, /* LDTR, TR */
	{51, F_CPU_CTLS,  1u << 12}, /* RDTSCP */
	{54, F_CPU_CTLS2, 1u << 6 }, /* WBINVD */
	{57, F_CPU_CTLS2, 1u << 11}, /* RDRAND */
	{61, F_CPU_CTLS2, 1u << 16}, /* RDSEED */
};

static uint8_t page[3][4096] __attribute__((aligned(8))), merged[2][4096] __attribute__((aligned(8)));

static void wishes(struct vmcs_image *v, struct input *in, bool l1)
{
	v->v[F_PIN_CTLS] |= take(in, 1) & 0x29;
	v->v[F_CPU_CTLS] |= take(in, 4) & 0xf8f99e84;
	v->v[F_CPU_CTLS2] |= take(in, 4) & 0x11844;
	v->v[F_EXCEPTION_BITMAP] = take(in, 4);
	v->v[F_PFEC_MASK] = take(in, 1);
	v->v[F_PFEC_MATCH] = take(in, 1);
	if (!l1)
		return;
	v->v[F_CR3_TARGET_COUNT] = take(in, 1) % 5;
	for (unsigned i = 0; i < 4; i++)
		v->v[F_CR3_TARGET0 + i] = take(in, 2);
	v->v[F_CR0_MASK] = take(in, 4);
	v->v[F_CR4_MASK] = take(in, 3);
	v->v[F_CR0_SHADOW] = take(in, 4);
	v->v[F_CR4_SHADOW] = take(in, 3);
}

static struct exit_query query(const struct vmcs_image *v, struct input *in)
{
	return (struct exit_query){
		.vmcs12 = v,
		.reason = (uint32_t)take(in, 1) % 80,
		.qualification = take(in, 8),
		.intr_info = (uint32_t)take(in, 4) & ~0xe0u, /* vectors of exceptions */
		.intr_error = (uint32_t)take(in, 1),
		.operand = take(in, 4),
		.msr = (uint32_t)take(in, 4),
		.io_bitmap_a = page[0],
		.io_bitmap_b = page[1],
		.msr_bitmap = page[2],
	};
}

static void trapped(const struct fixture *f)
{
	for (unsigned i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		const struct exit_query q = {.vmcs12 = &f->vmcs12, .reason = traps[i].reason};
		const bool asked = f->vmcs12.v[traps[i].field] & traps[i].bit &&
				   (traps[i].field == F_CPU_CTLS || f->vmcs12.v[F_CPU_CTLS] >> 31);

		expect(!asked || vmcs12_wants_exit(&q));
		expect(!asked || f->vmcs02.v[traps[i].field] & traps[i].bit);
	}
}

/* What L1 wants of exceptions and control registers, the processor tells L0. */
static void not_lost(const struct fixture *f, struct exit_query q)
{
	const bool event = q.reason == 0, cr = q.reason == 28;

	if (!(event || cr) || !vmcs12_wants_exit(&q))
		return;
	q.vmcs12 = &f->vmcs02;
	expect(vmcs12_wants_exit(&q));
}

/* Exits that are unconditional (SDM "Instructions That Cause VM Exits Unconditionally"; events of the same
 * kind). */
static bool unconditional(uint32_t reason)
{
	static const uint8_t always[] = {2,  3,  4,  9,  10, 11, 13, 18, 19, 20, 21, 22,
					 23, 24, 25, 26, 27, 33, 34, 50, 53, 55, 76, 77};

	for (unsigned i = 0; i < sizeof(always); i++)
		if (always[i] == reason)
			return true;
	return false;
}

static void nothing_asked(struct exit_query q)
{
	struct vmcs_image none = {0};

	none.v[F_CPU_CTLS] = CPU_MSR_BITMAPS;
	memset(merged[0], 0, sizeof(merged[0]));
	q.vmcs12 = &none;
	q.msr_bitmap = merged[0];
	if (q.reason == 31 || q.reason == 32)
		q.msr &= 0xc0001fff; /* of MSRs in no range every access exits */
	if (q.msr > 0x1fff && q.msr < 0xc0000000)
		return;
	if (q.reason == 0 && (q.intr_info & 0xff) == 14 && q.intr_info >> 31)
		return; /* mask and match of 0 always match, and a bit of 0 then asks for those that don't */
	/* the processor makes these only by controls that are vmcs12's alone: monitor trap flag, APIC
	 * registers */
	if (q.reason != 37 && q.reason != 56)
		expect(vmcs12_wants_exit(&q) == unconditional(q.reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture f;
	struct input in = {data, size};

	fixture_init(&f);
	wishes(&f.vmcs12, &in, true);
	wishes(&f.vmcs01, &in, false);
	f.policy.exception_bitmap = (uint32_t)take(&in, 4);
	f.policy.cr0_owned = take(&in, 4);
	f.policy.cr4_owned = take(&in, 4);
	for (unsigned i = 0; i < 8; i++)
		page[i % 3][take(&in, 2) % 4096] ^= (uint8_t)take(&in, 1);
	vmcs_merge_full(&f.in, &f.vmcs02);
	trapped(&f);
	while (in.n) {
		const struct exit_query q = query(&f.vmcs12, &in);

		not_lost(&f, q);
		nothing_asked(q);
	}
	memset(page, 0, sizeof(page));
	return 0;
}
