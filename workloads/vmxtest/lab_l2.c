// SPDX-License-Identifier: MIT
/* L2's memory: its page tables, descriptor tables and stacks, the EPT under it, and the bitmaps. */
#include "lab_impl.h"

#define LARGE     0x80ull
#define LARGE_END 32u /* linear memory behind the window's 2 MiB pages: 64 MiB in all */
#define ALL       (RT_PRESENT | RT_WRITABLE | RT_USER | RT_ACCESSED | RT_DIRTY)
#define EPT_RWX   7ull
#define EPT_WB    (6ull << 3)
#define EPT_LEAF  (EPT_RWX | EPT_WB)

struct l2_memory l2 __attribute__((aligned(4096)));
uint64_t lab_page[WINDOW_PAGES][512] __attribute__((aligned(4096)));

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
	memset(l2.pt, 0, sizeof(l2.pt));
	for (unsigned int i = 0; i < WINDOW_PAGES; i++)
		l2.pt[i] = PAGE_L2(i) | ALL;
}

static void ept_reset(void)
{
	l2.ept_pml4[0] = address_of(l2.ept_pdpt) | EPT_RWX;
	l2.ept_pdpt[L2_BASE >> 30] = address_of(l2.ept_pd) | EPT_RWX;
	for (unsigned int i = 0; i < LARGE_END; i++)
		l2.ept_pd[i] = i * 0x200000ull | EPT_LEAF | LARGE;
	l2.ept_pd[(WINDOW_L2 - L2_BASE) >> 21] = address_of(l2.ept_pt) | EPT_RWX;
	memset(l2.ept_pt, 0, sizeof(l2.ept_pt));
	for (unsigned int i = 0; i < WINDOW_PAGES; i++)
		l2.ept_pt[i] = address_of(lab_page[i]) | EPT_LEAF;
	l2.ept_pt[WINDOW_APIC] = 0xfee00000ull | EPT_RWX; /* uncached */
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

	memset(l2.gdt, 0, sizeof(l2.gdt));
	memcpy(l2.gdt, segments, sizeof(segments));
	l2.gdt[SEL_TSS / 8] = (TSS_BYTES - 1) | (tss & 0xffffff) << 16 | 0x8bull << 40;
	memset(l2.tss, 0, sizeof(l2.tss));
	memcpy(l2.tss + 4, &stack, sizeof(stack)); /* RSP0: SDM, "Task Management in 64-Bit Mode" */
	l2.tss[102] = TSS_BYTES; /* no I/O permission bitmap */
	for (unsigned int v = 0; v < 256; v++)
		l2_gate(v, v >= 0x80 ? USER_OF_GATE : CODE_OF_GATE);
}

void l2_memory_reset(void)
{
	paging_reset();
	ept_reset();
	descriptors_reset();
	memset(l2.io_bitmap, 0, sizeof(l2.io_bitmap));
	memset(l2.msr_bitmap, 0, sizeof(l2.msr_bitmap));
	memset(l2.stack, 0, sizeof(l2.stack));
	for (unsigned int i = 0; i < WINDOW_APIC; i++)
		memset(lab_page[i], 0, sizeof(lab_page[i]));
}

/* SDM "MSR-Bitmap Address": read low, read high, write low, write high, 1 KiB each. */
void l2_msr_exits(uint32_t msr, bool write)
{
	const uint32_t number = msr & 0x1fff;
	const uint32_t quarter = (msr >= 0xc0000000u ? 1u : 0u) + (write ? 2u : 0u);

	l2.msr_bitmap[1024 * quarter + number / 8] |= (uint8_t)(1u << number % 8);
}
