/* SPDX-License-Identifier: MIT */
#ifndef L0HV_EXITS_CPUID_H
#define L0HV_EXITS_CPUID_H

#include "l0hv/vm/vm.h"

/* The answers that a vCPU gets always; NULL without memory. Its VM's configuration must be set. */
struct cpuid_cache *cpuid_cache_create(const struct vcpu *v);

#endif
