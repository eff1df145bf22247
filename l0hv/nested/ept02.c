/* SPDX-License-Identifier: MIT */
#include "l0hv/nested/ept02.h"

#include <errno.h>

#define MAP_COST_MAX    3u /* tables that one mapping can need: below PML4E, PDPTE, PDE */
#define AD_ATTEMPTS_MAX 8u /* walks again when L1 changes entries under an update of their flags */

static size_t tables_held(const struct ept02 *e)
{
	size_t n = 0;

	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		n += e->slot[i].ept.tables;
	return n;
}

/* Empty a context; its root stays. Whatever the processor cached of it is now wrong. */
static void drop(struct ept02 *e, struct ept02_slot *slot)
{
	if (!slot->eptp12)
		return;
	ept_clear(&slot->ept, &e->mem);
	slot->ept.stale = false;
	e->stale = true;
	e->stats.drops++;
}

static void release(struct ept02 *e, struct ept02_slot *slot)
{
	if (!slot->eptp12)
		return;
	drop(e, slot);
	ept_free(&slot->ept, &e->mem);
	slot->eptp12 = 0;
	if (e->current == slot)
		e->current = NULL;
}

static struct ept02_slot *oldest_other(struct ept02 *e)
{
	struct ept02_slot *oldest = NULL;

	for (unsigned i = 0; i < EPT02_SLOTS; i++) {
		struct ept02_slot *slot = &e->slot[i];

		if (slot == e->current || !slot->eptp12)
			continue;
		if (!oldest || slot->used < oldest->used)
			oldest = slot;
	}
	return oldest;
}

/* Give up the context that has not been used for longest, if there is one besides the current. */
static bool release_other(struct ept02 *e)
{
	struct ept02_slot *victim = oldest_other(e);

	if (!victim)
		return false;
	release(e, victim);
	return true;
}

int ept02_init(struct ept02 *e, const struct ept *ept01, const struct ept_mem *mem, const struct ept02_l1 *l1,
	       const struct ept_caps *caps12, size_t budget)
{
	if (budget < EPT02_SLOTS + MAP_COST_MAX + 1)
		return -EINVAL;
	*e = (struct ept02){.ept01 = ept01,
			    .mem = *mem,
			    .l1 = *l1,
			    .caps12 = *caps12,
			    .budget = budget,
			    .special_l1 = EPT02_NO_PAGE};
	return 0;
}

void ept02_free(struct ept02 *e)
{
	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		release(e, &e->slot[i]);
}

static struct ept02_slot *slot_of(struct ept02 *e, uint64_t eptp12)
{
	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		if (e->slot[i].eptp12 == eptp12)
			return &e->slot[i];
	return NULL;
}

static uint64_t eptp02_of(const struct ept02_slot *slot)
{
	/*
	 * As in EPT12: with the flags on, the processor's reads of L2's page tables count as writes, so they
	 * must be on or off in both, or L2 would see violations that EPT12 does not cause. (Forced ones are
	 * dirty tracking's, who sees to it.)
	 */
	return ept_eptp(slot->ept.root, (slot->flags & EPT_EPTP_AD) && slot->ept.caps.ad);
}

int ept02_use(struct ept02 *e, uint64_t eptp12, uint64_t *eptp02)
{
	struct ept02_slot *slot = e->current;

	if (!slot || slot->eptp12 != eptp12)
		slot = slot_of(e, eptp12);
	if (!slot) {
		/* The one in use now may be given up as well as any other. */
		e->current = NULL;
		slot = slot_of(e, 0);
		if (!slot) {
			slot = oldest_other(e);
			release(e, slot);
		}
		while (tables_held(e) >= e->budget && release_other(e))
			;
		while (ept_init(&slot->ept, &e->mem, &e->ept01->caps))
			if (!release_other(e))
				return -ENOMEM;
		slot->eptp12 = eptp12;
		slot->flags = eptp12 | e->forced;
	}
	slot->used = ++e->clock;
	e->current = slot;
	*eptp02 = eptp02_of(slot);
	return 0;
}

static enum ept_outcome walk12(const struct ept02 *e, uint64_t l2_gpa, unsigned access,
			       struct ept_walk_result *w)
{
	if (e->current->eptp12 == EPT02_IDENTITY) {
		*w = (struct ept_walk_result){
			.pa = l2_gpa, .page_bytes = EPT_PAGE_1G, .perms = EPT_RWX, .type = EPT_WB};
		return EPT_MAPPED;
	}
	return ept_walk_with(e->current->eptp12 & EPT_ENTRY_ADDRESS, &e->caps12, e->l1.read, e->l1.ctx,
			     l2_gpa, access, w);
}

static bool ad_enabled(const struct ept02 *e)
{
	return e->caps12.ad && e->l1.update && (e->current->eptp12 & EPT_EPTP_AD);
}

static bool needs_dirty(const struct ept_walk_result *w, unsigned access)
{
	return access & EPT_W && !(w->entry[w->levels - 1] & EPT_ENTRY_DIRTY);
}

/* Entry i of a walk, with the flags that the access sets in it. */
static uint64_t flagged(const struct ept_walk_result *w, unsigned i, unsigned access)
{
	const bool dirty = i + 1 == w->levels && (access & EPT_W);

	return w->entry[i] | EPT_ENTRY_ACCESSED | (dirty ? EPT_ENTRY_DIRTY : 0);
}

static bool needs_flags(const struct ept_walk_result *w, unsigned access)
{
	for (unsigned i = 0; i < w->levels; i++)
		if (w->entry[i] != flagged(w, i, access))
			return true;
	return false;
}

/*
 * Accessed flag in each entry used, dirty flag in the leaf of a write: SDM "Accessed and Dirty Flags for
 * EPT". False: an entry was no longer what the walk had read.
 */
static bool set_flags(const struct ept02 *e, struct ept_walk_result *w, unsigned access)
{
	for (unsigned i = 0; i < w->levels; i++) {
		uint64_t entry = flagged(w, i, access);

		if (entry == w->entry[i])
			continue;
		if (e->l1.update(e->l1.ctx, w->entry_pa[i], w->entry[i], entry))
			return false;
		w->entry[i] = entry;
	}
	return true;
}

static enum ept_outcome walk12_and_flag(const struct ept02 *e, uint64_t l2_gpa, unsigned access,
					struct ept_walk_result *w, bool *dirtied, bool *full)
{
	/* Entries in memory that swallows writes never take a flag; a processor does not wait for them
	 * either. */
	for (unsigned i = 0; i < AD_ATTEMPTS_MAX; i++) {
		enum ept_outcome out = walk12(e, l2_gpa, access, w);

		if (out != EPT_MAPPED || !ad_enabled(e))
			return out;
		*dirtied = needs_dirty(w, access);
		*full = e->log_full && needs_flags(w, access);
		if (*full || set_flags(e, w, access))
			return out;
	}
	return EPT_MAPPED;
}

static enum ept02_verdict reflect(struct ept02 *e, enum ept_outcome out, unsigned access,
				  const struct ept_walk_result *w, struct ept02_result *r)
{
	if (out == EPT_MISCONFIG) {
		e->stats.misconfigs++;
		return EPT02_REFLECT_MISCONFIG;
	}
	e->stats.violations++;
	r->qualification = (access & EPT_RWX) | (uint64_t)w->perms << 3;
	r->convertible = w->levels && !(w->entry[w->levels - 1] & EPT_ENTRY_SUPPRESS_VE);
	return EPT02_REFLECT_VIOLATION;
}

static uint64_t page_size(const struct ept_caps *caps, uint64_t a, uint64_t b)
{
	const uint64_t least = a < b ? a : b;

	if (least >= EPT_PAGE_1G && caps->page_1g)
		return EPT_PAGE_1G;
	return least >= EPT_PAGE_2M && caps->page_2m ? EPT_PAGE_2M : EPT_PAGE_4K;
}

static int map02(struct ept02 *e, uint64_t l2_gpa, uint64_t hpa, uint64_t bytes, unsigned flags,
		 enum ept_memtype type)
{
	struct ept02_slot *slot = e->current;
	bool emptied = false;
	int err;

	while (tables_held(e) + MAP_COST_MAX > e->budget && release_other(e))
		;
	if (tables_held(e) + MAP_COST_MAX > e->budget)
		drop(e, slot);
	for (;;) {
		err = ept_map(&slot->ept, &e->mem, l2_gpa & ~(bytes - 1), hpa & ~(bytes - 1), bytes, flags,
			      type);
		if (err != -ENOMEM || emptied)
			break;
		if (release_other(e))
			continue;
		/* Once, not for ever: what is free when this context is empty has to do. */
		drop(e, slot);
		emptied = true;
	}
	e->stale |= slot->ept.stale;
	slot->ept.stale = false;
	return err;
}

static enum ept_outcome walk01(const struct ept02 *e, uint64_t l1_gpa, unsigned access,
			       struct ept_walk_result *w)
{
	if ((l1_gpa & ~(EPT_PAGE_4K - 1)) != e->special_l1)
		return ept_walk(e->ept01, &e->mem, l1_gpa, access, w);
	*w = (struct ept_walk_result){.pa = e->special_hpa | (l1_gpa & (EPT_PAGE_4K - 1)),
				      .page_bytes = EPT_PAGE_4K,
				      .perms = EPT_R | EPT_W,
				      .type = EPT_WB};
	return access & EPT_X ? EPT_VIOLATION : EPT_MAPPED;
}

/* The largest page, of this size at most, that does not hold the special one as well. */
static uint64_t size_beside_special(const struct ept02 *e, uint64_t l1_gpa, uint64_t bytes)
{
	while (e->special_l1 != EPT02_NO_PAGE && bytes > EPT_PAGE_4K &&
	       !((l1_gpa ^ e->special_l1) & ~(bytes - 1)))
		bytes /= EPT_PAGE_2M / EPT_PAGE_4K;
	return bytes;
}

enum ept02_verdict ept02_fault(struct ept02 *e, uint64_t l2_gpa, unsigned access, struct ept02_result *r)
{
	struct ept_walk_result w12, w01;
	enum ept_outcome out;
	unsigned perms;
	bool full = false;

	*r = (struct ept02_result){0};
	e->stats.faults++;
	out = walk12_and_flag(e, l2_gpa, access, &w12, &r->dirtied, &full);
	if (out != EPT_MAPPED)
		return reflect(e, out, access, &w12, r);
	if (full)
		return EPT02_LOG_FULL;

	r->l1_gpa = w12.pa;
	out = walk01(e, w12.pa, access, &w01);
	perms = w12.perms & w01.perms;
	/* Without its dirty flag a page is composed read-only, so that the first write comes here to set it.
	 */
	if (ad_enabled(e) && !(w12.entry[w12.levels - 1] & EPT_ENTRY_DIRTY) && !(access & EPT_W))
		perms &= ~EPT_W;
	if (out != EPT_MAPPED || !perms) {
		e->stats.own++;
		r->perms = w01.perms;
		return EPT02_L0_OWN;
	}

	r->hpa = w01.pa;
	r->page_bytes =
		size_beside_special(e, w12.pa, page_size(&e->ept01->caps, w12.page_bytes, w01.page_bytes));
	r->perms = perms;
	/* What is RAM to L0 has the type that L1 chose; what is a device keeps its own. */
	if (w01.type == EPT_WB) {
		w01.type = w12.type;
		w01.ipat = w12.ipat;
	}
	if (map02(e, l2_gpa, w01.pa, r->page_bytes, perms | (w01.ipat ? EPT_IPAT : 0), w01.type))
		return EPT02_NO_MEMORY;
	e->stats.mapped++;
	return EPT02_MAPPED;
}

enum ept02_verdict ept02_translate(struct ept02 *e, uint64_t l2_gpa, unsigned access, struct ept02_result *r)
{
	struct ept_walk_result w;
	enum ept_outcome out = walk12(e, l2_gpa, access, &w);

	*r = (struct ept02_result){0};
	if (out != EPT_MAPPED)
		return reflect(e, out, access, &w, r);
	r->l1_gpa = w.pa;
	r->page_bytes = w.page_bytes;
	r->perms = w.perms;
	return EPT02_MAPPED;
}

void ept02_invept_single(struct ept02 *e, uint64_t eptp12)
{
	/* A context is named by bits 51:12 alone: SDM "INVEPT", and "Information That May Be Cached". */
	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		if (!((e->slot[i].eptp12 ^ eptp12) & EPT_ENTRY_ADDRESS))
			drop(e, &e->slot[i]);
}

void ept02_invept_all(struct ept02 *e)
{
	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		drop(e, &e->slot[i]);
}

void ept02_ept01_changed(struct ept02 *e)
{
	ept02_invept_all(e);
}

void ept02_force_ad(struct ept02 *e, bool on)
{
	e->forced = on ? EPT_EPTP_AD : 0;
	for (unsigned i = 0; i < EPT02_SLOTS; i++)
		e->slot[i].flags = e->slot[i].eptp12 | e->forced;
	e->stale = true;
}

void ept02_unforce_ad(struct ept02 *e)
{
	e->current->flags = e->current->eptp12;
	e->stale = true;
}

bool ept02_ad_forced(const struct ept02 *e)
{
	return e->current && e->current->flags != e->current->eptp12;
}

void ept02_special(struct ept02 *e, uint64_t l1_gpa, uint64_t hpa)
{
	e->special_l1 = l1_gpa;
	e->special_hpa = hpa;
	ept02_invept_all(e);
}
