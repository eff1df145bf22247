/* SPDX-License-Identifier: MIT */
/*
 * The move of a VM to and from other hosts (docs/migration.md). Of a host one VM moves. All work is done at
 * boundaries between an exit and an entry; in virtual time the VM's clock stands still meanwhile.
 */
#ifndef L0HV_MIGRATE_MOVE_H
#define L0HV_MIGRATE_MOVE_H

#include "bundle/config.h"
#include "l0hv/vm/vm.h"

/* Memory for the VM that comes or goes, if there is one; before VMs are made. 0; -ENOMEM; -EIO: no link. */
__attribute__((warn_unused_result)) int move_prepare(const struct l0_config *config);
/* The VM that goes was made. */
void move_made(struct vm *vm);

/* The guest's mark or hypercall: the VM may begin to move. */
void move_marked(struct vm *vm, enum config_when how);

/* WBINVD, WBNOINVD or INVD of a vCPU: true: a barrier will be made before its next instruction. */
bool move_barrier(struct vcpu *v);

/* A device of the VM was asked to write to its memory later; it has written [gpa, gpa + n), which is RAM. */
void move_late_asked(const struct vm *vm);
void move_late_wrote(const struct vm *vm, uint64_t gpa, uint64_t n);

/* struct vm's move_asked was set. current: the vCPU whose state the processor has. */
void move_step(struct vcpu *current);

/*
 * Nothing can run. Waits until a VM has come, or tells that none will (false). current: NULL if no vCPU has
 * run yet.
 */
bool move_wait(struct vcpu *current);
/* The machine ends: who waits for the VM is told so, and who still asks is answered. */
void move_end(void);

#endif
