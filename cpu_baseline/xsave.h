/* SPDX-License-Identifier: MIT */
/* XSAVE state components of a policy: SDM Vol. 1, "XSAVE-Supported Features and State-Component Bitmaps".
 * Pure. */
#ifndef CPU_BASELINE_XSAVE_H
#define CPU_BASELINE_XSAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"

/* Bits that XCR0 may hold; that IA32_XSS may. */
uint64_t cpu_xsave_xcr0(const struct cpu_policy *policy);
uint64_t cpu_xsave_xss(const struct cpu_policy *policy);

/* Bytes of the XSAVE area that holds these components: in the standard format; compacted (which starts with
 * the legacy region and the header too). */
uint32_t cpu_xsave_size(const struct cpu_policy *policy, uint64_t components);
uint32_t cpu_xsave_compacted_size(const struct cpu_policy *policy, uint64_t components);

/* Of XCR0 and IA32_XSS, what the policy offers without telling where it lies. */
uint64_t cpu_xsave_untold(const struct cpu_policy *policy);

/* Take those away, and the layout of those that are not offered. */
void cpu_xsave_close(struct cpu_policy *policy);

/* The sizes of leaf 0DH. */
void cpu_xsave_compute(struct cpu_policy *policy);

#endif
