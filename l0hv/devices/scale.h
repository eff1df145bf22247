/* SPDX-License-Identifier: MIT */
/* Conversion between two clocks, exact and without a 128-bit division, which freestanding code lacks. */
#ifndef L0HV_DEVICES_SCALE_H
#define L0HV_DEVICES_SCALE_H

#include <stdint.h>

/* floor(n * to / from). Exact while (from - 1) * to and the result fit in 64 bits; from != 0. */
static inline uint64_t scale_down(uint64_t n, uint64_t to, uint64_t from)
{
	return n / from * to + n % from * to / from;
}

/* ceil(n * to / from): the first n' for which scale_down(n', from, to) reaches n. */
static inline uint64_t scale_up(uint64_t n, uint64_t to, uint64_t from)
{
	return n / from * to + (n % from * to + from - 1) / from;
}

static inline uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/* Time since `start`; 0 for a start that lies ahead. */
static inline uint64_t elapsed_since(uint64_t start, uint64_t now)
{
	return now > start ? now - start : 0;
}

#endif
