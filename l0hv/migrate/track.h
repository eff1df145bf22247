/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a VM were written, by whomever: its vCPUs through EPT01, its L2s through EPT02 (the page is
 * the L1-physical one), L0 on behalf of either, and the processor itself where it writes by physical address.
 * One set, by three interchangeable means; docs/dirty-tracking.md.
 *
 * Off it costs no exit an instruction and leaves EPT01 as vm_create() made it.
 */
#ifndef L0HV_MIGRATE_TRACK_H
#define L0HV_MIGRATE_TRACK_H

#include "bundle/config.h"
#include "l0hv/vm/vm.h"

/* "wp", "ad", "pml", "auto", "off" */
const char *track_name(enum config_track means);

/*
 * Begin with nothing written. CONFIG_TRACK_AUTO: the best that this processor has. 0; -ENOTSUP: it lacks what
 * the means needs; -EBUSY: the VM is tracked already; -ENOMEM; with *why a sentence and nothing changed.
 */
__attribute__((warn_unused_result)) int track_start(struct vm *vm, enum config_track means, const char **why);

/* The means in use; CONFIG_TRACK_OFF if the VM is not tracked. */
enum config_track track_means(const struct vm *vm);

/*
 * Bit gpa / 4096 of bitmap is set for each page written since the last call or the start, and clear for each
 * other one; returns how many. bitmap: a bit a page of vm->ram_bytes, rounded up to 64. Within an exit of any
 * vCPU of the machine: what every vCPU of the VM has written before it is in this set, what it writes after
 * it in the next. The flush of EPT is done before the next entry.
 */
uint64_t track_collect(struct vm *vm, uint64_t *bitmap);

/*
 * track_collect() in parts: what the processor knows of comes into the set, and the next write to a page of
 * it will be noticed once EPT has been flushed; flush it, at once and for each vCPU; empty the set into
 * bitmap. Nothing may be written between the first and the last.
 */
void track_gather(struct vm *vm);
void track_flush(struct vm *vm);
uint64_t track_take(struct vm *vm, uint64_t *bitmap);

/* For comparing two sets, not for security. */
uint64_t track_set_digest(const struct vm *vm, const uint64_t *bitmap);

/* EPT01 is as before, large pages and all. Does nothing if the VM is not tracked. */
void track_stop(struct vm *vm);

/* L0 has written, or is about to write, [gpa, gpa + n) of RAM without vm_write(). */
void track_mark(struct vm *vm, uint64_t gpa, uint64_t n);
static inline void track_written(struct vm *vm, uint64_t gpa, uint64_t n)
{
	if (vm->tracked)
		track_mark(vm, gpa, n);
}

/* vm_watch() takes EPT01's mapping of the page away and gives another that can not be written. */
void track_watched(struct vm *vm, uint64_t gpa);

/* Exit because the page-modification log of v is full. */
void track_log_full(struct vcpu *v);

/* The page that v's processor writes by itself as long as L2 runs is another one from now on: host-physical.
 */
void track_l2_page(struct vcpu *v, uint64_t was, uint64_t is);

/* Around making the VM's vCPUs and their VMCSs anew: what was written before is in the set, and tracking goes
 * on. A VMCS is current, before and after. */
void track_before_power_up(struct vm *vm);
void track_after_power_up(struct vm *vm);

#endif
