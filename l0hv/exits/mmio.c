/* SPDX-License-Identifier: MIT */
/* EPT violations of L0's own: devices, what is not there, and watched pages. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/emulate/insn.h"
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

static int mmio_read(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	struct vcpu *v = ctx;
	uint64_t gpa;
	int error = guest_translate(v, linear, guest_user(), &gpa);
	const void *ram;

	if (error)
		return error;
	*value = 0;
	ram = vm_memory(v->vm, gpa, size);
	if (ram && (linear & PAGE_MASK) + size <= PAGE_SIZE)
		memcpy(value, ram, size);
	else if (gpa < v->vm->ram_bytes)
		return guest_read(v, linear, value, size, guest_user());
	else
		*value = platform_mmio_read(&v->vm->platform, v->id, gpa, size, v->now);
	return 0;
}

static int mmio_write(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	struct vcpu *v = ctx;
	uint64_t gpa;
	int error = guest_translate(v, linear, GWALK_WRITE | guest_user(), &gpa);

	if (error)
		return error;
	if (gpa < v->vm->ram_bytes)
		return guest_write(v, linear, &value, size, guest_user());
	platform_mmio_write(&v->vm->platform, v->id, gpa, size, value, v->now);
	return 0;
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
	uint64_t linear = vmread(GUEST_RIP) + (guest_in_64bit_code() ? 0 : vmread(GUEST_CS_BASE));
	size_t first = PAGE_SIZE - (linear & PAGE_MASK);
	int error;

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

static void load_state(const struct vcpu *v, struct insn_state *s)
{
	memcpy(s->gpr, v->gpr, sizeof(s->gpr));
	s->gpr[4] = vmread(GUEST_RSP);
	s->rip = vmread(GUEST_RIP);
	s->rflags = vmread(GUEST_RFLAGS);
	for (unsigned i = 0; i < INSN_SEGMENTS; i++)
		s->segment_base[i] = vmread(GUEST_ES_BASE + 2 * i);
}

static void store_state(struct vcpu *v, const struct insn_state *s)
{
	for (unsigned i = 0; i < 16; i++)
		if (i != 4)
			v->gpr[i] = s->gpr[i];
	vmwrite(GUEST_RSP, s->gpr[4]);
	vmwrite(GUEST_RFLAGS, s->rflags);
}

enum verdict mmio_emulate(struct vcpu *v)
{
	const struct insn_memory memory = {mmio_read, mmio_write, v};
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
		load_state(v, &state);
		error = insn_execute(&insn, &state, &memory);
		if (error == -EFAULT)
			return RESUME;
	}
	if (error == -ENXIO && v->nested && nested_reflect_refused(v))
		return RESUME;
	if (error < 0) {
		vm_stop(v, STOP_UNSUPPORTED, true,
			"cannot emulate the instruction %02x %02x %02x %02x at %llx (memory at "
			"guest-physical %llx)",
			bytes[0], bytes[1], bytes[2], bytes[3], (unsigned long long)vmread(GUEST_RIP),
			(unsigned long long)vmread(GUEST_PHYSICAL_ADDRESS));
		return STOP_VM;
	}
	store_state(v, &state);
	if (error == 1)
		return RESUME;
	skip_bytes(insn.length); /* EPT violations leave the instruction length undefined */
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
