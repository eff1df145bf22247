/* SPDX-License-Identifier: MIT */
#include "experiments/claims.h"

/* Of PAPER_NOTES.md */
#define N1                                                                                                   \
	"N1", "VMCS merge",                                                                                  \
		"L0 combines L1's wishes with its own into the VMCS that L2 runs on; this is consistent, "   \
		"and works level over level",                                                                \
		"holds for every tested row", "n1-vmcs-merge"
#define N2                                                                                                   \
	"N2", "exception reflection",                                                                        \
		"L0 stops L2 at an exception that L1 intercepts and shows it to L1 as the hardware would",   \
		"holds; costs more than a reflected VMCALL, by a longer merge", "n2-exception-reflection"
#define N3                                                                                                   \
	"N3", "exit multiplication",                                                                         \
		"one exit of L2 is many exits to L0; shadowing and lazy merging cut them",                   \
		"holds; merging counts for more than exits here", "n3-exit-multiplication"
#define M1                                                                                                   \
	"M1", "pre-copy migration",                                                                          \
		"a running VM moves with a very short pause: memory in rounds, then a stop",                 \
		"holds while the guest writes less than the link carries", "m1-pre-copy-migration"
#define M2                                                                                                   \
	"M2", "WBINVD barrier",                                                                              \
		"a guest's WBINVD during migration is ordered against its memory by a barrier in the "       \
		"stream",                                                                                    \
		"holds; a barrier costs what is unsent", "m2-wbinvd-barrier"

/* clang-format off */
const struct claim claims[] = {
	{"exit-cost", "exit-cost.csv", "level",  "L2",            N1},
	{"exit-cost", "exit-cost.csv", "config", "intercept=all", N2},
	{"exit-cost", "exit-cost.csv", "level",  "L2",            N3},
	{"exit-cost", "ratio.csv",     "level",  "L2",            N3},
	{"ablation",  "ablation.csv",  NULL,     NULL,            N3},
	{"phases",    "phases.csv",    NULL,     NULL,            N3},
	{"migrate",   "rounds.csv",    NULL,     NULL,            M1},
	{"migrate",   "tracker.csv",   NULL,     NULL,            M1},
	{"migrate",   "barriers.csv",  NULL,     NULL,            M2},
};
/* clang-format on */
const size_t claim_count = sizeof(claims) / sizeof(claims[0]);
