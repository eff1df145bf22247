/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/dirty.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "experiments/peers/kvm/vmm/sets.h"
#include "experiments/peers/kvm/vmm/touch.h"
#include "experiments/text.h"

static const char *const names[] = {[TRACK_OFF] = "off", [TRACK_BITMAP] = "bitmap", [TRACK_RING] = "ring"};

static int enable(const struct vm *vm, uint32_t extension, uint64_t value)
{
	const struct kvm_enable_cap cap = {.cap = extension, .args = {value}};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int prepare_ring(struct vm *vm)
{
	static const char *const lacks[] = {"KVM_CAP_DIRTY_LOG_RING"};
	const uint64_t bytes = (uint64_t)vm->options->ring_pages * sizeof(struct kvm_dirty_gfn);
	const int most = vm_extension(vm, KVM_CAP_DIRTY_LOG_RING);

	if (!most)
		return records_refuse(vm->records, lacks, 1, "this KVM has no dirty rings");
	if (bytes > (unsigned)most)
		return records_refuse(vm->records, NULL, 0, "this KVM's dirty rings have at most %zu entries",
				      (unsigned)most / sizeof(struct kvm_dirty_gfn));
	if (enable(vm, KVM_CAP_DIRTY_LOG_RING, bytes))
		return records_refuse_errno(vm->records, "KVM_CAP_DIRTY_LOG_RING");
	return 0;
}

/*
 * In two steps, where KVM can: read all, then clear what was read. Not with KVM_DIRTY_LOG_INITIALLY_SET: with
 * it every page counts as written at the start.
 */
static int prepare_bitmap(struct vm *vm)
{
	if (!(vm_extension(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		return 0;
	if (enable(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		return records_refuse_errno(vm->records, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	vm->dirty.two_steps = true;
	return 0;
}

int dirty_prepare(struct vm *vm)
{
	switch (vm->options->track) {
	case TRACK_BITMAP:
		return prepare_bitmap(vm);
	case TRACK_RING:
		return prepare_ring(vm);
	case TRACK_OFF:
	default:
		return 0;
	}
}

/* ---- what KVM has ---- */

static int take_bitmap(struct vm *vm)
{
	struct dirty_log *d = &vm->dirty;
	const struct kvm_dirty_log get = {.slot = VM_SLOT, .dirty_bitmap = d->told.words};
	const struct kvm_clear_dirty_log clear = {
		.slot = VM_SLOT,
		.num_pages = d->told.pages,
		.dirty_bitmap = d->told.words,
	};

	if (ioctl(vm->fd, KVM_GET_DIRTY_LOG, &get))
		return -errno;
	if (d->two_steps && ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear))
		return -errno;
	dirty_union(&d->set, &d->told);
	return 0;
}

static int take_ring(struct vm *vm)
{
	struct dirty_log *d = &vm->dirty;

	if (!sets_take_ring(d->ring, vm->options->ring_pages, &d->next, VM_SLOT, &d->set))
		return 0;
	return ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0) < 0 ? -errno : 0;
}

int dirty_ring_full(struct vm *vm)
{
	return vm->dirty.ring ? take_ring(vm) : -EINVAL;
}

static int take(struct vm *vm)
{
	return vm->dirty.ring ? take_ring(vm) : take_bitmap(vm);
}

/* ---- rounds ---- */

static void dirty_copy(struct dirty *to, const struct dirty *from)
{
	memcpy(to->words, from->words, DIRTY_WORDS(from->pages) * sizeof(uint64_t));
	to->count = from->count;
}

void dirty_tell(struct vm *vm)
{
	struct dirty_log *d = &vm->dirty;

	for (unsigned i = 0; i < d->untold_count; i++)
		records_log(vm->records, "%s: round %" PRIu64 " by %s: %" PRIu32 " pages, set %016" PRIx64,
			    vm->options->name, d->round++, names[vm->options->track], d->untold[i].count,
			    sets_digest(&d->untold[i]));
	d->untold_count = 0;
}

int dirty_round(struct vm *vm)
{
	struct dirty_log *d = &vm->dirty;
	int err;

	if (vm->options->track == TRACK_OFF)
		return 0;
	err = take(vm);
	if (err)
		return err;
	dirty_copy(&d->untold[d->untold_count++], &d->set);
	dirty_clear(&d->set);
	if (!vm->records->held || d->untold_count == DIRTY_UNTOLD_MAX)
		dirty_tell(vm);
	return 0;
}

static void make_set(struct dirty *set, uint64_t bytes)
{
	const uint32_t pages = (uint32_t)(bytes / VM_PAGE);

	dirty_init(set, zalloc(DIRTY_WORDS(pages) * sizeof(uint64_t)), pages);
}

static int map_ring(struct vm *vm)
{
	void *ring =
		mmap(NULL, vm->options->ring_pages * sizeof(struct kvm_dirty_gfn), PROT_READ | PROT_WRITE,
		     MAP_SHARED, vm->vcpu, (off_t)KVM_DIRTY_LOG_PAGE_OFFSET * VM_PAGE);

	if (ring == MAP_FAILED)
		return records_refuse_errno(vm->records, "the vCPU's dirty ring");
	vm->dirty.ring = ring;
	return 0;
}

/*
 * KVM has a page mapped once it was touched, and then takes a reading for a writing if it may map the page
 * writable. So every page is touched first, and what KVM makes of that is thrown away.
 */
int dirty_start(struct vm *vm)
{
	struct dirty_log *d = &vm->dirty;
	int status;

	if (vm->options->track == TRACK_OFF)
		return 0;
	make_set(&d->set, vm->options->memory);
	make_set(&d->told, vm->options->memory);
	for (unsigned i = 0; i < DIRTY_UNTOLD_MAX; i++)
		make_set(&d->untold[i], vm->options->memory);
	status = vm->options->track == TRACK_RING ? map_ring(vm) : 0;
	if (!status)
		status = touch_all(vm);
	if (status)
		return status;
	errno = -take(vm);
	if (errno)
		return records_refuse_errno(vm->records, "KVM's dirty log");
	dirty_clear(&d->set);
	return 0;
}
