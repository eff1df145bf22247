/* SPDX-License-Identifier: MIT */
/* Between the runtime's own files. */
#ifndef RT_INTERNAL_H
#define RT_INTERNAL_H

#include <stdint.h>

#include <nestbed/multiboot.h>

#include "layout.h"

extern char rt_image_end[]; /* rt.ld */

/* entry.S */
extern uint64_t rt_gdt[];
extern uint64_t rt_pml4[512], rt_pdpt[512], rt_pd[4 * 512];
extern uint8_t rt_stacks[RT_CPUS_MAX][RT_STACK_SIZE];
void rt_boot(uint32_t magic, const struct multiboot_info *info);

/* trap_entry.S */
extern uint8_t rt_trap_stubs[256][16];
extern uint8_t rt_try_recover[];
struct rt_regs;
int rt_try_enter(void (*fn)(void *), void *arg, uint64_t *rsp);
void rt_trap(struct rt_regs *regs);

void rt_multiboot(uint32_t magic, const struct multiboot_info *info);
void rt_traps_init(void); /* fills the IDT */
void rt_idt_load(void);
void rt_cpu_init(unsigned int cpu); /* TSS, IDT, SSE, AVX, FS base of the running CPU */

#endif
