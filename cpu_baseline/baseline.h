/* SPDX-License-Identifier: MIT */
/* The richest virtual processor that runs on each of several hosts, and whether a policy may run on a host.
 * Pure. */
#ifndef CPU_BASELINE_BASELINE_H
#define CPU_BASELINE_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/fields.h"
#include "cpu_baseline/policy.h"

struct cpu_options {
	bool tsc_scaled; /* whoever runs the guest scales its TSC: hosts may differ in frequency */
};

enum cpu_verdict {
	CPU_LACKED, /* a host lacks what another has (and, min, same): hidden or lowered */
	CPU_NEEDED, /* a host needs what another does not (or): told */
	CPU_DEPENDS, /* hidden, since a field that it needs is */
	CPU_UNTOLD, /* hidden, since a host does not tell what it has: its dump lacks a leaf or MSR */
	CPU_UNKNOWN, /* hidden, since this table has no row for it */
	CPU_HIDDEN, /* hidden by its row's rule, whatever hosts have: bound to one host */
	CPU_RECOMPUTED, /* not a host's to say: computed from the result, or the VM's own shape */
	CPU_REFUSED, /* no baseline: hosts contradict each other */
};

/* One thing to say. Strings live as long as the program. */
struct cpu_finding {
	enum cpu_verdict verdict;
	const struct cpu_field *field; /* NULL with CPU_UNKNOWN */
	const struct cpu_field *because; /* CPU_DEPENDS: what it needs; else NULL */
	uint32_t msr, leaf, subleaf; /* where: the field's, with the sub-leaf that it is about */
	enum cpu_reg reg;
	uint8_t low; /* lowest bit that it is about */
	unsigned host; /* which host decided: it lacks it, needs it, does not tell */
	unsigned other; /* a host that has it, or contradicts; the same as host where there is none */
	uint64_t had, got; /* the other host's value; the baseline's, or with CPU_REFUSED the host's */
};

typedef void cpu_finding_fn(void *context, const struct cpu_finding *finding);

/*
 * count >= 1 hosts into *out (its name stays the caller's to fill). Findings are told in the table's order;
 * tell may be NULL. 0; -EPERM: refused, each reason told, *out unspecified; -ENOSPC: more leaves than a
 * policy holds.
 */
__attribute__((warn_unused_result)) int cpu_baseline(const struct cpu_policy *const hosts[], unsigned count,
						     const struct cpu_options *options,
						     struct cpu_policy *out, cpu_finding_fn *tell,
						     void *context);

/*
 * May a guest that sees this policy run on this host? 0; -EPERM, each reason told: CPU_LACKED (the policy has
 * what the host lacks), CPU_DEPENDS, CPU_UNTOLD (as much, since the host lacks or does not tell something
 * else), CPU_NEEDED (the guest does not know what the host needs), CPU_HIDDEN, CPU_UNKNOWN (the policy shows
 * what no baseline does), CPU_REFUSED. Policies are baselines: of a host, take its baseline first. host is 0
 * in what is told; had is the policy's value, got the host's.
 */
__attribute__((warn_unused_result)) int cpu_check(const struct cpu_policy *policy,
						  const struct cpu_policy *host,
						  const struct cpu_options *options, cpu_finding_fn *tell,
						  void *context);

#endif
