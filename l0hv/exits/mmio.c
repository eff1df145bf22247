/* SPDX-License-Identifier: MIT */
/* EPT violations of L0's own: devices, what is not there, and watched pages. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/emulate/insn.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/exits/access.h"
#include "l0hv/exits/mmio.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/vmx/vmx.h"

#define QUALIFICATION_WRITE       (1u << 1)
#define QUALIFICATION_FETCH       (1u << 2)
#define QUALIFICATION_LINEAR      (1u << 7) /* the linear address is valid */
#define QUALIFICATION_NOT_A_WALK  (1u << 8)
#define QUALIFICATION_NMI_UNBLOCK (1u << 12)

static void mmio_fault(void *ctx, unsigned vector)
{
	struct access *a = ctx;

	inject_exception(a->v, vector, vector == VECTOR_DE ? NO_ERROR_CODE : 0);
}

/* The guest's XMM registers are in the processor's: L0 uses none but for records, and saves them there. */
static void mmio_xmm(void *ctx, unsigned reg, uint64_t value[2], int store)
{
	uint8_t area[512] __attribute__((aligned(16)));
	uint64_t *xmm = (uint64_t *)(void *)(area + 160 + (size_t)16 * (reg & 15)); /* SDM "FXSAVE Area" */

	(void)ctx;
	__asm__ volatile("fxsave64 %0" : "=m"(area));
	if (store) {
		value[0] = xmm[0];
		value[1] = xmm[1];
		return;
	}
	xmm[0] = value[0];
	xmm[1] = value[1];
	__asm__ volatile("fxrstor64 %0" : : "m"(area));
}

static enum insn_mode code_mode(const struct access *a)
{
	if (a->code64)
		return INSN_MODE_64;
	return vmread(GUEST_CS_ACCESS_RIGHTS) >> 14 & 1 ? INSN_MODE_32 : INSN_MODE_16;
}

/* Up to 15 bytes at RIP: fewer where the next page cannot be fetched. */
static int fetch(struct access *a, uint8_t *bytes, size_t *n)
{
	struct vcpu *v = a->v;
	uint64_t linear = vmread(GUEST_RIP), gpa;
	const void *code;
	size_t first;
	int error;

	if (!a->code64)
		linear = (uint32_t)(linear + vmread(GUEST_CS_BASE));
	first = PAGE_SIZE - (linear & PAGE_MASK);
	*n = first < INSN_MAX_BYTES ? first : INSN_MAX_BYTES;
	error = guest_translate_by(v, &a->paging, linear, GWALK_FETCH | a->user, &gpa);
	if (error)
		return error;
	code = vm_memory(v->vm, gpa, *n);
	if (!code)
		return -ENXIO;
	memcpy(bytes, code, *n);
	if (*n == INSN_MAX_BYTES)
		return 0;
	if (!guest_read(v, linear + first, bytes + first, INSN_MAX_BYTES - first, GWALK_FETCH | a->user))
		*n = INSN_MAX_BYTES;
	else
		v->event_valid = v->event_raised =
			false; /* only a fault if the instruction needs those bytes */
	return 0;
}

/* Outside 64-bit mode; limits and rights where the processor hasn't looked at the operand yet. */
static void load_segments(const struct insn *insn, struct insn_state *s)
{
	bool checked = (insn->op >= INSN_MOVS && insn->op <= INSN_SCAS) || insn->op == INSN_PUSH ||
		       insn->op == INSN_POP;

	for (unsigned i = 0; i < INSN_SEGMENTS; i++) {
		s->segment_base[i] = vmread(GUEST_ES_BASE + 2 * i);
		if (!checked)
			continue;
		s->segment_limit[i] = (uint32_t)vmread(GUEST_ES_LIMIT + 2 * i);
		s->segment_rights[i] = (uint32_t)vmread(GUEST_ES_ACCESS_RIGHTS + 2 * i);
	}
	if (checked)
		s->stack_size = s->segment_rights[INSN_SS] >> 14 & 1 ? 4 : 2;
}

/* Only what the instruction may need: most are in 64-bit mode. */
static void load_state(const struct access *a, const struct insn *insn, struct insn_state *s)
{
	const struct vcpu *v = a->v;

	for (unsigned i = 0; i < 16; i++)
		s->gpr[i] = v->gpr[i];
	s->gpr[4] = vmread(GUEST_RSP);
	if (insn->rip_relative)
		s->rip = vmread(GUEST_RIP);
	s->rflags = a->paging.rflags;
	s->one_iteration = insn->rep && !iterations_may_run(v, s->rflags);
	s->stack_size = 8;
	if (insn->mode != INSN_MODE_64)
		load_segments(insn, s);
	else if (insn->segment == INSN_FS || insn->segment == INSN_GS)
		s->segment_base[insn->segment] = vmread(GUEST_ES_BASE + 2 * (uint32_t)insn->segment);
}

static void store_state(struct vcpu *v, const struct insn_state *s)
{
	for (unsigned i = 0; i < 16; i++)
		if (i != 4)
			v->gpr[i] = s->gpr[i];
	vmwrite(GUEST_RSP, s->gpr[4]);
	vmwrite(GUEST_RFLAGS, s->rflags);
}

static void cannot(struct vcpu *v, const uint8_t *bytes)
{
	vm_stop(v, STOP_UNSUPPORTED, true,
		"cannot emulate the instruction %02x %02x %02x %02x at %llx (memory at "
		"guest-physical %llx)",
		bytes[0], bytes[1], bytes[2], bytes[3], (unsigned long long)vmread(GUEST_RIP),
		(unsigned long long)vmread(GUEST_PHYSICAL_ADDRESS));
}

enum verdict mmio_emulate(struct vcpu *v)
{
	struct access access;
	const struct insn_memory memory = {access_read, access_write, &access,     access_probe,
					   mmio_fault,  mmio_xmm,     &access.stop};
	struct insn_state state;
	struct insn insn;
	uint8_t bytes[INSN_MAX_BYTES];
	size_t n;
	int error;

	access_begin(&access, v);
	error = fetch(&access, bytes, &n);
	if (error == -EFAULT)
		return RESUME;
	if (!error)
		error = insn_decode(&insn, bytes, n, code_mode(&access));
	if (!error) {
		load_state(&access, &insn, &state);
		error = insn_execute(&insn, &state, &memory);
		if (error < 0 && insn.rep) { /* iterations before the one that faulted are done */
			if (error == -EFAULT)
				state.rflags |= RFLAGS_RF; /* as inject_exception() has set it */
			store_state(v, &state);
		}
	}
	if (error == -EFAULT)
		return RESUME;
	if (error == -ENXIO && v->nested && nested_reflect_refused(v))
		return RESUME;
	if (error < 0) {
		cannot(v, bytes);
		return STOP_VM;
	}
	store_state(v, &state);
	if (error == 1)
		end_iteration(state.rflags);
	else
		skip_bytes(insn.length); /* EPT violations leave the instruction length undefined */
	access_end(&access);
	return RESUME;
}

void ept_restart(uint64_t q)
{
	uint64_t blocked = vmread(GUEST_INTERRUPTIBILITY);

	if (q & QUALIFICATION_NMI_UNBLOCK && !(vmread(IDT_VECTORING_INFO) & INTR_VALID)) {
		blocked |= BLOCKED_BY_NMI;
		vmwrite(GUEST_INTERRUPTIBILITY, blocked);
	}
	if (!(blocked & (BLOCKED_BY_MOV_SS | BLOCKED_BY_STI)) && vmread(GUEST_PENDING_DEBUG))
		vmwrite(GUEST_PENDING_DEBUG, 0);
}

enum verdict ept_own(struct vcpu *v, uint64_t q, uint64_t gpa)
{
	drop_unfounded_step();
	if (q & QUALIFICATION_WRITE && vm_fault_hit(v->vm, gpa))
		return RESUME;
	if (q & QUALIFICATION_FETCH || !(q & QUALIFICATION_LINEAR) || !(q & QUALIFICATION_NOT_A_WALK) ||
	    v->event_valid) {
		vm_stop(v, STOP_BAD_ACCESS, true, "%s at guest-physical %llx, where no memory is",
			q & QUALIFICATION_FETCH ? "instruction fetch"
			: v->event_valid        ? "event delivery"
						: "page tables",
			(unsigned long long)gpa);
		return STOP_VM;
	}
	return mmio_emulate(v);
}

enum verdict on_ept_violation(struct vcpu *v)
{
	return ept_own(v, vmread(EXIT_QUALIFICATION), vmread(GUEST_PHYSICAL_ADDRESS));
}

enum verdict on_ept_misconfig(struct vcpu *v)
{
	vm_stop(v, STOP_UNEXPECTED_EXIT, true, "EPT misconfiguration at guest-physical %llx",
		(unsigned long long)vmread(GUEST_PHYSICAL_ADDRESS));
	return STOP_VM;
}
