/* SPDX-License-Identifier: MIT */
/* What L0 tells the outside: records (include/nestbed/record.proto) on the debug console. */
#ifndef L0HV_RECORD_RECORD_H
#define L0HV_RECORD_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "nestbed/record.pb-c.h"

/*
 * Pack and send one record. The library uses SSE registers, so the guest's are saved around it: not for the
 * exit path.
 */
void record_emit(Nestbed__Record__BodyCase which, void *body);

/* A line of L0's own, as a Log record. */
void l0_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* L0 cannot go on: Fault record with registers, the current VMCS and a backtrace, then the machine ends. */
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define REFUSAL_MISSING_MAX 256u

/* The processor or the configuration cannot do what was asked: Refusal record, then the machine ends. */
void refuse(const char *reason, const char *const *missing, size_t count) __attribute__((noreturn));

/* End the machine: Bochs's shutdown port, QEMU's, else halt. */
void machine_end(void) __attribute__((noreturn));

#endif
