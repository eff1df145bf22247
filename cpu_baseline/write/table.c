/* SPDX-License-Identifier: MIT */
/* The baseline for people. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/pool.h"
#include "cpu_baseline/write/text.h"
#include "cpu_baseline/write/write.h"

#define LABEL_WIDTH 28u /* of the first column, with the blanks around it */

static void label(struct paragraph *p, const char *text)
{
	*p = (struct paragraph){p->out, LABEL_WIDTH, LABEL_WIDTH - 1};
	fprintf(p->out, "  %-*s", (int)LABEL_WIDTH - 3, text);
}

static bool is_feature(const struct cpu_field *field)
{
	return field->width == 1 && field->subleaf != CPU_ANY_SUBLEAF &&
	       (field->rule == CPU_AND || field->rule == CPU_OR);
}

static bool same_place(const struct cpu_field *a, const struct cpu_field *b)
{
	return a->msr == b->msr && a->leaf == b->leaf && a->subleaf == b->subleaf && a->reg == b->reg;
}

/* Has an earlier row of the table the same place? Then it is printed with that one. */
static bool place_done(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_feature(&cpu_fields[i]) && same_place(&cpu_fields[i], &cpu_fields[at]))
			return true;
	return false;
}

/* The 1-bits of each word by name: those of CPUID, or those of MSRs. */
static void print_features(FILE *out, const struct cpu_policy *policy, bool of_msrs)
{
	struct paragraph p = {.out = out};
	char place[PLACE_TEXT_MAX];

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *first = &cpu_fields[i];
		bool begun = false;

		if (!is_feature(first) || (first->msr != 0) != of_msrs || place_done(i))
			continue;
		for (size_t j = i; j < cpu_field_count; j++) {
			const struct cpu_field *field = &cpu_fields[j];

			if (!is_feature(field) || !same_place(first, field) || !cpu_field_get(policy, field))
				continue;
			if (!begun) {
				place_text(place, first->msr, first->leaf, first->subleaf, first->reg);
				label(&p, place);
				begun = true;
			}
			paragraph_word(&p, field->name);
		}
		if (begun)
			paragraph_end(&p);
	}
}

/* Everything that is no feature bit and not 0, by rule. */
static void print_values(FILE *out, const struct cpu_policy *policy, bool of_msrs)
{
	struct paragraph p = {.out = out};

	for (unsigned rule = 0; rule < CPU_RULES; rule++) {
		bool begun = false;

		for (size_t i = 0; i < cpu_field_count; i++) {
			const struct cpu_field *field = &cpu_fields[i];
			char text[96];
			uint64_t value;

			if ((unsigned)field->rule != rule || is_feature(field) ||
			    field->subleaf == CPU_ANY_SUBLEAF || (field->msr != 0) != of_msrs ||
			    !(value = cpu_field_get(policy, field)))
				continue;
			if (!begun)
				label(&p, cpu_rule_name(field->rule));
			begun = true;
			snprintf(text, sizeof(text), value < 1000 ? "%s=%" PRIu64 : "%s=0x%" PRIx64,
				 field->name, value);
			paragraph_word(&p, text);
		}
		if (begun)
			paragraph_end(&p);
	}
}

/* SDM Vol. 1, "XSAVE-Supported Features and State-Component Bitmaps". */
static const char *const components[] = {"x87",
					 "SSE",
					 "AVX",
					 "MPX BNDREGS",
					 "MPX BNDCSR",
					 "AVX-512 opmask",
					 "AVX-512 ZMM_Hi256",
					 "AVX-512 Hi16_ZMM",
					 "PT",
					 "PKRU",
					 "PASID",
					 "CET_U",
					 "CET_S",
					 "HDC",
					 "UINTR",
					 "LBR",
					 "HWP",
					 "TILECFG",
					 "TILEDATA"};

#define COMPONENTS (sizeof(components) / sizeof(components[0]))

static void print_xsave(FILE *out, const struct cpu_policy *policy)
{
	uint64_t xcr0 = cpu_policy_reg(policy, 0xd, 0, CPU_EAX) |
			(uint64_t)cpu_policy_reg(policy, 0xd, 0, CPU_EDX) << 32;
	uint64_t xss = cpu_policy_reg(policy, 0xd, 1, CPU_ECX) |
		       (uint64_t)cpu_policy_reg(policy, 0xd, 1, CPU_EDX) << 32;

	if (!xcr0)
		return;
	fprintf(out, "\nXSAVE: area of %u bytes for XCR0=0x%" PRIx64, cpu_policy_reg(policy, 0xd, 0, CPU_ECX),
		xcr0);
	if (xss)
		fprintf(out, ", IA32_XSS=0x%" PRIx64, xss);
	fprintf(out, "\n  %-20s %10s %10s\n", "component", "offset", "bytes");
	for (unsigned i = 0; i < 63; i++) {
		if (!((xcr0 | xss) >> i & 1))
			continue;
		if (i < COMPONENTS)
			fprintf(out, "  %-20s", components[i]);
		else
			fprintf(out, "  component %-10u", i);
		/* x87 and SSE lie in the legacy area: "Legacy Region of an XSAVE Area" */
		if (i < 2)
			fprintf(out, " %10u %10u\n", i ? 160u : 0u, i ? 256u : 160u);
		else if (xss >> i & 1)
			fprintf(out, " %10s %10u\n", "compacted", cpu_policy_reg(policy, 0xd, i, CPU_EAX));
		else
			fprintf(out, " %10u %10u\n", cpu_policy_reg(policy, 0xd, i, CPU_EBX),
				cpu_policy_reg(policy, 0xd, i, CPU_EAX));
	}
}

/* Is it a host that took this from the others? */
static bool by_host(const struct cpu_finding *f, unsigned host)
{
	return f->host == host && (f->verdict == CPU_LACKED || f->verdict == CPU_NEEDED ||
				   f->verdict == CPU_DEPENDS || f->verdict == CPU_UNTOLD);
}

static bool lost_feature(const struct cpu_finding *f)
{
	return f->verdict != CPU_NEEDED && f->field && is_feature(f->field) && f->field->rule == CPU_AND;
}

/* What others have and lose by this host. */
static void print_host(FILE *out, const struct sorted_finding *findings, size_t count, unsigned host,
		       const char *name)
{
	struct paragraph p = {out, LABEL_WIDTH, 0};
	unsigned features = 0, others = 0;
	char text[64];

	for (size_t i = 0; i < count; i++) {
		if (!by_host(findings[i].of, host))
			continue;
		features += lost_feature(findings[i].of);
		others += !lost_feature(findings[i].of);
	}
	label(&p, name);
	if (!features && !others)
		paragraph_text(&p, "nothing");
	if (features) {
		snprintf(text, sizeof(text), "%u feature%s", features, features == 1 ? "" : "s");
		paragraph_text(&p, text);
	}
	if (others) {
		snprintf(text, sizeof(text), "%s%u other field%s", features ? "and " : "", others,
			 others == 1 ? "" : "s");
		paragraph_text(&p, text);
	}
	if (features)
		paragraph_word(&p, "-");
	for (size_t i = 0; i < count; i++)
		if (by_host(findings[i].of, host) && lost_feature(findings[i].of))
			paragraph_word(&p, findings[i].of->field->name);
	paragraph_end(&p);
}

static void print_dropped(FILE *out, const struct cpu_answer *answer)
{
	struct sorted_finding *sorted = findings_sorted(answer->findings);
	unsigned hidden = 0, unknown = 0;

	fprintf(out,
		"\nTaken from the others by each host, the first one that lacks it (--explain says why)\n");
	for (unsigned host = 0; host < answer->count; host++)
		print_host(out, sorted, answer->findings->count, host, answer->hosts[host]->name);
	for (size_t i = 0; i < answer->findings->count; i++) {
		hidden += sorted[i].of->verdict == CPU_HIDDEN;
		unknown += sorted[i].of->verdict == CPU_UNKNOWN;
	}
	fprintf(out, "Hidden from any guest: %u field%s; unknown to the table, so hidden: %u\n", hidden,
		hidden == 1 ? "" : "s", unknown);
	free(sorted);
}

int write_table(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
		struct write_error *error)
{
	const struct cpu_policy *policy = answer->baseline;
	struct paragraph p = {out, 2, 0};
	char identity[IDENTITY_TEXT_MAX];

	(void)options;
	(void)error;
	paragraph_text(&p, answer->count == 1 ? "What a guest may see of" : "Baseline of");
	for (unsigned i = 0; i < answer->count; i++)
		paragraph_word(&p, answer->hosts[i]->name);
	paragraph_end(&p);
	identity_text(identity, policy);
	fprintf(out, "%s; %s, %u features\n\nFeatures\n", identity, level_name(policy),
		cpu_feature_count(policy));
	print_features(out, policy, false);
	fprintf(out, "\nCounts, widths, identity\n");
	print_values(out, policy, false);
	print_xsave(out, policy);
	if (policy->msr_count) {
		fprintf(out, "\nCapability MSRs\n");
		print_features(out, policy, true);
		print_values(out, policy, true);
	}
	if (answer->count > 1 || answer->findings->count)
		print_dropped(out, answer);
	return 0;
}
