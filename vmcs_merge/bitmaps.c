/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/bitmaps.h"

#include <stddef.h>

#define PAGE_QUADS (VMX_BITMAP_BYTES / 8)

static void fill(uint64_t *out, uint64_t value)
{
	for (unsigned i = 0; i < PAGE_QUADS; i++)
		out[i] = value;
}

static void either(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < PAGE_QUADS; i++)
		out[i] = (a ? a[i] : 0) | (b ? b[i] : 0);
}

void merge_io_bitmap(void *out, const void *l1, bool l1_unconditional, const void *l0)
{
	if (!l1 && l1_unconditional)
		fill(out, ~0ull);
	else
		either(out, l1, l0);
}

void merge_msr_bitmap(void *out, const void *l1, const void *l0)
{
	if (!l1)
		fill(out, ~0ull);
	else
		either(out, l1, l0);
}

static bool test(const void *page, uint32_t bit)
{
	return ((const uint8_t *)page)[bit / 8] >> bit % 8 & 1;
}

static void put(void *page, uint32_t bit, bool value)
{
	uint8_t *byte = (uint8_t *)page + bit / 8;
	uint8_t mask = (uint8_t)(1u << bit % 8);

	*byte = (uint8_t)(value ? *byte | mask : *byte & ~mask);
}

void merge_x2apic_msrs(void *out, const void *l1, uint32_t ctls2)
{
	enum { FIRST = 0x800, TPR = 0x808, EOI = 0x80B, SELF_IPI = 0x83F, LAST = 0x8FF };

	if (!l1 || !(ctls2 & CTL2_X2APIC_MODE))
		return;
	for (uint32_t msr = FIRST; msr <= LAST; msr++) {
		const bool reads = msr == TPR || ctls2 & CTL2_APIC_REGISTERS;
		const bool writes =
			msr == TPR || ((msr == EOI || msr == SELF_IPI) && ctls2 & CTL2_VIRTUAL_INTR_DELIVERY);

		if (reads && !msr_bitmap_test(l1, msr, false))
			(void)msr_bitmap_set(out, msr, false, false);
		if (writes && !msr_bitmap_test(l1, msr, true))
			(void)msr_bitmap_set(out, msr, true, false);
	}
}

bool io_bitmap_test(const void *a, const void *b, uint32_t port, uint32_t bytes)
{
	for (uint32_t i = port; i < port + bytes; i++) {
		if (i > 0xffff || test(i < 0x8000 ? a : b, i & 0x7fff))
			return true;
	}
	return false;
}

void io_bitmap_set(void *a, void *b, uint32_t first_port, uint32_t ports, bool exits)
{
	for (uint32_t i = first_port; i < first_port + ports && i <= 0xffff; i++)
		put(i < 0x8000 ? a : b, i & 0x7fff, exits);
}

/* Bit number in the page: read low, read high, write low, write high; 1 KiB each. -1: no bit. */
static int msr_bit(uint32_t msr, bool write)
{
	uint32_t base = write ? 2048 * 8 : 0;

	if (msr <= 0x1fff)
		return (int)(base + msr);
	if (msr >= 0xc0000000 && msr <= 0xc0001fff)
		return (int)(base + 1024 * 8 + (msr & 0x1fff));
	return -1;
}

bool msr_bitmap_test(const void *bitmap, uint32_t msr, bool write)
{
	int bit = msr_bit(msr, write);

	return bit < 0 || test(bitmap, (uint32_t)bit);
}

bool msr_bitmap_set(void *bitmap, uint32_t msr, bool write, bool exits)
{
	int bit = msr_bit(msr, write);

	if (bit >= 0)
		put(bitmap, (uint32_t)bit, exits);
	return bit >= 0;
}

/*
 * From the census of the experiment `phases`, and what other L1s are known to read and write at an exit.
 * Each field costs L0 a VMWRITE when it reflects an exit, each writable one also a VMREAD at L1's VM entry:
 * only what L1 uses at nearly every exit is worth it. A write to one of the read-only rows exits, and so
 * marks it dirty.
 */
const struct shadow_row shadow_table[] = {
	{F_EXIT_REASON,            SHADOW_READ,                "read at every exit"                       },
	{F_EXIT_QUALIFICATION,     SHADOW_READ,                "read at most exits"                       },
	{F_EXIT_INTR_INFO,         SHADOW_READ,                "read at exceptions and interrupts"        },
	{F_EXIT_INTR_ERROR,        SHADOW_READ,                "read at exceptions"                       },
	{F_IDT_VECTORING_INFO,     SHADOW_READ,                "read at every exit: was an event cut off?"},
	{F_IDT_VECTORING_ERROR,    SHADOW_READ,                "read with IDT_VECTORING_INFO"             },
	{F_EXIT_INSTR_LEN,         SHADOW_READ,                "read to skip the instruction"             },
	{F_EXIT_INSTR_INFO,        SHADOW_READ,                "read to decode the instruction"           },
	{F_GUEST_LINEAR_ADDRESS,   SHADOW_READ,                "read at EPT violations and string I/O"    },
	{F_GUEST_PHYSICAL_ADDRESS, SHADOW_READ,                "read at EPT violations"                   },
	{F_GUEST_RIP,              SHADOW_READ | SHADOW_WRITE, "advanced at most exits"                   },
	{F_GUEST_RSP,              SHADOW_READ | SHADOW_WRITE, "saved and loaded with the registers"      },
	{F_GUEST_RFLAGS,           SHADOW_READ | SHADOW_WRITE, "read before injecting, written by some"   },
	{F_GUEST_INTERRUPTIBILITY, SHADOW_READ | SHADOW_WRITE, "cleared when an instruction is skipped"   },
	{F_ENTRY_INTR_INFO,        SHADOW_READ | SHADOW_WRITE, "written to inject"                        },
	{F_ENTRY_ERROR_CODE,       SHADOW_READ | SHADOW_WRITE, "written to inject"                        },
	{F_ENTRY_INSTR_LEN,        SHADOW_READ | SHADOW_WRITE, "written to inject"                        },
	{F_CPU_CTLS,               SHADOW_READ | SHADOW_WRITE, "windows are opened and closed"            },
	{F_EXCEPTION_BITMAP,       SHADOW_READ,                "read at exceptions, written rarely"       },
	{F_GUEST_CR0,              SHADOW_READ,                "read to learn the mode"                   },
	{F_GUEST_CR3,              SHADOW_READ,                "read to walk L2's page tables"            },
	{F_GUEST_CR4,              SHADOW_READ,                "read to learn the mode"                   },
	{F_CR0_SHADOW,             SHADOW_READ,                "read to learn what L2 sees"               },
	{F_CR4_SHADOW,             SHADOW_READ,                "read to learn what L2 sees"               },
	{F_GUEST_CS_ACCESS_RIGHTS, SHADOW_READ,                "read to learn mode and code size"         },
	{F_GUEST_SS_ACCESS_RIGHTS, SHADOW_READ,                "read to learn the CPL"                    },
	{F_GUEST_CS_BASE,          SHADOW_READ,                "read to find the instruction"             },
	{F_GUEST_EFER,             SHADOW_READ,                "read to learn the mode"                   },
	{F_GUEST_ACTIVITY,         SHADOW_READ | SHADOW_WRITE, "written when L2 sleeps and wakes"         },
};
const unsigned shadow_count = sizeof(shadow_table) / sizeof(shadow_table[0]);

void shadow_bitmaps(const struct vmx_caps *caps, void *read, void *write)
{
	fill(read, ~0ull);
	if (write)
		fill(write, ~0ull);
	for (unsigned i = 0; i < shadow_count; i++) {
		const struct shadow_row *row = &shadow_table[i];
		uint32_t encoding = vmcs_field_encoding[row->field];
		uint32_t last =
			vmcs_encoding_width(encoding) == VMCS_64 ? encoding | VMCS_ENCODING_HIGH : encoding;

		if (!vmcs_field_exists(row->field, caps))
			continue;
		for (uint32_t e = encoding; e <= last; e++) {
			if (row->access & SHADOW_READ)
				put(read, e, false);
			if (write && row->access & SHADOW_WRITE)
				put(write, e, false);
		}
	}
}
