/* SPDX-License-Identifier: MIT */
/* A policy as a section of L0's boot bundle (docs/bundle.md), which cpu_baseline/read reads too. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "cpu_baseline/write/write.h"

#define NAME_LENGTH_MAX 31u /* docs/bundle.md */

static bool is_section_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n && !name[n] && n <= NAME_LENGTH_MAX;
}

int write_bundle(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
		 struct write_error *error)
{
	const struct cpu_policy *policy = answer->baseline;

	if (policy->features_only) {
		snprintf(error->text, sizeof(error->text),
			 "a bundle's section needs whole answers of CPUID, and a host here is a list of "
			 "features "
			 "(libvirt's <cpu>), with no leaf counts, XSAVE layout or address widths: give a "
			 "dump of it");
		return -EINVAL;
	}
	if (!is_section_name(options->name)) {
		snprintf(
			error->text, sizeof(error->text),
			"a bundle's section cannot be named '%s': expected 1 to %u letters, digits, '_', '-'",
			options->name, NAME_LENGTH_MAX);
		return -EINVAL;
	}
	fprintf(out, "[cpu %s]\n", options->name);
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		const struct cpu_leaf *row = &policy->leaf[i];

		fprintf(out,
			"cpuid = 0x%08" PRIx32 " 0x%02" PRIx32 " 0x%08" PRIx32 " 0x%08" PRIx32 " 0x%08" PRIx32
			" 0x%08" PRIx32 "\n",
			row->leaf, row->subleaf, row->reg[CPU_EAX], row->reg[CPU_EBX], row->reg[CPU_ECX],
			row->reg[CPU_EDX]);
	}
	for (uint32_t i = 0; i < policy->msr_count; i++)
		fprintf(out, "msr = 0x%08" PRIx32 " 0x%016" PRIx64 "\n", policy->msr[i].number,
			policy->msr[i].value);
	return 0;
}
