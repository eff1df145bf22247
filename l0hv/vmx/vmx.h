/* SPDX-License-Identifier: MIT */
/*
 * The VMX instructions. Each checks CF and ZF (SDM "Conventions"); a failure that L0's own design excludes
 * panics with a dump of the VMCS. Executions are counted for the accounting.
 */
#ifndef L0HV_VMX_VMX_H
#define L0HV_VMX_VMX_H

#include <stdint.h>

#include "vmcs_merge/encoding.h"

struct vmx_counters {
	uint64_t vmreads, vmwrites, vmptrlds;
};
extern struct vmx_counters vmx_counters;

void vmx_instruction_failed(const char *insn, uint64_t operand) __attribute__((noreturn, cold));

/* Not counted: for who counts several at once by vmx_count(). */
static inline uint64_t vmread_uncounted(uint32_t field)
{
	uint64_t v;

	__asm__ goto volatile("vmread %1, %0; jbe %l[failed]"
			      : "=r"(v)
			      : "r"((uint64_t)field)
			      : "cc"
			      : failed);
	return v;
failed:
	vmx_instruction_failed("vmread", field);
}

static inline void vmwrite_uncounted(uint32_t field, uint64_t v)
{
	__asm__ goto volatile("vmwrite %1, %0; jbe %l[failed]"
			      :
			      : "r"((uint64_t)field), "r"(v)
			      : "cc"
			      : failed);
	return;
failed:
	vmx_instruction_failed("vmwrite", field);
}

static inline void vmx_count(uint64_t reads, uint64_t writes)
{
	vmx_counters.vmreads += reads;
	vmx_counters.vmwrites += writes;
}

static inline uint64_t vmread(uint32_t field)
{
	vmx_counters.vmreads++;
	return vmread_uncounted(field);
}

static inline void vmwrite(uint32_t field, uint64_t v)
{
	vmx_counters.vmwrites++;
	vmwrite_uncounted(field, v);
}

/* For dumps: a field that the processor may lack. Nonzero: VMfail. */
static inline int vmread_try(uint32_t field, uint64_t *v)
{
	uint8_t failed;

	__asm__ volatile("vmread %2, %0; setbe %1" : "=r"(*v), "=q"(failed) : "r"((uint64_t)field) : "cc");
	return failed;
}

#define DEFINE_VMX_MEMORY(name, insn)                                                                        \
	static inline void name(uint64_t pa)                                                                 \
	{                                                                                                    \
		__asm__ goto volatile(insn " %0; jbe %l[failed]" : : "m"(pa) : "cc", "memory" : failed);     \
		return;                                                                                      \
	failed:                                                                                              \
		vmx_instruction_failed(insn, pa);                                                            \
	}
DEFINE_VMX_MEMORY(vmxon, "vmxon")
DEFINE_VMX_MEMORY(vmclear, "vmclear")
DEFINE_VMX_MEMORY(vmptrld_uncounted, "vmptrld")

/* The current VMCS; all ones without one. */
static inline uint64_t vmptrst(void)
{
	uint64_t pa;

	__asm__ volatile("vmptrst %0" : "=m"(pa) : : "cc", "memory");
	return pa;
}

static inline void vmptrld(uint64_t pa)
{
	vmx_counters.vmptrlds++;
	vmptrld_uncounted(pa);
}

#define INVEPT_SINGLE  1u
#define INVEPT_ALL     2u
#define INVVPID_SINGLE 1u
#define INVVPID_ALL    2u

static inline void invept(uint64_t type, uint64_t eptp)
{
	uint64_t descriptor[2] = {eptp, 0};

	__asm__ goto volatile("invept %0, %1; jbe %l[failed]"
			      :
			      : "m"(descriptor), "r"(type)
			      : "cc", "memory"
			      : failed);
	return;
failed:
	vmx_instruction_failed("invept", eptp);
}

static inline void invvpid(uint64_t type, uint16_t vpid)
{
	uint64_t descriptor[2] = {vpid, 0};

	__asm__ goto volatile("invvpid %0, %1; jbe %l[failed]"
			      :
			      : "m"(descriptor), "r"(type)
			      : "cc", "memory"
			      : failed);
	return;
failed:
	vmx_instruction_failed("invvpid", vpid);
}

/* VM-entry interruption-information field, exit interruption information, IDT-vectoring information */
#define INTR_VALID        (1u << 31)
#define INTR_ERROR_CODE   (1u << 11)
#define INTR_NMI_UNBLOCK  (1u << 12) /* exit information only */
#define INTR_TYPE_MASK    (7u << 8)
#define INTR_TYPE_EXT     (0u << 8)
#define INTR_TYPE_NMI     (2u << 8)
#define INTR_TYPE_HW      (3u << 8) /* hardware exception */
#define INTR_TYPE_SW_INT  (4u << 8)
#define INTR_TYPE_PRIV_SW (5u << 8)
#define INTR_TYPE_SW_EX   (6u << 8)

/* Interruptibility state */
#define BLOCKED_BY_STI    0x1u
#define BLOCKED_BY_MOV_SS 0x2u
#define BLOCKED_BY_NMI    0x8u

/* Activity state */
#define ACTIVITY_ACTIVE    0u
#define ACTIVITY_HLT       1u
#define ACTIVITY_SHUTDOWN  2u
#define ACTIVITY_WAIT_SIPI 3u

/* Pending debug exceptions: a single step that an emulated instruction completed */
#define PENDING_DEBUG_ENABLED (1u << 12) /* a breakpoint that is enabled was met */
#define PENDING_DEBUG_BS      (1u << 14)

#define VECTOR_DE     0u
#define VECTOR_DB     1u
#define VECTOR_NMI    2u
#define VECTOR_UD     6u
#define VECTOR_NM     7u
#define VECTOR_DF     8u
#define VECTOR_SS     12u
#define VECTOR_GP     13u
#define VECTOR_PF     14u
#define VECTOR_AC     17u
#define VECTOR_VE     20u
#define NO_ERROR_CODE (~0u)

#endif
