/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_vmx.h"
#include "l0hv/exits/cr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/lazy.h"

#define POISON 0xA5

static void make_fields(struct nested *n)
{
	vmcs_existing_fields(&n->caps, &n->fields);
	for (uint32_t encoding = 0; encoding < 0x8000; encoding++) {
		int index = vmcs_field_index(encoding);
		struct l1_field *f = &n->field[vmcs_encoding_key(encoding)];

		if (index < 0 || !vmcs_bitset_test(&n->fields, (unsigned)index))
			continue;
		f->number = (uint8_t)(index + 1);
		if (vmcs_field_readonly((unsigned)index) && !(n->caps.misc & VMX_MISC_VMWRITE_ANY))
			f->flags |= FIELD_READ_ONLY;
		if (vmcs12_follows((unsigned)index))
			f->flags |= FIELD_FOLLOWED;
		if (vmcs_bitset_test(&vmcs_lazy_fields, (unsigned)index))
			f->flags |= FIELD_LAZY;
	}
}

/* SDM "VMX-Fixed Bits in CR4": a bit may be 1 if CPUID shows its feature. */
static void limit_cr4(const struct vcpu *v, struct vmx_caps *caps)
{
	uint64_t owned0, forced0, owned4, forced4;

	cr_owned(v, false, &owned0, &forced0, &owned4, &forced4);
	caps->cr4_fixed1 &= ~owned4 | CR4_VMXE;
}

/* State, and what it needs pages for. */
static int make_state(struct vcpu *v)
{
	struct nested *n = v->nested;

	/* as firmware leaves it, or as a reset does */
	n->feature_control = v->vm->config->vmx_locked ? FEATURE_LOCK | FEATURE_VMXON : 0;
	n->current = NO_VMCS12;
	n->msr_bitmap12 = NEVER;
	n->shadowing = l0_features.vmcs_shadowing && v->vm->config->shadow_vmcs;
	n->msr_bitmap02 = page_alloc();
	n->no_apic = page_alloc();
	n->apic_access = page_alloc();
	if (!n->msr_bitmap02 || !n->no_apic || !n->apic_access)
		return -ENOMEM;
	vmcs_region_init(&n->vmcs02, false);
	return memory_init(v);
}

/* Nobody can go on with what lies in it. */
static void forget_page(uint64_t pa)
{
	if (!pa)
		return;
	memset(phys_to_virt(pa), POISON, PAGE_SIZE);
	page_free(pa);
}

static void forget_vmcs(const struct vmcs_region *region)
{
	if (region->pa)
		vmclear(region->pa);
	forget_page(region->pa);
}

int nested_power_up(struct vcpu *v)
{
	struct nested *n = v->nested;
	const uint16_t vpid02 = n->vpid02;
	const size_t kept =
		offsetof(struct nested, feature_control); /* follows from the VM's configuration */

	ept02_free(&n->ept02);
	forget_vmcs(&n->vmcs02);
	forget_vmcs(&n->shadow);
	forget_page(n->vmread_bitmap);
	forget_page(n->vmwrite_bitmap);
	forget_page(n->msr_bitmap02);
	forget_page(n->no_apic);
	forget_page(n->apic_access);
	memset((uint8_t *)n + kept, 0, sizeof(*n) - kept);
	n->vpid02 = vpid02;
	return make_state(v);
}

int nested_create(struct vcpu *v)
{
	static uint16_t next_vpid = 0x8000;
	uint64_t pa = pages_alloc_contiguous(sizeof(struct nested), PAGE_SIZE);
	struct nested *n = pa ? phys_to_virt(pa) : NULL;

	if (!n)
		return -ENOMEM;
	cpu_vmx_caps(&v->vm->cpu.policy, &n->caps);
	limit_cr4(v, &n->caps);
	make_fields(n);
	n->vpid02 = next_vpid++;
	v->nested = n;
	return make_state(v);
}

bool nested_vmxon(const struct vcpu *v)
{
	return v->nested->vmxon;
}

bool nested_wakes(const struct vcpu *v)
{
	return v->in_l2 && v->nested->v12.v[F_PIN_CTLS] & PIN_EXT_INT_EXITING;
}

void nested_tsc_changed(struct vcpu *v)
{
	struct nested *n = v->nested;

	n->v01.v[F_TSC_OFFSET] = v->tsc_offset;
	n->tsc01_stale = v->in_l2;
	if (v->in_l2)
		vmwrite(TSC_OFFSET, n->v02.v[F_TSC_OFFSET] = vmcs_merge_field(&n->in, F_TSC_OFFSET));
	else
		vmcs_bitset_set(&n->dirty, F_TSC_OFFSET);
}

/* SDM "Restrictions on VMX Operation"; unrestricted guest frees CR0.PE and CR0.PG. */
bool nested_fixed_ok(const struct vcpu *v, unsigned cr, uint64_t value)
{
	const struct nested *n = v->nested;
	const struct vmcs_image *v12 = &n->v12;
	uint64_t fixed0 = cr ? n->caps.cr4_fixed0 : n->caps.cr0_fixed0;
	uint64_t fixed1 = cr ? n->caps.cr4_fixed1 : n->caps.cr0_fixed1;
	uint64_t mask = v12->v[cr ? F_CR4_MASK : F_CR0_MASK];

	if (!cr && vmcs_effective_controls(v12, WORD_CPU2) & CTL2_UNRESTRICTED_GUEST)
		fixed0 &= ~(CR0_PE | CR0_PG);
	return !(~value & fixed0 & ~mask) && !(value & ~fixed1 & ~mask);
}

uint64_t nested_cr0_mask(const struct vcpu *v)
{
	return v->nested->v12.v[F_CR0_MASK];
}

uint64_t nested_cr4_mask(const struct vcpu *v)
{
	return v->nested->v12.v[F_CR4_MASK];
}

int nested_rdmsr_feature(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)msr;
	if (!v->nested)
		return -EPERM;
	*value = v->nested->feature_control;
	return 0;
}

/* SDM "Enabling and Entering VMX Operation": writable until it is locked. The bits of SMX and SGX are
 * reserved, as L1 has neither. */
int nested_wrmsr_feature(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)msr;
	if (!v->nested || v->nested->feature_control & FEATURE_LOCK ||
	    value & ~(FEATURE_LOCK | FEATURE_VMXON))
		return -EPERM;
	v->nested->feature_control = value;
	return 0;
}

int nested_rdmsr_caps(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct nested *n = v->nested;

	if (!n)
		return -EPERM;
	*value = n->caps.msr[msr - VMX_CAPS_FIRST_MSR];
	return cpu_vmx_has_msr(&n->caps, msr) ? 0 : -EPERM;
}
