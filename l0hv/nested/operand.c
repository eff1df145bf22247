/* SPDX-License-Identifier: MIT */
/* Memory operands of VMX instructions: SDM "VM-Exit Instruction-Information Field", tables for VMX
 * instructions. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/exits.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

#define SEGMENT_SS 2u
#define SEGMENT_FS 4u

static uint64_t offset_of(const struct vcpu *v, uint64_t info)
{
	uint64_t offset =
		vmread(EXIT_QUALIFICATION); /* the displacement; RIP-relative ones are sums already */

	if (!(info >> 27 & 1))
		offset += guest_gpr(v, info >> 23 & 0xF);
	if (!(info >> 22 & 1))
		offset += guest_gpr(v, info >> 18 & 0xF) << (info & 3);
	switch (info >> 7 & 7) {
	case 0:
		return offset & 0xFFFF;
	case 1:
		return offset & 0xFFFFFFFF;
	default:
		return offset;
	}
}

/* SDM "Segment Loading Instructions in IA-32e Mode", "Limit Checking", "Type Checking" */
static bool segment_allows(unsigned segment, uint64_t offset, unsigned bytes, bool write)
{
	uint64_t rights = vmread(GUEST_ES_ACCESS_RIGHTS + 2 * segment);
	uint64_t limit = vmread(GUEST_ES_LIMIT + 2 * segment), last = offset + bytes - 1;
	bool code = rights & 8, expand_down = !code && rights & 4;

	if (rights & AR_UNUSABLE)
		return false;
	if (write ? code || !(rights & 2) : code && !(rights & 2))
		return false;
	if (expand_down)
		return offset > limit && last <= (rights >> 14 & 1 ? 0xFFFFFFFF : 0xFFFF);
	return last <= limit && last >= offset;
}

int operand_address(struct vcpu *v, uint64_t info, unsigned bytes, bool write, uint64_t *linear)
{
	unsigned segment = info >> 15 & 7, vector = segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP;
	uint64_t offset = offset_of(v, info), last;

	if (guest_in_64bit_code()) {
		*linear = offset + (segment >= SEGMENT_FS ? vmread(GUEST_ES_BASE + 2 * segment) : 0);
		last = *linear + bytes - 1;
		if (is_canonical(*linear) && is_canonical(last))
			return 0;
	} else {
		*linear = (uint32_t)(offset + vmread(GUEST_ES_BASE + 2 * segment));
		if (segment_allows(segment, offset, bytes, write))
			return 0;
	}
	inject_exception(v, vector, 0);
	return -EFAULT;
}
