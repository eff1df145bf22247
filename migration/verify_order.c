/* SPDX-License-Identifier: MIT */
/* Which message may come in which phase, and what an error is called. */
#include <string.h>

#include "migration/verify_impl.h"

const char *verify_error_text(enum verify_error error)
{
	static const char *const texts[VERIFY_ERRORS] = {
		[VERIFY_OK] = "no error",
		[VERIFY_ORDER] = "this message may not come now",
		[VERIFY_VERSION] = "another version of the stream",
		[VERIFY_RAM_SIZE] = "memory must be whole pages, at least one, and not more than allowed",
		[VERIFY_VCPU_COUNT] = "there must be at least one vCPU, and not more than allowed",
		[VERIFY_EMPTY_BATCH] = "a batch must have at least one page, and not more than allowed",
		[VERIFY_BATCH_BYTES] = "a batch must have 4096 bytes for each page",
		[VERIFY_PAGE_ORDER] = "page numbers of a batch must ascend",
		[VERIFY_PAGE_RANGE] = "a page number beyond the memory's end",
		[VERIFY_PAGE_TWICE] = "a page came twice in an epoch",
		[VERIFY_RUN] = "a run must have at least one page and end within the memory",
		[VERIFY_EPOCH] = "epochs may not run back, and each round begins a new one",
		[VERIFY_WRITTEN] = "a page's write must be of an older epoch than its reading",
		[VERIFY_LATE] = "a page that was written before the barrier was sent after it",
		[VERIFY_NOT_RESUMED] = "after a barrier a new epoch must begin: the guest was not resumed",
		[VERIFY_ROUND] = "rounds must be numbered 1, 2, 3",
		[VERIFY_ROUND_PAGES] = "the round's count of pages differs from what came",
		[VERIFY_ROUND_ZERO_PAGES] = "the round's count of zero pages differs from what came",
		[VERIFY_ROUND_OPEN] = "state came before the end of the round",
		[VERIFY_STREAM_DIGEST] = "the digest of the stream differs from what came",
		[VERIFY_MEMORY_DIGEST] = "the digest of memory differs from that of the pages that came",
		[VERIFY_BARRIER_PAGES] = "the barrier's count of pages differs from what came for it",
		[VERIFY_BARRIER_CPU] = "a barrier must name each vCPU once",
		[VERIFY_BARRIER_STEPS] =
			"at a barrier all vCPUs stop, then flush EPT, then write back caches",
		[VERIFY_BARRIER_APPLIED] = "the answer to a barrier must have its epoch",
		[VERIFY_BARRIERS] = "the guest asked for another number of barriers than came",
		[VERIFY_NO_DIGEST] = "a barrier must carry the digest of memory",
		[VERIFY_LEDGER] = "a page was never sent, or was written after it was last sent",
		[VERIFY_TOTAL_PAGES] = "the count of all pages differs from what came",
		[VERIFY_VCPU] = "there is no such vCPU, or its state came already",
		[VERIFY_VCPU_MISSING] = "the state of a vCPU is missing",
		[VERIFY_VCPU_FORM] = "a field of a vCPU's state is out of range",
		[VERIFY_FIELD] = "no encoding of a VMCS field, or a field twice",
		[VERIFY_MSR] = "an MSR twice",
		[VERIFY_PART] = "a device's part needs a name, a vCPU that there is, and may come once",
		[VERIFY_PARTS] = "more parts of devices than allowed",
		[VERIFY_READY_DIGEST] = "the target's digest of memory differs from the source's",
		[VERIFY_UNFINISHED] = "the stream ends before the move does",
	};

	return (unsigned)error < VERIFY_ERRORS ? texts[error] : "unknown error";
}

const char *verify_phase_name(enum verify_phase phase)
{
	static const char *const names[VERIFY_PHASES] = {
		"before Hello", "offered", "memory",    "barrier", "state",
		"ended",        "ready",   "committed", "running", "refused or aborted"};

	return (unsigned)phase < VERIFY_PHASES ? names[phase] : "unknown";
}

/* The phase that follows, plus one; 0: not allowed */
#define TO(phase) ((phase) + 1)

static const uint8_t next[VERIFY_PHASES][STREAM_TYPES] = {
	[PHASE_START] = {[STREAM_HELLO] = TO(PHASE_OFFERED)   },
	[PHASE_OFFERED] = {       [STREAM_ACCEPT] = TO(PHASE_MEMORY),
                         [STREAM_REFUSE] = TO(PHASE_OVER),
                         [STREAM_ABORT] = TO(PHASE_OVER),
                         [STREAM_DECIDE] = TO(PHASE_OVER)},
	[PHASE_MEMORY] = {               [STREAM_PAGE_BATCH] = TO(PHASE_MEMORY),
                         [STREAM_ZERO_RUN] = TO(PHASE_MEMORY),
                         [STREAM_ROUND_END] = TO(PHASE_MEMORY),
                         [STREAM_BARRIER] = TO(PHASE_BARRIER),
                         [STREAM_DEVICE_STATE] = TO(PHASE_STATE),
                         [STREAM_VCPU_STATE] = TO(PHASE_STATE),
                         [STREAM_ABORT] = TO(PHASE_OVER),
                         [STREAM_DECIDE] = TO(PHASE_OVER)},
	[PHASE_BARRIER] = {[STREAM_BARRIER_APPLIED] = TO(PHASE_MEMORY),
                         [STREAM_ABORT] = TO(PHASE_OVER),
                         [STREAM_DECIDE] = TO(PHASE_OVER)},
	[PHASE_STATE] = {          [STREAM_DEVICE_STATE] = TO(PHASE_STATE),
			 [STREAM_VCPU_STATE] = TO(PHASE_STATE),
			 [STREAM_END] = TO(PHASE_ENDED),
			 [STREAM_ABORT] = TO(PHASE_OVER),
			 [STREAM_DECIDE] = TO(PHASE_OVER)},
	[PHASE_ENDED] = {               [STREAM_READY] = TO(PHASE_READY),
			 [STREAM_ABORT] = TO(PHASE_OVER),
			 [STREAM_DECIDE] = TO(PHASE_OVER)},
 /* Where the Commit got lost, Decide{run} stands for it; verify.c makes Decide{drop} the end. */
	[PHASE_READY] = {          [STREAM_COMMIT] = TO(PHASE_COMMITTED),
			 [STREAM_ABORT] = TO(PHASE_OVER),
			 [STREAM_DECIDE] = TO(PHASE_COMMITTED)},
	[PHASE_COMMITTED] = {            [STREAM_RUNNING] = TO(PHASE_RUNNING), [STREAM_DECIDE] = TO(PHASE_COMMITTED)},
	[PHASE_RUNNING] = {                [STREAM_DECIDE] = TO(PHASE_RUNNING)     },
 /* Both may say that they give up, and the wire's owner what both know. */
	[PHASE_OVER] = {            [STREAM_ABORT] = TO(PHASE_OVER),       [STREAM_DECIDE] = TO(PHASE_OVER)},
};

int verify_next_phase(enum verify_phase phase, uint32_t type)
{
	return type < STREAM_TYPES ? next[phase][type] - 1 : -1;
}

void verify_phase_allows(enum verify_phase phase, char *to, size_t size)
{
	size_t used = 0;

	for (uint32_t type = 0; type < STREAM_TYPES; type++) {
		const struct stream_kind *kind = stream_kind(type);
		size_t n;

		if (!kind || verify_next_phase(phase, type) < 0)
			continue;
		n = strlen(kind->name);
		if (used + n + 3 > size)
			break;
		if (used) {
			memcpy(to + used, ", ", 2);
			used += 2;
		}
		memcpy(to + used, kind->name, n);
		used += n;
	}
	to[used] = '\0';
}
