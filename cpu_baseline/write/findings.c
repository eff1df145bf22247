/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/write/text.h"
#include "cpu_baseline/write/write.h"

void cpu_findings_add(void *context, const struct cpu_finding *finding)
{
	struct cpu_findings *findings = context;

	if (!(findings->count & (findings->count - 1))) { /* 0 or a power of two: full */
		size_t room = findings->count ? findings->count * 2 : 1;

		findings->row = reallocarray(findings->row, room, sizeof(*findings->row));
		if (!findings->row) {
			fputs("cpu-baseline: out of memory\n", stderr);
			abort();
		}
	}
	findings->row[findings->count++] = *finding;
}

void cpu_findings_free(struct cpu_findings *findings)
{
	free(findings->row);
	*findings = (struct cpu_findings){0};
}
