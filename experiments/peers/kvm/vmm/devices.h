/* SPDX-License-Identifier: MIT */
/*
 * What the VM finds at ports and addresses besides what KVM emulates itself (PIC, PIT, APICs): consoles,
 * doorbells, marks and the ways to end (include/nestbed/ports.h). All else is absent: it reads as all ones
 * and swallows writes. Pure.
 */
#ifndef KVM_VMM_DEVICES_H
#define KVM_VMM_DEVICES_H

#include <stdint.h>

enum device_channel { DEVICE_CONSOLE, DEVICE_COM1 };

struct device_ops {
	void (*output)(void *ctx, enum device_channel channel, uint8_t byte);
	void (*mark)(void *ctx, uint32_t value);
	void (*shutdown)(void *ctx);
};

struct devices {
	const struct device_ops *ops;
	void *ctx;
	uint32_t doorbell_port, doorbell_mmio;
	uint8_t com1[8]; /* registers as they were written last */
	uint32_t shutdown_letters; /* of NB_SHUTDOWN_WORD, that came one behind the other */
};

/* size: 1, 2 or 4 bytes; anything else is absent. Of what is read, bytes behind size mean nothing. */
uint32_t devices_in(struct devices *d, uint16_t port, unsigned size);
void devices_out(struct devices *d, uint16_t port, unsigned size, uint32_t value);

/* size: 1 to 8 bytes; likewise. */
uint64_t devices_load(const struct devices *d, uint64_t gpa, unsigned size);
void devices_store(struct devices *d, uint64_t gpa, unsigned size, uint64_t value);

#endif
