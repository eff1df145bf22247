/* SPDX-License-Identifier: MIT */
#include "l0hv/mm/gwalk.h"

#define CR0_WP      (1ull << 16)
#define CR0_PG      (1ull << 31)
#define CR4_PSE     (1ull << 4)
#define CR4_PAE     (1ull << 5)
#define CR4_LA57    (1ull << 12)
#define CR4_SMEP    (1ull << 20)
#define CR4_SMAP    (1ull << 21)
#define CR4_PKE     (1ull << 22)
#define EFER_LMA    (1ull << 10)
#define EFER_NXE    (1ull << 11)
#define RFLAGS_AC   (1ull << 18)
#define E_PRESENT   (1ull << 0)
#define E_WRITE     (1ull << 1)
#define E_USER      (1ull << 2)
#define E_ACCESSED  (1ull << 5)
#define E_DIRTY     (1ull << 6)
#define E_LARGE     (1ull << 7)
#define E_NX        (1ull << 63)
#define ADDRESS     0x000FFFFFFFFFF000ull
#define LEVELS_MAX  5u
#define ATTEMPTS    8u /* walks again when an entry changes while its flags are set */
#define PSE_PHYBITS 40u /* widest address that a 4-MByte page can have */

enum paging { PAGING_32, PAGING_PAE, PAGING_LONG };

struct walk {
	const struct gwalk_regs *regs;
	const struct gwalk_mem *mem;
	enum paging mode;
	unsigned entry_bytes;
	unsigned index_bits;
	uint64_t linear;
	uint64_t table; /* of the level to be read */
	unsigned level; /* of it; 1 is the table of PTEs */
	/* What was met */
	uint64_t entry_gpa[LEVELS_MAX], entry[LEVELS_MAX];
	unsigned used;
	uint64_t rights; /* E_WRITE and E_USER: AND over the entries; E_NX: OR */
};

static uint64_t bits_below(unsigned n)
{
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

static unsigned page_shift(const struct walk *w)
{
	return 12 + w->index_bits * (w->level - 1);
}

static bool is_leaf(const struct walk *w, uint64_t entry)
{
	if (w->level == 1)
		return true;
	if (!(entry & E_LARGE))
		return false;
	if (w->mode == PAGING_32)
		return (w->regs->cr4 & CR4_PSE) != 0;
	return w->level == 2 || (w->level == 3 && w->regs->page_1g);
}

/* Reserved bits: SDM tables "Formats of CR3 and Paging-Structure Entries" of the three modes. */
static bool reserved_set(const struct walk *w, uint64_t entry)
{
	const unsigned phybits = w->regs->maxphyaddr < 52 ? w->regs->maxphyaddr : 52;
	uint64_t reserved;

	if (w->mode == PAGING_32) {
		const unsigned m = phybits < PSE_PHYBITS ? phybits : PSE_PHYBITS;

		/* Only a 4-MByte page has any: bit 21 down to the first that holds no address bit (M-19). */
		return w->level == 2 && is_leaf(w, entry) &&
		       (entry & bits_below(22) & ~bits_below(m > 32 ? m - 19 : 13));
	}
	reserved = ADDRESS & ~bits_below(phybits);
	if (!(w->regs->efer & EFER_NXE))
		reserved |= E_NX;
	if (w->mode == PAGING_PAE)
		reserved |= bits_below(63) & ~bits_below(52);
	if (w->level > 1 && is_leaf(w, entry))
		reserved |= bits_below(page_shift(w)) & ~bits_below(13);
	else if (w->level > 2)
		reserved |= E_LARGE;
	return (entry & reserved) != 0;
}

static uint64_t leaf_base(const struct walk *w, uint64_t entry)
{
	if (w->mode == PAGING_32 && w->level == 2)
		return (entry & 0xFFC00000u) | (entry >> 13 & 0xFF) << 32;
	return entry & ADDRESS & ~bits_below(page_shift(w));
}

static uint32_t pf_code(const struct walk *w, unsigned access, uint32_t cause)
{
	uint32_t code = cause | (access & (GWALK_WRITE | GWALK_USER));
	const bool nx = (w->regs->cr4 & CR4_PAE) && (w->regs->efer & EFER_NXE);

	if ((access & GWALK_FETCH) && (nx || (w->regs->cr4 & CR4_SMEP)))
		code |= GWALK_FETCH;
	return code;
}

/* SDM "Protection Keys": data accesses to user-mode addresses only. */
static bool pkey_denies(const struct walk *w, uint64_t leaf, unsigned access)
{
	const unsigned key = (unsigned)(leaf >> 59) & 0xF;
	const uint32_t rights = w->regs->pkru >> (2 * key);

	if (w->mode != PAGING_LONG || !(w->regs->cr4 & CR4_PKE) || !(w->rights & E_USER) ||
	    (access & GWALK_FETCH))
		return false;
	if (rights & 1)
		return true;
	return (rights & 2) && (access & GWALK_WRITE) && ((access & GWALK_USER) || (w->regs->cr0 & CR0_WP));
}

/* SDM "Determination of Access Rights" */
static bool rights_deny(const struct walk *w, unsigned access)
{
	const bool user_page = (w->rights & E_USER) != 0;
	const bool user = (access & GWALK_USER) != 0;

	if (user && !user_page)
		return true;
	if ((access & GWALK_WRITE) && !(w->rights & E_WRITE) && (user || (w->regs->cr0 & CR0_WP)))
		return true;
	if (access & GWALK_FETCH)
		return (w->rights & E_NX) || (!user && user_page && (w->regs->cr4 & CR4_SMEP));
	if (!user && user_page && (w->regs->cr4 & CR4_SMAP))
		return (access & GWALK_IMPLICIT) || !(w->regs->rflags & RFLAGS_AC);
	return false;
}

/* Start of the walk. False: PAE paging's PDPTE is not present. */
static bool start(struct walk *w)
{
	const struct gwalk_regs *regs = w->regs;

	w->entry_bytes = 8;
	w->index_bits = 9;
	w->table = regs->cr3 & ADDRESS;
	if (regs->efer & EFER_LMA) {
		w->mode = PAGING_LONG;
		w->level = regs->cr4 & CR4_LA57 ? 5 : 4;
	} else if (regs->cr4 & CR4_PAE) {
		const uint64_t pdpte = regs->pdpte[w->linear >> 30 & 3];

		/* Loaded, and checked for reserved bits, when CR3 was; it carries no rights. */
		w->mode = PAGING_PAE;
		w->level = 2;
		w->table = pdpte & ADDRESS;
		return (pdpte & E_PRESENT) != 0;
	} else {
		w->mode = PAGING_32;
		w->entry_bytes = 4;
		w->index_bits = 10;
		w->level = 2;
		w->table = regs->cr3 & 0xFFFFF000u;
	}
	return true;
}

/* Down to the leaf, which is then entry[used - 1] at w->level. */
static enum gwalk_status descend(struct walk *w, unsigned access, struct gwalk_result *r)
{
	w->rights = E_WRITE | E_USER;
	if (!start(w)) {
		r->error_code = pf_code(w, access, 0);
		return GWALK_PAGE_FAULT;
	}
	for (;; w->level--) {
		const uint64_t index = w->linear >> page_shift(w) & bits_below(w->index_bits);
		const uint64_t gpa = w->table + index * w->entry_bytes;
		uint64_t entry = 0;

		if (w->mem->read(w->mem->ctx, gpa, w->entry_bytes, &entry)) {
			r->table_gpa = gpa;
			return GWALK_NO_TABLE;
		}
		if (w->mode == PAGING_32)
			entry &= 0xFFFFFFFFu;
		w->entry_gpa[w->used] = gpa;
		w->entry[w->used++] = entry;
		if (!(entry & E_PRESENT)) {
			r->error_code = pf_code(w, access, 0);
			return GWALK_PAGE_FAULT;
		}
		if (reserved_set(w, entry)) {
			r->error_code = pf_code(w, access, GWALK_PF_PRESENT | GWALK_PF_RESERVED);
			return GWALK_PAGE_FAULT;
		}
		w->rights = (w->rights & (entry | E_NX)) | (entry & E_NX);
		if (is_leaf(w, entry))
			return GWALK_OK;
		w->table = entry & (w->mode == PAGING_32 ? 0xFFFFF000u : ADDRESS);
	}
}

/* False: an entry could not be stored; r->table_gpa says which. */
static bool set_flags(const struct walk *w, unsigned access, struct gwalk_result *r)
{
	for (unsigned i = 0; i < w->used; i++) {
		uint64_t entry = w->entry[i] | E_ACCESSED;

		if (i + 1 == w->used && (access & GWALK_WRITE))
			entry |= E_DIRTY;
		if (entry != w->entry[i] &&
		    w->mem->update(w->mem->ctx, w->entry_gpa[i], w->entry_bytes, w->entry[i], entry)) {
			r->table_gpa = w->entry_gpa[i];
			return false;
		}
	}
	return true;
}

static bool canonical(const struct gwalk_regs *regs, uint64_t linear)
{
	const unsigned sign = regs->cr4 & CR4_LA57 ? 56 : 47;
	const uint64_t high = linear >> sign;

	return high == 0 || high == ~0ull >> sign;
}

enum gwalk_status gwalk(const struct gwalk_regs *regs, const struct gwalk_mem *mem, uint64_t linear,
			unsigned access, struct gwalk_result *r)
{
	*r = (struct gwalk_result){0};
	if (!(regs->efer & EFER_LMA))
		linear &= 0xFFFFFFFFu;
	else if (!canonical(regs, linear))
		return GWALK_NOT_CANONICAL;
	if (!(regs->cr0 & CR0_PG)) {
		r->gpa = linear;
		r->page_bytes = 1ull << 32;
		return GWALK_OK;
	}
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		struct walk w = {.regs = regs, .mem = mem, .linear = linear};
		enum gwalk_status status = descend(&w, access, r);
		uint64_t leaf;
		uint32_t cause;

		if (status != GWALK_OK)
			return status;
		leaf = w.entry[w.used - 1];
		cause = pkey_denies(&w, leaf, access) ? GWALK_PF_PRESENT | GWALK_PF_PKEY : 0;
		if (rights_deny(&w, access))
			cause |= GWALK_PF_PRESENT;
		if (cause) {
			r->error_code = pf_code(&w, access, cause);
			return GWALK_PAGE_FAULT;
		}
		if ((access & GWALK_SET_AD) && !set_flags(&w, access, r))
			continue;
		r->page_bytes = 1ull << page_shift(&w);
		r->gpa = leaf_base(&w, leaf) | (linear & (r->page_bytes - 1));
		r->table_gpa = 0;
		return GWALK_OK;
	}
	return GWALK_NO_TABLE;
}
