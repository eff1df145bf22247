/* SPDX-License-Identifier: MIT */
/*
 * Messages between the ranks of a cluster, over MPI: they arrive whole, in the order in which a rank sent
 * them, to oneself too. One thread; nothing here waits.
 */
#ifndef EXPERIMENTS_CLUSTER_POST_H
#define EXPERIMENTS_CLUSTER_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POST_CHUNK (1u << 20) /* of a file; bytes */

enum post_kind {
	POST_FACTS, /* to 0: JSON of a host (facts.h) */
	POST_TASK, /* from 0: JSON of an attempt */
	POST_PARTNER, /* from who runs a task: be its partner; JSON */
	POST_FILE, /* to 0: a piece of a result: a line of text, then bytes */
	POST_DONE, /* to 0: JSON of an attempt's end, all its files are before it */
	POST_FREE, /* to 0: a partner has nothing to do any more; what its agent printed */
	POST_SPARED, /* to 0: this partner (uint32_t, a rank) is not needed */
	POST_ALIVE, /* to 0, once a second */
	POST_RELAY, /* between partners: a serial number, bytes of their connection; none: its end */
	POST_END, /* from 0: nothing more will come */
	POST_KINDS
};

struct post_message {
	unsigned from;
	enum post_kind kind;
	uint8_t *data; /* malloc'd, with a NUL behind its last byte */
	size_t size;
};

/* Before anything else. */
void post_open(int *argc, char ***argv);
/* At the end, on every rank: returns when nobody sends any more. What still comes is dropped. */
void post_close(void);
unsigned post_rank(void);
unsigned post_ranks(void);
/* Copies. */
void post_send(unsigned to, enum post_kind kind, const void *data, size_t size);
/* Messages to others that are not yet taken. */
unsigned post_unsent(void);
/* The next message that has come, or false. It also moves what is under way. */
bool post_take(struct post_message *message);
/* Ends every rank, at once. */
__attribute__((noreturn)) void post_abort(int status);

#endif
