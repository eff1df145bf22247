/* SPDX-License-Identifier: MIT */
/* When pre-copy goes on, when the VM is stopped for the rest, when its guest is slowed down, when the move is
 * given up. */
#ifndef MIGRATION_PRECOPY_H
#define MIGRATION_PRECOPY_H

#include <stdbool.h>
#include <stdint.h>

#define PRECOPY_TICKS_A_SECOND 1000000000ull
#define PRECOPY_THROTTLE_STEP  20u /* percent more of the time that the guest must stand still */
#define PRECOPY_THROTTLE_MAX   80u

struct precopy_config {
	uint64_t link_rate; /* bits a second, > 0 */
	uint64_t down_ticks; /* target: the rest must be sendable in that time */
	uint32_t max_rounds; /* >= 1 */
	uint32_t min_progress; /* percent that a round must leave fewer pages than the one before; 0: any will
				  do */
	bool auto_converge; /* without progress the guest is slowed down */
	bool stop_at_limit; /* at the round limit, or without progress: stop the VM, however long it takes;
			       else give up */
	uint32_t page_bytes; /* on the wire, of a page with its share of headers */
	uint64_t state_bytes; /* on the wire, of what is sent after the pages */
};

enum precopy_verdict { PRECOPY_GO_ON, PRECOPY_STOP, PRECOPY_THROTTLE, PRECOPY_GIVE_UP };

enum precopy_reason {
	PRECOPY_ROUNDS_LEFT, /* go on */
	PRECOPY_SMALL_ENOUGH, /* stop: within the down time */
	PRECOPY_STATE_TOO_LARGE, /* stop or give up: no round can help */
	PRECOPY_ROUND_LIMIT, /* stop or give up */
	PRECOPY_NO_PROGRESS, /* throttle, stop or give up */
};

struct precopy {
	struct precopy_config config;
	uint32_t rounds; /* that have ended */
	uint32_t dirty; /* pages that the last one left */
	uint32_t throttle; /* percent */
	enum precopy_reason reason; /* of the last verdict */
};

void precopy_init(struct precopy *p, const struct precopy_config *config);
/* A round has ended, and so many pages were dirtied meanwhile. PRECOPY_THROTTLE is going on, with p->throttle
 * raised. */
enum precopy_verdict precopy_round(struct precopy *p, uint32_t dirty);
const char *precopy_reason_text(enum precopy_reason reason);

/* Ticks that so many bytes take, rounded up. rate: bits a second, > 0; UINT64_MAX where it does not fit. */
uint64_t precopy_ticks(uint64_t bytes, uint64_t rate);

#endif
