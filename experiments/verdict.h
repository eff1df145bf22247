/* SPDX-License-Identifier: MIT */
/* What a machine run came to, from its records and its end: the exit status that says so. */
#ifndef EXPERIMENTS_VERDICT_H
#define EXPERIMENTS_VERDICT_H

#include <stdbool.h>

#include "experiments/decode.h"
#include "experiments/machine.h"

struct verdict {
	bool bare; /* asked: no L0, so no Stop and End records are due */
	bool refused; /* by any level */
	bool faulted; /* what runs on the machine itself */
	bool stopped; /* a VM of any level was, or faulted and gave up */
	unsigned vms_shut_down; /* by themselves; of L0 */
};

/* Feed every record of the machine. */
void verdict_record(struct verdict *v, const struct decode_source *from, const Nestbed__Record *record);
/* An enum cli_exit; *why (static) says it in words. */
int verdict_status(const struct verdict *v, enum machine_end end, const char **why);

#endif
