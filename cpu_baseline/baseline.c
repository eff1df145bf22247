/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/baseline.h"
#include "cpu_baseline/close.h"
#include "cpu_baseline/explain.h"
#include "cpu_baseline/meet.h"

#include <errno.h>
#include <stddef.h>

static int fold(const struct cpu_policy *const hosts[], unsigned count, struct cpu_policy *out)
{
	struct cpu_policy closed;
	int rc = cpu_policy_close(hosts[0], out);

	for (unsigned i = 1; i < count && !rc; i++) {
		rc = cpu_policy_close(hosts[i], &closed);
		if (!rc)
			rc = cpu_policy_meet(out, &closed);
	}
	return rc ? rc : cpu_policy_tidy(out);
}

int cpu_baseline(const struct cpu_policy *const hosts[], unsigned count, const struct cpu_options *options,
		 struct cpu_policy *out, cpu_finding_fn *tell, void *context)
{
	const struct cpu_pool pool = {hosts, count, options, out, tell, context};
	int rc = fold(hosts, count, out);

	if (rc)
		return rc;
	if (cpu_tell_refusals(&pool))
		return -EPERM;
	if (tell)
		cpu_tell_differences(&pool);
	return 0;
}
