// SPDX-License-Identifier: MIT
/*
 * L2's page tables, walked as the processor walks them: SDM volume 3, chapter "Paging".
 * One loop for all modes; the mode only says how many levels there are and how wide an entry is.
 */
#include "guest.h"
#include "ept.h"
#include "events.h"

#define PTE_P       (1ull << 0)
#define PTE_W       (1ull << 1)
#define PTE_U       (1ull << 2)
#define PTE_A       (1ull << 5)
#define PTE_D       (1ull << 6)
#define PTE_PS      (1ull << 7)
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000FFFFFFFFFF000ull

#define PFEC_P 1u
#define PFEC_W 2u
#define PFEC_U 4u
#define PFEC_I 16u

/* All that a walk needs of L2's state, read once: each VMREAD may be an exit. */
struct paging {
	uint64_t cr0, cr4, efer;
	unsigned int cpl;
	unsigned int levels, index_bits, entry_bytes;
	uint64_t root;
	bool big_2m; /* a page directory's entry may map a page */
};

static void set_shape(struct paging *mode, unsigned int levels, unsigned int index_bits,
		      unsigned int entry_bytes)
{
	mode->levels = levels;
	mode->index_bits = index_bits;
	mode->entry_bytes = entry_bytes;
}

static void paging_mode(struct paging *mode, uint64_t cr0)
{
	const uint64_t cr3 = l2_cr3();

	mode->cr0 = cr0;
	mode->cr4 = l2_cr4();
	mode->efer = l2_efer();
	mode->cpl = l2_cpl();
	mode->big_2m = (mode->cr4 & (X86_CR4_PAE | X86_CR4_PSE)) != 0;
	if (mode->efer & X86_EFER_LMA) {
		set_shape(mode, 4, 9, 8);
		mode->root = cr3 & PTE_ADDRESS;
	} else if (mode->cr4 & X86_CR4_PAE) {
		set_shape(mode, 3, 9, 8);
		mode->root = cr3 & 0xFFFFFFE0u;
	} else {
		set_shape(mode, 2, 10, 4);
		mode->root = cr3 & 0xFFFFF000u;
	}
}

static bool fault(const struct paging *mode, uint64_t linear, enum access access, uint32_t error)
{
	if (access == ACCESS_WRITE)
		error |= PFEC_W;
	if (mode->cpl == 3)
		error |= PFEC_U;
	if (access == ACCESS_FETCH && ((mode->efer & X86_EFER_NXE) || (mode->cr4 & X86_CR4_SMEP)))
		error |= PFEC_I;
	inject_pf(linear, error);
	return false;
}

/* `rights`: P, W, U ANDed over the walk; NX ORed. */
static bool allowed(const struct paging *mode, uint64_t rights, enum access access)
{
	const uint64_t cr4 = mode->cr4;
	const bool user = mode->cpl == 3;

	if (user && !(rights & PTE_U))
		return false;
	if (access == ACCESS_WRITE && !(rights & PTE_W) && (user || (mode->cr0 & X86_CR0_WP)))
		return false;
	if (access == ACCESS_FETCH)
		return !(rights & PTE_NX) && (user || !(rights & PTE_U) || !(cr4 & X86_CR4_SMEP));
	return user || !(rights & PTE_U) || !(cr4 & X86_CR4_SMAP) || (vmread(GUEST_RFLAGS) & X86_RFLAGS_AC);
}

static uint64_t entry_load(const void *at, unsigned int bytes)
{
	return bytes == 8 ? *(const uint64_t *)at : *(const uint32_t *)at;
}

static void entry_mark(void *at, uint64_t bits)
{
	*(uint32_t *)at |= (uint32_t)bits; /* A and D are in the low half */
}

/* Where the page of a last-level entry begins. */
static uint64_t page_base(uint64_t entry, unsigned int shift, const struct paging *mode)
{
	if (mode->entry_bytes == 4 && shift == 22) /* PSE-36 */
		return (entry & 0xFFC00000u) | ((entry >> 13) & 0xFF) << 32;
	return entry & PTE_ADDRESS & ~((1ull << shift) - 1);
}

bool l2_translate(uint64_t linear, enum access access, uint64_t *gpa)
{
	uint64_t rights = PTE_W | PTE_U, nx = 0, table, entry = 0;
	const uint64_t cr0 = l2_cr0();
	struct paging mode;
	unsigned int level, shift = 0;
	uint8_t *at = NULL;

	if (!(cr0 & X86_CR0_PG)) {
		*gpa = linear;
		return true;
	}
	paging_mode(&mode, cr0);
	table = mode.root;
	for (level = mode.levels; level > 0; level--) {
		shift = 12 + (level - 1) * mode.index_bits;
		at = ept_host(table + ((linear >> shift) & ((1u << mode.index_bits) - 1)) * mode.entry_bytes,
			      NULL);
		if (!at)
			return fault(&mode, linear, access, 0);
		entry = entry_load(at, mode.entry_bytes);
		if (!(entry & PTE_P))
			return fault(&mode, linear, access, 0);
		if (mode.levels == 3 && level == 3) { /* a PDPTE holds no rights */
			table = entry & PTE_ADDRESS;
			continue;
		}
		rights &= entry;
		if (mode.efer & X86_EFER_NXE)
			nx |= entry & PTE_NX;
		if (level == 1 || ((entry & PTE_PS) && (level == 2 ? mode.big_2m : level == 3)))
			break;
		entry_mark(at, PTE_A);
		table = entry & (mode.entry_bytes == 8 ? PTE_ADDRESS : 0xFFFFF000u);
	}
	if (!allowed(&mode, rights | nx, access))
		return fault(&mode, linear, access, PFEC_P);
	entry_mark(at, access == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A);
	*gpa = page_base(entry, shift, &mode) | (linear & ((1ull << shift) - 1));
	return true;
}

bool l2_copy(uint64_t linear, void *buf, size_t size, enum access access)
{
	uint8_t *bytes = buf;
	uint64_t last;

	/* an operand across two pages is not half written when the second one faults */
	if (access == ACCESS_WRITE && (linear & 4095) + size > 4096 &&
	    (!l2_translate(linear, access, &last) ||
	     !l2_translate((linear & ~4095ull) + 4096, access, &last)))
		return false;
	while (size) {
		size_t n = 4096 - (linear & 4095);
		uint8_t *host;
		uint64_t gpa;

		if (n > size)
			n = size;
		if (!l2_translate(linear, access, &gpa))
			return false;
		host = ept_host(gpa, NULL);
		for (size_t i = 0; i < n; i++) {
			if (access != ACCESS_WRITE)
				bytes[i] = host ? host[i] : 0xFF;
			else if (host)
				host[i] = bytes[i];
		}
		bytes += n;
		linear += n;
		size -= n;
	}
	return true;
}
