/* SPDX-License-Identifier: MIT */
/* The moves that experiment migrate makes: every combination of what its settings list. Pure. */
#ifndef EXPERIMENTS_MIGRATE_CASES_H
#define EXPERIMENTS_MIGRATE_CASES_H

#include <stdbool.h>
#include <stdint.h>

/* Settings that may be lists, the one that varies most slowly first. */
enum migrate_axis {
	MIGRATE_FROM,
	MIGRATE_TO,
	MIGRATE_WORKLOAD,
	MIGRATE_LEVEL,
	MIGRATE_GUEST_MIB,
	MIGRATE_LINK_MBIT,
	MIGRATE_DIRTY,
	MIGRATE_TRACKER,
	MIGRATE_AXES
};
#define MIGRATE_WORDS_MAX 16u /* of a list */
#define MIGRATE_CASES_MAX 1000u

/* Name of the setting. */
const char *migrate_axis_name(enum migrate_axis axis);

/* What every guest of a sweep is given. */
struct migrate_load {
	uint64_t pages; /* that a dirtier writes */
	uint64_t fill_mib; /* written once */
	uint64_t seed;
	const char *pattern;
	const char *args; /* of the user; they go before all others */
};

struct migrate_cases {
	char **word[MIGRATE_AXES]; /* malloc'd lists */
	unsigned words[MIGRATE_AXES];
	unsigned count;
};

struct migrate_case {
	const char *word[MIGRATE_AXES]; /* borrowed */
	uint64_t guest_mib, link_mbit, dirty; /* dirty: 0 where the workload has no rate */
};

/* 0, or -EINVAL with a sentence in *why (malloc'd) that names no setting. */
__attribute__((warn_unused_result)) int migrate_axis_check(enum migrate_axis axis, const char *list,
							   char **why);
/* Lists that were checked. 0, or -EINVAL with *why (malloc'd): too many, or some that do not go together.
 * migrate_cases_free() in any case. */
__attribute__((warn_unused_result)) int migrate_cases_make(const char *const list[MIGRATE_AXES],
							   struct migrate_cases *cases, char **why);
struct migrate_case migrate_case(const struct migrate_cases *cases, unsigned number);
void migrate_cases_free(struct migrate_cases *cases);

/* Virtual ticks for which the guest should live, so that its move ends before it does; an estimate. */
uint64_t migrate_life(const struct migrate_case *c, const struct migrate_load *load);
/* The workload's command line (malloc'd). */
char *migrate_cmdline(const struct migrate_case *c, const struct migrate_load *load);

#endif
