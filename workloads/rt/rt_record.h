/* SPDX-License-Identifier: MIT */
/* Results for the host-side program: Record messages (include/nestbed/record.proto) in frames. */
#ifndef RT_RECORD_H
#define RT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <nestbed/record.pb-c.h>

/* Packs and writes one record; nothing without SSE, as libprotobuf-c uses its registers. Not from interrupt
 * handlers for the same reason. */
void rt_record(const Nestbed__Record *record);

/* A named value: `name` in `unit` ("insns", "bytes", "" for a pure number). */
void rt_value(const char *name, uint64_t value, const char *unit);

#endif
