/* SPDX-License-Identifier: MIT */
/*
 * Ethernet frames by which two L0s talk, and which `nestbed` carries between their machines (docs/link.md).
 * Fields behind the Ethernet header are little endian. A frame may be followed by padding up to the least
 * length of an Ethernet frame.
 */
#ifndef NESTBED_LINK_H
#define NESTBED_LINK_H

#include <stddef.h>
#include <stdint.h>

#define NB_LINK_ETHERTYPE 0x88B5u /* IEEE 802 local experimental ethertype 1 */
#define NB_LINK_VERSION   1u
#define NB_LINK_HOSTS     16u /* 0 to 15 */
#define NB_LINK_WIRE      0xFFu /* the host number of the wire itself: sender of CONTROL frames */

/* MAC of host N: 52:54:00:4e:42:N ("NB"), locally administered. */
#define NB_LINK_MAC_HEAD                                                                                     \
	{                                                                                                    \
		0x52, 0x54, 0x00, 0x4e, 0x42                                                                 \
	}

#define NB_LINK_FRAME_MAX   1514u /* bytes with the Ethernet header, without frame check sequence */
#define NB_LINK_FRAME_LEAST 60u /* shorter ones are padded on the way */
#define NB_LINK_WINDOW      64u /* DATA frames on the way: bits of an ACK's bitmap */

enum nb_link_type {
	NB_LINK_DATA =
		1, /* sequence: the frame's place in the stream; payload: 1 byte or more of the stream */
	NB_LINK_ACK = 2, /* sequence: the last PROBE heard; payload: struct nb_link_ack */
	NB_LINK_PROBE = 3, /* sequence: of PROBEs, from 1 on; no payload. Asks for an ACK at once */
	NB_LINK_CONTROL = 4, /* from the wire; payload: uint32, what `nestbed` decided */
};

struct nb_link_frame {
	uint8_t destination[6];
	uint8_t source[6];
	uint8_t ethertype[2]; /* big endian */
	uint8_t version;
	uint8_t type; /* enum nb_link_type */
	uint16_t payload_bytes;
	uint32_t sequence;
	uint32_t acknowledge; /* the first DATA frame that the sender's reader has not taken yet */
	uint32_t round; /* of the migration; for who reads along on the wire */
	uint32_t crc; /* CRC32C of the Ethernet header, this header with crc = 0, and the payload */
} __attribute__((packed));

/* Bit i: DATA frame acknowledge + i has come. */
struct nb_link_ack {
	uint64_t come;
} __attribute__((packed));

#define NB_LINK_HEAD        ((uint32_t)sizeof(struct nb_link_frame))
#define NB_LINK_PAYLOAD_MAX (NB_LINK_FRAME_MAX - NB_LINK_HEAD)

_Static_assert(sizeof(struct nb_link_frame) == 34, "Ethernet header of 14 bytes and 20 of the link");
_Static_assert(offsetof(struct nb_link_frame, version) == 14, "");
_Static_assert(offsetof(struct nb_link_frame, payload_bytes) == 16, "");
_Static_assert(offsetof(struct nb_link_frame, sequence) == 18, "");
_Static_assert(offsetof(struct nb_link_frame, acknowledge) == 22, "");
_Static_assert(offsetof(struct nb_link_frame, round) == 26, "");
_Static_assert(offsetof(struct nb_link_frame, crc) == 30, "");
_Static_assert(sizeof(struct nb_link_ack) * 8 == NB_LINK_WINDOW, "a bit for each frame of the window");

#endif
