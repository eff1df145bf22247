/* SPDX-License-Identifier: MIT */
/*
 * VMX instructions where and as they must not be: each faults or fails as the SDM's "VMX Instruction
 * Reference" says. One row a check in its table; where VMX isn't offered, #UD is what is wanted.
 */
#include "rt.h"
#include "rt_check.h"

#define CR0_NE ((uint64_t)1 << 5)
#define CR0_PG ((uint64_t)1 << 31)

#define FEATURE_LOCKED   0x1ull
#define FEATURE_VMXON    0x4ull /* outside SMX */
#define BASIC_REVISION   0x7fffffffull
#define MSR_PROCBASED    0x482u
#define MSR_PROCBASED2   0x48bu
#define MSR_EPT_VPID_CAP 0x48cu
#define CTLS_SECONDARY   ((uint64_t)1 << 63) /* allowed-1 half */
#define CTLS2_EPT        ((uint64_t)1 << 33)
#define CTLS2_VPID       ((uint64_t)1 << 37)
#define EPT_INVEPT       ((uint64_t)1 << 20)
#define EPT_INVVPID      ((uint64_t)1 << 32)
#define MSR_VMX_MISC     0x485u
#define MISC_VMWRITE_ANY ((uint64_t)1 << 29)
#define NON_CANONICAL    0x8000000000000000ull

#define FIELD_ERROR  0x4400u /* VM-instruction error */
#define FIELD_REASON 0x4402u /* exit reason: read-only */
#define FIELD_RIP    0x681eu
#define FIELD_NONE   0x6ffeu /* no field has this encoding */

enum { UD = 6, GP = 13, PF = 14 };

/* How an instruction ended: a fault's vector, or one of these. */
enum { DONE = 100, FAIL_INVALID = 101, FAIL_VALID = 200 /* + VM-instruction error */ };

enum insn {
	VMXON,
	VMXOFF,
	VMCLEAR,
	VMPTRLD,
	VMPTRST,
	VMREAD,
	VMWRITE,
	VMLAUNCH,
	VMRESUME,
	VMCALL,
	INVEPT,
	INVVPID
};

struct call {
	enum insn insn;
	uint64_t operand; /* address of a memory operand, field, or type */
	uint64_t value;
	uint64_t flags;
};

static uint64_t memory_operand;
static uint64_t region[4][512] __attribute__((aligned(4096)));
static uint64_t descriptor[2] __attribute__((aligned(16)));

#define VMX(text, ...)                                                                                       \
	__asm__ volatile("xorl %%eax, %%eax; " text "; pushfq; popq %0"                                      \
			 : "=&r"(flags)                                                                      \
			 : __VA_ARGS__                                                                       \
			 : "rax", "memory", "cc")

static void execute(void *p)
{
	struct call *c = p;
	uint64_t flags = 0;

	switch (c->insn) {
	case VMXON:
		VMX("vmxon (%1)", "r"(c->operand));
		break;
	case VMXOFF:
		VMX("vmxoff", "r"(c->operand));
		break;
	case VMCLEAR:
		VMX("vmclear (%1)", "r"(c->operand));
		break;
	case VMPTRLD:
		VMX("vmptrld (%1)", "r"(c->operand));
		break;
	case VMPTRST:
		VMX("vmptrst (%1)", "r"(c->operand));
		break;
	case VMREAD:
		VMX("vmread %1, %2", "r"(c->operand), "r"(c->value));
		break;
	case VMWRITE:
		VMX("vmwrite %2, %1", "r"(c->operand), "r"(c->value));
		break;
	case VMLAUNCH:
		VMX("vmlaunch", "r"(c->operand));
		break;
	case VMRESUME:
		VMX("vmresume", "r"(c->operand));
		break;
	case VMCALL:
		VMX("vmcall", "r"(c->operand));
		break;
	case INVEPT:
		VMX("invept (%1), %2", "r"(descriptor), "r"(c->operand));
		break;
	case INVVPID:
		VMX("invvpid (%1), %2", "r"(descriptor), "r"(c->operand));
		break;
	}
	c->flags = flags;
}

static uint64_t vmread(uint64_t field)
{
	uint64_t v = 0;

	__asm__ volatile("vmread %1, %0" : "=r"(v) : "r"(field) : "cc", "memory");
	return v;
}

/* The operand of VMXON, VMCLEAR, VMPTRLD is memory that holds this physical address. */
static uint64_t holding(uint64_t physical)
{
	memory_operand = physical;
	return (uint64_t)(uintptr_t)&memory_operand;
}

static uint64_t outcome(enum insn insn, uint64_t operand, uint64_t value)
{
	struct call c = {insn, operand, value, 0};
	struct rt_fault fault;

	if (!rt_try(execute, &c, &fault))
		return fault.vector;
	if (c.flags & RFLAGS_CF)
		return FAIL_INVALID;
	if (c.flags & RFLAGS_ZF)
		return FAIL_VALID + vmread(FIELD_ERROR);
	return DONE;
}

static const char *describe(uint64_t how, char *text, size_t size)
{
	if (how < 32)
		rt_snprintf(text, size, "exception %lu", how);
	else if (how == DONE)
		rt_snprintf(text, size, "success");
	else if (how == FAIL_INVALID)
		rt_snprintf(text, size, "VMfailInvalid");
	else
		rt_snprintf(text, size, "VMfailValid(%lu)", how - FAIL_VALID);
	return text;
}

static void expect(const char *name, uint64_t wanted, enum insn insn, uint64_t operand, uint64_t value)
{
	char a[32], b[32];
	uint64_t got = outcome(insn, operand, value);

	if (got == wanted)
		rt_pass(name);
	else
		rt_fail(name, "%s, wanted %s", describe(got, a, sizeof(a)), describe(wanted, b, sizeof(b)));
}

static void set_cr0(void *v)
{
	write_cr0((uint64_t)(uintptr_t)v);
}

static void set_cr4(void *v)
{
	write_cr4((uint64_t)(uintptr_t)v);
}

static uint64_t vector_of(void (*fn)(void *), uint64_t v)
{
	struct rt_fault fault;

	rt_try(fn, (void *)(uintptr_t)v, &fault);
	return fault.vector;
}

static void outside_vmx(const char *when)
{
	static const struct {
		const char *name;
		enum insn insn;
	} rows[] = {
		{"VMXOFF",   VMXOFF  },
                {"VMCLEAR",  VMCLEAR },
                {"VMPTRLD",  VMPTRLD },
                {"VMPTRST",  VMPTRST },
		{"VMREAD",   VMREAD  },
                {"VMWRITE",  VMWRITE },
                {"VMLAUNCH", VMLAUNCH},
                {"VMRESUME", VMRESUME},
		{"INVEPT",   INVEPT  },
                {"INVVPID",  INVVPID },
	};
	char name[64];

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rt_snprintf(name, sizeof(name), "%s %s: #UD", rows[i].name, when);
		expect(name, UD, rows[i].insn, holding(0), 0);
	}
}

/* True when VMX can be switched on. */
static bool allow_vmx(void)
{
	uint64_t control = rdmsr(MSR_FEATURE_CONTROL);

	if (!(control & FEATURE_LOCKED)) {
		expect("VMXON while IA32_FEATURE_CONTROL is unlocked: #GP", GP, VMXON, holding(0), 0);
		wrmsr(MSR_FEATURE_CONTROL, FEATURE_VMXON);
		rt_check_u64("IA32_FEATURE_CONTROL is writable until it is locked",
			     rdmsr(MSR_FEATURE_CONTROL), FEATURE_VMXON);
		expect("VMXON while it allows VMX, but is unlocked: #GP", GP, VMXON, holding(0), 0);
		wrmsr(MSR_FEATURE_CONTROL, 0);
		wrmsr(MSR_FEATURE_CONTROL, FEATURE_LOCKED | FEATURE_VMXON);
	} else {
		rt_skip("VMXON while IA32_FEATURE_CONTROL is unlocked: #GP", "it is locked already");
	}
	rt_check("WRMSR to the locked IA32_FEATURE_CONTROL: #GP",
		 !rt_wrmsr_safe(MSR_FEATURE_CONTROL, FEATURE_LOCKED | FEATURE_VMXON));
	return rdmsr(MSR_FEATURE_CONTROL) & FEATURE_VMXON;
}

static void enter_vmx(void)
{
	uint64_t revision = rdmsr(MSR_VMX_BASIC) & BASIC_REVISION, at = (uint64_t)(uintptr_t)region[0];
	unsigned int bits = cpuid(0x80000008, 0).eax & 0xff;

	region[0][0] = revision;
	rt_map(RT_WINDOW, 0, 0);
	write_cr0(read_cr0() & ~CR0_NE);
	expect("VMXON with CR0.NE clear: #GP", GP, VMXON, holding(at), 0);
	write_cr0(read_cr0() | CR0_NE);
	expect("VMXON of a non-canonical operand: #GP", GP, VMXON, NON_CANONICAL, 0);
	expect("VMXON of an unmapped operand: #PF", PF, VMXON, RT_WINDOW, 0);
	expect("VMXON of an unaligned region: VMfailInvalid", FAIL_INVALID, VMXON, holding(at + 8), 0);
	expect("VMXON behind the physical addresses: VMfailInvalid", FAIL_INVALID, VMXON,
	       holding(1ull << bits), 0);
	region[0][0] = revision ^ 1;
	expect("VMXON with another revision: VMfailInvalid", FAIL_INVALID, VMXON, holding(at), 0);
	region[0][0] = revision | 1ull << 31;
	expect("VMXON with bit 31 of the revision: VMfailInvalid", FAIL_INVALID, VMXON, holding(at), 0);
	region[0][0] = revision;
	expect("VMXON", DONE, VMXON, holding(at), 0);
}

static void without_vmcs(uint64_t vmxon)
{
	expect("VMXON in VMX operation, no VMCS: VMfailInvalid", FAIL_INVALID, VMXON, holding(vmxon), 0);
	expect("VMREAD without VMCS: VMfailInvalid", FAIL_INVALID, VMREAD, FIELD_RIP, 0);
	expect("VMWRITE without VMCS: VMfailInvalid", FAIL_INVALID, VMWRITE, FIELD_RIP, 0);
	expect("VMLAUNCH without VMCS: VMfailInvalid", FAIL_INVALID, VMLAUNCH, 0, 0);
	expect("VMRESUME without VMCS: VMfailInvalid", FAIL_INVALID, VMRESUME, 0, 0);
	if (rt_has_hypervisor())
		rt_skip("VMCALL in root without VMCS: VMfailInvalid",
			"a hypervisor may take it as a hypercall");
	else
		expect("VMCALL in root without VMCS: VMfailInvalid", FAIL_INVALID, VMCALL, 0, 0);
	expect("VMPTRLD of the VMXON region, no VMCS: VMfailInvalid", FAIL_INVALID, VMPTRLD, holding(vmxon),
	       0);
	expect("VMCLEAR unaligned, no VMCS: VMfailInvalid", FAIL_INVALID, VMCLEAR, holding(vmxon + 1), 0);
	expect("VMPTRST without VMCS", DONE, VMPTRST, holding(0), 0);
	rt_check_u64("VMPTRST without VMCS stores all ones", memory_operand, ~0ull);
}

static void with_vmcs(uint64_t vmxon)
{
	uint64_t vmcs = (uint64_t)(uintptr_t)region[1], other = (uint64_t)(uintptr_t)region[2];
	uint64_t revision = rdmsr(MSR_VMX_BASIC) & BASIC_REVISION;
	bool any = rdmsr(MSR_VMX_MISC) & MISC_VMWRITE_ANY;

	region[1][0] = revision;
	region[2][0] = revision ^ 1;
	expect("VMCLEAR", DONE, VMCLEAR, holding(vmcs), 0);
	expect("VMPTRLD", DONE, VMPTRLD, holding(vmcs), 0);
	expect("VMPTRST", DONE, VMPTRST, holding(0), 0);
	rt_check_u64("VMPTRST stores the current VMCS", memory_operand, vmcs);
	expect("VMCLEAR unaligned: error 2", FAIL_VALID + 2, VMCLEAR, holding(vmcs + 1), 0);
	expect("VMCLEAR of the VMXON region: error 3", FAIL_VALID + 3, VMCLEAR, holding(vmxon), 0);
	expect("VMRESUME of a clear VMCS: error 5", FAIL_VALID + 5, VMRESUME, 0, 0);
	expect("VMPTRLD unaligned: error 9", FAIL_VALID + 9, VMPTRLD, holding(vmcs + 1), 0);
	expect("VMPTRLD of the VMXON region: error 10", FAIL_VALID + 10, VMPTRLD, holding(vmxon), 0);
	expect("VMPTRLD with another revision: error 11", FAIL_VALID + 11, VMPTRLD, holding(other), 0);
	expect("VMREAD of no field: error 12", FAIL_VALID + 12, VMREAD, FIELD_NONE, 0);
	expect("VMWRITE of no field: error 12", FAIL_VALID + 12, VMWRITE, FIELD_NONE, 0);
	expect("VMWRITE of a read-only field", any ? DONE : FAIL_VALID + 13, VMWRITE, FIELD_REASON, 0);
	expect("VMXON in VMX operation: error 15", FAIL_VALID + 15, VMXON, holding(vmxon), 0);
	expect("VMWRITE", DONE, VMWRITE, FIELD_RIP, 0x1234567);
	rt_check_u64("VMREAD gives what VMWRITE wrote", vmread(FIELD_RIP), 0x1234567);
	expect("VMLAUNCH with controls of zero: error 7", FAIL_VALID + 7, VMLAUNCH, 0, 0);
	expect("VMPTRLD of a non-canonical operand: #GP", GP, VMPTRLD, NON_CANONICAL, 0);
	expect("VMCLEAR of an unmapped operand: #PF", PF, VMCLEAR, RT_WINDOW, 0);
	expect("VMPTRST to an unmapped operand: #PF", PF, VMPTRST, RT_WINDOW, 0);
}

static void invalidation(const char *name, bool exists, enum insn insn, uint64_t bad_type)
{
	if (exists)
		expect(name, FAIL_VALID + 28, insn, bad_type, 0);
	else if (rt_has_hypervisor())
		expect(name, UD, insn, bad_type, 0);
	else
		rt_skip(name, "the processor has no such instruction, and an emulated one may execute it all "
			      "the same");
}

static void invalidations(void)
{
	uint64_t secondary = rdmsr(MSR_PROCBASED) & CTLS_SECONDARY ? rdmsr(MSR_PROCBASED2) : 0;
	uint64_t cap = secondary & (CTLS2_EPT | CTLS2_VPID) ? rdmsr(MSR_EPT_VPID_CAP) : 0;

	invalidation("INVEPT of type 3", secondary & CTLS2_EPT && cap & EPT_INVEPT, INVEPT, 3);
	invalidation("INVVPID of type 4", secondary & CTLS2_VPID && cap & EPT_INVVPID, INVVPID, 4);
}

void rt_main(void)
{
	uint64_t vmxon = (uint64_t)(uintptr_t)region[0];
	bool offered = cpuid(1, 0).ecx & (1u << 5);

	expect("VMXON with CR4.VMXE clear: #UD", UD, VMXON, holding(vmxon), 0);
	outside_vmx("outside VMX operation");
	if (rt_has_hypervisor())
		rt_skip("VMCALL without hypervisor: #UD", "there is a hypervisor");
	else
		expect("VMCALL without hypervisor: #UD", UD, VMCALL, 0, 0);
	if (!offered) {
		rt_check_u64("CR4.VMXE without VMX: #GP", vector_of(set_cr4, read_cr4() | CR4_VMXE), GP);
		rt_skip("VMX operation", "CPUID.VMX is clear");
		rt_check_end();
		return;
	}
	rt_check_u64("CR4.VMXE can be set", vector_of(set_cr4, read_cr4() | CR4_VMXE), RT_NO_FAULT);
	outside_vmx("with CR4.VMXE");
	if (!allow_vmx()) {
		rt_skip("VMX operation", "IA32_FEATURE_CONTROL is locked without it");
		rt_check_end();
		return;
	}
	enter_vmx();
	without_vmcs(vmxon);
	with_vmcs(vmxon);
	invalidations();
	rt_check_u64("CR4.VMXE cleared in VMX operation: #GP", vector_of(set_cr4, read_cr4() & ~CR4_VMXE),
		     GP);
	rt_check_u64("CR0.NE cleared in VMX operation: #GP", vector_of(set_cr0, read_cr0() & ~CR0_NE), GP);
	rt_check_u64("CR0.PG cleared in VMX operation: #GP", vector_of(set_cr0, read_cr0() & ~CR0_PG), GP);
	expect("VMXOFF", DONE, VMXOFF, 0, 0);
	outside_vmx("after VMXOFF");
	rt_check_u64("CR4.VMXE can be cleared", vector_of(set_cr4, read_cr4() & ~CR4_VMXE), RT_NO_FAULT);
	rt_check_end();
}
