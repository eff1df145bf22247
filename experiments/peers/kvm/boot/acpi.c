/* SPDX-License-Identifier: MIT */
/* Layouts of the ACPI Specification 6.4, "ACPI Software Programming Model". */
#include "acpi.h"

#include "nestbed/mptable.h"

#define IOAPIC      0xFEC00000u
#define REVISION_2  2u
#define ENABLED     1u
#define PC_AT       1u /* MADT: the machine has two 8259 as well */
#define TIMER_INPUT 2u /* of the I/O APIC, where the PIT's interrupt 0 comes in */

enum { MADT_LOCAL_APIC = 0, MADT_IO_APIC = 1, MADT_OVERRIDE = 2 };

struct header {
	char signature[4];
	uint32_t length; /* of the whole table */
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct root_pointer {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct root_pointer) == 36, "ACPI layout");

struct root_table {
	struct header header;
	uint64_t madt;
} __attribute__((packed));

struct interrupt_table {
	struct header header;
	uint32_t lapic, flags;
	struct {
		uint8_t type, length, processor, apic;
		uint32_t flags;
	} __attribute__((packed)) cpu;
	struct {
		uint8_t type, length, id, reserved;
		uint32_t address, first_interrupt;
	} __attribute__((packed)) ioapic;
	struct {
		uint8_t type, length, bus, irq;
		uint32_t interrupt;
		uint16_t flags;
	} __attribute__((packed)) timer;
} __attribute__((packed));
_Static_assert(sizeof(struct interrupt_table) == 74, "ACPI layout");

static struct interrupt_table madt = {
	.header = {.signature = {'A', 'P', 'I', 'C'}, .length = sizeof(madt), .revision = 4},
	.lapic = MP_LAPIC,
	.flags = PC_AT,
	.cpu = {            MADT_LOCAL_APIC,                                sizeof(madt.cpu),       0,							    0, ENABLED},
	.ioapic = { MADT_IO_APIC, sizeof(madt.ioapic), 1,							     0, IOAPIC, 0},
	.timer = {							    MADT_OVERRIDE,       sizeof(madt.timer), 0,							0, TIMER_INPUT, 0},
};
static struct root_table xsdt = {
	.header = {.signature = {'X', 'S', 'D', 'T'}, .length = sizeof(xsdt), .revision = 1},
};
static struct root_pointer rsdp __attribute__((aligned(16))) = {
	.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
	.revision = REVISION_2,
	.length = sizeof(rsdp),
};

static void finish(struct header *table)
{
	mp_text(table->oem, "NESTBD", sizeof(table->oem));
	mp_text(table->oem_table, "NESTBED", sizeof(table->oem_table));
	mp_text(table->creator, "NEST", sizeof(table->creator));
	table->checksum = mp_checksum(table, table->length);
}

uint32_t acpi_tables(void)
{
	xsdt.madt = (uint32_t)&madt;
	finish(&madt.header);
	finish(&xsdt.header);
	rsdp.xsdt = (uint32_t)&xsdt;
	mp_text(rsdp.oem, "NESTBD", sizeof(rsdp.oem));
	rsdp.checksum = mp_checksum(&rsdp, 20); /* what revision 0 had */
	rsdp.extended_checksum = mp_checksum(&rsdp, sizeof(rsdp));
	return (uint32_t)&rsdp;
}
