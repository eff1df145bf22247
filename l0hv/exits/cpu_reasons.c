/* SPDX-License-Identifier: MIT */
#include "l0hv/exits/cpu_reasons.h"

#include "l0hv/lib/lib.h"
#include "l0hv/record/record.h"

#define TEXT_MAX 120u

static struct {
	size_t count;
	const char *list[REFUSAL_MISSING_MAX];
	char text[REFUSAL_MISSING_MAX][TEXT_MAX];
} reasons;

void cpu_reasons_begin(void)
{
	reasons.count = 0;
}

/* More than a bit, or not the same on both sides of it. */
static void tell_values(char *to, const char *name, const struct cpu_finding *f)
{
	static const char *const here[] = {
		[CPU_LACKED] = "at most",
		[CPU_DEPENDS] = "at most",
		[CPU_NEEDED] = "at least",
		[CPU_REFUSED] = "",
	};
	const char *how = f->verdict <= CPU_REFUSED && here[f->verdict] ? here[f->verdict] : "";

	snprintf(to, TEXT_MAX, "%s is 0x%llx in the policy, here %s%s0x%llx", name,
		 (unsigned long long)f->had, how, *how ? " " : "", (unsigned long long)f->got);
}

static void tell(char *to, const struct cpu_finding *f)
{
	char name[64];

	if (!f->field) {
		snprintf(to, TEXT_MAX, "what no policy has: leaf %x, sub-leaf %x, MSR %x, bit %u", f->leaf,
			 f->subleaf, f->msr, f->low);
		return;
	}
	if (f->field->subleaf == CPU_ANY_SUBLEAF)
		snprintf(name, sizeof(name), "%s of sub-leaf %u", f->field->name, f->subleaf);
	else
		snprintf(name, sizeof(name), "%s", f->field->name);
	if (f->field->width > 1 || f->verdict == CPU_NEEDED || f->verdict == CPU_REFUSED)
		tell_values(to, name, f);
	else if (f->because)
		snprintf(to, TEXT_MAX, "%s is lacking, as it needs %s", name, f->because->name);
	else
		snprintf(to, TEXT_MAX, "%s is lacking", name);
}

void cpu_reasons_add(void *context, const struct cpu_finding *f)
{
	(void)context;
	if (reasons.count == REFUSAL_MISSING_MAX)
		return;
	tell(reasons.text[reasons.count], f);
	reasons.list[reasons.count] = reasons.text[reasons.count];
	reasons.count++;
}

const char *const *cpu_reasons(size_t *count)
{
	*count = reasons.count;
	return reasons.list;
}

void cpu_reasons_log(const char *vm)
{
	for (size_t i = 0; i < reasons.count; i++)
		l0_log("VM %s runs all the same: %s", vm, reasons.list[i]);
}
