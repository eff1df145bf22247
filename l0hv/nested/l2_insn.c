/* SPDX-License-Identifier: MIT */
/* Instructions of L2 that the processor would have executed for L1 without an exit, and L0 does in its place.
 */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/insn.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

#define EPTP_LIST_ENTRIES 512u

/* SDM "EPTP Switching" */
static bool vmfunc(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint32_t function = (uint32_t)v->gpr[0], index = (uint32_t)v->gpr[1];
	const uint64_t *list = vm_memory(v->vm, n->v12.v[F_EPTP_LIST], PAGE_SIZE);
	uint64_t eptp, eptp02;

	if (function || !(n->v12.v[F_VM_FUNCTION_CTLS] & VMFUNC_EPTP_SWITCHING) ||
	    index >= EPTP_LIST_ENTRIES || !list)
		return false;
	eptp = ((const volatile uint64_t *)list)[index];
	if (!check_eptp(&n->caps, v->vm->cpu.maxphyaddr, eptp) || ept02_use(&n->ept02, eptp, &eptp02))
		return false;
	n->v12.v[F_EPT_POINTER] = eptp;
	if (vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_VE)
		n->v12.v[F_EPTP_INDEX] = index;
	n->v02.v[F_EPT_POINTER] = n->in.computed.eptp = eptp02;
	vmwrite(EPT_POINTER, eptp02);
	skip_instruction();
	return true;
}

/* SDM "VMCS Shadowing Bitmap Addresses": does this VMREAD or VMWRITE exit to L1? */
static bool shadow_exits(struct vcpu *v, unsigned bitmap_field, uint64_t encoding)
{
	const uint8_t *bitmap = vm_memory(v->vm, v->nested->v12.v[bitmap_field], PAGE_SIZE);

	return encoding >> 15 || !bitmap || bitmap[encoding / 8] >> encoding % 8 & 1;
}

static void finish(enum verdict verdict)
{
	skip_vmx_instruction(verdict & 0xFF);
}

/* The field of L1's shadow VMCS that a VMREAD or VMWRITE means, by its address; 0 when the instruction has
 * failed. */
static uint64_t shadow_field(struct vcpu *v, uint64_t encoding, int *index)
{
	struct nested *n = v->nested;
	uint64_t link = n->v12.v[F_VMCS_LINK_POINTER];

	*index = vmcs_field_index((uint32_t)encoding);
	if (link == ~0ull)
		finish(VMX_FAIL_INVALID);
	else if (*index < 0 || !vmcs_bitset_test(&n->fields, (unsigned)*index) ||
		 !vm_memory(v->vm, link, sizeof(struct vmcs12_region)))
		finish(vmx_fail(v, VMFAIL_UNSUPPORTED_FIELD));
	else
		return link + offsetof(struct vmcs12_region, field) + 8ull * (unsigned)*index;
	return 0;
}

/* 64-bit fields have a 'high' encoding for their upper half. */
static uint64_t part_of(uint64_t encoding, uint64_t field)
{
	return encoding & VMCS_ENCODING_HIGH ? field >> 32 : field;
}

static uint64_t with_part(uint64_t encoding, unsigned index, uint64_t field, uint64_t value)
{
	value = encoding & VMCS_ENCODING_HIGH ? (uint32_t)field | value << 32 : value;
	return value & vmcs_field_width_mask(index);
}

/* 0, or an error of insn_operand_…(): an exception was raised, or EPT12 refused. */
static int shadow_vmread(struct vcpu *v, uint64_t info, uint64_t encoding)
{
	int index, error;
	uint64_t at = shadow_field(v, encoding, &index), value;

	if (!at)
		return 0;
	value = part_of(encoding, *(const volatile uint64_t *)vm_memory(v->vm, at, 8));
	error = insn_operand_write(v, info, value);
	if (error)
		return error;
	finish(VMX_SUCCEED);
	return 0;
}

static int shadow_vmwrite(struct vcpu *v, uint64_t info, uint64_t encoding)
{
	uint64_t at, value, old;
	int index, error = insn_operand_read(v, info, &value);

	if (error)
		return error;
	at = shadow_field(v, encoding, &index);
	if (!at)
		return 0;
	if (vmcs_field_readonly((unsigned)index) && !(v->nested->caps.misc & VMX_MISC_VMWRITE_ANY)) {
		finish(vmx_fail(v, VMFAIL_READ_ONLY_FIELD));
	} else {
		old = *(const volatile uint64_t *)vm_memory(v->vm, at, 8);
		value = with_part(encoding, (unsigned)index, old, value);
		(void)!vm_write(v->vm, at, &value, sizeof(value));
		finish(VMX_SUCCEED);
	}
	return 0;
}

static bool shadow_insn(struct vcpu *v, bool write)
{
	uint64_t info = vmread(EXIT_INSTR_INFO), encoding = insn_field_encoding(v, info);
	int error;

	if (!(vmcs_effective_controls(&v->nested->v12, WORD_CPU2) & CTL2_VMCS_SHADOWING) ||
	    shadow_exits(v, write ? F_VMWRITE_BITMAP : F_VMREAD_BITMAP, encoding))
		return false;
	if (guest_cpl()) {
		inject_exception(v, VECTOR_GP, 0);
		return true;
	}
	error = write ? shadow_vmwrite(v, info, encoding) : shadow_vmread(v, info, encoding);
	if (error == -ENXIO)
		(void)nested_reflect_refused(v);
	return true;
}

bool l2_insn_served(struct vcpu *v, uint32_t reason)
{
	switch (reason) {
	case EXIT_VMFUNC:
		return vmfunc(v);
	case EXIT_VMREAD:
		return shadow_insn(v, false);
	case EXIT_VMWRITE:
		return shadow_insn(v, true);
	default:
		return false;
	}
}
