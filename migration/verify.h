/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be checked of a stream without a VM: who may say what when, epochs, page numbers, pages
 * twice in an epoch, runs, counts, digests, barriers, ranges of the state. Fed with the frames of both
 * directions in the order in which the source saw them; a target feeds what it receives and what it sends,
 * and nestbed a captured file. docs/stream.md has the rules.
 *
 * Memory digest and ledger are replayed here from the pages that came, so a page that was written and never
 * sent shows as a wrong digest at the next Barrier that carries one, or at End.
 */
#ifndef MIGRATION_VERIFY_H
#define MIGRATION_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "migration/frame.h"
#include "migration/ledger.h"
#include "migration/messages.h"

#define VERIFY_VCPUS_MAX 64u /* that a stream may have */
#define VERIFY_PARTS_MAX 64u /* device parts in all */

enum verify_error {
	VERIFY_OK,
	VERIFY_ORDER, /* got: message type; expected: enum verify_phase it came in */
	VERIFY_VERSION,
	VERIFY_RAM_SIZE, /* expected: at most so many bytes, whole pages */
	VERIFY_VCPU_COUNT,
	VERIFY_EMPTY_BATCH,
	VERIFY_BATCH_BYTES,
	VERIFY_PAGE_ORDER, /* expected: a page above this one */
	VERIFY_PAGE_RANGE, /* expected: below this page */
	VERIFY_PAGE_TWICE, /* page got, in epoch expected */
	VERIFY_RUN, /* a run of no page, or one that goes beyond the end */
	VERIFY_EPOCH, /* expected: at least this one */
	VERIFY_WRITTEN, /* a page written in or after the epoch that it was read in */
	VERIFY_LATE, /* page got was written up to the end of barrier epoch expected and sent after it */
	VERIFY_NOT_RESUMED, /* no new epoch after the barrier's */
	VERIFY_ROUND,
	VERIFY_ROUND_PAGES,
	VERIFY_ROUND_ZERO_PAGES,
	VERIFY_ROUND_OPEN, /* state before RoundEnd */
	VERIFY_STREAM_DIGEST,
	VERIFY_MEMORY_DIGEST,
	VERIFY_BARRIER_PAGES,
	VERIFY_BARRIER_CPU, /* a vCPU missing, doubled or unknown */
	VERIFY_BARRIER_STEPS, /* vCPU got: a step missing, or before all were through with the one before */
	VERIFY_BARRIER_APPLIED, /* of another epoch */
	VERIFY_BARRIERS, /* End counts others than came */
	VERIFY_NO_DIGEST, /* Barrier without the memory's digest, where required */
	VERIFY_LEDGER, /* page got was never sent, or written after it was */
	VERIFY_TOTAL_PAGES,
	VERIFY_VCPU, /* no such vCPU, or twice */
	VERIFY_VCPU_MISSING,
	VERIFY_VCPU_FORM, /* got: field number of VcpuState, or of NestedState plus 100 */
	VERIFY_FIELD, /* no VMCS field's encoding, or twice */
	VERIFY_MSR, /* twice */
	VERIFY_PART, /* a device's part without name, twice, or of no vCPU */
	VERIFY_PARTS, /* too many */
	VERIFY_READY_DIGEST,
	VERIFY_UNFINISHED, /* the stream ends in phase got */
	VERIFY_ERRORS
};

const char *verify_error_text(enum verify_error error);

enum verify_phase {
	PHASE_START,
	PHASE_OFFERED,
	PHASE_MEMORY,
	PHASE_BARRIER, /* waiting for BarrierApplied */
	PHASE_STATE,
	PHASE_ENDED,
	PHASE_READY,
	PHASE_COMMITTED,
	PHASE_RUNNING,
	PHASE_OVER, /* refused, aborted or dropped */
	VERIFY_PHASES
};

const char *verify_phase_name(enum verify_phase phase);
/* Names of the messages that a phase allows, as far as they fit, with commas between; NUL-terminated. size >
 * 0. */
void verify_phase_allows(enum verify_phase phase, char *to, size_t size);

struct verify_config {
	uint32_t max_pages; /* of memory, and length of the arrays below */
	uint32_t max_vcpus; /* at most VERIFY_VCPUS_MAX */
	uint32_t max_batch; /* pages of one PageBatch */
	uint32_t *written, *sent; /* the caller's, for the ledger */
	uint64_t *page_digest; /* the caller's; NULL: memory digests are not checked */
	bool barrier_digest; /* a Barrier must carry the memory's digest */
	/* The memory's image: called for each page that was checked, data NULL for zeros. May be NULL. */
	void (*store)(void *context, uint32_t page, const uint8_t *data);
	void *context;
};

struct verify {
	struct verify_config config;
	enum verify_phase phase;
	struct ledger ledger;
	uint32_t pages, vcpus; /* of Hello */
	uint32_t epoch; /* of the last message with one */
	uint32_t round; /* rounds ended */
	uint32_t round_epoch; /* of the last RoundEnd */
	uint64_t round_pages, round_zero; /* in the round so far */
	uint64_t epoch_pages; /* in the epoch so far, zero pages too */
	uint64_t total_pages, total_zero; /* in all */
	uint32_t barriers, barrier_epoch; /* Barriers that came; epoch of the last, 0: none */
	uint64_t memory_digest; /* of what came so far; with page_digest */
	uint64_t end_digest; /* of memory, as End said */
	uint64_t vcpus_seen; /* bit n */
	uint32_t zero_sent; /* pages of zeros in batches: allowed, since a guest may clear one meanwhile, but
			       a waste */
	uint32_t parts;
	struct {
		uint32_t name, vcpu; /* name: CRC32C */
	} part[VERIFY_PARTS_MAX];
	enum verify_error error; /* once set, nothing is taken any more */
	uint64_t expected, got; /* its numbers */
};

void verify_init(struct verify *v, const struct verify_config *config);
/* message: the frame's body, unpacked. 0; -EBADMSG: v->error says why. */
__attribute__((warn_unused_result)) int verify_message(struct verify *v, const struct frame *frame,
						       const ProtobufCMessage *message);
/* No more will come: 0 where the move has ended one way or the other; else -EBADMSG. */
__attribute__((warn_unused_result)) int verify_finish(struct verify *v);

#endif
