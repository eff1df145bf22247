/* SPDX-License-Identifier: MIT */
/* How VMX instructions of L1 end: SDM "Conventions", "VM Instruction Error Numbers". */
#ifndef L0HV_NESTED_INSN_H
#define L0HV_NESTED_INSN_H

#include "l0hv/exits/exits.h"

enum vm_instruction_error {
	VMFAIL_VMCALL_IN_ROOT = 1,
	VMFAIL_VMCLEAR_ADDRESS = 2,
	VMFAIL_VMCLEAR_VMXON_POINTER = 3,
	VMFAIL_LAUNCH_NOT_CLEAR = 4,
	VMFAIL_RESUME_NOT_LAUNCHED = 5,
	VMFAIL_ENTRY_CONTROLS = 7,
	VMFAIL_ENTRY_HOST_STATE = 8,
	VMFAIL_VMPTRLD_ADDRESS = 9,
	VMFAIL_VMPTRLD_VMXON_POINTER = 10,
	VMFAIL_VMPTRLD_REVISION = 11,
	VMFAIL_UNSUPPORTED_FIELD = 12,
	VMFAIL_READ_ONLY_FIELD = 13,
	VMFAIL_VMXON_IN_ROOT = 15,
	VMFAIL_BLOCKED_BY_MOV_SS = 26,
	VMFAIL_INVALID_INVALIDATION = 28,
};

/* VMfailValid with the error, or VMfailInvalid where there is no current VMCS. */
enum verdict vmx_fail(struct vcpu *v, unsigned error);

/*
 * Operands of VMREAD and VMWRITE, by their VM-exit instruction information: the field's encoding, and the
 * other one. -EFAULT: an exception is pending; -ENXIO: no memory there.
 */
uint64_t insn_field_encoding(const struct vcpu *v, uint64_t info);
__attribute__((warn_unused_result)) int insn_operand_read(struct vcpu *v, uint64_t info, uint64_t *value);
__attribute__((warn_unused_result)) int insn_operand_write(struct vcpu *v, uint64_t info, uint64_t value);

/* Merge inputs from vmcs01, which is current; L1 has entered VMX operation (entry.c). */
void nested_merge_inputs(struct vcpu *v);

#endif
