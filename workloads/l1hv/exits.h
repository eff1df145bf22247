/* SPDX-License-Identifier: MIT */
/* The exit handlers that dispatch.c's table names, and what they share. */
#ifndef L1HV_EXITS_H
#define L1HV_EXITS_H

#include "hv.h"

/* cpu_exits.c */
exit_fn on_cpuid, on_vmcall, on_hlt, on_nothing_to_do, on_invlpg, on_rdtsc, on_rdtscp, on_xsetbv;
exit_fn on_vmx_instruction, on_triple_fault, on_task_switch, on_ept_misconfiguration;

/* write_back/: WBINVD, WBNOINVD and INVD */
exit_fn on_write_back;

/* control.c */
exit_fn on_cr_access;

/* msr.c */
exit_fn on_rdmsr, on_wrmsr;
uint64_t msr_bitmap_build(void); /* physical address */
bool l2_apic_enabled(void);

/* io.c */
exit_fn on_io;
void io_bitmaps_build(uint64_t *a, uint64_t *b); /* physical addresses */

/* mmio.c */
exit_fn on_ept_violation;

#endif
