/* SPDX-License-Identifier: MIT */
/*
 * What a VM that wants to come is held against before a page of it is sent: the shape of it that its Hello
 * tells, and the shape that the target's host has room for. Its processor is held by cpu_check().
 */
#ifndef MIGRATION_GATE_H
#define MIGRATION_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "migration/stream.pb-c.h"

/* The VM as the target's host has it in its configuration. */
struct gate_host {
	const char *name;
	uint64_t ram_bytes;
	uint32_t vcpus;
	bool nested, scratch;
	const char *bound; /* a device that it would have there; NULL: none */
};

/* Tells each difference by refuse(), a sentence in the style of printf; none: it may come. */
void gate_check(const Nestbed__StreamHello *hello, const struct gate_host *host,
		void (*refuse)(const char *format, ...) __attribute__((format(printf, 1, 2))));

#endif
