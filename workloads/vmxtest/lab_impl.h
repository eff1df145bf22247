/* SPDX-License-Identifier: MIT */
/* Between the laboratory's own files. */
#ifndef VMXTEST_LAB_IMPL_H
#define VMXTEST_LAB_IMPL_H

#include "lab.h"

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM, 64-Bit Mode IDT");

#define GDT_ENTRIES  10u
#define STACK_WORDS  512u
#define TSS_BYTES    104u
#define CODE_OF_GATE 0x8eu
#define USER_OF_GATE 0xeeu

struct l2_memory {
	uint64_t pml4[512], pdpt[512], pd[512], pt[512];
	uint64_t ept_pml4[512], ept_pdpt[512], ept_pd[512], ept_pt[512];
	uint8_t io_bitmap[2][4096];
	uint8_t msr_bitmap[4096];
	struct gate idt[256];
	uint64_t gdt[512];
	uint8_t tss[4096];
	uint64_t stack[2][STACK_WORDS]; /* at the start; of CPL 0 when it comes from CPL 3 */
	uint32_t legacy_pd[1024], legacy_pt[1024];
	uint64_t pae_pdpt[512]; /* 4 are used */
	/* what features need that a row may turn on */
	uint64_t other_pml4[512], other_pdpt[512], other_pd[512], other_pt[512]; /* EPTP_OTHER */
	uint64_t far_pd[512], far_pt[512];
	uint64_t eptp_list[512];
	uint32_t virtual_apic[1024];
	uint8_t vmread_bitmap[4096], vmwrite_bitmap[4096];
	uint64_t pml[512];
	uint32_t ve[1024];
	uint64_t shadow[512];
};
extern struct l2_memory l2;
extern uint8_t l2_vectors[]; /* enter.S */

void l2_memory_reset(void); /* all of it as a row finds it */
void l2_gate(unsigned int vector, uint8_t type);
void l2_msr_exits(uint32_t msr, bool write);
void l2_vmcs_exits(uint32_t field, bool write);
uint64_t lab_shadow_get(uint32_t field);
void lab_shadow_put(uint32_t field, uint64_t value);
void lab_shadow_link(void);
void l2_ept_dirty(void);
void l2_far_map(void);
uint64_t *l2_far_entry(unsigned int level);
void l2_far_set(unsigned int level, uint64_t bits);

static inline uint64_t address_of(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}

extern const struct code *lab_current; /* of the row that runs */
extern const uint32_t lab_msr_number[LAB_MSRS];
extern uint64_t lab_rip_base; /* of linear addresses, less RIP: in REAL only */

int lab_enter(struct l2_regs *regs, int launched);
void lab_exit(void);
void lab_on(void); /* VMXON */

#endif
