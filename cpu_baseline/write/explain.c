/* SPDX-License-Identifier: MIT */
/* Findings for people: a heading a kind and host, below it the fields with one reason together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/write/text.h"
#include "cpu_baseline/write/write.h"

#define FINDING_TEXT_MAX 160u

struct heading {
	const char *before, *behind; /* the host's name */
};

static const struct heading baseline_headings[] = {
	[CPU_LACKED] = {"Hidden or lowered: ",                            " lacks"                   },
	[CPU_NEEDED] = {"Told: ",					 " needs"                   },
	[CPU_DEPENDS] = {"Hidden, since what it needs is (",               ")"                        },
	[CPU_UNTOLD] = {"Hidden: the dump of ",                           " does not tell"           },
	[CPU_UNKNOWN] = {"Hidden: unknown to the table, told by ",         ""                         },
	[CPU_HIDDEN] = {"Hidden on any host; here told by ",              ""                         },
	[CPU_RECOMPUTED] = {"Computed from the result, or the VM's own; of ", ""                         },
	[CPU_REFUSED] = {"Refused: ",				      " contradicts another host"},
};

static const struct heading check_headings[] = {
	[CPU_LACKED] = {"",						      " lacks what the policy has"          },
	[CPU_NEEDED] = {"",						      " needs what the policy does not tell"},
	[CPU_DEPENDS] = {"The policy has what it does not have the base for (",   ")"                                   },
	[CPU_UNTOLD] = {"The dump of ",					  " does not tell"                      },
	[CPU_UNKNOWN] = {"Unknown to the table, so that nobody can say whether ", " has it"                             },
	[CPU_HIDDEN] = {"The policy shows what belongs to one host, so not to ", ""                                    },
	[CPU_RECOMPUTED] = {"Does not follow from the rest of the policy on ",       ""                                    },
	[CPU_REFUSED] = {"",						      " contradicts the policy"             },
};

/* What contradicts or is missing beats what is only told. */
static const uint8_t verdict_order[] = {
	[CPU_REFUSED] = 0, [CPU_LACKED] = 1,  [CPU_NEEDED] = 2, [CPU_DEPENDS] = 3,
	[CPU_UNTOLD] = 4,  [CPU_UNKNOWN] = 5, [CPU_HIDDEN] = 6, [CPU_RECOMPUTED] = 7,
};

const char *verdict_name(enum cpu_verdict verdict)
{
	static const char *const names[] = {
		[CPU_LACKED] = "lacked", [CPU_NEEDED] = "needed",         [CPU_DEPENDS] = "depends",
		[CPU_UNTOLD] = "untold", [CPU_UNKNOWN] = "unknown",       [CPU_REFUSED] = "refused",
		[CPU_HIDDEN] = "hidden", [CPU_RECOMPUTED] = "recomputed",
	};

	return names[verdict];
}

static const char *value_text(char *to, size_t size, uint64_t value)
{
	snprintf(to, size, value < 1000 ? "%" PRIu64 : "0x%" PRIx64, value);
	return to;
}

void finding_text(char *to, size_t size, const struct cpu_finding *f)
{
	char had[24], got[24], place[PLACE_TEXT_MAX], sub[16] = "";

	value_text(had, sizeof(had), f->had);
	value_text(got, sizeof(got), f->got);
	if (!f->field) {
		place_text(place, f->msr, f->leaf, f->subleaf, f->reg);
		snprintf(to, size, "%s=0x%" PRIx64, place, f->had);
		return;
	}
	if (f->field->subleaf == CPU_ANY_SUBLEAF)
		snprintf(sub, sizeof(sub), "[%u]", f->subleaf);
	if (f->field->width == 1)
		snprintf(to, size, "%s%s", f->field->name, sub);
	else
		snprintf(to, size, "%s%s(%s→%s)", f->field->name, sub, had, got);
}

static const char *reason_of(const struct cpu_finding *f)
{
	return f->field ? f->field->reason : "what has no row is never passed through";
}

static int by_weight(const void *a, const void *b)
{
	const struct cpu_finding *x = ((const struct sorted_finding *)a)->of;
	const struct cpu_finding *y = ((const struct sorted_finding *)b)->of;
	unsigned level_x = x->field ? level_order(x->field) : ~0u;
	unsigned level_y = y->field ? level_order(y->field) : ~0u;

	if (verdict_order[x->verdict] != verdict_order[y->verdict])
		return verdict_order[x->verdict] < verdict_order[y->verdict] ? -1 : 1;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	if (level_x != level_y)
		return level_x < level_y ? -1 : 1;
	return x < y ? -1 : x > y; /* as told: rows of one array */
}

struct sorted_finding *findings_sorted(const struct cpu_findings *findings)
{
	struct sorted_finding *sorted = calloc(findings->count + 1, sizeof(*sorted));

	if (!sorted) {
		fputs("cpu-baseline: out of memory\n", stderr);
		abort();
	}
	for (size_t i = 0; i < findings->count; i++)
		sorted[i].of = &findings->row[i];
	qsort(sorted, findings->count, sizeof(*sorted), by_weight);
	return sorted;
}

static bool same_group(const struct cpu_finding *a, const struct cpu_finding *b)
{
	return a->verdict == b->verdict && a->host == b->host;
}

static bool same_reason(const struct cpu_finding *a, const struct cpu_finding *b)
{
	return a->because == b->because && !strcmp(reason_of(a), reason_of(b));
}

/* The fields of a group that share the reason of its first one that is not yet said, and the reason. */
static void print_reason(FILE *out, struct sorted_finding *group, size_t count)
{
	struct paragraph names = {out, 4, 0}, reason = {out, 8, 0};
	const struct cpu_finding *first = group[0].of;
	char text[FINDING_TEXT_MAX];

	fprintf(out, "   ");
	names.column = 3;
	for (size_t i = 0; i < count; i++) {
		if (group[i].said || !same_reason(first, group[i].of))
			continue;
		finding_text(text, sizeof(text), group[i].of);
		paragraph_word(&names, text);
		group[i].said = true;
	}
	paragraph_end(&names);
	fprintf(out, "       ");
	reason.column = 7;
	if (first->because) {
		snprintf(text, sizeof(text), "needs %s, which is not there", first->because->name);
		paragraph_text(&reason, text);
	} else {
		if (first->field) {
			snprintf(text, sizeof(text), "%s:", cpu_rule_name(first->field->rule));
			paragraph_text(&reason, text);
		}
		paragraph_text(&reason, reason_of(first));
	}
	paragraph_end(&reason);
}

static void print_findings(FILE *out, const struct cpu_findings *findings,
			   const struct cpu_policy *const *hosts, const struct heading *headings)
{
	struct sorted_finding *sorted = findings_sorted(findings);

	for (size_t i = 0, end; i < findings->count; i = end) {
		const struct cpu_finding *first = sorted[i].of;

		for (end = i; end < findings->count && same_group(first, sorted[end].of); end++)
			;
		fprintf(out, "%s%s%s:\n", headings[first->verdict].before, hosts[first->host]->name,
			headings[first->verdict].behind);
		for (size_t j = i; j < end; j++)
			if (!sorted[j].said)
				print_reason(out, &sorted[j], end - j);
	}
	free(sorted);
}

void write_explanation(FILE *out, const struct cpu_answer *answer)
{
	print_findings(out, answer->findings, answer->hosts, baseline_headings);
	if (!answer->findings->count)
		fprintf(out, "Nothing is lost: every host has all that any of them has.\n");
}

void write_objections(FILE *out, const struct cpu_findings *findings, const struct cpu_policy *host)
{
	print_findings(out, findings, &host, check_headings);
}
