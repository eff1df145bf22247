// SPDX-License-Identifier: MIT
/* VMX instructions between entries: bad operands, and good ones at odd moments. */
#include "fuzz.h"

struct call {
	unsigned int what;
	uint64_t a, b;
	uint64_t memory[2];
	uint64_t flags;
};

enum { VMREAD, VMREAD_MEMORY, VMWRITE, VMPTRLD, VMCLEAR, VMXON, VMPTRST, INVEPT, INVVPID, VMFUNC, CALLS };

#define FLAGS "pushfq; popq %0"

static void run(void *p)
{
	struct call *c = p;
	uint64_t out = 0;

	switch (c->what) {
	case VMREAD:
		__asm__ volatile("vmread %2, %1; " FLAGS
				 : "=&r"(c->flags), "+&r"(out)
				 : "r"(c->a)
				 : "cc", "memory");
		break;
	case VMREAD_MEMORY:
		__asm__ volatile("vmread %1, (%2); " FLAGS
				 : "=&r"(c->flags)
				 : "r"(c->a), "r"(c->b)
				 : "cc", "memory");
		break;
	case VMWRITE:
		__asm__ volatile("vmwrite %1, %2; " FLAGS
				 : "=&r"(c->flags)
				 : "r"(c->b), "r"(c->a)
				 : "cc", "memory");
		break;
	case VMPTRLD:
		__asm__ volatile("vmptrld %1; " FLAGS : "=&r"(c->flags) : "m"(c->a) : "cc", "memory");
		break;
	case VMCLEAR:
		__asm__ volatile("vmclear %1; " FLAGS : "=&r"(c->flags) : "m"(c->a) : "cc", "memory");
		break;
	case VMXON:
		__asm__ volatile("vmxon %1; " FLAGS : "=&r"(c->flags) : "m"(c->a) : "cc", "memory");
		break;
	case VMPTRST:
		__asm__ volatile("vmptrst (%1); " FLAGS : "=&r"(c->flags) : "r"(c->b) : "cc", "memory");
		break;
	case INVEPT:
		__asm__ volatile("invept %1, %2; " FLAGS
				 : "=&r"(c->flags)
				 : "m"(c->memory), "r"(c->a)
				 : "cc", "memory");
		break;
	case INVVPID:
		__asm__ volatile("invvpid %1, %2; " FLAGS
				 : "=&r"(c->flags)
				 : "m"(c->memory), "r"(c->a)
				 : "cc", "memory");
		break;
	default:
		__asm__ volatile("vmfunc; " FLAGS : "=&r"(c->flags) : "a"(0), "c"(0) : "cc", "memory");
		break;
	}
}

/* Encodings that no processor has: a reserved bit, or a number far too high. */
static uint64_t no_field(void)
{
	switch (draw_below(4)) {
	case 0:
		return GUEST_RIP | 1ull << (12 + 3 * draw_below(2));
	case 1:
		return GUEST_RIP | 1ull << (16 + draw_below(48));
	case 2:
		return 0x7e | draw_below(4) << 10 | draw_below(4) << 13;
	default:
		return 0xffffffff;
	}
}

/* Addresses of regions. Those that are taken change what is current, or the launch state of what is. */
static uint64_t region(void)
{
	switch (draw_below(8)) {
	case 0:
		return machine_region((unsigned int)draw_below(3)) | 1ull << draw_below(12);
	case 1:
		return machine_region(0) |
		       1ull << (offers.physical_bits + draw_below(64 - offers.physical_bits));
	case 2:
		return machine_vmxon_region();
	case 3:
		return machine_region(3); /* wrong revision */
	case 4:
		return NOWHERE;
	case 5:
		return ~0ull;
	default:
		return machine_region((unsigned int)draw_below(3));
	}
}

/* L1 maps 4 GiB, and a window behind. */
static uint64_t unmapped(void)
{
	return one_in(2) ? 0x200000000ull + draw_below(4096) : 0x0000800000000000ull << draw_below(16);
}

static void operands(struct call *c)
{
	c->a = no_field();
	c->b = one_in(2) ? unmapped() : address_of(c->memory);
	c->memory[0] = c->memory[1] = 0;
	switch (c->what) {
	case VMWRITE:
		c->b = draw();
		break;
	case VMREAD_MEMORY:
		if (one_in(2))
			c->a = GUEST_CS_SEL;
		break;
	case VMPTRLD:
	case VMCLEAR:
	case VMXON:
		c->a = region();
		break;
	case INVEPT:
		c->a = draw_below(5);
		c->memory[0] = one_in(2) ? arena_eptp(false) : draw_near(arena_eptp(false));
		c->memory[1] = one_in(4) ? draw() : 0;
		break;
	case INVVPID:
		c->a = draw_below(6);
		c->memory[0] = one_in(3) ? draw_near(1) : draw_below(4);
		c->memory[1] = draw_near(0);
		break;
	default:
		break;
	}
}

static void tell_call(const struct call *c, bool whole, const struct rt_fault *fault)
{
	const uint64_t fail = c->flags & (RFLAGS_CF | RFLAGS_ZF);
	struct call error = {
		VMREAD, VM_INSTRUCTION_ERROR, 0, {0, 0},
                   0
        };

	tell("instruction", c->what);
	if (!whole) {
		tell("vector", fault->vector);
		tell("error code", fault->error_code);
		return;
	}
	tell("flags", c->flags & 0x8d5);
	if (fail == RFLAGS_ZF && rt_try(run, &error, NULL))
		tell("number", vmread(VM_INSTRUCTION_ERROR));
	if (c->what == VMPTRST || c->what == VMREAD_MEMORY)
		tell("stored", c->memory[0]);
}

void instructions_run(void)
{
	machine_forget();
	for (unsigned int n = 1 + (unsigned int)draw_below(6); n; n--) {
		struct call c = {.what = (unsigned int)draw_below(CALLS)};
		struct rt_fault fault;

		operands(&c);
		tell("operand", c.a);
		tell_call(&c, rt_try(run, &c, &fault), &fault);
	}
}
