/* SPDX-License-Identifier: MIT */
#include "l0hv/net/pci.h"

#include <errno.h>
#include <stdbool.h>

#include "l0hv/cpu/asm.h"

#define CONFIG_ADDRESS 0xCF8u
#define CONFIG_DATA    0xCFCu
#define CONFIG_ENABLE  0x80000000u

#define PCI_ID      0x00u
#define PCI_COMMAND 0x04u
#define PCI_HEADER  0x0Cu
#define PCI_BAR0    0x10u

#define COMMAND_MEMORY 0x2u
#define COMMAND_MASTER 0x4u
#define COMMAND_MASK   0xFFFFu /* status above it: writing ones there clears them */
#define MULTIFUNCTION  0x800000u
#define BAR_IO         0x1u
#define BAR_TYPE       0x6u
#define BAR_64         0x4u
#define BAR_FLAGS      0xFu

/*
 * Where a device goes that no firmware has placed: below the APICs, above the RAM that L0 uses and the
 * addresses that chip sets take. L0 enables one device, so that nothing else can be there.
 */
#define PLACE 0xF0000000u

static uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static void select(const struct pci_device *d, uint32_t offset)
{
	out32(CONFIG_ADDRESS,
	      CONFIG_ENABLE | (uint32_t)d->device << 11 | (uint32_t)d->function << 8 | offset);
}

static uint32_t config_read(const struct pci_device *d, uint32_t offset)
{
	select(d, offset);
	return in32(CONFIG_DATA);
}

static void config_write(const struct pci_device *d, uint32_t offset, uint32_t v)
{
	select(d, offset);
	out32(CONFIG_DATA, v);
}

static bool find(uint32_t id, struct pci_device *d)
{
	for (d->device = 0; d->device < 32; d->device++) {
		uint8_t functions = 1;

		for (d->function = 0; d->function < functions; d->function++) {
			if (config_read(d, PCI_ID) == id)
				return true;
			if (!d->function && config_read(d, PCI_ID) != UINT32_MAX &&
			    config_read(d, PCI_HEADER) & MULTIFUNCTION)
				functions = 8;
		}
	}
	return false;
}

int pci_open(uint16_t vendor, uint16_t device_id, uint32_t least, struct pci_device *d)
{
	uint32_t command, bar, mask;

	if (!find((uint32_t)device_id << 16 | vendor, d))
		return -ENODEV;
	command = config_read(d, PCI_COMMAND) & COMMAND_MASK;
	config_write(d, PCI_COMMAND, command & ~COMMAND_MEMORY); /* it must not answer while it is measured */
	bar = config_read(d, PCI_BAR0);
	config_write(d, PCI_BAR0, UINT32_MAX);
	mask = config_read(d, PCI_BAR0) & ~BAR_FLAGS;
	if (!(bar & ~BAR_FLAGS))
		bar |= PLACE;
	config_write(d, PCI_BAR0, bar);
	if (bar & BAR_IO || !mask || mask & (~mask >> 1) || ~mask + 1 < least)
		return -ENXIO;
	if ((bar & BAR_TYPE) == BAR_64 && config_read(d, PCI_BAR0 + 4))
		return -ENXIO; /* L0 maps 4 GiB */
	if ((config_read(d, PCI_BAR0) & ~BAR_FLAGS) != (bar & ~BAR_FLAGS))
		return -ENXIO;
	d->registers = bar & ~BAR_FLAGS;
	d->size = ~mask + 1;
	config_write(d, PCI_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
	return 0;
}
