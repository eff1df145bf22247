/* SPDX-License-Identifier: MIT */
#include "hidden.h"

#include "rt_check.h"

/* A leaf behind the last one of its range gives another's answer. */
bool shown(struct feature f)
{
	struct cpuid c;

	if (cpuid(f.leaf & 0x80000000, 0).eax < f.leaf)
		return false;
	c = cpuid(f.leaf, f.subleaf);
	return (f.reg == EAX ? c.eax : f.reg == EBX ? c.ebx : f.reg == ECX ? c.ecx : c.edx) >> f.bit & 1;
}

static void check_way(const struct way *w)
{
	bool is_shown = shown(w->feature);
	uint32_t wanted = is_shown ? RT_NO_FAULT : w->fault;
	struct rt_fault fault;

	if (w->also.leaf && !shown(w->also)) {
		rt_skip(w->name, "needs another feature");
		return;
	}
	rt_try(w->try, (void *)(uintptr_t)w->arg, &fault);
	if (fault.vector == wanted)
		rt_pass(w->name);
	else
		rt_fail(w->name, "%s by CPUID: vector %d, wanted %d", is_shown ? "shown" : "hidden",
			(int)fault.vector, (int)wanted);
	if (!is_shown)
		rt_printf("hidden: %s\n", w->name);
}

void check_ways(const struct way *ways, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		check_way(&ways[i]);
}

/* For CR4.SMEP and SMAP: no page is the user's. */
static void own_all_pages(void)
{
	uint64_t *pml4 = (uint64_t *)(read_cr3() & ~0xfffull);

	pml4[0] &= ~RT_USER;
	write_cr3(read_cr3());
}

void rt_main(void)
{
	own_all_pages();
	check_registers();
	check_instructions();
	rt_check_end();
}
