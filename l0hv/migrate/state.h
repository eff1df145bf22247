/* SPDX-License-Identifier: MIT */
/*
 * Everything of a VM but its memory, as the stream's messages DeviceState and VcpuState
 * (migration/stream.proto, docs/migration-state.md): captured at any exit boundary, checked as a stranger's
 * word, restored.
 *
 * At an exit boundary sched_next() begins: the exit has been handled, nothing has been prepared for the next
 * entry.
 */
#ifndef L0HV_MIGRATE_STATE_H
#define L0HV_MIGRATE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "l0hv/vm/vm.h"

#define STATE_WHY_MAX 160u

/* A packed message in the memory that vm_state_prepare() took: good until the next capture of the VM. */
struct state_part {
	const uint8_t *bytes;
	size_t length;
};

struct vm_state {
	struct state_part devices; /* DeviceState */
	unsigned vcpus;
	struct state_part vcpu[CONFIG_VCPUS_MAX]; /* VcpuState of each, by its number */
};

/* Memory to work in, for all VMs, kept for good; before the first of the functions below. -ENOMEM. */
__attribute__((warn_unused_result)) int vm_state_prepare(void);

/*
 * current: the vCPU whose state the processor has; of any VM. It goes on afterwards as if nothing had been,
 * or is restored. 0; -ENOSPC with *why a sentence: larger than the memory for it.
 */
__attribute__((warn_unused_result)) int vm_state_capture(struct vm *vm, struct vcpu *current,
							 struct vm_state *state, const char **why);

/*
 * The VM gets this state; it has the memory of then, and all its vCPUs are as vm_create() or
 * vm_state_power_up() makes them. current as above. 0; -EINVAL, -ENOSPC, -ENOTSUP with why (STATE_WHY_MAX
 * bytes) a sentence that says what was wrong, and nothing was restored. -ENOMEM: no memory for EPT02; the VM
 * cannot run.
 */
__attribute__((warn_unused_result)) int vm_state_restore(struct vm *vm, struct vcpu *current,
							 const struct vm_state *state, char *why);

/* Destroy what the VM has besides its memory, VMCSs included, and make it anew as vm_create() does. */
__attribute__((warn_unused_result)) int vm_state_power_up(struct vm *vm, struct vcpu *current);

/*
 * The VM's time stands still for `by` ticks: whatever it holds of absolute ticks is that much later, and its
 * TSCs fall behind by as much. current as above.
 */
void vm_shift_ticks(struct vm *vm, struct vcpu *current, uint64_t by);

/*
 * What a guest has lived through must lie behind L0's TSC, which began with the machine: puts it forward,
 * once. For a target, before it makes its VMs.
 */
void vm_state_put_tsc_forward(void);
/* By how many ticks that was; 0: it was not. */
uint64_t vm_state_tsc_forward(void);

/*
 * Bundle key migrate.renew: at every N-th exit of the VM, capture, power up, restore. From sched_next(), by
 * struct vm's `asked`. What cannot be restored ends the VM.
 */
void vm_state_renew(struct vcpu *current);

#endif
