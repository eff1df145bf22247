/* SPDX-License-Identifier: MIT */
/* Port I/O: SDM table "Exit Qualification for I/O Instructions". */
#include <errno.h>

#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/vmx/vmx.h"

#define IO_IN        (1u << 3)
#define IO_STRING    (1u << 4)
#define IO_REP       (1u << 5)
#define RFLAGS_DF    0x400ull
#define STRING_BATCH 64u /* iterations an exit: time and interrupts go on in between */

static void one_register(struct vcpu *v, uint16_t port, unsigned size, bool in)
{
	uint64_t mask = size == 4 ? 0xFFFFFFFFull : (1ull << 8 * size) - 1;
	uint32_t value;

	if (!in) {
		platform_pio_write(&v->vm->platform, v->id, port, size, (uint32_t)(v->gpr[0] & mask), v->now);
		return;
	}
	value = platform_pio_read(&v->vm->platform, v->id, port, size, v->now);
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

/* Memory that is no RAM reads as all ones and swallows writes. -EFAULT: the guest gets a fault, nothing is
 * done. */
static int one_string(struct vcpu *v, uint16_t port, unsigned size, bool in, uint64_t linear)
{
	uint32_t value = ~0u;
	uint64_t gpa;

	if (in) { /* the destination is tried before the port is read */
		if (guest_translate(v, linear, GWALK_WRITE | guest_user(), &gpa) == -EFAULT)
			return -EFAULT;
		value = platform_pio_read(&v->vm->platform, v->id, port, size, v->now);
		return guest_write(v, linear, &value, size, guest_user()) == -EFAULT ? -EFAULT : 0;
	}
	if (guest_read(v, linear, &value, size, guest_user()) == -EFAULT)
		return -EFAULT;
	platform_pio_write(&v->vm->platform, v->id, port, size, value, v->now);
	return 0;
}

static enum verdict string_io(struct vcpu *v, uint64_t q)
{
	unsigned size = (q & 7) + 1;
	bool in = q & IO_IN, rep = q & IO_REP;
	uint64_t mask = address_mask(), linear = vmread(GUEST_LINEAR_ADDRESS);
	uint64_t by = vmread(GUEST_RFLAGS) & RFLAGS_DF ? 0 - (uint64_t)size : size;
	uint64_t *index = &v->gpr[in ? 7 : 6];

	for (unsigned i = 0; i < STRING_BATCH; i++) {
		if (rep && !(v->gpr[1] & mask))
			return SKIP_AND_RESUME;
		if (one_string(v, (uint16_t)(q >> 16), size, in, linear))
			return RESUME;
		step(index, mask, by);
		linear += by;
		if (!rep)
			return SKIP_AND_RESUME;
		step(&v->gpr[1], mask, ~0ull);
	}
	return v->gpr[1] & mask ? RESUME : SKIP_AND_RESUME;
}

enum verdict on_io(struct vcpu *v)
{
	uint64_t q = vmread(EXIT_QUALIFICATION);

	if (q & IO_STRING)
		return string_io(v, q);
	one_register(v, (uint16_t)(q >> 16), (q & 7) + 1, q & IO_IN);
	return SKIP_AND_RESUME;
}
