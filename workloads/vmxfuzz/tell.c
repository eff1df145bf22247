// SPDX-License-Identifier: MIT
/* Everything that is compared goes through here: into a hash, and into words where a difference is looked
 * for. */
#include "fuzz.h"

bool tell_verbose;
static uint64_t hash, number;

static void mix(uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	hash ^= hash >> 29;
}

void tell_begin(uint64_t entry)
{
	number = entry;
	hash = entry;
}

void tell(const char *name, uint64_t value)
{
	mix(value);
	if (tell_verbose)
		rt_printf("%lu: %s %lx\n", number, name, value);
}

void tell_bytes(const char *name, const void *page, unsigned int words, uint64_t mask)
{
	const uint64_t *w = page;
	uint64_t a = 0, b = 0;

	for (unsigned int i = 0; i < words; i += 4) {
		a = (a + (w[i] & mask)) * 0xd1342543de82ef95ull + (w[i + 1] & mask);
		b = (b + (w[i + 2] & mask)) * 0x9e3779b97f4a7c15ull + (w[i + 3] & mask);
	}
	mix(a);
	mix(b);
	if (!tell_verbose)
		return;
	rt_printf("%lu: %s %lx\n", number, name, a ^ b);
	for (unsigned int i = 0; i < words; i++)
		if (w[i])
			rt_printf("%lu: %s[%u] %lx\n", number, name, i, w[i] & mask);
}

void tell_end(void)
{
	rt_printf("%lu %08x\n", number, (uint32_t)(hash >> 32));
}
