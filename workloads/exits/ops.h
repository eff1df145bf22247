/* SPDX-License-Identifier: MIT */
/*
 * The measured operations, one row each: OP(name, every, prepare, body, before, after).
 *   every    iterations are divided by it (at least 1 is left)
 *   prepare  instructions of each iteration that are not measured: the baseline loop has them too
 *   body     what is measured; it may change RAX … RSI, R8, not R12 … R15
 *   before   sets the registers the loop begins with; returns why the operation is skipped, or NULL
 *   after    digest of the architectural result, the same bare and at every level; puts things back
 * Mark ids are the rows' numbers, from 1 on: append, don't reorder.
 */
#ifndef EXITS_OPS_H
#define EXITS_OPS_H

#include <stdint.h>

/* clang-format off */
#define OPS(OP)                                                                                              \
	OP(empty,          1, "",                  "",                    none,           iterations)         \
	OP(cpuid,          1, "xorl %eax, %eax\n"                                                             \
			      "xorl %ecx, %ecx",   "cpuid",               none,           vendor)             \
	OP(vmcall,         1, "xorl %eax, %eax",   "vmcall",              hypervisor,     hypercall)          \
	OP(rdmsr_trapped,  1, "",                  "rdmsr",               apic_base,      apic_base_value)    \
	OP(wrmsr_trapped,  1, "",                  "wrmsr",               apic_base,      apic_base_value)    \
	OP(rdmsr_free,     1, "",                  "rdmsr",               gs_base,        gs_base_value)      \
	OP(wrmsr_free,     1, "",                  "wrmsr",               gs_base,        gs_base_value)      \
	OP(pio_out,        1, "",                  "outl %eax, %dx",      doorbell,       doorbell_value)     \
	OP(pio_in,         1, "",                  "inl %dx, %eax",       doorbell_rung,  doorbell_value)     \
	OP(mmio_write,     1, "",                  "movl %eax, (%rbx)",   doorbell,       doorbell_value)     \
	OP(mmio_read,      1, "",                  "movl (%rbx), %eax",   doorbell_rung,  doorbell_value)     \
	OP(mov_from_cr0,   1, "",                  "movq %cr0, %rax",     none,           result_rax)         \
	OP(mov_to_cr0,     1, "",                  "movq %rax, %cr0",     cr0,            cr0_value)          \
	OP(mov_to_cr0_ts,  1, "xorl $8, %eax",     "movq %rax, %cr0",     cr0,            cr0_ts_value)       \
	OP(clts,           1, "",                  "clts",                none,           cr0_value)          \
	OP(mov_from_cr3,   1, "",                  "movq %cr3, %rax",     none,           result_rax)         \
	OP(mov_to_cr3,     1, "",                  "movq %rax, %cr3",     cr3,            cr3_value)          \
	OP(mov_from_cr4,   1, "",                  "movq %cr4, %rax",     none,           cr4_rax)            \
	OP(mov_to_cr4,     1, "",                  "movq %rax, %cr4",     cr4,            cr4_value)          \
	OP(mov_to_cr4_pge, 1, "xorl $0x80, %eax",  "movq %rax, %cr4",     cr4,            cr4_pge_value)      \
	OP(mov_from_cr8,   1, "",                  "movq %cr8, %rax",     none,           result_rax)         \
	OP(mov_to_cr8,     1, "",                  "movq %rax, %cr8",     cr8,            cr8_value)          \
	OP(rdtsc,          1, "",                  "rdtsc",               none,           tsc_grows)          \
	OP(pause,          1, "",                  "pause",               none,           iterations)         \
	OP(hlt,           10, "movl %eax, (%rbx)", "sti\n"                                                    \
						   "hlt\n"                                                    \
						   "cli",                 timer,          interrupts)         \
	OP(wbinvd,         1, "",                  "wbinvd",              none,           iterations)         \
	OP(invlpg,         1, "",                  "invlpg (%rbx)",       page,           page_value)         \
	OP(xsetbv,         1, "",                  "xsetbv",              xcr0,           xcr0_value)         \
	OP(ud,             1, "",                  "ud2",                 fault_ud,       faults)             \
	OP(pf,             1, "",                  "movb (%rbx), %al",    fault_pf,       faults)             \
	OP(gp,             1, "",                  "movb (%rbx), %al",    fault_gp,       faults)             \
	OP(bp,             1, "",                  "int3",                fault_bp,       faults)             \
	OP(de,             1, "",                  "divl %ecx",           fault_de,       faults)             \
	OP(vmread,         1, "",                  "vmread %rsi, %rax",   vmcs_host,      vmcs_read)          \
	OP(vmwrite,        1, "",                  "vmwrite %rax, %rsi",  vmcs_host,      vmcs_written)       \
	OP(vmread_shadow,  1, "",                  "vmread %rsi, %rax",   vmcs_guest,     vmcs_read)          \
	OP(vmwrite_shadow, 1, "",                  "vmwrite %rax, %rsi",  vmcs_guest,     vmcs_written)       \
	OP(vmptrld,        1, "xchgq %rbx, %rcx",  "vmptrld (%rbx)",      vmcs_two,       vmcs_current)       \
	OP(invept,         1, "",                  "invept (%rbx), %rcx", invept,         vmx_left)
/* clang-format on */

/* Registers a loop begins and ends with. Layout known to loops.c. */
struct op_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, r8;
};

/* Runs n > 0 iterations; returns ticks, the constant part around the loop included. */
typedef uint64_t op_loop(uint64_t n, struct op_regs *regs);

struct op {
	const char *name;
	uint64_t every;
	op_loop *loop, *baseline;
	const char *(*before)(struct op_regs *regs);
	uint64_t (*after)(const struct op_regs *regs, uint64_t n);
};

#define OP(name, every, prepare, body, before, after) op_loop loop_##name, baseline_##name;
OPS(OP)
#undef OP

extern const struct op ops[];
extern const unsigned int op_count;

/* HLT is woken by a one-shot timer: its count, and the way to choose it for the next loop. */
#define TIMER_COUNT 100000u
extern uint32_t timer_count;

#endif
