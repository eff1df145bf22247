/* SPDX-License-Identifier: MIT */
/* Port I/O: SDM table "Exit Qualification for I/O Instructions". */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/emulate/insn.h"
#include "l0hv/exits/access.h"
#include "l0hv/exits/exits.h"
#include "l0hv/exits/io.h"
#include "l0hv/lib/lib.h"
#include "l0hv/nested/nested.h"
#include "l0hv/vmx/vmx.h"

#define IO_IN        (1u << 3)
#define IO_STRING    (1u << 4)
#define IO_REP       (1u << 5)
#define RFLAGS_DF    0x400ull
#define STRING_BATCH 64u /* iterations an exit: time and interrupts go on in between */

uint32_t (*io_read)(struct platform *p, unsigned vcpu, uint16_t port, unsigned size,
		    uint64_t now) = platform_pio_read;
void (*io_write)(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint32_t value,
		 uint64_t now) = platform_pio_write;

static void one_register(struct vcpu *v, uint16_t port, unsigned size, bool in)
{
	uint64_t mask = size == 4 ? 0xFFFFFFFFull : (1ull << 8 * size) - 1;
	uint32_t value;

	if (!in) {
		io_write(&v->vm->platform, v->id, port, size, (uint32_t)(v->gpr[0] & mask), v->now);
		return;
	}
	value = io_read(&v->vm->platform, v->id, port, size, v->now);
	v->gpr[0] = size == 4 ? value : (v->gpr[0] & ~mask) | value;
}

/* Bits of RCX, RSI and RDI that the address size lets an instruction use, from the instruction-information
 * field. */
static uint64_t address_mask(void)
{
	static const uint64_t masks[4] = {0xFFFF, 0xFFFFFFFF, ~0ull, ~0ull};

	return masks[vmread(EXIT_INSTR_INFO) >> 7 & 3];
}

static void step(uint64_t *reg, uint64_t mask, uint64_t by)
{
	uint64_t next = (*reg + by) & mask;

	*reg = mask == 0xFFFF ? (*reg & ~mask) | next : next;
}

/* A string instruction between iterations. */
struct string {
	struct access access;
	uint16_t port;
	unsigned size;
	bool in;
	uint64_t mask; /* of addresses and the counter */
	uint64_t base; /* of the memory operand's segment */
	uint32_t limit, rights; /* of the segment; not in 64-bit mode */
	bool checked; /* limit and rights hold */
	unsigned fault; /* vector of a violation of them */
};

/* SDM table "Format of the VM-Exit Instruction-Information Field as Used for INS and OUTS" */
static void begin_string(struct string *s, struct vcpu *v, uint64_t q)
{
	unsigned segment;

	*s = (struct string){.port = (uint16_t)(q >> 16), .size = (q & 7) + 1, .in = q & IO_IN};
	access_begin(&s->access, v);
	s->mask = address_mask();
	s->base = vmread(GUEST_LINEAR_ADDRESS) - (v->gpr[s->in ? 7 : 6] & s->mask);
	if (guest_in_64bit_code())
		return;
	segment = s->in ? INSN_ES : vmread(EXIT_INSTR_INFO) >> 15 & 7;
	s->checked = true;
	s->limit = (uint32_t)vmread(GUEST_ES_LIMIT + 2 * segment);
	s->rights = (uint32_t)vmread(GUEST_ES_ACCESS_RIGHTS + 2 * segment);
	s->fault = segment == INSN_SS ? VECTOR_SS : VECTOR_GP;
}

/* Where L1's EPT forbids the access the exit is L1's, and it is as after a fault. */
static int refused(struct vcpu *v, int error)
{
	return error == -ENXIO && v->nested && nested_reflect_refused(v) ? -EFAULT : error;
}

/*
 * One element. The exit came before the memory operand was looked at. 0; -EFAULT: the guest gets a fault,
 * nothing is done. Where the guest's page tables lie behind all memory the operand is like that too: ones,
 * and writes swallowed.
 */
static int one_string(struct string *s, uint64_t offset)
{
	struct vcpu *v = s->access.v;
	uint64_t linear = s->base + offset, value = ~0ull;
	int error;

	if (s->checked) {
		linear = (uint32_t)linear;
		if (!insn_in_segment(s->rights, s->limit, offset, s->size, s->in)) {
			inject_exception(v, s->fault, 0);
			return -EFAULT;
		}
	}
	if (s->in) { /* the destination is tried before the port is read */
		error = refused(v, access_probe(&s->access, linear, s->size, true));
		if (error == -EFAULT)
			return error;
		value = io_read(&v->vm->platform, v->id, s->port, s->size, v->now);
		if (!error)
			error = access_write(&s->access, linear, s->size, value);
	} else {
		error = refused(v, access_read(&s->access, linear, s->size, &value));
		if (error == -EFAULT)
			return error;
		io_write(&v->vm->platform, v->id, s->port, s->size, (uint32_t)value, v->now);
	}
	access_port(&s->access, s->port, s->size);
	return error == -ENXIO ? 0 : error;
}

static enum verdict string_io(struct vcpu *v, uint64_t q)
{
	struct string s;
	uint64_t rflags = vmread(GUEST_RFLAGS), by;
	uint64_t *index = &v->gpr[q & IO_IN ? 7 : 6];
	unsigned left = iterations_may_run(v, rflags) ? STRING_BATCH : 1;
	int error = 0;

	begin_string(&s, v, q);
	by = rflags & RFLAGS_DF ? 0 - (uint64_t)s.size : s.size;
	if (q & IO_REP && !(v->gpr[1] & s.mask))
		return SKIP_AND_RESUME;
	do {
		error = one_string(&s, *index & s.mask);
		if (error)
			break;
		step(index, s.mask, by);
		if (!(q & IO_REP))
			break;
		step(&v->gpr[1], s.mask, ~0ull);
	} while (v->gpr[1] & s.mask && --left && !s.access.stop);
	if (error)
		return RESUME;
	access_end(&s.access);
	if (!(q & IO_REP) || !(v->gpr[1] & s.mask))
		return SKIP_AND_RESUME;
	end_iteration(rflags);
	return RESUME;
}

/* An enabled breakpoint may be one of ports. */
static __attribute__((noinline)) void port_breakpoints(struct vcpu *v, uint16_t port, unsigned size)
{
	struct access access;

	access_begin(&access, v);
	access_port(&access, port, size);
	access_end(&access);
}

enum verdict on_io(struct vcpu *v)
{
	uint64_t q = vmread(EXIT_QUALIFICATION);

	if (q & IO_STRING)
		return string_io(v, q);
	one_register(v, (uint16_t)(q >> 16), (q & 7) + 1, q & IO_IN);
	if (vmread(GUEST_DR7) & 0xFF)
		port_breakpoints(v, (uint16_t)(q >> 16), (q & 7) + 1);
	return SKIP_AND_RESUME;
}
