// SPDX-License-Identifier: MIT
/*
 * VMX instructions of L1 with operands or at a moment that the SDM's "VMX Instruction Reference" forbids, and
 * the launch state. badvmx has the first part of this, outside VMX operation and without a VMCS.
 */
#include "lab.h"

L2_CODE(op_code, "nop");

enum insn { VMCLEAR, VMPTRLD, VMREAD, VMWRITE, VMXON, INVEPT, INVVPID, VMPTRST };
/* A fault's vector is itself. */
enum { DONE = 100, INVALID = 101, VALID = 200 };

struct call {
	enum insn insn;
	uint64_t a, b; /* memory operand's address and register, or field and value */
	uint64_t flags;
};

static uint64_t operand[2] __attribute__((aligned(16)));
static uint64_t page[512] __attribute__((aligned(4096)));

#define FLAGS_OF(text, ...)                                                                                  \
	__asm__ volatile("xorl %%eax, %%eax; " text "; pushfq; popq %0"                                      \
			 : "=&r"(c->flags)                                                                   \
			 : __VA_ARGS__                                                                       \
			 : "rax", "memory", "cc")

static void execute(void *p)
{
	struct call *c = p;

	switch (c->insn) {
	case VMCLEAR:
		FLAGS_OF("vmclear (%1)", "r"(c->a));
		break;
	case VMPTRLD:
		FLAGS_OF("vmptrld (%1)", "r"(c->a));
		break;
	case VMPTRST:
		FLAGS_OF("vmptrst (%1)", "r"(c->a));
		break;
	case VMXON:
		FLAGS_OF("vmxon (%1)", "r"(c->a));
		break;
	case VMREAD:
		FLAGS_OF("vmread %1, (%2)", "r"(c->b), "r"(c->a));
		break;
	case VMWRITE:
		FLAGS_OF("vmwrite (%1), %2", "r"(c->a), "r"(c->b));
		break;
	case INVEPT:
		FLAGS_OF("invept (%1), %2", "r"(c->a), "r"(c->b));
		break;
	case INVVPID:
		FLAGS_OF("invvpid (%1), %2", "r"(c->a), "r"(c->b));
		break;
	}
}

static uint64_t outcome(enum insn insn, uint64_t a, uint64_t b)
{
	struct call c = {insn, a, b, 0};
	struct rt_fault fault;

	if (!rt_try(execute, &c, &fault))
		return fault.vector;
	if (c.flags & RFLAGS_CF)
		return INVALID;
	return c.flags & RFLAGS_ZF ? VALID + get(VM_INSTRUCTION_ERROR) : DONE;
}

static void expect(const char *name, uint64_t wanted, enum insn insn, uint64_t a, uint64_t b)
{
	if (lab_selected(name))
		rt_check_u64(name, outcome(insn, a, b), wanted);
}

/* Address of a memory operand that holds these words. */
static uint64_t words(uint64_t low, uint64_t high)
{
	operand[0] = low;
	operand[1] = high;
	return (uint64_t)(uintptr_t)operand;
}

static void regions(void)
{
	const uint64_t region = (uint64_t)(uintptr_t)page, far = 1ull << lab_caps.physical_bits;

	page[0] = lab_caps.basic & 0x7fffffff;
	expect("VMCLEAR unaligned: 2", VALID + 2, VMCLEAR, words(region + 8, 0), 0);
	expect("VMCLEAR far: 2", VALID + 2, VMCLEAR, words(far, 0), 0);
	expect("VMCLEAR of the VMXON region: 3", VALID + 3, VMCLEAR, words(lab_vmxon_region(), 0), 0);
	expect("VMPTRLD unaligned: 9", VALID + 9, VMPTRLD, words(region + 1, 0), 0);
	expect("VMPTRLD far: 9", VALID + 9, VMPTRLD, words(far, 0), 0);
	expect("VMPTRLD of the VMXON region: 10", VALID + 10, VMPTRLD, words(lab_vmxon_region(), 0), 0);
	page[0] ^= 1;
	expect("VMPTRLD of another revision: 11", VALID + 11, VMPTRLD, words(region, 0), 0);
	page[0] = 0x80000000 | (lab_caps.basic & 0x7fffffff);
	expect("VMPTRLD of a shadow VMCS without shadowing: 11",
	       caps_allow(CPU_CTLS2, 1u << 14, 0) ? DONE : VALID + 11, VMPTRLD, words(region, 0), 0);
	vmptrld(lab_vmcs());
	page[0] = lab_caps.basic & 0x7fffffff;
	expect("VMXON in VMX root operation: 15", VALID + 15, VMXON, words(region, 0), 0);
	expect("VMXON in VMX root operation, bad operand: 15", VALID + 15, VMXON, words(region + 1, 0), 0);
	expect("VMCLEAR of a non-canonical operand: #GP", GP, VMCLEAR, NON_CANONICAL, 0);
	expect("VMPTRLD of an unmapped operand: #PF", PF, VMPTRLD, RT_WINDOW, 0);
	expect("VMPTRST to an unmapped operand: #PF", PF, VMPTRST, RT_WINDOW, 0);
	rt_map(RT_WINDOW, region, RT_PRESENT);
	expect("VMPTRST to a read-only operand: #PF", PF, VMPTRST, RT_WINDOW, 0);
	expect("VMREAD to a read-only operand: #PF", PF, VMREAD, RT_WINDOW, GUEST_RIP);
	expect("VMWRITE of a read-only operand", DONE, VMWRITE, RT_WINDOW, TSC_OFFSET);
	rt_map(RT_WINDOW, 0, 0);
	expect("VMREAD to an unmapped operand: #PF", PF, VMREAD, RT_WINDOW, GUEST_RIP);
	expect("VMWRITE of an unmapped operand: #PF", PF, VMWRITE, RT_WINDOW, GUEST_RIP);
	expect("VMREAD of no field, unmapped operand: 12", VALID + 12, VMREAD, RT_WINDOW, 0x6ffe);
	expect("VMREAD of no field: 12", VALID + 12, VMREAD, words(0, 0), 0x6ffe);
	expect("VMWRITE of no field: 12", VALID + 12, VMWRITE, words(0, 0), 0x3ffe);
	expect("VMREAD of a field number of 33 bits: 12", VALID + 12, VMREAD, words(0, 0),
	       1ull << 32 | GUEST_RIP);
	expect("VMREAD of the high half of a 32-bit field: 12", VALID + 12, VMREAD, words(0, 0),
	       EXIT_REASON | 1);
	expect("VMWRITE of a read-only field: 13", lab_caps.misc >> 29 & 1 ? DONE : VALID + 13, VMWRITE,
	       words(0, 0), EXIT_QUALIFICATION);
}

static void invalidations(void)
{
	const uint64_t caps = lab_caps.ept_vpid, eptp = lab_eptp();

	if (caps & 1u << 20) {
		expect("INVEPT of all", DONE, INVEPT, words(0, 0), 2);
		expect("INVEPT of one", caps & 1u << 25 ? DONE : VALID + 28, INVEPT, words(eptp, 0), 1);
		expect("INVEPT of one, bad EPTP: 28", VALID + 28, INVEPT, words(eptp | 7, 0), 1);
		expect("INVEPT of type 0: 28", VALID + 28, INVEPT, words(eptp, 0), 0);
		expect("INVEPT of type 3: 28", VALID + 28, INVEPT, words(eptp, 0), 3);
		expect("INVEPT of an unmapped operand: #PF", PF, INVEPT, RT_WINDOW, 2);
	} else {
		rt_skip("INVEPT", "the processor has none");
	}
	if (caps >> 32 & 1 && caps_allow(CPU_CTLS2, CPU2_VPID, 0)) {
		expect("INVVPID of all", DONE, INVVPID, words(0, 0), 2);
		expect("INVVPID of one", DONE, INVVPID, words(5, 0), 1);
		expect("INVVPID of VPID 0: 28", VALID + 28, INVVPID, words(0, 0), 1);
		expect("INVVPID of an address", DONE, INVVPID, words(5, 0x1000), 0);
		expect("INVVPID of a non-canonical address: 28", VALID + 28, INVVPID, words(5, NON_CANONICAL),
		       0);
		expect("INVVPID's reserved bits: 28", VALID + 28, INVVPID, words(0x10005, 0), 1);
		expect("INVVPID of type 4: 28", VALID + 28, INVVPID, words(5, 0), 4);
		expect("INVVPID of an unmapped operand: #PF", PF, INVVPID, RT_WINDOW, 2);
	} else {
		rt_skip("INVVPID", "the processor has none");
	}
}

void test_operands(void)
{
	lab_reset(&code_op_code, KERNEL64);
	regions();
	lab_reset(&code_op_code, KERNEL64);
	invalidations();
}
