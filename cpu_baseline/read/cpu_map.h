/* SPDX-License-Identifier: MIT */
/* libvirt's CPU map (package libvirt0): which bit a feature's name means, which features a model has. */
#ifndef CPU_BASELINE_READ_CPU_MAP_H
#define CPU_BASELINE_READ_CPU_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "cpu_baseline/read/read.h"

#define CPU_MAP_FEATURES 1024u
#define CPU_MAP_NAME_MAX 40u /* with its NUL */

/* Bits of one leaf or one MSR. */
struct cpu_map_feature {
	char name[CPU_MAP_NAME_MAX];
	uint32_t msr; /* its number; 0: of CPUID, and then: */
	struct cpu_leaf bits; /* the leaf, with the feature's bits set */
	uint64_t msr_bits;
};

struct cpu_map_vendor {
	char name[CPU_MAP_NAME_MAX]; /* "Intel" */
	char string[13]; /* "GenuineIntel", as leaf 0 tells it in EBX, EDX, ECX */
};

struct cpu_map_model {
	char name[CPU_MAP_NAME_MAX];
	const struct cpu_map_vendor *vendor; /* NULL: any */
	bool has[CPU_MAP_FEATURES]; /* by the feature's place; those marked as removed are not there, as for
				       libvirt */
};

/* dir NULL: CPU_MAP_DIR. NULL, with report->error: a file of it is not there or not understood. */
struct cpu_map *cpu_map_load(const char *dir, struct cpu_read_report *report);
void cpu_map_free(struct cpu_map *map);

const char *cpu_map_dir(const struct cpu_map *map);

/* By place, in the map's order; NULL behind the last. They live as long as the map. */
const struct cpu_map_feature *cpu_map_feature(const struct cpu_map *map, unsigned place);
const struct cpu_map_model *cpu_map_model(const struct cpu_map *map, unsigned place);

/* By name; a feature also by an alias (QEMU's and Linux's names). NULL: it is not known. */
const struct cpu_map_feature *cpu_map_find_feature(const struct cpu_map *map, const char *name);
const struct cpu_map_model *cpu_map_find_model(const struct cpu_map *map, const char *name);
const struct cpu_map_vendor *cpu_map_find_vendor(const struct cpu_map *map, const char *name);

/* Does the policy have all bits of the feature? */
bool cpu_map_has(const struct cpu_policy *policy, const struct cpu_map_feature *feature);

#endif
