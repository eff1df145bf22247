/* SPDX-License-Identifier: MIT */
#include "experiments/verdict.h"

#include "experiments/cli.h"

void verdict_record(struct verdict *v, const struct decode_source *from, const Nestbed__Record *record)
{
	switch ((int)record->body_case) {
	case NESTBED__RECORD__BODY_REFUSAL:
		v->refused = true;
		return;
	case NESTBED__RECORD__BODY_FAULT:
		*(from->depth ? &v->stopped : &v->faulted) = true;
		return;
	case NESTBED__RECORD__BODY_STOP:
		if (record->stop->cause != NESTBED__STOP__CAUSE__SHUTDOWN)
			v->stopped = true;
		else if (!from->depth)
			v->vms_shut_down++;
		return;
	default:
		return;
	}
}

int verdict_status(const struct verdict *v, enum machine_end end, const char **why)
{
	const struct {
		bool holds;
		int status;
		const char *why;
	} rules[] = {
		{end == MACHINE_TIMED_OUT,        CLI_DIED,        "the machine ran out of time"             },
		{end == MACHINE_INTERRUPTED,      CLI_INTERRUPTED, "interrupted"                             },
		{v->refused,                      CLI_REFUSED,     "refused: see the record"                 },
		{v->faulted,                      CLI_DIED,        "what runs on the machine faulted"        },
		{end == MACHINE_DIED,             CLI_DIED,        "the machine died"                        },
		{v->stopped,                      CLI_STOPPED,     "a VM was stopped"                        },
		{v->bare || v->vms_shut_down > 0, CLI_OK,          "shut down"                               },
		{true,			    CLI_DIED,        "the machine ended without a word from L0"},
	};

	for (unsigned i = 0;; i++) {
		if (!rules[i].holds)
			continue;
		*why = rules[i].why;
		return rules[i].status;
	}
}
