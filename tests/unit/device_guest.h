/* SPDX-License-Identifier: MIT */
/* A guest that does to its devices what bytes say: any access, at any time. */
#ifndef TESTS_UNIT_DEVICE_GUEST_H
#define TESTS_UNIT_DEVICE_GUEST_H

#include <stdint.h>

#include "l0hv/devices/platform.h"
#include "l0hv/migrate/device_part.h"

#define GUEST_VCPUS 2u
#define GUEST_STEP  13u /* bytes of one step */

/* A platform of a VM with GUEST_VCPUS vCPUs, 64 MiB and the scratch device, as firmware leaves it. What it
 * asks of its VM is lost. */
void device_guest_init(struct platform *p, uint64_t now);
/* One step by GUEST_STEP bytes, *passed ticks after the one before (the first of the bytes say how many).
 * What the guest saw; the platform has been advanced to `now` plus *passed. */
uint64_t device_guest_step(struct platform *p, const uint8_t *bytes, uint64_t now, uint64_t *passed);
/* Reads whatever can be read, and acknowledges what is pending. */
void device_guest_look(struct platform *p, uint64_t now);

/* All parts of a platform as they are sent, in the order of device_parts. */
struct device_guest_parts {
	uint8_t data[PLATFORM_VCPUS_MAX + 16][DEVICE_PART_MAX];
};
void device_guest_pack(const struct platform *p, uint64_t now, struct device_guest_parts *parts);
/* Takes and checks them: NULL, or what is wrong. */
const char *device_guest_unpack(struct platform *p, uint64_t now, const struct device_guest_parts *parts);

#endif
