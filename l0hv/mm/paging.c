/* SPDX-License-Identifier: MIT */
/* SDM Vol. 3A, "4-Level Paging and 5-Level Paging". */
#include "l0hv/cpu/asm.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"

#define PTE_P  1ull
#define PTE_W  2ull
#define PTE_PS 0x80ull
#define PTE_NX (1ull << 63)
#define LARGE  0x200000ull
#define MAPPED (4ull << 30)

extern uint8_t l0_image_start[], l0_text_end[], l0_rodata_end[], l0_image_end[], boot_stack_guard[];

static uint64_t table(void)
{
	uint64_t pa = page_alloc();

	if (!pa)
		panic("no memory for L0's page tables");
	return pa;
}

static uint64_t image_flags(uint64_t pa, uint64_t nx)
{
	if (pa < PAGE_SIZE || pa == virt_to_phys(boot_stack_guard))
		return 0;
	if (pa >= virt_to_phys(l0_image_start) && pa < virt_to_phys(l0_text_end))
		return PTE_P;
	if (pa >= virt_to_phys(l0_text_end) && pa < virt_to_phys(l0_rodata_end))
		return PTE_P | nx;
	return PTE_P | PTE_W | nx;
}

void paging_init(void)
{
	uint64_t nx = rdmsr(MSR_EFER) & EFER_NXE ? PTE_NX : 0;
	uint64_t pml4 = table(), pdpt = table();

	((uint64_t *)phys_to_virt(pml4))[0] = pdpt | PTE_P | PTE_W;
	for (uint64_t pa = 0; pa < MAPPED; pa += LARGE) {
		uint64_t *pdpte = (uint64_t *)phys_to_virt(pdpt) + (pa >> 30), *pde;

		if (!*pdpte)
			*pdpte = table() | PTE_P | PTE_W;
		pde = (uint64_t *)phys_to_virt(*pdpte & ~PAGE_MASK) + (pa >> 21 & 511);
		if (pa >= virt_to_phys(l0_image_end)) {
			*pde = pa | PTE_P | PTE_W | PTE_PS | nx;
			continue;
		}
		*pde = table() | PTE_P | PTE_W;
		for (uint64_t i = 0; i < 512; i++) {
			uint64_t page = pa + i * PAGE_SIZE, flags = image_flags(page, nx);

			if (flags)
				((uint64_t *)phys_to_virt(*pde & ~PAGE_MASK))[i] = page | flags;
		}
	}
	write_cr3(pml4);
}
