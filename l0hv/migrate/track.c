/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/track.h"

#include <errno.h>

#include "l0hv/exits/mmio.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/ept_dirty.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

#define LOG_ENTRIES 512u /* SDM "Page-Modification Logging" */
#define WORD_BITS   64u

struct track {
	enum config_track means;
	uint64_t *dirty; /* since the last collect; a bit a page */
	uint64_t words;
	/*
	 * With the flags of `ad` and `pml`, EPT01's leaves stay writable, so that EPT02 would get writable
	 * ones of them at the first read. EPT02 is composed of this table instead, in which a page is
	 * writable if it is in the set: L2 is tracked by write protection, whatever the means.
	 */
	struct ept for_l2;
	uint64_t log[CONFIG_VCPUS_MAX]; /* pages */
	uint64_t l2_entries[CONFIG_VCPUS_MAX]; /* as of the last collect */
};

static unsigned tracked_vms;

/* What each means needs, worst first. */
static const struct {
	const char *name, *lacks;
} means_table[] = {
	[CONFIG_TRACK_OFF] = {"off",  NULL							     },
	[CONFIG_TRACK_WP] = {"wp",   NULL							     },
	[CONFIG_TRACK_AD] = {"ad",   "accessed and dirty flags for EPT"                               },
	[CONFIG_TRACK_PML] = {"pml",  "page-modification logging, and accessed and dirty flags for EPT"},
	[CONFIG_TRACK_AUTO] = {"auto", NULL							     },
};

const char *track_name(enum config_track means)
{
	return means_table[means].name;
}

static bool can(enum config_track means)
{
	switch (means) {
	case CONFIG_TRACK_WP:
		return true;
	case CONFIG_TRACK_AD:
		return l0_ept_caps.ad;
	case CONFIG_TRACK_PML:
		return l0_ept_caps.ad && vmx_can(&l0_caps, WORD_CPU2, CTL2_PML);
	case CONFIG_TRACK_OFF:
	case CONFIG_TRACK_AUTO:
	default:
		return false;
	}
}

enum config_track track_means(const struct vm *vm)
{
	return vm->tracked ? vm->track->means : CONFIG_TRACK_OFF;
}

/* ---- the set ---- */

/* The table that says what may be written without being noticed by the one who walks it for L2. */
static struct ept *table_for_l2(struct vm *vm)
{
	struct track *t = vm->track;

	return t->for_l2.root ? &t->for_l2 : &vm->ept;
}

void track_mark(struct vm *vm, uint64_t gpa, uint64_t n)
{
	if (!n || !vm_memory(vm, gpa, n))
		return;
	for (uint64_t page = gpa / PAGE_SIZE; page <= (gpa + n - 1) / PAGE_SIZE; page++)
		vm->track->dirty[page / WORD_BITS] |= 1ull << page % WORD_BITS;
}

/* In place of vm_watch_hit(): a write to the page. True: whoever was stopped by EPT can go on. */
static bool write_hit(struct vm *vm, uint64_t gpa)
{
	const bool watched = vm_watch_hit(vm, gpa);
	bool lacked = false;

	if (!vm->tracked || !vm_memory(vm, gpa & ~PAGE_MASK, PAGE_SIZE))
		return watched;
	track_mark(vm, gpa, 1);
	if (vm->track->means == CONFIG_TRACK_WP)
		lacked = ept_dirty_set(&vm->ept, &l0_ept_mem, gpa, EPT_W);
	else if (vm->track->for_l2.root)
		lacked = ept_dirty_set(&vm->track->for_l2, &l0_ept_mem, gpa, EPT_W);
	return watched || lacked;
}

static bool fault_hit(struct vm *vm, uint64_t gpa)
{
	if (!write_hit(vm, gpa))
		return false;
	ept_restart(vmread(EXIT_QUALIFICATION));
	return true;
}

/* Before EPT01's leaf is replaced: it may hold the only word of a write. */
void track_watched(struct vm *vm, uint64_t gpa)
{
	if (vm->track->means != CONFIG_TRACK_WP &&
	    ept_dirty_clear(&vm->ept, &l0_ept_mem, gpa, EPT_ENTRY_DIRTY))
		track_mark(vm, gpa, 1);
	if (vm->track->for_l2.root)
		(void)ept_dirty_clear(&vm->track->for_l2, &l0_ept_mem, gpa, EPT_W);
}

/* ---- the processor's own writing ---- */

static void mark_host(struct vm *vm, uint64_t pa)
{
	if (pa >= vm->ram && pa - vm->ram < vm->ram_bytes)
		track_mark(vm, pa - vm->ram, 1);
}

void track_l2_page(struct vcpu *v, uint64_t was, uint64_t is)
{
	mark_host(v->vm, was);
	mark_host(v->vm, is);
}

static uint64_t l2_entries(const struct vcpu *v)
{
	return v->account.merges_full + v->account.merges_incremental;
}

/* True if some L2 has run since the last collect. */
static bool collect_l2_pages(struct vm *vm)
{
	struct track *t = vm->track;
	bool any = false;

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *v = vm->vcpu[i];
		uint64_t page[NESTED_OWN_PAGES];

		if (!v->nested || (!v->in_l2 && l2_entries(v) == t->l2_entries[i]))
			continue;
		t->l2_entries[i] = v->in_l2 ? NEVER : l2_entries(v); /* it goes on */
		any = true;
		nested_own_pages(v, page);
		for (unsigned p = 0; p < NESTED_OWN_PAGES; p++)
			mark_host(vm, page[p]);
	}
	return any;
}

/* ---- page-modification log; v's vmcs01 is current ---- */

static void drain_log(struct vcpu *v)
{
	const uint64_t *log = phys_to_virt(v->vm->track->log[v->id]);
	/* the next entry to be written, downwards; 0FFFFH behind the last one */
	const uint64_t index = vmread(PML_INDEX) & 0xFFFF, pages = v->vm->ram_bytes / PAGE_SIZE;
	uint64_t *dirty = v->vm->track->dirty;

	for (uint64_t i = index < LOG_ENTRIES ? index + 1 : 0; i < LOG_ENTRIES; i++) {
		const uint64_t page = log[i] / PAGE_SIZE;

		if (page < pages)
			dirty[page / WORD_BITS] |= 1ull << page % WORD_BITS;
	}
	vmwrite(PML_INDEX, LOG_ENTRIES - 1);
}

void track_log_full(struct vcpu *v)
{
	drain_log(v);
}

/* Do something to vmcs01 of each vCPU; what is current stays so. */
static void for_each_vmcs01(struct vm *vm, void (*fn)(struct vcpu *v))
{
	const uint64_t current = vmptrst();

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vmptrld(vm->vcpu[i]->vmcs01.pa);
		fn(vm->vcpu[i]);
	}
	vmptrld(current);
}

/* ---- a round ---- */

/* Make the pages of the set notice the next write to them. */
static void rearm(struct vm *vm)
{
	struct track *t = vm->track;

	ept_dirty_clear_set(&vm->ept, &l0_ept_mem, t->dirty, t->words,
			    t->means == CONFIG_TRACK_WP ? EPT_W : EPT_ENTRY_DIRTY);
	if (t->for_l2.root)
		ept_dirty_clear_set(&t->for_l2, &l0_ept_mem, t->dirty, t->words, EPT_W);
}

/* Into the set with what the processor knows of. */
static void gather(struct vm *vm)
{
	struct track *t = vm->track;
	const bool l2_ran = collect_l2_pages(vm);

	if (t->means == CONFIG_TRACK_PML)
		for_each_vmcs01(vm, drain_log);
	/* vmcs02 logs nothing; an L2 that L1 gave no EPT walks EPT01 all the same, and sets its flags */
	if (t->means == CONFIG_TRACK_AD || (t->means == CONFIG_TRACK_PML && l2_ran))
		ept_dirty_sweep(&vm->ept, &l0_ept_mem, 0, vm->ram_bytes, EPT_ENTRY_DIRTY, t->dirty);
}

void track_gather(struct vm *vm)
{
	gather(vm);
	rearm(vm);
}

void track_flush(struct vm *vm)
{
	vm->ept.stale = true;
	vm_ept01_lowered(vm);
	invept(INVEPT_ALL, 0);
}

uint64_t track_take(struct vm *vm, uint64_t *bitmap)
{
	struct track *t = vm->track;
	uint64_t count = 0;

	for (uint64_t w = 0; w < t->words; w++) {
		bitmap[w] = t->dirty[w];
		for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1)
			count++;
		t->dirty[w] = 0;
	}
	return count;
}

uint64_t track_collect(struct vm *vm, uint64_t *bitmap)
{
	track_gather(vm);
	vm->ept.stale = true;
	vm_ept01_lowered(vm);
	return track_take(vm, bitmap);
}

/* SplitMix64's finalizer (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators") of each
 * page's number, summed, so that order is nothing. */
static uint64_t digest_of(uint64_t page)
{
	uint64_t x = (page + 1) * 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint64_t track_set_digest(const struct vm *vm, const uint64_t *bitmap)
{
	uint64_t digest = 0;

	for (uint64_t w = 0; w < vm->track->words; w++)
		for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1)
			digest += digest_of(w * WORD_BITS + (unsigned)__builtin_ctzll(bits));
	return digest;
}

/* ---- on and off ---- */

static void control(struct vcpu *v)
{
	const struct track *t = v->vm->track;
	const uint64_t ctls = vmread(CPU_CTLS2);

	vmwrite(EPT_POINTER, v->vm->eptp);
	if (v->vm->tracked && t->means == CONFIG_TRACK_PML) {
		vmwrite(PML_ADDRESS, t->log[v->id]);
		vmwrite(PML_INDEX, LOG_ENTRIES - 1);
		vmwrite(CPU_CTLS2, ctls | CTL2_PML);
	} else if (ctls & CTL2_PML) {
		vmwrite(CPU_CTLS2, ctls & ~(uint64_t)CTL2_PML);
	}
}

/* Everybody who walks, or copies from, EPT01 has it as it is now. */
static void publish(struct vm *vm)
{
	for_each_vmcs01(vm, control);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpu[i]->nested)
			nested_ept01_replaced(vm->vcpu[i], vm->tracked ? table_for_l2(vm) : &vm->ept,
					      vm->tracked && l0_ept_caps.ad);
	vm->ept.stale = true;
	vm_ept01_lowered(vm);
}

/* What is not given back stays for the next start. */
static int allocate(struct vm *vm)
{
	const uint64_t words = (vm->ram_bytes / PAGE_SIZE + WORD_BITS - 1) / WORD_BITS;
	uint64_t pa;

	if (!vm->track) {
		pa = pages_alloc_contiguous(sizeof(struct track), PAGE_SIZE);
		if (!pa)
			return -ENOMEM;
		vm->track = phys_to_virt(pa);
	}
	if (!vm->track->dirty) {
		pa = pages_alloc_contiguous(words * sizeof(uint64_t), PAGE_SIZE);
		if (!pa)
			return -ENOMEM;
		vm->track->dirty = phys_to_virt(pa);
		vm->track->words = words;
	}
	return 0;
}

/* EPT01's RAM as EPT02 is to see it: nothing can be written yet. */
static int make_table_for_l2(struct vm *vm)
{
	struct ept_caps small = l0_ept_caps;
	struct ept *ept = &vm->track->for_l2;

	small.page_2m = small.page_1g = false;
	if (ept_init(ept, &l0_ept_mem, &small) ||
	    ept_map(ept, &l0_ept_mem, 0, vm->ram, vm->ram_bytes, EPT_R | EPT_X, EPT_WB))
		return -ENOMEM;
	ept->caps = l0_ept_caps; /* EPT02's tables take theirs from here */
	return 0;
}

static int prepare(struct vm *vm, enum config_track means)
{
	struct track *t = vm->track;

	memset(t->dirty, 0, t->words * sizeof(uint64_t));
	t->means = means;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		t->l2_entries[i] = l2_entries(vm->vcpu[i]);
		if (means == CONFIG_TRACK_PML && !t->log[i])
			t->log[i] = page_alloc();
		if (means == CONFIG_TRACK_PML && !t->log[i])
			return -ENOMEM;
	}
	if (ept_dirty_split(&vm->ept, &l0_ept_mem, 0, vm->ram_bytes))
		return -ENOMEM;
	if (means == CONFIG_TRACK_WP)
		ept_dirty_sweep(&vm->ept, &l0_ept_mem, 0, vm->ram_bytes, EPT_W, NULL);
	return means == CONFIG_TRACK_WP || !vm->vcpu[0]->nested ? 0 : make_table_for_l2(vm);
}

/* EPT01 as vm_create() maps it. Joining what was split needs no memory. */
static void restore(struct vm *vm)
{
	vm_watches_end(vm);
	if (vm->track->for_l2.root)
		ept_free(&vm->track->for_l2, &l0_ept_mem);
	if (ept_map(&vm->ept, &l0_ept_mem, 0, vm->ram, vm->ram_bytes, EPT_RWX, EPT_WB))
		vm->ept.stale = true; /* small pages do as well */
	vm->eptp = ept_eptp(vm->ept.root, false);
}

int track_start(struct vm *vm, enum config_track means, const char **why)
{
	*why = "its pages are tracked already";
	if (vm->tracked)
		return -EBUSY;
	if (means == CONFIG_TRACK_AUTO)
		for (means = CONFIG_TRACK_PML; !can(means);)
			means--;
	*why = means_table[means].lacks ? means_table[means].lacks : "no means to track its pages was named";
	if (!can(means))
		return -ENOTSUP;
	*why = "the machine has not enough memory to track its pages";
	if (allocate(vm))
		return -ENOMEM;
	if (prepare(vm, means)) {
		restore(vm);
		publish(vm);
		return -ENOMEM;
	}
	/*
	 * With the flags on, the processor takes its reading of the guest's page tables for writing. `wp` has
	 * them on where they are, so that all means say the same of the same guest.
	 */
	vm->eptp = ept_eptp(vm->ept.root, l0_ept_caps.ad);
	vm->tracked = 1;
	tracked_vms++;
	vm_write_hit = write_hit;
	vm_fault_hit = fault_hit;
	nested_tracking(true);
	publish(vm);
	return 0;
}

void track_stop(struct vm *vm)
{
	if (!vm->tracked)
		return;
	vm->tracked = 0;
	if (!--tracked_vms) {
		vm_write_hit = vm_fault_hit = vm_watch_hit;
		nested_tracking(false);
	}
	restore(vm);
	publish(vm);
}

void track_before_power_up(struct vm *vm)
{
	if (vm->tracked)
		gather(vm);
}

void track_after_power_up(struct vm *vm)
{
	if (vm->tracked)
		publish(vm);
}
