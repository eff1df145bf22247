/* SPDX-License-Identifier: MIT */
/*
 * Messages between nestbed and its agent (docs/agent.md): out of bytes in pieces of any size, checked, and
 * into bytes. What a peer sends is hostile: it gets no more memory than it sends a few times over. No I/O.
 */
#ifndef EXPERIMENTS_AGENT_MESSAGE_H
#define EXPERIMENTS_AGENT_MESSAGE_H

#include <stdbool.h>

#include "experiments/agent.pb-c.h"
#include "experiments/machine.h"
#include "experiments/text.h"

#define AGENT_PROTOCOL    1u
#define AGENT_OUTPUT_MOST 16384u /* bytes of the console in one message */
#define AGENT_START_MOST  (512u << 20) /* bytes of a machine's whole specification */

enum agent_side { AGENT_CLIENT, AGENT_SERVER };

/* What a side may say next. */
enum agent_phase {
	AGENT_GREETS,
	AGENT_STARTS, /* START; and STARTED or REFUSED */
	AGENT_RUNS,
	AGENT_OVER, /* nothing any more */
};

struct agent_reader {
	enum agent_side from; /* whose messages these are */
	enum agent_phase phase;
	struct text bytes;
	size_t at; /* of the first one not taken */
	bool bad;
};

/* A reader of what that side sends is {.from = side}. */
void agent_reader_add(struct agent_reader *r, const uint8_t *data, size_t size);
/*
 * 1: the next message, to be freed by agent_message_free(); 0: it is not complete; -EBADMSG: the peer keeps
 * no protocol, and *why (malloc'd) says in which way; from then on always so, without words.
 */
__attribute__((warn_unused_result)) int agent_reader_next(struct agent_reader *r,
							  Nestbed__AgentMessage **message, char **why);
/* Drops the first *done bytes, when they are so many that no byte is moved often; *done is then 0. */
void agent_text_drop(struct text *t, size_t *done);
void agent_reader_free(struct agent_reader *r);
void agent_message_free(Nestbed__AgentMessage *message);

/* Adds a message with its length in front. */
void agent_write(struct text *out, const Nestbed__AgentMessage *message);
void agent_write_hello(struct text *out);
void agent_write_refused(struct text *out, const char *why);
void agent_write_frame(struct text *out, uint8_t *frame, size_t size);
void agent_write_output(struct text *out, uint8_t *data, size_t size);
void agent_write_result(struct text *out, const struct machine_result *result);
/* 0, or -E2BIG with *why (malloc'd). What an agent can't do, trace and keep_dir, is left out. */
__attribute__((warn_unused_result)) int agent_write_start(struct text *out, const struct machine_spec *spec,
							  char **why);

/* NULL, or what keeps these two from working together (malloc'd); `who` begins the sentence. */
char *agent_hello_differs(const Nestbed__AgentHello *hello, const char *who);
/* The specification, which borrows from the message; its NIC is not in it. 0, or -EINVAL with *why
 * (malloc'd): no nestbed would ask for such a machine. */
__attribute__((warn_unused_result)) int agent_read_start(const Nestbed__AgentStart *start,
							 struct machine_spec *spec, char **why);
/* A copy (malloc'd) that a terminal takes for nothing but lines of text. */
char *agent_plain(const char *words);
/* Copies: the result's texts are malloc'd. */
void agent_read_result(const Nestbed__AgentResult *message, struct machine_result *result);

#endif
