/* SPDX-License-Identifier: MIT */
/*
 * Frame around a protobuf Record (record.proto) on a byte channel that also carries text:
 *   magic (4 bytes) | length of payload, uint32 little endian | payload | CRC32C of payload, uint32 LE
 * A reader that meets garbage, a length over NB_FRAME_MAX or a wrong CRC takes the magic's first byte
 * as text and looks for the next magic. A VM's own output is such a stream inside Output records.
 */
#ifndef NESTBED_FRAME_H
#define NESTBED_FRAME_H

#include <stdint.h>

#define NB_FRAME_MAGIC "\x1ENBR"
#define NB_FRAME_HEAD  8u
#define NB_FRAME_TAIL  4u
#define NB_FRAME_MAX   (1u << 20) /* payload bytes */

/* CRC32C (Castagnoli, reflected, initial and final inversion): RFC 3720 appendix B.4. */
static inline uint32_t nb_crc32c(const uint8_t *p, uint64_t n)
{
	uint32_t crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
	}
	return ~crc;
}

#endif
