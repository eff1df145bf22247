/* SPDX-License-Identifier: MIT */
/* Which claims of PAPER_NOTES.md a run looks at, by what it left. Pure. */
#ifndef EXPERIMENTS_CLAIMS_H
#define EXPERIMENTS_CLAIMS_H

#include <stddef.h>

struct claim {
	const char *experiment;
	const char *table; /* by whose rows it looks at the claim: there must be one */
	const char *column, *word; /* in which one of them has this; NULL: any row */
	const char *id, *mechanism, *text, *found; /* of its row there */
	const char *anchor; /* of its section */
};

extern const struct claim claims[];
extern const size_t claim_count;

#endif
