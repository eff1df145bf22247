/* SPDX-License-Identifier: MIT */
/* SDM, "APIC Timer": one-shot, periodic and TSC-deadline mode. The counter's clock is the tick. */
#include "l0hv/devices/lapic_impl.h"
#include "l0hv/devices/scale.h"

uint32_t lapic_timer_mode(const struct lapic *lapic)
{
	return lapic->lvt[LVT_TIMER] & LVT_TIMER_MODE;
}

/* Divide configuration register, bits 3, 1 and 0: 2, 4, ... 128, and 1 for all ones. */
static uint32_t divisor(const struct lapic *lapic)
{
	uint32_t code = (lapic->timer_divide & 3) | (lapic->timer_divide & 8) >> 1;

	return code == 7 ? 1 : 2u << code;
}

static uint64_t period(const struct lapic *lapic)
{
	uint64_t ticks = (uint64_t)lapic->timer_initial * divisor(lapic);

	if (lapic_timer_mode(lapic) == LVT_TIMER_PERIODIC && ticks < LAPIC_PERIOD_MIN)
		return LAPIC_PERIOD_MIN;
	return ticks;
}

void lapic_timer_reset(struct lapic *lapic)
{
	lapic->timer_initial = lapic->timer_from = 0;
	lapic->timer_divide = 0;
	lapic->timer_start = 0;
	lapic->timer_expiry = UINT64_MAX;
	lapic->tsc_deadline = 0;
}

/* Counts go on from 0 only in periodic mode; in the other two 0 means stopped. */
uint32_t lapic_timer_current(const struct lapic *lapic, uint64_t now)
{
	uint64_t counted;

	if (lapic->timer_expiry == UINT64_MAX || lapic_timer_mode(lapic) >= LVT_TIMER_DEADLINE)
		return 0;
	counted = elapsed_since(lapic->timer_start, now) / divisor(lapic);
	return counted < lapic->timer_from ? (uint32_t)(lapic->timer_from - counted) : 0;
}

void lapic_timer_set_initial(struct lapic *lapic, uint32_t count, uint64_t now)
{
	if (lapic_timer_mode(lapic) >= LVT_TIMER_DEADLINE)
		return; /* ignored, as the SDM says of TSC-deadline mode */
	lapic->timer_initial = lapic->timer_from = count;
	lapic->timer_start = now;
	lapic->timer_expiry = count ? add_saturating(now, period(lapic)) : UINT64_MAX;
}

void lapic_timer_set_divide(struct lapic *lapic, uint32_t divide, uint64_t now)
{
	uint32_t current = lapic_timer_current(lapic, now);

	lapic->timer_divide = divide;
	if (!current)
		return;
	/* The count stands; what is left of it now runs at the new rate. */
	lapic->timer_from = current;
	lapic->timer_start = now;
	lapic->timer_expiry = add_saturating(now, (uint64_t)current * divisor(lapic));
}

void lapic_timer_set_lvt(struct lapic *lapic, uint32_t lvt)
{
	uint32_t before = lapic_timer_mode(lapic);

	lapic->lvt[LVT_TIMER] = lvt;
	/* "Transitioning between TSC-deadline mode and other timer modes also disarms the timer." */
	if (before != lapic_timer_mode(lapic) &&
	    (before >= LVT_TIMER_DEADLINE || lapic_timer_mode(lapic) >= LVT_TIMER_DEADLINE)) {
		lapic->timer_expiry = UINT64_MAX;
		lapic->timer_initial = 0;
		lapic->tsc_deadline = 0;
	}
}

void lapic_timer_set_deadline(struct lapic *lapic, uint64_t tsc, uint64_t now)
{
	uint64_t guest_tsc = now + lapic->tsc_offset;

	if (lapic_timer_mode(lapic) != LVT_TIMER_DEADLINE)
		return;
	lapic->tsc_deadline = tsc;
	if (!tsc)
		lapic->timer_expiry = UINT64_MAX;
	else
		lapic->timer_expiry = add_saturating(now, elapsed_since(guest_tsc, tsc));
}

void lapic_set_tsc_offset(struct lapic *lapic, uint64_t offset, uint64_t now)
{
	lapic_advance(lapic, now);
	lapic->tsc_offset = offset;
	lapic_timer_set_deadline(lapic, lapic->tsc_deadline, now);
}

void lapic_advance(struct lapic *lapic, uint64_t now)
{
	if (now < lapic->timer_expiry || lapic->timer_expiry == UINT64_MAX)
		return;
	if (lapic_timer_mode(lapic) == LVT_TIMER_PERIODIC) {
		uint64_t step = period(lapic);
		uint64_t missed = (now - lapic->timer_expiry) / step;

		/* Expiries that were slept through are one interrupt: the IRR has one bit. */
		lapic->timer_start = lapic->timer_expiry + missed * step;
		lapic->timer_expiry = add_saturating(lapic->timer_start, step);
		lapic->timer_from = lapic->timer_initial;
	} else {
		lapic->timer_expiry = UINT64_MAX;
		lapic->tsc_deadline = 0;
	}
	if (!(lapic->lvt[LVT_TIMER] & LVT_MASKED))
		lapic_accept(lapic, (uint8_t)lapic->lvt[LVT_TIMER]);
}

uint64_t lapic_deadline(const struct lapic *lapic)
{
	return lapic->lvt[LVT_TIMER] & LVT_MASKED ? UINT64_MAX : lapic->timer_expiry;
}
