/* SPDX-License-Identifier: MIT */
/* A policy in the words of libvirt's CPU map. */
#ifndef CPU_BASELINE_WRITE_LIBVIRT_H
#define CPU_BASELINE_WRITE_LIBVIRT_H

#include <stdio.h>

#include "cpu_baseline/policy.h"
#include "cpu_baseline/read/cpu_map.h"

/* The model with the most features that are all in the policy, of the policy's vendor or of any; the first
 * of the map where two have as many. NULL: there is none. */
const struct cpu_map_model *libvirt_model(const struct cpu_map *map, const struct cpu_policy *policy);

/* <cpu> of a guest: that model and no other (fallback='forbid'), and each further feature. */
void libvirt_guest_cpu(FILE *out, const struct cpu_map *map, const struct cpu_map_model *model,
		       const struct cpu_policy *policy);
/* <cpu> of a host, as virConnectBaselineCPU takes it. */
void libvirt_host_cpu(FILE *out, const struct cpu_map *map, const struct cpu_map_model *model,
		      const struct cpu_policy *policy);

#endif
