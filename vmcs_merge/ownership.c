/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/ownership.h"

#include <stddef.h>

#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/merge.h"
#include "vmcs_merge/x86.h"

static const struct {
	const char *name;
	const char *reason;
	uint32_t mask;
	uint8_t word;
	uint8_t owner;
} exit_table[EXIT_REASON_COUNT] = {
#define VMX_EXIT(name, number, text, owner, word, mask, reason) [number] = {text, reason, mask, word, owner},
#include "vmcs_merge/exit_reason.def"
#undef VMX_EXIT
};

const char *exit_reason_name(uint32_t basic_reason)
{
	if (basic_reason >= EXIT_REASON_COUNT || !exit_table[basic_reason].name)
		return "reserved";
	return exit_table[basic_reason].name;
}

enum exit_owner exit_owner(uint32_t basic_reason)
{
	return basic_reason < EXIT_REASON_COUNT ? (enum exit_owner)exit_table[basic_reason].owner
						: OWN_UNKNOWN;
}

const char *exit_owner_reason(uint32_t basic_reason)
{
	return basic_reason < EXIT_REASON_COUNT ? exit_table[basic_reason].reason : NULL;
}

bool vmcs_wants_exception(const struct vmcs_image *image, uint32_t vector, uint32_t error_code)
{
	bool bit = image->v[F_EXCEPTION_BITMAP] >> (vector & 31) & 1;

	if (vector != VM_VECTOR_PF)
		return bit;
	return bit == ((error_code & (uint32_t)image->v[F_PFEC_MASK]) == (uint32_t)image->v[F_PFEC_MATCH]);
}

/* SDM, "Interruption-Information Field for VM exits" */
static bool wants_event(const struct exit_query *q)
{
	enum { TYPE_NMI = 2 };

	if (!(q->intr_info >> 31) || (q->intr_info >> 8 & 7) == TYPE_NMI)
		return false;
	return vmcs_wants_exception(q->vmcs12, q->intr_info & 0xff, q->intr_error);
}

static bool wants_cr3_load(const struct exit_query *q)
{
	const struct vmcs_image *v = q->vmcs12;

	if (!(v->v[F_CPU_CTLS] & CPU_CR3_LOAD_EXITING))
		return false;
	for (unsigned i = 0; i < v->v[F_CR3_TARGET_COUNT] && i < 4; i++) {
		if (v->v[F_CR3_TARGET0 + i] == q->operand)
			return false;
	}
	return true;
}

static bool wants_cr_write(const struct exit_query *q, unsigned cr)
{
	const struct vmcs_image *v = q->vmcs12;

	switch (cr) {
	case 0:
		return (q->operand ^ v->v[F_CR0_SHADOW]) & v->v[F_CR0_MASK];
	case 3:
		return wants_cr3_load(q);
	case 4:
		return (q->operand ^ v->v[F_CR4_SHADOW]) & v->v[F_CR4_MASK];
	case 8:
		return v->v[F_CPU_CTLS] & CPU_CR8_LOAD_EXITING;
	default:
		return false;
	}
}

/*
 * LMSW sets or clears MP, EM and TS but only sets PE: a 0 in the source's bit 0 is no request (SDM,
 * "Instructions That Cause VM Exits Conditionally").
 */
static bool wants_lmsw(const struct vmcs_image *v, uint64_t source)
{
	uint64_t differ = (source ^ v->v[F_CR0_SHADOW]) & v->v[F_CR0_MASK];
	uint64_t asks = VM_CR0_MP | VM_CR0_EM | VM_CR0_TS | (source & VM_CR0_PE);

	return differ & asks;
}

/* SDM, "Exit Qualification for Control-Register Accesses" */
static bool wants_cr_access(const struct exit_query *q)
{
	enum { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };
	unsigned cr = (unsigned)q->qualification & 15;
	const struct vmcs_image *v = q->vmcs12;

	switch (q->qualification >> 4 & 3) {
	case MOV_TO_CR:
		return wants_cr_write(q, cr);
	case MOV_FROM_CR:
		if (cr == 3)
			return v->v[F_CPU_CTLS] & CPU_CR3_STORE_EXITING;
		return cr == 8 && v->v[F_CPU_CTLS] & CPU_CR8_STORE_EXITING;
	case CLTS:
		return v->v[F_CR0_MASK] & v->v[F_CR0_SHADOW] & VM_CR0_TS;
	case LMSW:
	default:
		return wants_lmsw(v, q->qualification >> 16 & 0xffff);
	}
}

/* SDM, "Exit Qualification for I/O Instructions"; bitmaps, where used, replace unconditional exiting */
static bool wants_io(const struct exit_query *q)
{
	uint64_t cpu = q->vmcs12->v[F_CPU_CTLS];

	if (!(cpu & CPU_IO_BITMAPS))
		return cpu & CPU_UNCOND_IO_EXITING;
	if (!q->io_bitmap_a || !q->io_bitmap_b)
		return true;
	return io_bitmap_test(q->io_bitmap_a, q->io_bitmap_b, (uint32_t)(q->qualification >> 16) & 0xffff,
			      (uint32_t)(q->qualification & 7) + 1);
}

static bool wants_msr(const struct exit_query *q, bool write)
{
	if (!(q->vmcs12->v[F_CPU_CTLS] & CPU_MSR_BITMAPS) || !q->msr_bitmap)
		return true;
	return msr_bitmap_test(q->msr_bitmap, q->msr, write);
}

bool vmcs12_wants_exit(const struct exit_query *q)
{
	uint32_t basic = EXIT_REASON_BASIC(q->reason);

	switch (exit_owner(basic)) {
	case OWN_L1:
		return true;
	case OWN_CONTROL:
		return vmcs_effective_controls(q->vmcs12, (enum control_word)exit_table[basic].word) &
		       exit_table[basic].mask;
	case OWN_EXCEPTION:
		return wants_event(q);
	case OWN_CR:
		return wants_cr_access(q);
	case OWN_IO:
		return wants_io(q);
	case OWN_MSR_READ:
		return wants_msr(q, false);
	case OWN_MSR_WRITE:
		return wants_msr(q, true);
	case OWN_PAUSE:
		return (q->vmcs12->v[F_CPU_CTLS] & CPU_PAUSE_EXITING) ||
		       (vmcs_effective_controls(q->vmcs12, WORD_CPU2) & CTL2_PAUSE_LOOP_EXITING);
	case OWN_L0:
	case OWN_CALLER:
	case OWN_UNKNOWN:
	default:
		return false;
	}
}
