/* SPDX-License-Identifier: MIT */
/* VMCS shadowing: SDM "VMCS Shadowing Bitmap Addresses", "VMREAD—Read Field from Virtual-Machine Control
 * Structure". */
#include "l0hv/mm/pages.h"
#include "l0hv/nested/state.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

/* From shadow_table: what L1 may read without an exit, and what it may write. */
static void make_lists(struct nested *n)
{
	for (unsigned i = 0; i < shadow_count; i++) {
		unsigned field = shadow_table[i].field;

		if (!vmcs_bitset_test(&n->fields, field))
			continue;
		vmcs_bitset_set(&n->shadow_readable, field);
		if (shadow_table[i].access & SHADOW_WRITE)
			n->shadow_written[n->shadow_written_count++] = (uint8_t)field;
	}
}

void shadow_init(struct vcpu *v)
{
	struct nested *n = v->nested;

	if (!n->shadowing || n->shadow.pa)
		return;
	make_lists(n);
	vmcs_region_init(&n->shadow, true);
	n->vmread_bitmap = page_alloc();
	n->vmwrite_bitmap = page_alloc();
	if (!n->vmread_bitmap || !n->vmwrite_bitmap)
		panic("no memory for VMCS shadowing");
	shadow_bitmaps(&n->caps, phys_to_virt(n->vmread_bitmap), phys_to_virt(n->vmwrite_bitmap));
	vmwrite(VMREAD_BITMAP, n->vmread_bitmap);
	vmwrite(VMWRITE_BITMAP, n->vmwrite_bitmap);
}

void shadow_attach(struct vcpu *v, bool on)
{
	struct nested *n = v->nested;
	uint64_t ctls;

	if (!n->shadowing)
		return;
	ctls = vmread(CPU_CTLS2);
	vmwrite(CPU_CTLS2, on ? ctls | CTL2_VMCS_SHADOWING : ctls & ~(uint64_t)CTL2_VMCS_SHADOWING);
	vmwrite(VMCS_LINK_POINTER, on ? n->shadow.pa : ~0ull);
	if (on) {
		shadow_publish(v, &n->shadow_readable);
		vmptrld(v->vmcs01.pa);
	} else { /* nothing of the old one may be left for another */
		vmclear(n->shadow.pa);
	}
}

void shadow_fetch(struct vcpu *v)
{
	struct nested *n = v->nested;

	if (!n->shadowing)
		return;
	vmptrld(n->shadow.pa);
	vmx_count(n->shadow_written_count, 0);
	for (const uint8_t *f = n->shadow_written; f != n->shadow_written + n->shadow_written_count; f++) {
		unsigned field = *f;
		uint64_t value = vmread_uncounted(vmcs_field_encoding[field]);

		if (value != n->v12.v[field]) {
			n->v12.v[field] = value;
			vmcs12_written(v, field);
		}
	}
}

void shadow_publish_one(struct vcpu *v, unsigned field)
{
	struct nested *n = v->nested;

	if (!n->shadowing || !vmcs_bitset_test(&n->shadow_readable, field))
		return;
	vmptrld(n->shadow.pa);
	vmwrite(vmcs_field_encoding[field], n->v12.v[field]);
	vmptrld(v->vmcs01.pa);
}

void shadow_publish(struct vcpu *v, const struct vmcs_bitset *changed)
{
	struct nested *n = v->nested;
	struct vmcs_bitset fields;
	unsigned field;

	if (!n->shadowing)
		return;
	fields = *changed;
	vmcs_bitset_and(&fields, &n->shadow_readable);
	vmptrld(n->shadow.pa);
	for (VMCS_BITSET_EACH(field, &fields))
		vmwrite(vmcs_field_encoding[field], n->v12.v[field]);
}
