/* SPDX-License-Identifier: MIT */
/*
 * The parts of the stream's DeviceState: what of each emulated device moves, a row a member. Pure.
 *
 * A part's data are its members in the order of its table, little-endian, each of its own width. What can be
 * computed anew is not among them. A tick is sent as its distance from the moment of the capture, so that it
 * means the same on another clock; 8000000000000000H is never, 8000000000000001H a time that has not been.
 */
#ifndef L0HV_MIGRATE_DEVICE_PART_H
#define L0HV_MIGRATE_DEVICE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l0hv/devices/platform.h"

/* A VM has one, one a vCPU, or one if it has the scratch device. */
enum part_of { OF_VM, OF_VCPU, OF_SCRATCH };

/* One part: a device, or one of several of a kind, in struct platform. */
struct device_part {
	const char *name;
	size_t offset; /* in struct platform; of a part of a vCPU: in its struct platform_vcpu */
	const struct part_layout *layout;
	enum part_of of;
};
extern const struct device_part device_parts[];
extern const unsigned device_part_count;

#define DEVICE_PART_VERSION 1u
#define DEVICE_PART_MAX     512u /* bytes of the longest part's data */

/* How many of it this VM has. */
unsigned device_part_instances(const struct device_part *part, const struct platform *p);
/* Bytes of a part's data. */
size_t device_part_size(const struct device_part *part);
/* vcpu: of a part of a vCPU. to: device_part_size() bytes. */
void device_part_pack(const struct device_part *part, const struct platform *p, unsigned vcpu, uint64_t now,
		      uint8_t *to);
/*
 * NULL; or the name of the first member whose value no guest can bring about (*p is then part old, part new).
 * What is cached of the members is not yet right. from: device_part_size() bytes.
 */
const char *device_part_unpack(const struct device_part *part, struct platform *p, unsigned vcpu,
			       uint64_t now, const uint8_t *from);

/* What no table of single members can say. NULL, or what does not fit together. x2apic: the VM is shown it.
 */
const char *device_parts_check(const struct platform *p, bool x2apic, uint64_t now);
/* What is cached of the devices, from what they hold. Runs what is due. */
void device_parts_refresh(struct platform *p, uint64_t now);

/* The devices go on as if the time between had not been: every tick that they hold is `by` later. */
void device_parts_shift(struct platform *p, uint64_t by);

#endif
