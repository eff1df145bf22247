/* SPDX-License-Identifier: MIT */
/*
 * The VMX instructions, each with its check of CF (VMfailInvalid) and ZF (VMfailValid).
 * SDM volume 3, "VMX Instruction Reference", section "Conventions".
 * VMLAUNCH and VMRESUME return somewhere else: each hypervisor has its own.
 */
#ifndef WORKLOADS_VMX_H
#define WORKLOADS_VMX_H

#include <stdbool.h>
#include <stdint.h>
#include "vmcs.h"

/* An instruction that cannot fail failed: reports it with `what`, and the field or address; ends the machine.
 */
_Noreturn void vmx_instruction_failed(const char *what, uint64_t operand) __attribute__((cold));

static inline __attribute__((always_inline)) uint64_t vmread(enum vmcs_field field)
{
	uint64_t value;
	bool failed;

	__asm__ volatile("vmread %2, %0" : "=rm"(value), "=@ccbe"(failed) : "r"((uint64_t)field));
	if (__builtin_expect(failed, 0))
		vmx_instruction_failed("vmread", field);
	return value;
}

static inline __attribute__((always_inline)) uint32_t vmread32(enum vmcs_field field)
{
	return (uint32_t)vmread(field);
}

static inline __attribute__((always_inline)) void vmwrite(enum vmcs_field field, uint64_t value)
{
	bool failed;

	__asm__ volatile("vmwrite %2, %1" : "=@ccbe"(failed) : "r"((uint64_t)field), "rm"(value) : "memory");
	if (__builtin_expect(failed, 0))
		vmx_instruction_failed("vmwrite", field);
}

#define VMX_REGION_OP(name)                                                                                  \
	static inline void name(uint64_t physical)                                                           \
	{                                                                                                    \
		bool failed;                                                                                 \
                                                                                                             \
		__asm__ volatile(#name " %1" : "=@ccbe"(failed) : "m"(physical) : "memory");                 \
		if (failed)                                                                                  \
			vmx_instruction_failed(#name, physical);                                             \
	}
VMX_REGION_OP(vmxon)
VMX_REGION_OP(vmclear)
VMX_REGION_OP(vmptrld)
#undef VMX_REGION_OP

/* All translations tagged with this VPID. Type 1, single-context. */
static inline void invvpid_context(uint16_t vpid)
{
	const struct {
		uint64_t vpid, linear;
	} descriptor = {vpid, 0};
	bool failed;

	__asm__ volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(descriptor), "r"(1ull) : "memory");
	if (failed)
		vmx_instruction_failed("invvpid", vpid);
}

#endif
