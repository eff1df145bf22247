/* SPDX-License-Identifier: MIT */
/*
 * L2 runs on merged bitmaps: each port and MSR exits if L1 or L0 wants it, and for no other reason; what
 * virtualize-x2APIC lets through is what L1 lets through. The input flips bytes of L1's and L0's pages, then
 * asks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/controls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t l1[2][4096] __attribute__((aligned(8))), l0[2][4096] __attribute__((aligned(8)));
static uint8_t out[2][4096] __attribute__((aligned(8))), x2apic[4096] __attribute__((aligned(8)));

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* SDM "I/O-Bitmap Addresses", bit by bit */
static bool port_exits(uint8_t (*bitmap)[4096], uint32_t port, uint32_t bytes)
{
	for (uint32_t p = port; p < port + bytes; p++)
		if (p > 0xffff || bitmap[p >> 15][(p & 0x7fff) >> 3] >> (p & 7) & 1)
			return true;
	return false;
}

/* SDM "MSR-Bitmap Address" */
static bool msr_exits(const uint8_t *bitmap, uint32_t msr, bool write)
{
	const uint32_t base = (write ? 2048u : 0) + (msr >> 31 ? 1024u : 0), number = msr & 0x3fffffff;

	if (number > 0x1fff || (msr >> 30 != 0 && msr >> 30 != 3))
		return true;
	return bitmap[base + number / 8] >> number % 8 & 1;
}

static void ask_port(uint32_t port, uint32_t bytes)
{
	const bool wanted = port_exits(l1, port, bytes) || port_exits(l0, port, bytes);

	expect(io_bitmap_test(out[0], out[1], port, bytes) == wanted);
	expect(port_exits(out, port, bytes) == wanted);
}

static void ask_msr(uint32_t msr, bool write, uint32_t ctls2)
{
	const bool mine = msr_exits(l1[0], msr, write), wanted = mine || msr_exits(l0[0], msr, write);
	const bool now = msr_exits(x2apic, msr, write);

	expect(msr_bitmap_test(out[0], msr, write) == wanted);
	expect(msr_exits(out[0], msr, write) == wanted);
	expect(!mine || now); /* never against L1 */
	if (now != wanted) /* against L0: only where the processor has a virtual register */
		expect(ctls2 & CTL2_X2APIC_MODE && msr >= 0x800 && msr <= 0x8ff && !now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t ctls2, flips;

	if (size < 5)
		return 0;
	memcpy(&ctls2, data, sizeof(ctls2));
	flips = data[4] % 64;
	memset(l1, data[4] & 0x80 ? 0xff : 0, sizeof(l1));
	memset(l0, data[4] & 0x40 ? 0xff : 0, sizeof(l0));
	for (data += 5, size -= 5; size >= 4 && flips; data += 4, size -= 4, flips--) {
		const unsigned at = (data[0] | (unsigned)data[1] << 8) % 4096;

		(data[2] & 1 ? l1 : l0)[data[2] >> 1 & 1][at] ^= data[3];
	}
	merge_io_bitmap(out[0], l1[0], false, l0[0]);
	merge_io_bitmap(out[1], l1[1], false, l0[1]);
	for (const uint8_t *p = data; p + 3 <= data + size; p += 3)
		ask_port(p[0] | (uint32_t)p[1] << 8, 1u << p[2] % 3);
	merge_msr_bitmap(out[0], l1[0], l0[0]);
	memcpy(x2apic, out[0], sizeof(x2apic));
	merge_x2apic_msrs(x2apic, l1[0], ctls2);
	for (const uint8_t *p = data; p + 4 <= data + size; p += 4) {
		uint32_t msr;

		memcpy(&msr, p, sizeof(msr));
		ask_msr(msr, p[0] & 1, ctls2);
		ask_msr((msr & 0x1fff) | (msr >> 31 ? 0xc0000000 : 0), msr >> 30 & 1, ctls2);
		ask_msr(0x800 + (msr & 0xff), msr >> 29 & 1, ctls2);
	}
	return 0;
}
