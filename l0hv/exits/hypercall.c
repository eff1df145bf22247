/* SPDX-License-Identifier: MIT */
#include "l0hv/exits/exits.h"
#include "l0hv/migrate/move.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/vmx.h"
#include "nestbed/hypercall.h"

/* Any CPL may call NOP; to the rest of CPL 3's calls there is no answer but unknown. */
enum verdict on_vmcall(struct vcpu *v)
{
	if (v->gpr[0] == NB_HC_NOP) {
		v->gpr[0] = 0;
	} else if (v->gpr[0] == NB_HC_YIELD && guest_cpl() == 0) {
		v->gpr[0] = 0;
		sched_yield(v);
	} else if (v->gpr[0] == NB_HC_MOVE && guest_cpl() == 0) {
		v->gpr[0] = 0;
		move_marked(v->vm, CONFIG_AT_HYPERCALL);
	} else {
		v->gpr[0] = NB_HC_UNKNOWN;
	}
	return SKIP_AND_RESUME;
}
