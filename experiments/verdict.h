/* SPDX-License-Identifier: MIT */
/* What a machine run came to, from its records and its end: the exit status and the sentence that say so. */
#ifndef EXPERIMENTS_VERDICT_H
#define EXPERIMENTS_VERDICT_H

#include <stdbool.h>

#include "experiments/decode.h"
#include "experiments/machine.h"
#include "experiments/text.h"

/* Reasons of one kind, "; " between them; those beyond a handful are only counted. */
struct verdict_reasons {
	struct text text;
	unsigned count;
};

struct verdict {
	bool bare; /* asked: no L0, so no Stop and End records are due */
	struct verdict_reasons refused; /* by any level */
	struct verdict_reasons faulted; /* what runs on the machine itself */
	struct verdict_reasons stopped; /* a VM of any level was, or faulted and gave up */
	unsigned vms_shut_down; /* by themselves; of L0 */
};

/* Feed every record of the machine. */
void verdict_record(struct verdict *v, const struct decode_source *from, const Nestbed__Record *record);
/* An enum cli_exit; *why (malloc'd) says it in one line that is safe to print. */
int verdict_status(const struct verdict *v, enum machine_end end, char **why);
void verdict_free(struct verdict *v);

#endif
