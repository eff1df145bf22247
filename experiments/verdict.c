/* SPDX-License-Identifier: MIT */
#include "experiments/verdict.h"

#include <string.h>

#include "experiments/cli.h"

#define REASONS_TOLD 8 /* a guest may claim as many as it likes */

/* What a guest wrote goes to a terminal: nothing but printable ASCII. */
static void add_safe(struct text *out, const char *s)
{
	for (; *s; s++)
		text_add(out, *s >= ' ' && *s <= '~' ? s : "?", 1);
}

/* Room for one more reason; NULL when enough were told. */
static struct text *next_reason(struct verdict_reasons *r)
{
	if (r->count++ >= REASONS_TOLD)
		return NULL;
	text_addf(&r->text, "%s", r->count > 1 ? "; " : "");
	return &r->text;
}

/* "l1hv: " before the words of a VM; the machine itself needs no name. */
static void add_speaker(struct text *out, const struct decode_source *from)
{
	if (!from->depth)
		return;
	add_safe(out, from->name);
	text_addf(out, ": ");
}

static void on_refusal(struct verdict *v, const struct decode_source *from, const Nestbed__Refusal *refusal)
{
	struct text *out = next_reason(&v->refused);

	if (!out)
		return;
	add_speaker(out, from);
	add_safe(out, refusal->reason);
	for (size_t i = 0; i < refusal->n_missing; i++) {
		text_addf(out, i ? ", " : ": ");
		add_safe(out, refusal->missing[i]);
	}
}

static void on_fault(struct verdict *v, const struct decode_source *from, const Nestbed__Fault *fault)
{
	struct text *out = next_reason(from->depth ? &v->stopped : &v->faulted);

	if (!out)
		return;
	if (from->depth) {
		text_addf(out, "VM ");
		add_safe(out, from->name);
		text_addf(out, " faulted: ");
	}
	text_addf(out, "vector %u, ", fault->vector);
	add_safe(out, fault->reason);
}

static void on_stop(struct verdict *v, const struct decode_source *from, const Nestbed__Stop *stop)
{
	const ProtobufCEnumValue *cause =
		protobuf_c_enum_descriptor_get_value(&nestbed__stop__cause__descriptor, (int)stop->cause);
	struct text *out;

	if (stop->cause == NESTBED__STOP__CAUSE__SHUTDOWN) {
		v->vms_shut_down += !from->depth;
		return;
	}
	out = next_reason(&v->stopped);
	if (!out)
		return;
	text_addf(out, "VM ");
	add_safe(out, from->name);
	text_addf(out, from->depth ? "/" : "");
	add_safe(out, stop->vm);
	text_addf(out, " was stopped: %s", cause ? cause->name : "?");
	if (*stop->reason) {
		text_addf(out, " (");
		add_safe(out, stop->reason);
		text_addf(out, ")");
	}
}

void verdict_record(struct verdict *v, const struct decode_source *from, const Nestbed__Record *record)
{
	switch ((int)record->body_case) {
	case NESTBED__RECORD__BODY_REFUSAL:
		on_refusal(v, from, record->refusal);
		return;
	case NESTBED__RECORD__BODY_FAULT:
		on_fault(v, from, record->fault);
		return;
	case NESTBED__RECORD__BODY_STOP:
		on_stop(v, from, record->stop);
		return;
	default:
		return;
	}
}

static char *sentence(const char *what, const struct verdict_reasons *r)
{
	struct text t = {0};

	text_addf(&t, "%s%s", what, r ? r->text.data : "");
	if (r && r->count > REASONS_TOLD)
		text_addf(&t, "; and %u more", r->count - REASONS_TOLD);
	return t.data;
}

int verdict_status(const struct verdict *v, enum machine_end end, char **why)
{
	const struct {
		bool holds;
		int status;
		const char *why;
		const struct verdict_reasons *reasons;
	} rules[] = {
		{end == MACHINE_TIMED_OUT,        CLI_DIED,        "the machine ran out of time",               NULL       },
		{end == MACHINE_INTERRUPTED,      CLI_INTERRUPTED, "interrupted",                               NULL       },
		{v->refused.count > 0,            CLI_REFUSED,     "refused: ",                                 &v->refused},
		{v->faulted.count > 0,            CLI_DIED,        "what runs on the machine itself faulted: ", &v->faulted},
		{end == MACHINE_DIED,             CLI_DIED,        "the machine died",                          NULL       },
		{end == MACHINE_KILLED,           CLI_DIED,        "the machine was killed",                    NULL       },
		{v->stopped.count > 0,            CLI_STOPPED,     "",                                          &v->stopped},
		{v->bare || v->vms_shut_down > 0, CLI_OK,          "shut down",                                 NULL       },
		{true,			    CLI_DIED,        "the machine ended without a word from L0",  NULL       },
	};

	for (unsigned i = 0;; i++) {
		if (!rules[i].holds)
			continue;
		*why = sentence(rules[i].why, rules[i].reasons);
		return rules[i].status;
	}
}

void verdict_free(struct verdict *v)
{
	text_free(&v->refused.text);
	text_free(&v->faulted.text);
	text_free(&v->stopped.text);
	*v = (struct verdict){0};
}
