/* SPDX-License-Identifier: MIT */
/* EPT violations of L0's own: devices, what is not there, and watched pages. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/emulate/insn.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/exits/mmio.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/vmx/vmx.h"

#define QUALIFICATION_WRITE      (1u << 1)
#define QUALIFICATION_FETCH      (1u << 2)
#define QUALIFICATION_LINEAR     (1u << 7) /* the linear address is valid */
#define QUALIFICATION_NOT_A_WALK (1u << 8)

/* An instruction that is being emulated. */
struct access {
	struct vcpu *v;
	unsigned user; /* GWALK_USER or 0 */
	bool checks_alignment;
	uint64_t dr7; /* 0: no data breakpoint is enabled */
	uint64_t breakpoints; /* met so far, as the pending debug exceptions have them */
	uint8_t stop; /* a REP pauses: one was met */
	struct { /* the last translations, as a TLB would keep them for the instruction */
		uint64_t page, gpa;
		bool valid;
	} seen[2]; /* reading, writing */
};

/* SDM "Data Breakpoint Exception Conditions": where an enabled one is met, those that are not are told too.
 */
static void meet_breakpoints(struct access *a, uint64_t linear, unsigned size, bool write)
{
	const uint64_t address[4] = {read_dr0(), read_dr1(), read_dr2(), read_dr3()};
	uint64_t met = 0, enabled = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned condition = a->dr7 >> (16 + 4 * i) & 3, length = a->dr7 >> (18 + 4 * i) & 3;
		uint64_t bytes = length == 2 ? 8 : length + 1, first = address[i] & ~(bytes - 1);

		if (condition != 3 && !(condition == 1 && write))
			continue;
		if (linear + size <= first || linear >= first + bytes)
			continue;
		met |= 1u << i;
		enabled |= a->dr7 >> 2 * i & 3;
	}
	if (!enabled)
		return;
	a->breakpoints |= met | PENDING_DEBUG_ENABLED;
	a->stop = 1;
}

static int translate(struct access *a, uint64_t linear, bool write, uint64_t *gpa)
{
	uint64_t page = linear & ~PAGE_MASK;
	int error;

	if (!a->seen[write].valid || a->seen[write].page != page) {
		error = guest_translate(a->v, linear, (write ? GWALK_WRITE : 0) | GWALK_SET_AD | a->user,
					gpa);
		if (error)
			return error;
		a->seen[write].valid = true;
		a->seen[write].page = page;
		a->seen[write].gpa = *gpa & ~PAGE_MASK;
	}
	*gpa = a->seen[write].gpa | (linear & PAGE_MASK);
	return 0;
}

/* The operand's bytes lie at one or two guest-physical addresses; `first` of them at the first. */
struct place {
	uint64_t gpa[2];
	unsigned first;
};

static int locate(struct access *a, uint64_t linear, unsigned size, bool write, struct place *place)
{
	uint64_t left = PAGE_SIZE - (linear & PAGE_MASK);
	int error;

	if (a->checks_alignment && linear & (size - 1)) {
		inject_exception(a->v, VECTOR_AC, 0);
		return -EFAULT;
	}
	place->first = size < left ? size : (unsigned)left;
	error = translate(a, linear, write, &place->gpa[0]);
	if (!error && place->first < size) {
		linear += left;
		if (!guest_in_64bit_code())
			linear = (uint32_t)linear;
		error = translate(a, linear, write, &place->gpa[1]);
	}
	return error;
}

/* Bytes of a piece that one access of a device can have. */
static unsigned device_size(uint64_t gpa, unsigned size, bool whole)
{
	unsigned bytes = 8;

	if (whole)
		return size;
	while (bytes > size || gpa & (bytes - 1))
		bytes /= 2;
	return bytes;
}

static void read_piece(const struct vcpu *v, uint64_t gpa, uint8_t *to, unsigned size, bool whole)
{
	const void *ram = vm_memory(v->vm, gpa, size);

	if (ram) {
		memcpy(to, ram, size);
		return;
	}
	while (size) {
		unsigned bytes = device_size(gpa, size, whole);
		uint64_t value = platform_mmio_read(&v->vm->platform, v->id, gpa, bytes, v->now);

		memcpy(to, &value, bytes);
		gpa += bytes;
		to += bytes;
		size -= bytes;
	}
}

static void write_piece(struct vcpu *v, uint64_t gpa, const uint8_t *from, unsigned size, bool whole)
{
	if (!vm_write(v->vm, gpa, from, size))
		return;
	while (size) {
		unsigned bytes = device_size(gpa, size, whole);
		uint64_t value = 0;

		memcpy(&value, from, bytes);
		platform_mmio_write(&v->vm->platform, v->id, gpa, bytes, value, v->now);
		gpa += bytes;
		from += bytes;
		size -= bytes;
	}
}

static int mmio_read(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	struct access *a = ctx;
	struct place place;
	uint8_t bytes[8] = {0};
	int error = locate(a, linear, size, false, &place);

	if (error)
		return error;
	read_piece(a->v, place.gpa[0], bytes, place.first, place.first == size);
	if (place.first < size)
		read_piece(a->v, place.gpa[1], bytes + place.first, size - place.first, false);
	memcpy(value, bytes, sizeof(bytes));
	if (a->dr7)
		meet_breakpoints(a, linear, size, false);
	return 0;
}

static int mmio_write(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	struct access *a = ctx;
	struct place place;
	uint8_t bytes[8];
	int error = locate(a, linear, size, true, &place);

	if (error)
		return error;
	memcpy(bytes, &value, sizeof(bytes));
	write_piece(a->v, place.gpa[0], bytes, place.first, place.first == size);
	if (place.first < size)
		write_piece(a->v, place.gpa[1], bytes + place.first, size - place.first, false);
	if (a->dr7)
		meet_breakpoints(a, linear, size, true);
	return 0;
}

static int mmio_probe(void *ctx, uint64_t linear, unsigned size, int write)
{
	struct place place;

	return locate(ctx, linear, size, write, &place);
}

static void mmio_fault(void *ctx, unsigned vector)
{
	struct access *a = ctx;

	inject_exception(a->v, vector, vector == VECTOR_DE ? NO_ERROR_CODE : 0);
}

/* The guest's XMM registers are in the processor's: L0 uses none but for records, and saves them there. */
static void mmio_xmm(void *ctx, unsigned reg, uint64_t value[2], int store)
{
	uint8_t area[512] __attribute__((aligned(16)));
	uint64_t *xmm = (uint64_t *)(void *)(area + 160 + 16 * (reg & 15)); /* SDM "FXSAVE Area" */

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

static enum insn_mode code_mode(void)
{
	if (guest_in_64bit_code())
		return INSN_MODE_64;
	return vmread(GUEST_CS_ACCESS_RIGHTS) >> 14 & 1 ? INSN_MODE_32 : INSN_MODE_16;
}

/* Up to 15 bytes at RIP: fewer where the next page cannot be fetched. */
static int fetch(struct vcpu *v, uint8_t *bytes, size_t *n)
{
	uint64_t linear = vmread(GUEST_RIP);
	size_t first;
	int error;

	if (!guest_in_64bit_code())
		linear = (uint32_t)(linear + vmread(GUEST_CS_BASE));
	first = PAGE_SIZE - (linear & PAGE_MASK);
	*n = first < INSN_MAX_BYTES ? first : INSN_MAX_BYTES;
	error = guest_read(v, linear, bytes, *n, GWALK_FETCH | guest_user());
	if (error || *n == INSN_MAX_BYTES)
		return error;
	if (!guest_read(v, linear + first, bytes + first, INSN_MAX_BYTES - first, GWALK_FETCH | guest_user()))
		*n = INSN_MAX_BYTES;
	else
		v->event_valid = v->event_raised =
			false; /* only a fault if the instruction needs those bytes */
	return 0;
}

/* Only what the instruction may need: a VMREAD costs as much as a dozen instructions. */
static void load_state(const struct vcpu *v, const struct insn *insn, struct insn_state *s)
{
	bool checked = insn->mode != INSN_MODE_64 && (insn->op >= INSN_MOVS && insn->op <= INSN_SCAS);

	memcpy(s->gpr, v->gpr, sizeof(s->gpr));
	s->gpr[4] = vmread(GUEST_RSP);
	s->rip = vmread(GUEST_RIP);
	s->rflags = vmread(GUEST_RFLAGS);
	s->one_iteration = (s->rflags & RFLAGS_TF) != 0;
	s->stack_size = 8;
	if (insn->op == INSN_PUSH || insn->op == INSN_POP)
		checked = insn->mode != INSN_MODE_64;
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

static void begin_access(struct access *a, struct vcpu *v)
{
	uint64_t dr7 = vmread(GUEST_DR7);

	*a = (struct access){.v = v, .user = guest_user()};
	if (dr7 & 0xFF && dr7 & 0x11110000) /* an enabled one, and one of data: their types are odd */
		a->dr7 = dr7;
	if (a->user && vmread(GUEST_RFLAGS) & RFLAGS_AC)
		a->checks_alignment = guest_cr0() & CR0_AM;
}

enum verdict mmio_emulate(struct vcpu *v)
{
	struct access access;
	const struct insn_memory memory = {mmio_read,  mmio_write, &access,     mmio_probe,
					   mmio_fault, mmio_xmm,   &access.stop};
	struct insn_state state;
	struct insn insn;
	uint8_t bytes[INSN_MAX_BYTES];
	size_t n;
	int error = fetch(v, bytes, &n);

	if (error == -EFAULT)
		return RESUME;
	if (!error)
		error = insn_decode(&insn, bytes, n, code_mode());
	if (!error) {
		begin_access(&access, v);
		load_state(v, &insn, &state);
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
	if (access.breakpoints)
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | access.breakpoints);
	return RESUME;
}

enum verdict ept_own(struct vcpu *v, uint64_t q, uint64_t gpa)
{
	drop_unfounded_step();
	if (q & QUALIFICATION_WRITE && vm_watch_hit(v->vm, gpa))
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
