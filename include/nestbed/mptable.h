/* SPDX-License-Identifier: MIT */
/*
 * The MP configuration table (Intel MultiProcessor Specification 1.4) and the words of the BIOS data area
 * that lead to it. The boot ROM and L0 leave the same ones, so that a kernel finds the same machine bare and
 * as a VM.
 *
 * Everything lies in the extended BIOS data area, the last KiB below 640 KiB, which the multiboot memory map
 * does not offer as available.
 */
#ifndef NESTBED_MPTABLE_H
#define NESTBED_MPTABLE_H

#include <stddef.h>
#include <stdint.h>

#define MP_BDA_EBDA_SEGMENT 0x40Eu /* physical address of a word: paragraph of the area */
#define MP_BDA_BASE_MEMORY  0x413u /* of a word: KiB of memory below the area */
#define MP_EBDA             0x9FC00u
#define MP_EBDA_SIZE        0x400u

#define MP_CPUS_MAX      8u
#define MP_LAPIC         0xFEE00000u
#define MP_CPU_ENABLED   1u
#define MP_CPU_BOOTSTRAP 2u

#define MP_ENTRY_CPU       0u
#define MP_ENTRY_BUS       1u
#define MP_ENTRY_LOCAL_INT 4u

#define MP_INT_NMI    1u
#define MP_INT_EXTINT 3u
#define MP_EVERY_APIC 0xFFu

struct mp_floating_pointer {
	char signature[4]; /* "_MP_" */
	uint32_t table; /* physical */
	uint8_t paragraphs; /* length of this structure */
	uint8_t revision; /* 4: version 1.4 */
	uint8_t checksum; /* all bytes add up to 0 */
	uint8_t feature[5]; /* 0: there is a table; virtual wire mode */
};
_Static_assert(sizeof(struct mp_floating_pointer) == 16, "MP layout");

struct mp_header {
	char signature[4]; /* "PCMP" */
	uint16_t length; /* with its entries */
	uint8_t revision;
	uint8_t checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size;
	uint16_t entries;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
};
_Static_assert(sizeof(struct mp_header) == 44, "MP layout");

struct mp_cpu {
	uint8_t type;
	uint8_t apic_id, apic_version;
	uint8_t flags;
	uint32_t signature, features; /* CPUID.1: EAX, EDX */
	uint32_t reserved[2];
};
_Static_assert(sizeof(struct mp_cpu) == 20, "MP layout");

struct mp_bus {
	uint8_t type, id;
	char name[6];
};
_Static_assert(sizeof(struct mp_bus) == 8, "MP layout");

struct mp_interrupt {
	uint8_t type;
	uint8_t kind; /* MP_INT_* */
	uint16_t flags; /* 0: as the bus has it */
	uint8_t bus, irq;
	uint8_t apic, input;
};
_Static_assert(sizeof(struct mp_interrupt) == 8, "MP layout");

struct mp_area {
	uint8_t kib; /* size of the area, as the BIOS has it */
	uint8_t reserved[15];
	struct mp_floating_pointer pointer;
	struct mp_header header;
	struct mp_cpu cpu[MP_CPUS_MAX]; /* as many as there are; what follows moves up */
	struct mp_bus bus;
	struct mp_interrupt extint, nmi;
};
_Static_assert(sizeof(struct mp_area) <= MP_EBDA_SIZE, "the table fits");
_Static_assert(offsetof(struct mp_area, pointer) % 16 == 0, "is looked for at each paragraph");

static inline uint8_t mp_checksum(const void *bytes, uint32_t n)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

/* Padded with spaces, without a NUL. */
static inline void mp_text(char *to, const char *text, unsigned n)
{
	while (n--)
		*to++ = *text ? *text++ : ' ';
}

/* A structure behind the header; the next free byte. */
static inline uint8_t *mp_add(struct mp_header *header, uint8_t *at, const void *entry, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = ((const uint8_t *)entry)[i];
	header->entries++;
	return at + n;
}

static inline void mp_add_cpus(struct mp_header *header, uint8_t **at, unsigned cpus, uint8_t apic_version,
			       uint32_t signature, uint32_t features)
{
	for (unsigned i = 0; i < cpus; i++) {
		const struct mp_cpu cpu = {
			.type = MP_ENTRY_CPU,
			.apic_id = (uint8_t)i,
			.apic_version = apic_version,
			.flags = MP_CPU_ENABLED | (i ? 0 : MP_CPU_BOOTSTRAP),
			.signature = signature,
			.features = features,
		};

		*at = mp_add(header, *at, &cpu, sizeof(cpu));
	}
}

/*
 * area: where MP_EBDA is, zeroed. cpus: 1 to MP_CPUS_MAX, with the APIC IDs from 0. signature, features:
 * CPUID.1's EAX and EDX. The PIC's interrupts come to LINT0 of every APIC, NMI to LINT1.
 */
static inline void mp_table_make(struct mp_area *area, unsigned cpus, uint8_t apic_version,
				 uint32_t signature, uint32_t features)
{
	struct mp_bus isa = {.type = MP_ENTRY_BUS};
	const struct mp_interrupt extint = {
		.type = MP_ENTRY_LOCAL_INT, .kind = MP_INT_EXTINT, .apic = MP_EVERY_APIC, .input = 0};
	const struct mp_interrupt nmi = {
		.type = MP_ENTRY_LOCAL_INT, .kind = MP_INT_NMI, .apic = MP_EVERY_APIC, .input = 1};
	struct mp_header *header = &area->header;
	uint8_t *at = (uint8_t *)area->cpu;

	area->kib = MP_EBDA_SIZE / 1024;
	mp_text(isa.name, "ISA", sizeof(isa.name));
	area->pointer = (struct mp_floating_pointer){
		.table = MP_EBDA + (uint32_t)offsetof(struct mp_area, header),
		.paragraphs = 1,
		.revision = 4,
	};
	mp_text(area->pointer.signature, "_MP_", sizeof(area->pointer.signature));
	area->pointer.checksum = mp_checksum(&area->pointer, sizeof(area->pointer));
	*header = (struct mp_header){.revision = 4, .lapic = MP_LAPIC};
	mp_text(header->signature, "PCMP", sizeof(header->signature));
	mp_text(header->oem, "NESTBED", sizeof(header->oem));
	mp_text(header->product, "PC", sizeof(header->product));
	mp_add_cpus(header, &at, cpus, apic_version, signature, features);
	at = mp_add(header, at, &isa, sizeof(isa));
	at = mp_add(header, at, &extint, sizeof(extint));
	at = mp_add(header, at, &nmi, sizeof(nmi));
	header->length = (uint16_t)(at - (uint8_t *)header);
	header->checksum = mp_checksum(header, header->length);
}

#endif
