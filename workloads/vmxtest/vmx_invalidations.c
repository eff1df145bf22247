// SPDX-License-Identifier: MIT
/* Types and descriptors of INVEPT and INVVPID: SDM "INVEPT", "INVVPID", and what VM entry takes as EPTP. */
#include "lab_impl.h"

L2_CODE(invalidations_code, "nop");

#define FAILED 28u

struct descriptor {
	uint64_t low, high;
};

static uint32_t outcome(uint64_t flags)
{
	if (flags & RFLAGS_CF)
		return ~0u;
	return flags & RFLAGS_ZF ? (uint32_t)get(VM_INSTRUCTION_ERROR) : 0;
}

static uint32_t invept(uint64_t type, uint64_t low)
{
	const struct descriptor d = {low, 0};
	uint64_t flags;

	__asm__ volatile("invept %1, %2; pushfq; popq %0" : "=r"(flags) : "m"(d), "r"(type) : "cc", "memory");
	return outcome(flags);
}

static uint32_t invvpid(uint64_t type, uint64_t low, uint64_t high)
{
	const struct descriptor d = {low, high};
	uint64_t flags;

	__asm__ volatile("invvpid %1, %2; pushfq; popq %0"
			 : "=r"(flags)
			 : "m"(d), "r"(type)
			 : "cc", "memory");
	return outcome(flags);
}

/* Types that there may be, and each bit beyond them. */
static bool types_are(uint32_t (*try)(uint64_t type), unsigned int offered, unsigned int count)
{
	bool good = true;

	for (unsigned int type = 0; type < count; type++)
		good &= try(type) == (offered >> type & 1 ? 0 : FAILED);
	for (unsigned int bit = 3; bit < 32; bit += 7)
		good &= try(1 | 1ull << bit) == FAILED;
	return good;
}

/* The type is a register's 64 bits, without a prefix. */
static void wide_type(const char *name, uint32_t (*try)(uint64_t type))
{
	bool good = true;

	if (lab_deviates(false)) {
		rt_skip(name, "Bochs takes the low 32 bits");
		return;
	}
	for (unsigned int bit = 32; bit < 64; bit += 10)
		good &= try(1 | 1ull << bit) == FAILED;
	rt_check(name, good);
}

static uint32_t invept_type(uint64_t type)
{
	return invept(type, lab_eptp());
}

static uint32_t invvpid_type(uint64_t type)
{
	return invvpid(type, 5, 0x1000);
}

/* An EPTP is taken if VM entry would take it. */
static void eptps(void)
{
	const uint64_t caps = lab_caps.ept_vpid, table = lab_eptp() & ~0xfffull;
	bool good = true, wide = true;

	for (unsigned int i = 0; i < 128 + 5; i++) {
		const unsigned int low = i < 128 ? i : 0x1eu | 0x80u << (i - 128);
		const unsigned int type = low & 7, levels = (low >> 3 & 7) + 1;
		const bool takes = ((type == 0 && caps >> 8 & 1) || (type == 6 && caps >> 14 & 1)) &&
				   (levels == 4 || (levels == 5 && caps >> 7 & 1)) &&
				   (!(low & 0x40) || caps & EPT_CAP_FLAGS) &&
				   !(low & (caps & EPT_CAP_SHADOW_STACK ? 0xf00 : 0xf80));

		good &= invept(1, table | low) == (takes ? 0 : FAILED);
	}
	for (unsigned int bit = lab_caps.physical_bits; bit < 64; bit += 5)
		wide &= invept(1, lab_eptp() | 1ull << bit) == FAILED;
	rt_check("INVEPT of one: each EPTP that an entry takes, no other", good);
	rt_check("INVEPT of one: beyond the physical-address width", wide);
	rt_check_u64("INVEPT of all: any EPTP", invept(2, ~0ull), 0);
}

static void vpids(void)
{
	const unsigned int offered = lab_caps.ept_vpid >> 40 & 15;
	bool zero = true, reserved = true, canonical = true;

	for (unsigned int type = 0; type < 4; type++) {
		if (!(offered >> type & 1))
			continue;
		zero &= invvpid(type, 0, 0) == (type == 2 ? 0 : FAILED);
		for (unsigned int bit = 16; bit < 64; bit += 11)
			reserved &= invvpid(type, 5 | 1ull << bit, 0) == FAILED;
		for (unsigned int bit = 47; bit < 64; bit += 8)
			canonical &= invvpid(type, 5, 1ull << bit) == (type ? 0 : FAILED);
		canonical &= invvpid(type, 0xffff, 0xffff800000000000) == 0;
	}
	rt_check("INVVPID of VPID 0, by type", zero);
	rt_check("INVVPID with each reserved bit, by type", reserved);
	rt_check("INVVPID of addresses that are not canonical, by type", canonical);
}

void test_vmx_invalidations(void)
{
	lab_reset(&code_invalidations_code, KERNEL64);
	if (lab_group("INVEPT of ") && !lab_lacks(NEED_INVEPT)) {
		rt_check("INVEPT of each type", types_are(invept_type, lab_caps.ept_vpid >> 24 & 6, 4));
		wide_type("INVEPT of types of 64 bits", invept_type);
		if (lab_caps.ept_vpid >> 25 & 1)
			eptps();
		else
			rt_skip("INVEPT of one", "there is no such type");
	}
	if (lab_group("INVVPID ") && !lab_lacks(NEED_INVVPID)) {
		rt_check("INVVPID of each type", types_are(invvpid_type, lab_caps.ept_vpid >> 40 & 15, 8));
		wide_type("INVVPID of types of 64 bits", invvpid_type);
		vpids();
	}
}
