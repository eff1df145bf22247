/* SPDX-License-Identifier: MIT */
/* Which vCPU runs: round robin over all VMs, by time slices of the preemption timer, on one processor. */
#ifndef L0HV_SCHED_SCHED_H
#define L0HV_SCHED_SCHED_H

#include "l0hv/vm/vm.h"

void sched_add(struct vcpu *v);
/* Something changed that may make another vCPU better to run, or none: look before the next entry. */
void sched_kick(void);
extern bool sched_kicked;

/* The vCPU to enter after v, switched to; v itself when its slice lasts. Ends the machine when every VM has
 * stopped. */
struct vcpu *sched_next(struct vcpu *v);
/* Enter the first vCPU. */
void sched_start(uint64_t limit) __attribute__((noreturn));

/* v's slice or the limit may have passed. */
void sched_timer(struct vcpu *v);
/* End v's slice: a guest yielded or halted. */
void sched_yield(struct vcpu *v);

/*
 * Call fn once, in the first exit of any vCPU at TSC `at` or later (NEVER: not at all). There is one alarm,
 * to be set before sched_start() or by fn: who runs by then keeps its deadline.
 */
void sched_alarm(uint64_t at, void (*fn)(void));

/* The same for what devices do later, at any time: who runs gets a deadline for it. */
void sched_device_alarm(uint64_t at, void (*fn)(void));

/* move_step() is called at the next boundary, whichever vCPU it is of. */
void sched_ask(void);

/* INIT and SIPI from another vCPU; carried out when v is switched to. */
void sched_init_vcpu(struct vcpu *v);
void sched_start_vcpu(struct vcpu *v, uint8_t vector);

#endif
