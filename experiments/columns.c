/* SPDX-License-Identifier: MIT */
#include "experiments/columns.h"

#include <fnmatch.h>
#include <stddef.h>

/* The first row that fits decides; what fits none is a key. */
/* clang-format off */
static const struct {
	const char *pattern;
	enum column_kind kind;
} kinds[] = {
	/* keys that a later row would take */
	{"pages_per_round",      COLUMN_KEY  }, /* tracker.csv: what the guest does */
	{"dirty_pages_per_s",    COLUMN_KEY  },
	/* times, and what interrupts add to */
	{"*ticks*",              COLUMN_NOISY},
	{"*cycles*",             COLUMN_NOISY},
	{"*seconds*",            COLUMN_NOISY},
	{"percent*",             COLUMN_NOISY},
	{"peer_over_nestbed",    COLUMN_NOISY},
	{"*_per_op",             COLUMN_NOISY},
	{"*_per_l2_exit",        COLUMN_NOISY},
	{"*_per_round",          COLUMN_NOISY},
	/* counts, and words */
	{"iterations",           COLUMN_EXACT},
	{"repeats",              COLUMN_EXACT},
	{"left_out",             COLUMN_EXACT},
	{"peer_served_by",       COLUMN_EXACT},
	{"rounds",               COLUMN_EXACT},
	{"*bytes",               COLUMN_EXACT},
	{"pages_sent",           COLUMN_EXACT},
	{"pages_zero",           COLUMN_EXACT},
	{"zero_pages",           COLUMN_EXACT},
	{"pages",                COLUMN_EXACT},
	{"epoch",                COLUMN_EXACT},
	{"dirtied",              COLUMN_EXACT},
	{"throttle_percent",     COLUMN_EXACT},
	{"barriers",             COLUMN_EXACT},
	{"outcome",              COLUMN_EXACT},
	{"verdict",              COLUMN_EXACT},
	{"*digest",              COLUMN_EXACT},
	{"features",             COLUMN_EXACT}, /* pairs.csv of cpu-baseline */
	{"lost",                 COLUMN_EXACT},
	{"makespan_ms",          COLUMN_EXACT}, /* scaling.csv: computed */
	{"low_ms",               COLUMN_EXACT},
	{"high_ms",              COLUMN_EXACT},
	{"bound_ms",             COLUMN_EXACT},
	{"over_bound",           COLUMN_EXACT},
	{"speedup",              COLUMN_EXACT},
	{"retried",              COLUMN_EXACT},
	{"failed",               COLUMN_EXACT},
};
/* clang-format on */

enum column_kind column_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!fnmatch(kinds[i].pattern, name, 0))
			return kinds[i].kind;
	return COLUMN_KEY;
}
