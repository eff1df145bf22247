/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic by AVX2 where CPUID shows it and XCR0 has its state, else by SSE2: chosen once, at the start, as
 * libraries do. Each round is checked against the same steps in general registers; the digest is the same on
 * both ways. Arguments:
 *   rounds=N  (100)
 *   steps=N   of a round, which stay in registers (64)
 *   every=N   prints the digest after each N rounds (0: at the end only)
 *   seed=N    (1)
 *   move=N    the VM may move when N rounds are done (0: it does not say so)
 */
#include "rt.h"
#include "rt_check.h"
#include "rt_move.h"
#include "steps.h"

#define XCR0_SSE_AVX 6u

static bool has_avx2(void)
{
	const uint32_t osxsave_avx = 1u << 27 | 1u << 28;

	return (cpuid(1, 0).ecx & osxsave_avx) == osxsave_avx && (xgetbv(0) & XCR0_SSE_AVX) == XCR0_SSE_AVX &&
	       cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & 1u << 5;
}

static void steps_plain(uint32_t lanes[LANES], uint64_t steps)
{
	for (uint64_t s = 0; s < steps; s++)
		for (unsigned int i = 0; i < LANES; i++) {
			lanes[i] = lanes[i] * STEP_FACTOR + STEP_ADDEND;
			lanes[i] ^= lanes[i] >> STEP_SHIFT;
		}
}

/* FNV-1a */
static uint64_t digest(const uint32_t lanes[LANES])
{
	uint64_t d = 0xcbf29ce484222325ull;

	for (unsigned int i = 0; i < LANES; i++)
		d = (d ^ lanes[i]) * 0x100000001b3ull;
	return d;
}

void rt_main(void)
{
	void (*const steps)(uint32_t *, uint64_t) = has_avx2() ? steps_avx2 : steps_sse2;
	const uint64_t rounds = rt_arg_u64("rounds", 100), count = rt_arg_u64("steps", 64);
	const uint64_t every = rt_arg_u64("every", 0), move = rt_arg_u64("move", 0);
	uint32_t lanes[LANES], plain[LANES];

	rt_printf("avx2: by %s\n", steps == steps_avx2 ? "AVX2" : "SSE2");
	for (unsigned int i = 0; i < LANES; i++)
		lanes[i] = plain[i] = (uint32_t)rt_arg_u64("seed", 1) + i * 0x9e3779b9u;
	for (uint64_t r = 1; r <= rounds; r++) {
		steps(lanes, count);
		steps_plain(plain, count);
		if (memcmp(lanes, plain, sizeof(lanes)) != 0) {
			rt_fail("avx2", "round %lu is wrong: 0x%016lx, not 0x%016lx", r, digest(lanes),
				digest(plain));
			rt_check_end();
			return;
		}
		if (every && r % every == 0)
			rt_printf("avx2: round %lu, 0x%016lx\n", r, digest(lanes));
		if (r == move)
			rt_may_move();
	}
	rt_printf("avx2: %lu rounds are right, digest 0x%016lx\n", rounds, digest(lanes));
	rt_pass("avx2");
	rt_check_end();
}
