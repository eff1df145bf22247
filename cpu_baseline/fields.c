/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/fields.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/why.h"
#include "nestbed/vmx_msrs.h"

#include <string.h>

/* A place is a list of initializers in parentheses, so that it passes through macros as one. */
#define PLACE(...)               __VA_ARGS__
#define ANY                      CPU_ANY_SUBLEAF
#define LEAF(leaf, subleaf, reg) (0, leaf, subleaf, CPU_##reg)
#define MSR(number)              (number, 0, 0, CPU_EAX)

const struct cpu_field cpu_fields[] = {
#define ROW(id, name, where, low, width, rule, gate, why) {name, PLACE where, low, width, CPU_##rule, why},
#include "cpu_baseline/table.def"
};

const size_t cpu_field_count = F_ROWS;

const uint16_t cpu_row_gate[F_ROWS] = {
#define ROW(id, name, where, low, width, rule, gate, why) F_##gate,
#include "cpu_baseline/table.def"
};

const struct cpu_need cpu_need[] = {
#define NEED(field, prerequisite) {F_##field, F_##prerequisite},
#include "cpu_baseline/needs.def"
};

const unsigned cpu_need_count = sizeof(cpu_need) / sizeof(cpu_need[0]);

/* Other names, of QEMU and Linux. That '-' and '_' are the same goes without saying. */
static const struct {
	const char *alias;
	uint16_t row;
} aliases[] = {
	{"sse3",      F_PNI      },
	{"pclmulqdq", F_PCLMUL   },
	{"sse4-1",    F_SSE4_1   },
	{"sse4-2",    F_SSE4_2   },
	{"xd",        F_NX       },
	{"i64",       F_LM       },
	{"ffxsr",     F_FXSR_OPT },
	{"cqm",       F_CMT      },
	{"shstk",     F_CET_SS   },
	{"ibt",       F_CET_IBT  },
	{"psn",       F_PN       },
	{"lzcnt",     F_ABM      },
	{"prefetchw", F_PREFETCHW},
};

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return false;
	return *a == *b;
}

const struct cpu_field *cpu_field_find(const char *name)
{
	for (unsigned i = 0; i < F_ROWS; i++)
		if (same_name(cpu_fields[i].name, name))
			return &cpu_fields[i];
	for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (same_name(aliases[i].alias, name))
			return &cpu_fields[aliases[i].row];
	return NULL;
}

uint64_t cpu_field_get(const struct cpu_policy *policy, const struct cpu_field *field)
{
	const struct cpu_msr *msr;

	if (!field->msr)
		return cpu_row_get(field, cpu_policy_reg(policy, field->leaf, field->subleaf, field->reg));
	msr = cpu_policy_msr(policy, field->msr);
	return msr ? cpu_row_get(field, msr->value) : 0;
}

const char *cpu_rule_name(enum cpu_rule rule)
{
	static const char *const names[CPU_RULES] = {
		[CPU_AND] = "and",     [CPU_OR] = "or",
		[CPU_MIN] = "min",     [CPU_EQUAL] = "equal or refused",
		[CPU_SAME] = "same",   [CPU_COMPUTED] = "computed",
		[CPU_SHAPE] = "shape", [CPU_HIDE] = "hidden",
	};

	return rule < CPU_RULES ? names[rule] : "none";
}

const struct cpu_field *cpu_field_needs(const struct cpu_field *field, unsigned i)
{
	const unsigned row = (unsigned)(field - cpu_fields);

	if (cpu_row_gate[row] < F_ROWS && i-- == 0)
		return &cpu_fields[cpu_row_gate[row]];
	for (unsigned n = 0; n < cpu_need_count; n++)
		if (cpu_need[n].field == row && i-- == 0)
			return &cpu_fields[cpu_need[n].prerequisite];
	return NULL;
}

/* Order of the table: CPUID before MSRs. */
static uint64_t place(const struct cpu_field *field)
{
	return field->msr ? field->msr : (uint64_t)field->leaf << 32 | field->subleaf;
}

static unsigned first_not_below(uint64_t key, unsigned low, unsigned high)
{
	while (low < high) {
		const unsigned middle = low + (high - low) / 2;

		if (place(&cpu_fields[middle]) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct cpu_rows rows_at(uint64_t key, unsigned low, unsigned high)
{
	unsigned first = first_not_below(key, low, high), end = first;

	while (end < high && place(&cpu_fields[end]) == key)
		end++;
	return (struct cpu_rows){(uint16_t)first, (uint16_t)end};
}

struct cpu_rows cpu_rows_of_leaf(uint32_t leaf, uint32_t subleaf)
{
	const struct cpu_rows own = rows_at((uint64_t)leaf << 32 | subleaf, 0, F_FIRST_MSR);

	if (own.first != own.end)
		return own;
	return rows_at((uint64_t)leaf << 32 | CPU_ANY_SUBLEAF, own.first, F_FIRST_MSR);
}

struct cpu_rows cpu_rows_of_msr(uint32_t number)
{
	return rows_at(number, F_FIRST_MSR, F_ROWS);
}

/* XCR0 and IA32_XSS say which state can be saved, not what there is to use. */
static bool is_state(const struct cpu_field *field)
{
	return field->leaf == 0xD && !(field->subleaf == 1 && field->reg == CPU_EAX);
}

bool cpu_row_is_must(unsigned row)
{
	const struct cpu_field *field = &cpu_fields[row];

	return field->msr >= NB_VMX_MSR_FIRST && field->rule == CPU_OR && field->width >= 32;
}

bool cpu_row_is_vendor(unsigned row)
{
	return row == F_VENDOR_EBX || row == F_VENDOR_ECX || row == F_VENDOR_EDX;
}

bool cpu_row_is_feature(unsigned row)
{
	const struct cpu_field *field = &cpu_fields[row];

	if (row == F_ARCH_CAPABILITIES || row == F_CORE_CAPABILITY)
		return true;
	if (field->width != 1 || is_state(field))
		return false;
	/* what one needs is told only with its gate, so that must be a feature too */
	if (field->rule == CPU_OR)
		return cpu_row_gate[row] == F_NONE || cpu_row_is_feature(cpu_row_gate[row]);
	return field->rule == CPU_AND;
}
