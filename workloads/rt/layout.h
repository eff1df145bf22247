/* SPDX-License-Identifier: MIT */
/* What assembly and C of the runtime share: selectors, stack sizes, fixed addresses. */
#ifndef RT_LAYOUT_H
#define RT_LAYOUT_H

/* GDT; one TSS of 16 bytes per CPU from RT_SEL_TSS on */
#define RT_SEL_CODE   0x08
#define RT_SEL_DATA   0x10
#define RT_SEL_CODE32 0x18
#define RT_SEL_UDATA  0x23
#define RT_SEL_UCODE  0x2b
#define RT_SEL_TSS    0x30

#define RT_CPUS_MAX   8
#define RT_STACK_SIZE 0x4000 /* of each CPU */

/* Interrupt stack table: a stack for each class, so that code with a red zone is never harmed */
#define RT_IST_EXCEPTION 1
#define RT_IST_INTERRUPT 2
#define RT_IST_DF        3
#define RT_IST_NMI       4
#define RT_IST_MC        5
#define RT_IST_DB        6
#define RT_IST_COUNT     6

/* Real-mode start of application processors: one page below 1 MiB, free on every machine rt knows. */
#define RT_TRAMPOLINE 0x8000

/* PG | WP | NE | ET | MP | PE: the same on every machine, whatever the loader left */
#define RT_CR0 0x80010033
/* PAE; what CPUID shows of PGE, OSFXSR, OSXMMEXCPT and OSXSAVE is added in C */
#define RT_CR4 0x20

#endif
