/* SPDX-License-Identifier: MIT */
#include "experiments/claims.h"

/* Of PAPER_NOTES.md */
#define N1                                                                                                   \
	"N1", "VMCS merge",                                                                                  \
		"L0 combines L1's wishes with its own into the VMCS that L2 runs on; this is consistent, "   \
		"and works level over level",                                                                \
		"n1-vmcs-merge"
#define N2                                                                                                   \
	"N2", "exception reflection",                                                                        \
		"L0 stops L2 at an exception that L1 intercepts and shows it to L1 as the hardware would",   \
		"n2-exception-reflection"
#define N3                                                                                                   \
	"N3", "exit multiplication",                                                                         \
		"one exit of L2 is many exits to L0; shadowing and lazy merging cut them",                   \
		"n3-exit-multiplication"
#define M1                                                                                                   \
	"M1", "pre-copy migration",                                                                          \
		"a running VM moves with a very short pause: memory in rounds, then a stop",                 \
		"m1-pre-copy-migration"
#define M2                                                                                                   \
	"M2", "WBINVD barrier",                                                                              \
		"a guest's WBINVD during migration is ordered against its memory by a barrier in the "       \
		"stream",                                                                                    \
		"m2-wbinvd-barrier"

/* clang-format off */
const struct claim claims[] = {
	{"exit-cost", N1},
	{"exit-cost", N2},
	{"exit-cost", N3},
	{"ablation",  N3},
	{"phases",    N3},
	{"migrate",   M1},
	{"migrate",   M2},
};
/* clang-format on */
const size_t claim_count = sizeof(claims) / sizeof(claims[0]);
