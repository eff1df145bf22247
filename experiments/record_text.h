/* SPDX-License-Identifier: MIT */
/* Records as lines of text, and as JSON: every field that is set, by its name in record.proto. */
#ifndef EXPERIMENTS_RECORD_TEXT_H
#define EXPERIMENTS_RECORD_TEXT_H

#include <jansson.h>
#include <nestbed/record.pb-c.h>

#include "experiments/text.h"

/* "sample mark=1 op=cpuid iterations=200": the kind, then its fields. Not terminated by a newline. */
void record_text(struct text *out, const Nestbed__Record *record);
/* Any message's fields: "mark=1 op=cpuid" */
void message_text(struct text *out, const ProtobufCMessage *message);
/* {"record": "sample", "mark": 1, ...}; a new reference. */
json_t *record_json(const Nestbed__Record *record);

#endif
