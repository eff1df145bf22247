/* SPDX-License-Identifier: MIT */
/*
 * State of devices from anybody. Whatever is taken, a guest can then do anything to it without harm, and it
 * can be captured and taken again. An input is 16 bytes, the parts of a VM of GUEST_VCPUS vCPUs as far as
 * there are bytes (the rest is as after a reset), and steps of a guest. With bit 0 of the first byte set
 * there are only steps, and what they bring about must be taken. The seeds are parts that such guests left,
 * one with bytes in its UART, and steps.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l0hv/devices/platform_impl.h"
#include "l0hv/migrate/device_part.h"
#include "tests/unit/device_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 16u
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

/* The input's bytes over those of a reset; how many were taken. */
static size_t overlay(const struct platform *p, const uint8_t *data, size_t size,
		      struct device_guest_parts *m)
{
	size_t at = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < device_part_count; i++) {
		const size_t length = device_part_size(&device_parts[i]);

		for (unsigned vcpu = 0; vcpu < device_part_instances(&device_parts[i], p); vcpu++, n++) {
			const size_t take = size - at < length ? size - at : length;

			memcpy(m->data[n], data + at, take);
			at += take;
		}
	}
	return at;
}

static uint64_t live(struct platform *p, uint64_t now, const uint8_t *data, size_t size)
{
	while (size >= GUEST_STEP) {
		uint64_t passed;

		(void)device_guest_step(p, data, now, &passed);
		now += passed;
		data += GUEST_STEP;
		size -= GUEST_STEP;
		for (unsigned vcpu = 0; vcpu < GUEST_VCPUS; vcpu++) {
			const int pending = platform_interrupt_pending(p, vcpu);

			CHECK(pending >= -1 && pending <= 255);
		}
	}
	return now;
}

/* It is taken on another clock, is the same there, and can be used. */
static void move(const struct platform *p, uint64_t now, uint64_t there)
{
	static struct platform q;
	static struct device_guest_parts one, two;

	device_guest_pack(p, now, &one);
	device_guest_init(&q, there);
	CHECK(!device_guest_unpack(&q, there, &one));
	device_guest_pack(&q, there, &two);
	CHECK(!memcmp(&one, &two, sizeof(one)));
	device_parts_refresh(&q, there);
	device_guest_look(&q, there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct platform p;
	static struct device_guest_parts m;
	uint64_t now = 1ull << 50, by;

	if (size < HEAD)
		return 0;
	memcpy(&by, data + 8, sizeof(by));
	by &= (1ull << 55) - 1;
	device_guest_init(&p, now);
	if (!(data[0] & 1)) {
		size_t used;

		device_guest_pack(&p, now, &m);
		used = overlay(&p, data + HEAD, size - HEAD, &m);
		if (device_guest_unpack(&p, now, &m))
			return 0;
		device_parts_refresh(&p, now);
		data += used;
		size -= used;
	}
	now = live(&p, now, data + HEAD, (size - HEAD) / 2);
	move(&p, now, (1ull << 51) + by);
	device_parts_shift(&p, by);
	now += by;
	now = live(&p, now, data + HEAD + (size - HEAD) / 2, (size - HEAD) / 2);
	move(&p, now, (1ull << 60) + by);
	return 0;
}
