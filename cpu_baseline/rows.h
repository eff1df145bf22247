/* SPDX-License-Identifier: MIT */
/* The table as this folder's own code uses it: its rows by ID, by place, and what hangs on what. */
#ifndef CPU_BASELINE_ROWS_H
#define CPU_BASELINE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/fields.h"
#include "cpu_baseline/policy.h"

enum cpu_row {
#define ROW(id, name, where, low, width, rule, gate, why) F_##id,
#include "cpu_baseline/table.def"
	F_ROWS,
	/* gates that are no rows */
	F_NONE = F_ROWS,
	F_SELF,
	F_COMPONENT,
	F_FIRST_MSR = F_STLB_QOS,
	F_FIRST_VMX = F_VMX_REVISION,
};

/* Rows first … end-1. */
struct cpu_rows {
	uint16_t first, end;
};

/* Those of a leaf: its own ones, else those for any sub-leaf; empty where there is none. */
struct cpu_rows cpu_rows_of_leaf(uint32_t leaf, uint32_t subleaf);
struct cpu_rows cpu_rows_of_msr(uint32_t number);

/* Of the needs of needs.def: field needs prerequisite. */
struct cpu_need {
	uint16_t field, prerequisite;
};

extern const uint16_t cpu_row_gate[F_ROWS]; /* enum cpu_row, gates included */
extern const struct cpu_need cpu_need[];
extern const unsigned cpu_need_count;

/* A row of VMX bits that a guest must set: the low half of a control word, or a FIXED0. */
bool cpu_row_is_must(unsigned row);

/* The vendor: a list of features may tell it too, by leaf 0. */
bool cpu_row_is_vendor(unsigned row);

/* A feature by name, so that a features_only policy may have it: one bit that every host has or one needs. */
bool cpu_row_is_feature(unsigned row);

static inline uint64_t cpu_row_mask(const struct cpu_field *field)
{
	return (field->width < 64 ? (1ull << field->width) - 1 : ~0ull) << field->low;
}

/* A row's field in the register or MSR that holds it. */
static inline uint64_t cpu_row_get(const struct cpu_field *field, uint64_t word)
{
	return (word & cpu_row_mask(field)) >> field->low;
}

static inline uint64_t cpu_row_put(const struct cpu_field *field, uint64_t word, uint64_t value)
{
	return (word & ~cpu_row_mask(field)) | (value << field->low & cpu_row_mask(field));
}

#endif
