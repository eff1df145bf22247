/* SPDX-License-Identifier: MIT */
/* One move of experiment migrate. */
#ifndef EXPERIMENTS_MIGRATE_MOVE_H
#define EXPERIMENTS_MIGRATE_MOVE_H

#include "experiments/migrate_cases.h"
#include "experiments/move.h"
#include "experiments/move_rows.h"
#include "experiments/run.h"

/* What all moves of a run have in common. */
struct migrate_setup {
	struct run *run;
	struct migrate_load load;
	struct wire_script script;
	struct text lines; /* of the VM's configuration on each host */
	bool real_time, pool; /* pool: the guest sees what both processors have */
};

/*
 * Runs it, books both machines, adds rows, and prints a line. An exit status: CLI_FAILED if the VM did not
 * live to its end, or found anything wrong in its memory; a move that was refused or given up is a result.
 */
__attribute__((warn_unused_result)) int migrate_move(struct migrate_setup *setup,
						     const struct migrate_case *c, unsigned number,
						     struct move_tables *tables);
/* The heading of these lines. */
void migrate_move_heading(void);

#endif
