/* SPDX-License-Identifier: MIT */
/* L2's architectural state as L2 sees it, and its memory through its own page tables. */
#ifndef L1HV_GUEST_H
#define L1HV_GUEST_H

#include "hv.h"

#define X86_CR0_PE (1ull << 0)
#define X86_CR0_MP (1ull << 1)
#define X86_CR0_EM (1ull << 2)
#define X86_CR0_TS (1ull << 3)
#define X86_CR0_ET (1ull << 4)
#define X86_CR0_NE (1ull << 5)
#define X86_CR0_WP (1ull << 16)
#define X86_CR0_AM (1ull << 18)
#define X86_CR0_NW (1ull << 29)
#define X86_CR0_CD (1ull << 30)
#define X86_CR0_PG (1ull << 31)

#define X86_CR4_PSE     (1ull << 4)
#define X86_CR4_PAE     (1ull << 5)
#define X86_CR4_PGE     (1ull << 7)
#define X86_CR4_LA57    (1ull << 12)
#define X86_CR4_VMXE    (1ull << 13)
#define X86_CR4_SMXE    (1ull << 14)
#define X86_CR4_PCIDE   (1ull << 17)
#define X86_CR4_OSXSAVE (1ull << 18)
#define X86_CR4_SMEP    (1ull << 20)
#define X86_CR4_SMAP    (1ull << 21)
#define X86_CR4_PKE     (1ull << 22)

#define X86_EFER_SCE (1ull << 0)
#define X86_EFER_LME (1ull << 8)
#define X86_EFER_LMA (1ull << 10)
#define X86_EFER_NXE (1ull << 11)

#define X86_RFLAGS_TF (1ull << 8)
#define X86_RFLAGS_RF (1ull << 16)
#define X86_RFLAGS_IF (1ull << 9)
#define X86_RFLAGS_DF (1ull << 10)
#define X86_RFLAGS_AC (1ull << 18)

/* control.c: control registers and EFER by L2's view */
uint64_t l2_cr0(void);
uint64_t l2_cr3(void);
uint64_t l2_cr4(void);
uint64_t l2_efer(void);
bool l2_set_efer(uint64_t value); /* false: #GP */
void l2_control_init(void); /* masks, shadows and first values of CR0, CR3, CR4, EFER */
void l2_flush_tlb(void);
bool l2_long_mode(void); /* EFER.LMA */

static inline unsigned int l2_cpl(void)
{
	return (vmread32(GUEST_SS_AR) >> 5) & 3;
}

static inline bool l2_code64(void)
{
	return vmread32(GUEST_CS_AR) & AR_LONG; /* CS.L counts only with LMA, without which it can't be set */
}

/* regs->r[RSP] is not kept: these read and write it where it is. Numbers 0 to 15. */
uint64_t l2_reg(const struct l2_regs *regs, unsigned int number);
void l2_set_reg(struct l2_regs *regs, unsigned int number, uint64_t value);

/* walk.c */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

/* Linear to guest-physical address by L2's page tables and rights. false: #PF is queued for L2. */
bool l2_translate(uint64_t linear, enum access access, uint64_t *gpa);
/* Copy between L2's linear memory and buf. false: #PF is queued. Unmapped memory reads as ones. */
bool l2_copy(uint64_t linear, void *buf, size_t size, enum access access);

#endif
