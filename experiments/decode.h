/* SPDX-License-Identifier: MIT */
/*
 * A machine's output as what it means: text and records, each with the VM it came from. A VM's output
 * arrives inside Output records of the level below and is such a stream again, and so on inwards.
 */
#ifndef EXPERIMENTS_DECODE_H
#define EXPERIMENTS_DECODE_H

#include <nestbed/record.pb-c.h>

#include "experiments/stream.h"

/* Deeper Output records, and those of still more VMs, are handed on as records: a guest can't exhaust the
 * host. */
#define DECODE_DEPTH_MAX 4
#define DECODE_VMS_MAX   64
#define DECODE_NAME_MAX  256

struct decode_source {
	unsigned depth; /* 0: the machine itself */
	char name[DECODE_NAME_MAX]; /* "" for the machine, "a" its VM, "a/b" a VM of that VM */
	Nestbed__Output__Channel channel;
};

struct decode_sink {
	void (*text)(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size);
	/* Not called for Output records that were decoded further. */
	void (*record)(void *ctx, const struct decode_source *from, const Nestbed__Record *record);
	/* A frame with a right checksum that holds no Record. */
	void (*bad)(void *ctx, const struct decode_source *from, size_t size);
	/* Every frame of the machine itself, as received. */
	void (*raw)(void *ctx, const uint8_t *frame, size_t size);
	void *ctx; /* callbacks may be NULL */
};

struct decode;

struct decode *decode_new(const struct decode_sink *sink);
void decode_feed(struct decode *d, const uint8_t *data, size_t size);
void decode_end(struct decode *d);
void decode_free(struct decode *d);

#endif
