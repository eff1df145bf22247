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

/* Most of L2's memory is zeros, which one instruction passes over. The first word from `i` on that is none,
 * or `words`. */
static unsigned int skip_zeros(const uint64_t *w, unsigned int i, unsigned int words)
{
	const uint64_t *at = w + i;
	uint64_t left = words - i;
	bool zeros; /* the XOR's flag where nothing is left */

	__asm__("xorl %%eax, %%eax; repe scasq" : "+D"(at), "+c"(left), "=@ccz"(zeros) : : "rax", "memory");
	return words - (unsigned int)left - !zeros;
}

void tell_bytes(const char *name, const void *page, unsigned int words, uint64_t mask)
{
	const uint64_t *w = page;
	uint64_t a = 0;

	for (unsigned int i = skip_zeros(w, 0, words); i < words; i = skip_zeros(w, i + 1, words)) {
		const uint64_t word = w[i] & mask;

		if (!word)
			continue;
		a = (a ^ word) * 0xd1342543de82ef95ull + i;
		a ^= a >> 29;
	}
	mix(a);
	if (!tell_verbose)
		return;
	rt_printf("%lu: %s %lx\n", number, name, a);
	for (unsigned int i = 0; i < words; i++)
		if (w[i])
			rt_printf("%lu: %s[%u] %lx\n", number, name, i, w[i] & mask);
}

void tell_end(void)
{
	rt_printf("%lu %08x\n", number, (uint32_t)(hash >> 32));
}
