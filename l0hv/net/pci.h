/* SPDX-License-Identifier: MIT */
/* Finds one device on PCI's bus 0 and makes it answer in memory: PCI Local Bus Specification, configuration
 * mechanism #1. */
#ifndef L0HV_NET_PCI_H
#define L0HV_NET_PCI_H

#include <stdint.h>

struct pci_device {
	uint8_t device, function; /* on bus 0 */
	uint64_t registers; /* physical address of what BAR0 maps */
	uint32_t size; /* bytes of it */
};

/*
 * Memory decoding and bus mastering are on after it. 0, -ENODEV: there is no such device, -ENXIO: its BAR0 is
 * not below 4 GiB in memory, or maps less than `least` bytes.
 */
__attribute__((warn_unused_result)) int pci_open(uint16_t vendor, uint16_t device_id, uint32_t least,
						 struct pci_device *device);

#endif
