/* SPDX-License-Identifier: MIT */
/* Which claims of PAPER_NOTES.md an experiment looks at. Pure. */
#ifndef EXPERIMENTS_CLAIMS_H
#define EXPERIMENTS_CLAIMS_H

#include <stddef.h>

struct claim {
	const char *experiment;
	const char *id, *mechanism, *text; /* of its row there */
	const char *anchor; /* of its section */
};

extern const struct claim claims[];
extern const size_t claim_count;

#endif
