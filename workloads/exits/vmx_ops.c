/* SPDX-License-Identifier: MIT */
/*
 * VMX instructions, of a hypervisor that has no guest. A field of the host-state area is one that no
 * hypervisor above has shadowed: it does not change from exit to exit. Guest RIP is one that each does.
 */
#include "ops.h"
#include "rt.h"
#include "vmx_ops.h"
#include "workloads/vmx/feature.h"
#include "workloads/vmx/vmx.h"

#define VALUE         0x5eed5eedull
#define CPUID_VMX     (1u << 5) /* CPUID.1:ECX */
#define REVISION      0x7fffffffu
#define CTLS2_ALLOWED 63 /* in IA32_VMX_PROCBASED_CTLS: there are secondary controls */
#define EPT_ALLOWED   33 /* in IA32_VMX_PROCBASED_CTLS2 */
#define INVEPT_BITS   (1ull << 20 | 1ull << 26) /* in IA32_VMX_EPT_VPID_CAP: INVEPT, type all contexts */
#define INVEPT_ALL    2u

static uint8_t regions[3][4096] __attribute__((aligned(4096))); /* VMXON's, two VMCSs */
static uint64_t address[2]; /* of the VMCSs: operands of VMPTRLD */
static const uint64_t no_context[2];

void vmx_instruction_failed(const char *what, uint64_t operand)
{
	rt_panic("%s 0x%lx failed", what, operand);
}

/* VMX operation, with the first VMCS current. */
static const char *vmx_begin(void)
{
	if (!(cpuid(1, 0).ecx & CPUID_VMX))
		return "no VT-x";
	if (!vmx_feature_on())
		return "VT-x locked off by the firmware";
	write_cr4(read_cr4() | CR4_VMXE);
	for (unsigned int i = 0; i < 3; i++)
		*(uint32_t *)(void *)regions[i] = (uint32_t)rdmsr(IA32_VMX_BASIC) & REVISION;
	vmxon((uint64_t)(uintptr_t)regions[0]);
	for (unsigned int i = 0; i < 2; i++) {
		address[i] = (uint64_t)(uintptr_t)regions[i + 1];
		vmclear(address[i]);
	}
	vmptrld(address[0]);
	return NULL;
}

static void vmx_end(void)
{
	vmclear(address[0]);
	vmclear(address[1]);
	__asm__ volatile("vmxoff" : : : "cc", "memory");
	write_cr4(read_cr4() & ~CR4_VMXE);
}

static const char *before_field(struct op_regs *regs, enum vmcs_field field)
{
	const char *why = vmx_begin();

	if (why)
		return why;
	vmwrite(field, VALUE);
	regs->rsi = field;
	regs->rax = VALUE;
	return NULL;
}

const char *before_vmcs_host(struct op_regs *regs)
{
	return before_field(regs, HOST_RIP);
}

const char *before_vmcs_guest(struct op_regs *regs)
{
	return before_field(regs, GUEST_RIP);
}

uint64_t after_vmcs_read(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	vmx_end();
	return regs->rax;
}

uint64_t after_vmcs_written(const struct op_regs *regs, uint64_t n)
{
	const uint64_t v = vmread((enum vmcs_field)regs->rsi);

	(void)n;
	vmx_end();
	return v;
}

const char *before_vmcs_two(struct op_regs *regs)
{
	const char *why = vmx_begin();

	regs->rbx = (uint64_t)(uintptr_t)&address[0];
	regs->rcx = (uint64_t)(uintptr_t)&address[1];
	return why;
}

/* 1: the VMCS that was loaded last is the current one. */
uint64_t after_vmcs_current(const struct op_regs *regs, uint64_t n)
{
	uint64_t current;

	(void)n;
	__asm__ volatile("vmptrst %0" : "=m"(current) : : "cc");
	vmx_end();
	return current == *(const uint64_t *)(uintptr_t)regs->rbx;
}

const char *before_invept(struct op_regs *regs)
{
	const char *why = vmx_begin();

	if (why)
		return why;
	regs->rbx = (uint64_t)(uintptr_t)no_context;
	regs->rcx = INVEPT_ALL;
	if (rdmsr(IA32_VMX_CPU) >> CTLS2_ALLOWED & 1 && rdmsr(IA32_VMX_CPU2) >> EPT_ALLOWED & 1 &&
	    (rdmsr(IA32_VMX_EPT_VPID) & INVEPT_BITS) == INVEPT_BITS)
		return NULL;
	vmx_end();
	return "no INVEPT of all contexts";
}

uint64_t after_vmx_left(const struct op_regs *regs, uint64_t n)
{
	(void)regs;
	(void)n;
	vmx_end();
	return 1;
}
