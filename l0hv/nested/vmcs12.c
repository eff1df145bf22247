/* SPDX-License-Identifier: MIT */
#include "l0hv/lib/lib.h"
#include "l0hv/nested/state.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/unmerge.h"

/* What L0 made of these fields is to be made anew: the list of L1's host state, the merged MSR bitmap. */
static bool makes_host_list(unsigned index)
{
	return vmcs_field_type(index) == VMCS_HOST || index == F_EXIT_CTLS;
}

static bool makes_msr_bitmap(unsigned index)
{
	return index == F_MSR_BITMAP || index == F_CPU_CTLS || index == F_CPU_CTLS2;
}

bool vmcs12_follows(unsigned index)
{
	return makes_host_list(index) || makes_msr_bitmap(index);
}

void vmcs12_written(struct vcpu *v, unsigned index)
{
	struct nested *n = v->nested;

	vmcs_bitset_set(&n->dirty, index);
	if (makes_host_list(index))
		n->host_stale = true;
	if (makes_msr_bitmap(index))
		n->msr_bitmap_stale = true;
}

uint32_t vmcs12_revision_at(const struct vcpu *v, uint64_t gpa)
{
	const uint32_t *p = vm_memory(v->vm, gpa, 4);

	return p ? *(const volatile uint32_t *)p : ~0u;
}

void vmcs12_sync(struct vcpu *v)
{
	struct nested *n = v->nested;
	const unsigned end = n->lazy_end;

	if (!end)
		return;
	n->lazy_end = 0;
	vmptrld(n->vmcs02.pa);
	for (unsigned i = vmcs_saved_often; i < end; i++) {
		unsigned field = vmcs_saved_fields[i];

		n->v12.v[field] = vmread_uncounted(vmcs_field_encoding[field]);
	}
	vmx_count(end - vmcs_saved_often, 0);
	vmptrld(v->vmcs->pa);
}

void vmcs12_load(struct vcpu *v, uint64_t gpa)
{
	struct nested *n = v->nested;
	const struct vmcs12_region *region = vm_memory(v->vm, gpa, sizeof(*region));

	if (!region)
		panic("vmcs12 outside memory");
	n->current = gpa;
	n->launched = region->launched == 1;
	n->current_is_shadow = region->revision & VMCS_SHADOW_INDICATOR;
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
		n->v12.v[i] = region->field[i] & vmcs_field_width_mask(i);
	n->merged = false;
	n->host_stale = n->msr_bitmap_stale = true;
	n->checks_due = CHECK_ALL;
	vmcs_bitset_set_all(&n->dirty);
}

void vmcs12_flush(struct vcpu *v)
{
	struct nested *n = v->nested;
	const uint32_t launched = n->launched;

	if (n->current == NO_VMCS12)
		return;
	vmcs12_sync(v);
	/* it was RAM when it became current, and RAM does not go */
	if (vm_write(v->vm, n->current + offsetof(struct vmcs12_region, launched), &launched,
		     sizeof(launched)) ||
	    vm_write(v->vm, n->current + offsetof(struct vmcs12_region, field), n->v12.v, sizeof(n->v12.v)))
		panic("vmcs12 outside memory");
	n->current = NO_VMCS12;
	n->merged = false;
}
