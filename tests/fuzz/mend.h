/* SPDX-License-Identifier: MIT */
/* What a message says of those before it, made right: so that a stream can be changed and still be followed.
 */
#ifndef TESTS_FUZZ_MEND_H
#define TESTS_FUZZ_MEND_H

#include "migration/verify.h"

/* v: after the messages before it; stream: digest of the source's frames before it. */
static inline void mend(const struct verify *v, uint32_t type, uint64_t stream, ProtobufCMessage *message)
{
	Nestbed__RoundEnd *round = (void *)message;
	Nestbed__Barrier *barrier = (void *)message;
	Nestbed__StreamEnd *end = (void *)message;
	Nestbed__Ready *ready = (void *)message;

	if (type == STREAM_ROUND_END) {
		round->pages = v->round_pages;
		round->zero_pages = v->round_zero;
		round->digest = stream;
	} else if (type == STREAM_BARRIER) {
		barrier->pages = barrier->epoch == v->epoch ? v->epoch_pages : 0;
		barrier->digest = barrier->digest ? v->memory_digest : 0;
		barrier->stream_digest = stream;
	} else if (type == STREAM_END) {
		end->pages = v->total_pages;
		end->memory_digest = v->memory_digest;
		end->stream_digest = stream;
	} else if (type == STREAM_READY) {
		ready->memory_digest = v->end_digest;
	}
}

#endif
