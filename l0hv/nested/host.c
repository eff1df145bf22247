/* SPDX-License-Identifier: MIT */
/* SDM "Loading Host State": L1 after an exit of L2. */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

#define HOST_DR7 0x400u

/* "Loading Host Segment and Descriptor-Table Registers" */
static const struct {
	uint32_t selector, base, limit, rights; /* of the guest-state area */
	uint8_t from; /* F_HOST_* selector */
	int16_t from_base; /* F_HOST_* base, -1: 0 */
} segments[] = {
	{GUEST_ES_SELECTOR, GUEST_ES_BASE, GUEST_ES_LIMIT, GUEST_ES_ACCESS_RIGHTS, F_HOST_ES_SELECTOR, -1},
	{GUEST_CS_SELECTOR, GUEST_CS_BASE, GUEST_CS_LIMIT, GUEST_CS_ACCESS_RIGHTS, F_HOST_CS_SELECTOR, -1},
	{GUEST_SS_SELECTOR, GUEST_SS_BASE, GUEST_SS_LIMIT, GUEST_SS_ACCESS_RIGHTS, F_HOST_SS_SELECTOR, -1},
	{GUEST_DS_SELECTOR, GUEST_DS_BASE, GUEST_DS_LIMIT, GUEST_DS_ACCESS_RIGHTS, F_HOST_DS_SELECTOR, -1},
	{GUEST_FS_SELECTOR, GUEST_FS_BASE, GUEST_FS_LIMIT, GUEST_FS_ACCESS_RIGHTS, F_HOST_FS_SELECTOR,
	 F_HOST_FS_BASE										  },
	{GUEST_GS_SELECTOR, GUEST_GS_BASE, GUEST_GS_LIMIT, GUEST_GS_ACCESS_RIGHTS, F_HOST_GS_SELECTOR,
	 F_HOST_GS_BASE										  },
	{GUEST_TR_SELECTOR, GUEST_TR_BASE, GUEST_TR_LIMIT, GUEST_TR_ACCESS_RIGHTS, F_HOST_TR_SELECTOR,
	 F_HOST_TR_BASE										  },
};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static void add(struct nested *n, uint32_t field, uint64_t value)
{
	n->host_load[n->host_count++] = (struct field_value){field, value};
}

static void add_segments(struct nested *n, bool host64)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		uint64_t selector = n->v12.v[segments[i].from];
		uint32_t rights = segments[i].selector == GUEST_CS_SELECTOR ? (host64 ? AR_CODE64 : AR_CODE32)
				  : segments[i].selector == GUEST_TR_SELECTOR ? AR_TSS64
				  : !selector                                 ? AR_UNUSABLE
									      : AR_DATA32;

		add(n, segments[i].selector, selector);
		add(n, segments[i].base, segments[i].from_base < 0 ? 0 : n->v12.v[segments[i].from_base]);
		add(n, segments[i].limit, segments[i].selector == GUEST_TR_SELECTOR ? 0x67 : 0xFFFFFFFF);
		add(n, segments[i].rights, rights);
	}
	add(n, GUEST_LDTR_SELECTOR, 0);
	add(n, GUEST_LDTR_ACCESS_RIGHTS, AR_UNUSABLE);
	add(n, GUEST_GDTR_BASE, n->v12.v[F_HOST_GDTR_BASE]);
	add(n, GUEST_GDTR_LIMIT, 0xFFFF);
	add(n, GUEST_IDTR_BASE, n->v12.v[F_HOST_IDTR_BASE]);
	add(n, GUEST_IDTR_LIMIT, 0xFFFF);
}

/* Everything that hangs on vmcs12's host fields alone. */
static void make_list(struct nested *n)
{
	bool host64 = n->v12.v[F_EXIT_CTLS] & EXIT_CTL_HOST_64;

	n->host_count = 0;
	n->host_stale = false;
	add_segments(n, host64);
	add(n, GUEST_RSP, n->v12.v[F_HOST_RSP]);
	add(n, GUEST_RIP, n->v12.v[F_HOST_RIP]);
	add(n, GUEST_RFLAGS, RFLAGS_FIXED);
	add(n, GUEST_SYSENTER_CS, n->v12.v[F_HOST_SYSENTER_CS]);
	add(n, GUEST_SYSENTER_ESP, n->v12.v[F_HOST_SYSENTER_ESP]);
	add(n, GUEST_SYSENTER_EIP, n->v12.v[F_HOST_SYSENTER_EIP]);
	add(n, GUEST_DR7, HOST_DR7);
	add(n, GUEST_DEBUGCTL, 0);
	add(n, GUEST_INTERRUPTIBILITY, 0);
	add(n, GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	add(n, GUEST_PENDING_DEBUG, 0);
	if (n->v12.v[F_EXIT_CTLS] & EXIT_CTL_LOAD_PAT)
		add(n, GUEST_PAT, n->v12.v[F_HOST_PAT]);
	if (n->v12.v[F_EXIT_CTLS] & EXIT_CTL_LOAD_EFER)
		add(n, GUEST_EFER, n->v12.v[F_HOST_EFER]);
	add(n, GUEST_CR3, n->v12.v[F_HOST_CR3]);
	while (n->host_count % 4)
		add(n, GUEST_PENDING_DEBUG, 0);
}

/* Does vmcs01 have this CR0 or CR4 already? Bits that `mask` leaves to L1 are the processor's, the rest the
 * shadow's. */
static bool holds(uint64_t mask, uint32_t value_field, uint64_t shadow, uint64_t wanted)
{
	return !((shadow ^ wanted) & mask) && !((vmread(value_field) ^ wanted) & ~mask);
}

static void load_control_registers(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint64_t shadow0 = vmread(CR0_SHADOW), kept = CR0_ET | CR0_CD | CR0_NW;
	uint64_t cr0 = (n->v12.v[F_HOST_CR0] & ~kept) | (shadow0 & kept), cr4 = n->v12.v[F_HOST_CR4];

	/* L1 left them as they were: the usual case, without the masks' computation */
	if (holds(n->v01.v[F_CR0_MASK], GUEST_CR0, shadow0, cr0) &&
	    holds(n->v01.v[F_CR4_MASK], GUEST_CR4, vmread(CR4_SHADOW), cr4))
		return;
	cr_load_host(v, cr0, cr4);
}

static void load_mode(const struct nested *n, uint64_t l2_efer)
{
	bool host64 = n->v12.v[F_EXIT_CTLS] & EXIT_CTL_HOST_64;
	uint64_t entry = vmread(ENTRY_CTLS);
	uint64_t wanted = host64 ? entry | ENTRY_CTL_IA32E_GUEST : entry & ~(uint64_t)ENTRY_CTL_IA32E_GUEST;

	if (entry != wanted)
		vmwrite(ENTRY_CTLS, wanted);
	if (!(n->v12.v[F_EXIT_CTLS] & EXIT_CTL_LOAD_EFER))
		vmwrite(GUEST_EFER,
			host64 ? l2_efer | EFER_LMA | EFER_LME : l2_efer & ~(EFER_LMA | EFER_LME));
}

/* Four at a time: this is most of what an exit to L1 costs. The list is padded to a multiple of four. */
static void write_list(const struct field_value *list, unsigned count)
{
	const struct field_value *end = list + count;

	for (; list != end; list += 4) {
		vmwrite_uncounted(list[0].field, list[0].value);
		vmwrite_uncounted(list[1].field, list[1].value);
		vmwrite_uncounted(list[2].field, list[2].value);
		vmwrite_uncounted(list[3].field, list[3].value);
	}
	vmx_count(0, count);
}

void host_state_load(struct vcpu *v, uint64_t l2_efer, uint64_t l2_pat)
{
	struct nested *n = v->nested;

	if (n->host_stale || !v->vm->config->cached_host_state)
		make_list(n);
	write_list(n->host_load, n->host_count);
	load_control_registers(v);
	load_mode(n, l2_efer);
	if (!(n->v12.v[F_EXIT_CTLS] & EXIT_CTL_LOAD_PAT))
		vmwrite(GUEST_PAT, l2_pat);
	v->vmcs01.activity = ACTIVITY_ACTIVE;
	cr_load_pdptes(v);
}
