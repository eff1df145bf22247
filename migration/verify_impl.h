/* SPDX-License-Identifier: MIT */
/* What the parts of verify.h share. */
#ifndef MIGRATION_VERIFY_IMPL_H
#define MIGRATION_VERIFY_IMPL_H

#include "migration/verify.h"

/* -EBADMSG, with the error set */
int verify_fail(struct verify *v, enum verify_error error, uint64_t expected, uint64_t got);

/* The phase after a message, or -1: it is not allowed. */
int verify_next_phase(enum verify_phase phase, uint32_t type);

/* Each: 0 or -EBADMSG. */
int verify_vcpu(struct verify *v, const Nestbed__VcpuState *m);
int verify_devices(struct verify *v, const Nestbed__DeviceState *m);

#endif
