/* SPDX-License-Identifier: MIT */
#include "experiments/record_frame.h"

#include <string.h>

#include "experiments/text.h"
#include "nestbed/frame.h"

static void put32(uint8_t *to, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

uint8_t *record_frame(const Nestbed__Record *record, size_t *size)
{
	const size_t n = nestbed__record__get_packed_size(record);
	uint8_t *frame = zalloc(NB_FRAME_HEAD + n + NB_FRAME_TAIL), *payload = frame + NB_FRAME_HEAD;

	memcpy(frame, NB_FRAME_MAGIC, 4);
	put32(frame + 4, (uint32_t)n);
	nestbed__record__pack(record, payload);
	put32(payload + n, nb_crc32c(payload, n));
	*size = NB_FRAME_HEAD + n + NB_FRAME_TAIL;
	return frame;
}
