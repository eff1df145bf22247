// SPDX-License-Identifier: MIT
/* L2's memory: its page tables, descriptor tables and stacks, the EPT under it, and the bitmaps. */
#include "lab_impl.h"

#define LARGE          0x80ull
#define LARGE_END      32u /* linear memory behind the window's 2 MiB pages: 64 MiB in all */
#define ALL            (RT_PRESENT | RT_WRITABLE | RT_USER | RT_ACCESSED | RT_DIRTY)
#define EPT_RWX        7ull
#define EPT_WB         (6ull << 3)
#define EPT_LEAF       (EPT_RWX | EPT_WB)
#define EPT_ACCESSED   0x100ull
#define EPT_DIRTY_FLAG 0x200ull

struct l2_memory l2 __attribute__((aligned(4096)));
uint64_t lab_page[WINDOW_PAGES][512] __attribute__((aligned(4096)));

/* A row clears some 40 pages: by words, since an emulator takes as long for a byte. */
static void clear(void *pages, size_t bytes)
{
	size_t words = bytes / 8;

	__asm__ volatile("rep stosq" : "+D"(pages), "+c"(words) : "a"(0) : "memory");
}

uint64_t lab_l2_physical(const void *p)
{
	return address_of(p) + L2_BASE;
}

static void paging_reset(void)
{
	l2.pml4[0] = lab_l2_physical(l2.pdpt) | ALL;
	l2.pdpt[0] = lab_l2_physical(l2.pd) | ALL;
	for (unsigned int i = 0; i < LARGE_END; i++)
		l2.pd[i] = (L2_BASE + i * 0x200000ull) | ALL | LARGE;
	l2.pd[(WINDOW >> 21) + 1] = 0;
	l2.pd[WINDOW >> 21] = lab_l2_physical(l2.pt) | ALL;
	clear(l2.pt, sizeof(l2.pt));
	for (unsigned int i = 0; i < WINDOW_PAGES; i++)
		l2.pt[i] = PAGE_L2(i) | ALL;
}

/* The tables of the modes outside IA-32e: the same memory at the same linear addresses. */
static void paging32_reset(void)
{
	clear(l2.pae_pdpt, sizeof(l2.pae_pdpt));
	l2.pae_pdpt[0] = lab_l2_physical(l2.pd) | RT_PRESENT;
	for (unsigned int i = 0; i < LARGE_END / 2; i++)
		l2.legacy_pd[i] = (uint32_t)((L2_BASE + i * 0x400000ull) | ALL | LARGE);
	l2.legacy_pd[WINDOW >> 22] = (uint32_t)(lab_l2_physical(l2.legacy_pt) | ALL);
	for (unsigned int i = 0; i < WINDOW_PAGES; i++)
		l2.legacy_pt[i] = (uint32_t)(PAGE_L2(i) | ALL);
}

struct ept {
	uint64_t *pml4, *pdpt, *pd, *pt;
};

static void ept_fill(const struct ept *e)
{
	e->pml4[0] = address_of(e->pdpt) | EPT_RWX;
	clear(e->pdpt, 4096);
	e->pdpt[L2_BASE >> 30] = address_of(e->pd) | EPT_RWX;
	for (unsigned int i = 0; i < LARGE_END; i++)
		e->pd[i] = i * 0x200000ull | EPT_LEAF | LARGE;
	e->pd[(WINDOW_L2 - L2_BASE) >> 21] = address_of(e->pt) | EPT_RWX;
	clear(e->pt, 4096);
	for (unsigned int i = 0; i < WINDOW_PAGES; i++)
		e->pt[i] = address_of(lab_page[i]) | EPT_LEAF;
	e->pt[WINDOW_APIC] = 0xfee00000ull | EPT_RWX; /* uncached */
}

static void ept_reset(void)
{
	const struct ept own = {l2.ept_pml4, l2.ept_pdpt, l2.ept_pd, l2.ept_pt};
	const struct ept other = {l2.other_pml4, l2.other_pdpt, l2.other_pd, l2.other_pt};

	ept_fill(&own);
	ept_fill(&other);
	l2.other_pt[0] = address_of(lab_page[1]) | EPT_LEAF;
	l2.other_pt[1] = address_of(lab_page[0]) | EPT_LEAF;
}

/* Guest-physical addresses from FAR_BASE on go by EPT tables of their own, down to any page size. */
#define FAR_BASE 0x80000000ull

void l2_far_map(void)
{
	const uint64_t at = address_of(lab_page[0]), offset = at & 0x1fffff;

	l2.pd[(WINDOW >> 21) + 1] = (FAR_BASE + at - offset) | ALL | LARGE;
	lab_regs.r[RBX] = WINDOW + 0x200000 + offset;
	clear(l2.far_pd, sizeof(l2.far_pd));
	clear(l2.far_pt, sizeof(l2.far_pt));
}

uint64_t *l2_far_entry(unsigned int level)
{
	const uint64_t at = address_of(lab_page[0]);

	return level == 3   ? &l2.ept_pdpt[FAR_BASE >> 30]
	       : level == 2 ? &l2.far_pd[at >> 21]
			    : &l2.far_pt[at >> 12 & 511];
}

void l2_far_set(unsigned int level, uint64_t bits)
{
	const bool leaf = level == 1 || bits & LARGE;
	const uint64_t next = address_of(level == 3 ? l2.far_pd : l2.far_pt);
	const uint64_t page = address_of(lab_page[0]) >> (3 + 9 * level) << (3 + 9 * level);

	*l2_far_entry(level) = bits | (leaf ? page : next);
}

void l2_ept_dirty(void)
{
	l2.ept_pml4[0] |= EPT_ACCESSED;
	l2.ept_pdpt[L2_BASE >> 30] |= EPT_ACCESSED;
	for (unsigned int i = 0; i < LARGE_END; i++)
		l2.ept_pd[i] |= EPT_ACCESSED | EPT_DIRTY_FLAG;
	l2.ept_pd[(WINDOW_L2 - L2_BASE) >> 21] |= EPT_ACCESSED;
}

static void features_reset(void)
{
	clear(l2.eptp_list, sizeof(l2.eptp_list));
	clear(l2.virtual_apic, sizeof(l2.virtual_apic));
	clear(l2.vmread_bitmap, sizeof(l2.vmread_bitmap));
	clear(l2.vmwrite_bitmap, sizeof(l2.vmwrite_bitmap));
	clear(l2.pml, sizeof(l2.pml));
	clear(l2.ve, sizeof(l2.ve));
}

void l2_gate(unsigned int vector, uint8_t type)
{
	const uint64_t to = address_of(l2_vectors) + 16ull * vector;

	l2.idt[vector] = (struct gate){
		.offset_low = (uint16_t)to,
		.selector = SEL_CODE,
		.type = type,
		.offset_mid = (uint16_t)(to >> 16),
	};
}

static void descriptors_reset(void)
{
	static const uint64_t segments[] = {
		0,
		0x00af9b000000ffff, /* SEL_CODE */
		0x00cf93000000ffff, /* SEL_DATA */
		0x00cf9b000000ffff, /* SEL_CODE32 */
		0x00cf13000000ffff, /* SEL_ABSENT */
		0x00cff3000000ffff, /* SEL_UDATA */
		0x00affb000000ffff, /* SEL_UCODE */
		0x00cffb000000ffff, /* SEL_UCODE32 */
	};
	const uint64_t tss = address_of(l2.tss), stack = address_of(l2.stack[1] + STACK_WORDS);

	clear(l2.gdt, sizeof(l2.gdt));
	memcpy(l2.gdt, segments, sizeof(segments));
	l2.gdt[SEL_TSS / 8] = (TSS_BYTES - 1) | (tss & 0xffffff) << 16 | 0x8bull << 40;
	clear(l2.tss, sizeof(l2.tss));
	memcpy(l2.tss + 4, &stack, sizeof(stack)); /* RSP0: SDM, "Task Management in 64-Bit Mode" */
	l2.tss[102] = TSS_BYTES; /* no I/O permission bitmap */
	for (unsigned int v = 0; v < 256; v++)
		l2_gate(v, v >= 0x80 ? USER_OF_GATE : CODE_OF_GATE);
}

void l2_memory_reset(void)
{
	paging_reset();
	paging32_reset();
	ept_reset();
	features_reset();
	descriptors_reset();
	clear(l2.io_bitmap, sizeof(l2.io_bitmap));
	clear(l2.msr_bitmap, sizeof(l2.msr_bitmap));
	clear(l2.stack, sizeof(l2.stack));
	for (unsigned int i = 0; i < WINDOW_APIC; i++)
		clear(lab_page[i], sizeof(lab_page[i]));
}

/* SDM "VMCS Shadowing Bitmap Addresses": bits 14:0 of the field's encoding. */
void l2_vmcs_exits(uint32_t field, bool write)
{
	uint8_t *bitmap = write ? l2.vmwrite_bitmap : l2.vmread_bitmap;

	bitmap[(field & 0x7fff) / 8] |= (uint8_t)(1u << field % 8);
}

/* SDM "MSR-Bitmap Address": read low, read high, write low, write high, 1 KiB each. */
void l2_msr_exits(uint32_t msr, bool write)
{
	const uint32_t number = msr & 0x1fff;
	const uint32_t quarter = (msr >= 0xc0000000u ? 1u : 0u) + (write ? 2u : 0u);

	l2.msr_bitmap[1024 * quarter + number / 8] |= (uint8_t)(1u << number % 8);
}
