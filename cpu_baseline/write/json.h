/* SPDX-License-Identifier: MIT */
/* JSON without errors to look for: out of memory ends the program. */
#ifndef CPU_BASELINE_WRITE_JSON_H
#define CPU_BASELINE_WRITE_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "cpu_baseline/write/write.h"

json_t *put_object(void);
json_t *put_array(void);
/* The value becomes the container's. */
void put_in(json_t *object, const char *key, json_t *value);
void put_at_end(json_t *array, json_t *value);
/* "0x…" with at least so many digits. */
json_t *put_hex(uint64_t value, int digits);
json_t *put_findings(const struct cpu_findings *findings, const struct cpu_policy *const *hosts);
/* Writes and frees it. */
void put_out(FILE *out, json_t *json);

#endif
