/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/mtrr.h"

#include <errno.h>

#define CAP_FIXED           0x100u
#define CAP_WRITE_COMBINING 0x400u

#define DEF_TYPE_WRITABLE 0xCFFu /* type, fixed ranges on, all on */
#define DEF_TYPE_ON       0xC00u
#define MASK_VALID        0x800u

#define UNCACHED   0ull
#define WRITE_BACK 6ull
#define IN_EACH    0x0101010101010101ull /* byte of a fixed range's register */

#define HOLE_BASE 0xC0000000ull
#define HOLE_SIZE 0x40000000ull
#define VGA       2u /* its register: 16 KiB ranges from 0xA0000 */

static const uint32_t fixed_msr[MTRR_FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26A,
					       0x26B, 0x26C, 0x26D, 0x26E, 0x26F};

static uint64_t addresses(const struct mtrr *mtrr)
{
	return ((1ull << mtrr->maxphyaddr) - 1) & ~0xFFFull;
}

void mtrr_init(struct mtrr *mtrr, unsigned maxphyaddr)
{
	*mtrr = (struct mtrr){.maxphyaddr = maxphyaddr, .def_type = DEF_TYPE_ON | WRITE_BACK};
	for (unsigned i = 0; i < MTRR_FIXED; i++)
		mtrr->fixed[i] = (i == VGA ? UNCACHED : WRITE_BACK) * IN_EACH;
	mtrr->variable[0] = HOLE_BASE | UNCACHED;
	mtrr->variable[1] = (addresses(mtrr) & ~(HOLE_SIZE - 1)) | MASK_VALID;
}

/* "Memory Types That Can Be Encoded in MTRRs" */
static int valid_type(uint64_t type)
{
	return type < 7 && type != 2 && type != 3;
}

static unsigned fixed_index(uint32_t msr)
{
	unsigned i = 0;

	while (i < MTRR_FIXED && fixed_msr[i] != msr)
		i++;
	return i;
}

int mtrr_read(const struct mtrr *mtrr, uint32_t msr, uint64_t *value)
{
	if (msr == MSR_MTRRCAP)
		*value = MTRR_VARIABLE | CAP_FIXED | CAP_WRITE_COMBINING;
	else if (msr == MSR_MTRR_DEF_TYPE)
		*value = mtrr->def_type;
	else if (msr >= MSR_MTRR_PHYS && msr <= MSR_MTRR_PHYS_LAST)
		*value = mtrr->variable[msr - MSR_MTRR_PHYS];
	else if (fixed_index(msr) < MTRR_FIXED)
		*value = mtrr->fixed[fixed_index(msr)];
	else
		return -ENOENT;
	return 0;
}

static int write_variable(struct mtrr *mtrr, unsigned index, uint64_t value)
{
	int is_mask = index & 1;
	uint64_t low = is_mask ? MASK_VALID : 0xFF;

	if (value & ~(addresses(mtrr) | low) || (!is_mask && !valid_type(value & 0xFF)))
		return -EPERM;
	mtrr->variable[index] = value;
	return 0;
}

static int write_fixed(struct mtrr *mtrr, unsigned index, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		if (!valid_type(value >> 8 * i & 0xFF))
			return -EPERM;
	mtrr->fixed[index] = value;
	return 0;
}

int mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value)
{
	if (msr == MSR_MTRRCAP)
		return -EPERM;
	if (msr >= MSR_MTRR_PHYS && msr <= MSR_MTRR_PHYS_LAST)
		return write_variable(mtrr, msr - MSR_MTRR_PHYS, value);
	if (fixed_index(msr) < MTRR_FIXED)
		return write_fixed(mtrr, fixed_index(msr), value);
	if (msr != MSR_MTRR_DEF_TYPE)
		return -ENOENT;
	if (value & ~(uint64_t)DEF_TYPE_WRITABLE || !valid_type(value & 0xFF))
		return -EPERM;
	mtrr->def_type = value;
	return 0;
}
