/* SPDX-License-Identifier: MIT */
/* Faults in L0: told in full, then the machine ends. */
#ifndef L0HV_CPU_FAULT_H
#define L0HV_CPU_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct fault_frame { /* as pushed by l0hv/cpu/vectors.S */
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* GDT, TSS with a stack for every vector, IDT, FS base for libraries that want a stack canary. */
void cpu_tables_init(void);
/* Physical facts of them for the host-state area. */
uint64_t cpu_gdt_base(void);
uint64_t cpu_idt_base(void);
uint64_t cpu_tss_base(void);
uint64_t cpu_fs_base(void);

#define L0_CS 0x08
#define L0_DS 0x10
#define L0_TR 0x18

/* From vectors.S. Only NMIs return. */
void fault_entry(struct fault_frame *frame);

/* RDMSR that reports #GP. 0 or -EIO. */
__attribute__((warn_unused_result)) int rdmsr_safe(uint32_t msr, uint64_t *value);
__attribute__((warn_unused_result)) int wrmsr_safe(uint32_t msr, uint64_t value);

/* A guest of L0's might have set it off; counted. */
extern uint64_t fault_nmi_count;

#endif
