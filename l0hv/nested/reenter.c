/* SPDX-License-Identifier: MIT */
/* L2 whose state was restored. Apart from entry.c, so that what L1's entries cost does not hang on it. */
#include "l0hv/cpu/asm.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

/* Every row, into a vmcs02 that is current and has nothing yet. */
static void merge_all(struct nested *n)
{
	static struct vmcs_bitset exists;
	unsigned field;

	vmcs_existing_fields(&l0_caps, &exists);
	n->in.exists = &exists;
	vmcs_merge_full(&n->in, &n->v02);
	for (VMCS_BITSET_EACH(field, &exists))
		if (merge_table[field].rule != NOT_MERGED)
			vmwrite(vmcs_field_encoding[field], n->v02.v[field]);
	vmcs_bitset_clear_all(&n->dirty);
	n->merged = true;
	n->vmcs02.cpu_ctls = (uint32_t)n->v02.v[F_CPU_CTLS];
	n->vmcs02.pin_ctls = (uint32_t)n->v02.v[F_PIN_CTLS];
	n->vmcs02.window_open = n->vmcs02.nmi_window_open = n->vmcs02.timer_on = false;
	n->vmcs02.activity = (uint8_t)n->v12.v[F_GUEST_ACTIVITY];
}

int nested_reenter(struct vcpu *v)
{
	const uint32_t cr8 = CPU_CR8_LOAD_EXITING | CPU_CR8_STORE_EXITING;
	struct nested *n = v->nested;
	const uint64_t cr0 = n->v12.v[F_GUEST_CR0];
	const uint32_t ctls12 = (uint32_t)n->v12.v[F_CPU_CTLS];
	int error;

	n->in.l1.efer = vmread(GUEST_EFER);
	n->in.l1.pat = vmread(GUEST_PAT);
	n->in.l1.debugctl = vmread(GUEST_DEBUGCTL);
	n->in.l1.dr7 = vmread(GUEST_DR7);
	n->v12.v[F_GUEST_CR0] = cr0 & ~CR0_PG; /* PDPTEs are L2's own, whatever memory has by now */
	error = memory_prepare(v);
	n->v12.v[F_GUEST_CR0] = cr0;
	if (error)
		return error;
	n->policy.ctls[WORD_CPU].clear = CPU_IO_BITMAPS | (ctls12 & CPU_TPR_SHADOW ? cr8 & ~ctls12 : 0);
	vmcs_switch(v, &n->vmcs02);
	v->in_l2 = true;
	merge_all(n);
	return 0;
}
