/* SPDX-License-Identifier: MIT */
#include "migration/precopy.h"

void precopy_init(struct precopy *p, const struct precopy_config *config)
{
	*p = (struct precopy){.config = *config};
}

/* In two parts, since L0 has no division of 128 bits. */
uint64_t precopy_ticks(uint64_t bytes, uint64_t rate)
{
	uint64_t bits = bytes * 8, seconds, rest;

	if (bytes > UINT64_MAX / 8)
		return UINT64_MAX;
	/* Above 16 Gbit/s the lowest bits of both are given up, so that the rest's product fits. */
	for (; rate > 1ull << 34; rate >>= 1)
		bits >>= 1;
	seconds = bits / rate;
	if (seconds >= UINT64_MAX / PRECOPY_TICKS_A_SECOND)
		return UINT64_MAX;
	rest = bits % rate * PRECOPY_TICKS_A_SECOND;
	return seconds * PRECOPY_TICKS_A_SECOND + rest / rate + (rest % rate != 0);
}

static bool fits(const struct precopy *p, uint32_t dirty)
{
	const uint64_t bytes = (uint64_t)dirty * p->config.page_bytes + p->config.state_bytes;

	return precopy_ticks(bytes, p->config.link_rate) <= p->config.down_ticks;
}

static bool progress(const struct precopy *p, uint32_t before, uint32_t dirty)
{
	return !p->config.min_progress ||
	       (uint64_t)dirty * 100 <= (uint64_t)before * (100u - p->config.min_progress);
}

enum precopy_verdict precopy_round(struct precopy *p, uint32_t dirty)
{
	const enum precopy_verdict last = p->config.stop_at_limit ? PRECOPY_STOP : PRECOPY_GIVE_UP;
	const uint32_t before = p->dirty;

	p->dirty = dirty;
	p->rounds++;
	p->reason = PRECOPY_SMALL_ENOUGH;
	if (fits(p, dirty))
		return PRECOPY_STOP;
	p->reason = PRECOPY_STATE_TOO_LARGE;
	if (!dirty)
		return last;
	p->reason = PRECOPY_ROUND_LIMIT;
	if (p->rounds >= p->config.max_rounds)
		return last;
	p->reason = PRECOPY_ROUNDS_LEFT;
	/* The first round has none before it to be measured by. */
	if (p->rounds == 1 || progress(p, before, dirty))
		return PRECOPY_GO_ON;
	p->reason = PRECOPY_NO_PROGRESS;
	if (!p->config.auto_converge || p->throttle >= PRECOPY_THROTTLE_MAX)
		return last;
	p->throttle += PRECOPY_THROTTLE_STEP;
	return PRECOPY_THROTTLE;
}

const char *precopy_reason_text(enum precopy_reason reason)
{
	static const char *const texts[] = {
		[PRECOPY_ROUNDS_LEFT] = "rounds are left",
		[PRECOPY_SMALL_ENOUGH] = "the rest fits into the down time",
		[PRECOPY_STATE_TOO_LARGE] =
			"no page is left, but the state alone takes longer than the down time",
		[PRECOPY_ROUND_LIMIT] = "the round limit is reached",
		[PRECOPY_NO_PROGRESS] = "the guest dirties pages as fast as they are sent",
	};

	return (unsigned)reason < sizeof(texts) / sizeof(texts[0]) ? texts[reason] : "unknown";
}
