// SPDX-License-Identifier: MIT
/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled". */
#include "fuzz.h"

static uint64_t state;

void draw_seed(uint64_t seed, uint64_t entry)
{
	state = (seed * 0x9e3779b97f4a7c15ull) ^ ((entry + 1) * 0xd1342543de82ef95ull);
	state |= !state;
	for (unsigned int i = 0; i < 4; i++)
		draw();
}

uint64_t draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

uint64_t draw_below(uint64_t n)
{
	return (draw() >> 32) % n;
}

bool one_in(uint64_t n)
{
	return draw_below(n) == 0;
}

uint64_t draw_near(uint64_t valid)
{
	switch (draw_below(12)) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return draw_below(256);
	case 3:
		return 0x0000800000000000ull | (draw() & 0xffff); /* not canonical */
	case 4:
		return draw();
	case 5:
		return valid + 1;
	case 6:
		return valid - 1;
	case 7:
		return valid ^ 1ull << draw_below(64) ^ 1ull << draw_below(16);
	default:
		return valid ^ 1ull << draw_below(one_in(2) ? 64 : 16);
	}
}
