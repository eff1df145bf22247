/* SPDX-License-Identifier: MIT */
/*
 * A whole move in small: a VM of 16 pages and two vCPUs with translations, PML buffers, caches, an
 * instruction in emulation and a device write in flight; source, target, a channel with faults, and who holds
 * both records. All that was sent is captured.
 */
#ifndef TESTS_UNIT_MIGRATION_WORLD_H
#define TESTS_UNIT_MIGRATION_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migration/barrier.h"
#include "migration/dirty.h"
#include "migration/frame.h"
#include "migration/session.h"
#include "migration/verify.h"

#define WORLD_PAGES 16u
#define WORLD_VCPUS 2u
#define WORLD_BODY  16384u

enum world_fault {
	FAULT_NONE,
	FAULT_DROP,
	FAULT_TRUNCATE,
	FAULT_FLIP,
	FAULT_DUPLICATE,
	FAULT_REORDER,
	FAULT_KILL_SOURCE_BEFORE,
	FAULT_KILL_SOURCE_AFTER,
	FAULT_KILL_TARGET_BEFORE,
	FAULT_KILL_TARGET_AFTER,
	FAULT_CUT,
	WORLD_FAULTS
};

/* A write that was begun, in which epoch, and has not reached memory */
struct world_write {
	bool pending;
	uint32_t page, epoch;
};

struct world_side {
	struct session session;
	struct frame_writer writer;
	struct frame_reader reader;
	bool alive;
	uint8_t out[FRAME_HEAD + WORLD_BODY], in[FRAME_HEAD + WORLD_BODY];
	/* bytes on their way to this side */
	uint8_t *queue;
	size_t queued, taken;
	uint8_t held[FRAME_HEAD + WORLD_BODY]; /* a frame that the next one overtakes */
	size_t held_size;
};

struct world {
	/* what to do */
	enum world_fault fault;
	unsigned fault_at; /* number of the frame, both directions counted together */
	unsigned flip; /* which bit of it, modulo its length */
	bool target_first; /* whose time limit ends first */
	uint32_t leave_out; /* barrier steps */
	bool liar; /* BarrierCpu claims steps that were left out */
	bool late_device; /* a device writes while the vCPUs stand still and Barrier is out already */

	/* the VM */
	uint8_t memory[WORLD_PAGES][4096], cache[WORLD_PAGES][4096];
	bool cached[WORLD_PAGES]; /* the vCPUs see cache, who sends sees memory */
	bool pml[WORLD_VCPUS][WORLD_PAGES]; /* logged, not yet in the dirty set */
	bool translated[WORLD_VCPUS]
		       [WORLD_PAGES]; /* a translation with its dirty bit: writes are not logged */
	struct world_write emulation, device;
	bool stopped;
	uint32_t writes; /* so far; makes contents differ */
	uint64_t now;
	uint64_t stopped_at, flushed_at, wrote_back_at;
	struct dirty dirty;
	uint64_t dirty_words[DIRTY_WORDS(WORLD_PAGES)];
	uint32_t since[WORLD_PAGES]; /* epoch of the oldest write that was not sent */

	/* the move */
	struct world_side side[2]; /* SENDER_SOURCE, SENDER_TARGET */
	struct barrier barrier;
	bool barrier_asked;
	unsigned plan; /* what the source does next */
	uint32_t epoch, round, barriers, barrier_epoch;
	uint64_t round_pages, round_zero, epoch_pages, pages, end_digest;
	struct verify verify;
	uint32_t written[WORLD_PAGES], sent[WORLD_PAGES];
	uint64_t page_digest[WORLD_PAGES];
	uint8_t copy[WORLD_PAGES][4096]; /* the target's memory */
	bool link_dead;
	unsigned frames;
	unsigned both_ran; /* times that both ran the guest at once */
	bool lost; /* the wire's owner found nobody who holds the guest */
	struct message_arena arena;
	uint8_t arena_memory[1u << 18] __attribute__((aligned(16)));
	uint8_t *capture;
	size_t captured;
};

/* Zeroed memory, malloc'd; set what to do, then run. */
struct world *world_new(void);
void world_free(struct world *w);
/* Until both sides are at rest. False: it did not end. */
bool world_run(struct world *w);
/* How many sides run the guest: alive, and their session says so. */
unsigned world_running(const struct world *w);

struct world_verdict {
	enum frame_error frame;
	enum verify_error error;
	uint64_t expected, got, offset;
	enum verify_phase phase;
};
/* A captured stream through reader and verify. */
struct world_verdict world_verify(const uint8_t *data, size_t size, bool digests);

#endif
