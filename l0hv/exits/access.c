/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/access.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/mm/pages.h"
#include "l0hv/vmx/vmx.h"

#define DR7_ENABLED 0xFFull

enum { ON_EXECUTION, ON_WRITE, ON_PORT, ON_ACCESS }; /* R/W fields of DR7; ON_PORT with CR4.DE */

/*
 * SDM "Data Breakpoint Exception Conditions": where an enabled one is met, those that are not are told too.
 * what: bit n is set where a breakpoint of R/W field n is meant.
 */
static void meet_breakpoints(struct access *a, uint64_t from, unsigned size, unsigned what)
{
	const uint64_t address[4] = {read_dr0(), read_dr1(), read_dr2(), read_dr3()};
	uint64_t met = 0, enabled = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned condition = a->dr7 >> (16 + 4 * i) & 3, length = a->dr7 >> (18 + 4 * i) & 3;
		uint64_t bytes = length == 2 ? 8 : length + 1, first = address[i] & ~(bytes - 1);

		if (!(what >> condition & 1) || from + size <= first || from >= first + bytes)
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
		error = guest_translate_by(a->v, &a->paging, linear,
					   (write ? GWALK_WRITE : 0) | GWALK_SET_AD | a->user, gpa);
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
		if (!a->code64)
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

/* The usual operand: all of it in one device. */
static bool is_device(const struct vcpu *v, const struct place *place, unsigned size)
{
	return place->first == size && place->gpa[0] >= v->vm->ram_bytes;
}

int access_read(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	struct access *a = ctx;
	struct place place;
	int error = locate(a, linear, size, false, &place);

	if (error)
		return error;
	if (is_device(a->v, &place, size)) {
		*value = platform_mmio_read(&a->v->vm->platform, a->v->id, place.gpa[0], size, a->v->now);
	} else {
		uint8_t bytes[8] = {0};

		read_piece(a->v, place.gpa[0], bytes, place.first, place.first == size);
		if (place.first < size)
			read_piece(a->v, place.gpa[1], bytes + place.first, size - place.first, false);
		memcpy(value, bytes, sizeof(bytes));
	}
	if (a->dr7)
		meet_breakpoints(a, linear, size, 1u << ON_ACCESS);
	return 0;
}

int access_write(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	struct access *a = ctx;
	struct place place;
	int error = locate(a, linear, size, true, &place);

	if (error)
		return error;
	if (is_device(a->v, &place, size)) {
		platform_mmio_write(&a->v->vm->platform, a->v->id, place.gpa[0], size, value, a->v->now);
	} else {
		uint8_t bytes[8];

		memcpy(bytes, &value, sizeof(bytes));
		write_piece(a->v, place.gpa[0], bytes, place.first, place.first == size);
		if (place.first < size)
			write_piece(a->v, place.gpa[1], bytes + place.first, size - place.first, false);
	}
	if (a->dr7)
		meet_breakpoints(a, linear, size, 1u << ON_ACCESS | 1u << ON_WRITE);
	return 0;
}

int access_probe(void *ctx, uint64_t linear, unsigned size, int write)
{
	struct place place;

	return locate(ctx, linear, size, write, &place);
}

void access_port(struct access *a, uint16_t port, unsigned size)
{
	if (a->dr7 && guest_cr4_in_force(a->v) & CR4_DE)
		meet_breakpoints(a, port, size, 1u << ON_PORT);
}

void access_begin(struct access *a, struct vcpu *v)
{
	uint64_t dr7 = vmread(GUEST_DR7);

	a->v = v;
	guest_paging(v, &a->paging);
	a->user = guest_user();
	a->code64 = guest_in_64bit_code();
	a->dr7 = dr7 & DR7_ENABLED ? dr7 : 0;
	a->breakpoints = 0;
	a->stop = 0;
	a->seen[0].valid = a->seen[1].valid = false;
	a->checks_alignment = a->user && a->paging.rflags & RFLAGS_AC && a->paging.cr0 & CR0_AM;
}

void access_end(const struct access *a)
{
	if (a->breakpoints)
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | a->breakpoints);
}
