/* SPDX-License-Identifier: MIT */
/*
 * A stream of bytes each way over frames that the way may lose, double, reorder or spoil (docs/link.md).
 * Pure: no clock, no device. The caller says the time, hands in what came and sends what it is handed.
 * Everything that a frame says is checked; memory is bounded by the struct.
 *
 * What is sent again is only what is known to be missing. When nothing is heard for a while a PROBE goes out
 * first, which has no payload; the answer tells what came. So a slow peer costs 60 bytes, not a window.
 */
#ifndef L0HV_NET_RELIABLE_H
#define L0HV_NET_RELIABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nestbed/link.h"

/* Times are in any unit, the same for all. */
struct reliable_config {
	uint8_t host, peer; /* below NB_LINK_HOSTS */
	uint32_t (*crc)(const uint8_t *data, uint64_t n); /* CRC32C */
	uint64_t timeout; /* before the first answer: how long until a PROBE */
	uint64_t timeout_least, timeout_most; /* bounds of the measured one, and of its doublings */
	uint64_t limit; /* from the first PROBE without an answer: the link is dead */
	uint64_t ack_delay; /* the longest that what came is not acknowledged */
	uint32_t ack_every; /* DATA frames, 1 or more */
	uint64_t keep_alive; /* PROBE when nothing is heard for so long though nothing is owed; 0: never */
};

struct reliable_counters {
	/* sent */
	uint64_t frames, bytes; /* all, with headers and the padding of short ones */
	uint64_t data_frames, payload_bytes; /* DATA sent for the first time, and its payload */
	uint64_t again_frames, again_bytes; /* DATA sent again, and its payload */
	uint64_t ack_frames, ack_bytes; /* ACK, with headers and padding */
	uint64_t probe_frames;
	/* received */
	uint64_t come_frames, come_payload_bytes; /* DATA frames that were new, and their payload */
	uint64_t double_frames; /* DATA that had come before */
	uint64_t corrupt_frames; /* length, version or checksum is wrong */
	uint64_t bad_frames; /* the checksum is right, and what it says is not possible */
	uint64_t foreign_frames; /* of another protocol, from or for somebody else */
};

struct reliable_slot {
	uint16_t size; /* payload bytes */
	bool here; /* received: it has come; sent: the peer has it */
	bool lost; /* sent: to be sent again */
	uint8_t times; /* sent so often, 255 for more */
	uint32_t stamp; /* sent: place in the order of all that was sent, when it was sent last */
	uint64_t sent_at;
	uint8_t payload[NB_LINK_PAYLOAD_MAX];
};

#define RELIABLE_PROBES 8u

struct reliable {
	struct reliable_config config;
	struct reliable_counters count;
	uint32_t round;
	bool dead;
	bool heard; /* the peer is there: before that only PROBEs go */
	/* Sending: frames [unacked, next) are on the way, [next, sealed) wait; `sealed` is being filled. */
	uint32_t unacked, next, sealed;
	uint32_t filled; /* bytes in the frame `sealed` */
	uint32_t stamp; /* of the frame sent last */
	uint32_t delivered; /* stamp of the latest sent frame that is known to have come */
	uint64_t timeout; /* measured */
	uint64_t mean, deviation; /* of the time until an answer; mean 0: none yet */
	uint64_t heard_at; /* a valid frame from the peer */
	uint64_t quiet_since; /* DATA or PROBE sent, or an answer that told something */
	uint32_t probe; /* number of the last PROBE sent */
	uint32_t probe_stamp[RELIABLE_PROBES]; /* of the last ones, by number */
	uint32_t doublings; /* of the time until the next PROBE */
	uint32_t unanswered; /* PROBEs since something was heard */
	uint64_t probe_since; /* when the first of those was sent */
	/* Receiving: frames before `taken` were read; `edge` is behind the newest that has come. */
	uint32_t taken, missing, edge; /* `missing`: the first that has not come, at most edge */
	uint32_t taken_bytes; /* of the frame `taken`, already read */
	uint32_t told; /* `taken` as last acknowledged */
	uint32_t untold_frames; /* came since */
	bool ack_now;
	bool untold; /* an ACK is due at ack_at at the latest */
	uint64_t ack_at;
	uint32_t peer_probe; /* the last PROBE heard */
	struct reliable_slot out[NB_LINK_WINDOW], in[NB_LINK_WINDOW];
};

/* As many PROBEs must have gone unanswered, however late the caller calls. */
#define RELIABLE_PROBES_LEAST 4u

enum reliable_taken {
	RELIABLE_TAKEN, /* also when it was a duplicate */
	RELIABLE_CORRUPT,
	RELIABLE_BAD,
	RELIABLE_FOREIGN,
};

void reliable_init(struct reliable *r, const struct reliable_config *config, uint64_t now);

/* A frame came, with its Ethernet header. Writes to it while it works, and restores it. */
enum reliable_taken reliable_receive(struct reliable *r, void *frame, size_t n, uint64_t now);
/*
 * The next frame to send, into `frame` of NB_LINK_FRAME_MAX bytes: its length, 0: none now. Counts as sent.
 * Hand in what came before you ask: who does not look for long must not take that for silence.
 */
size_t reliable_send(struct reliable *r, void *frame, uint64_t now);

/* Bytes taken of those offered: as many as there is room for in the window. */
size_t reliable_push(struct reliable *r, const void *data, size_t n);
/* Let what was pushed go, though it fills no frame. */
void reliable_flush(struct reliable *r);
/* Up to `room` bytes of the peer's stream, in order. */
size_t reliable_pull(struct reliable *r, void *data, size_t room);

/* The peer's reader has taken all that was pushed and flushed. */
bool reliable_idle(const struct reliable *r);
/* No answer for longer than the limit. It stays so; neither sends nor takes frames. */
bool reliable_dead(const struct reliable *r);
/* Round of the migration, for the frames to come. */
void reliable_set_round(struct reliable *r, uint32_t round);

/*
 * Writes the headers of a frame whose payload lies behind them already, with checksum and padding: its
 * length. `words`: sequence, acknowledge, round.
 */
size_t reliable_seal(void *frame, uint8_t from, uint8_t to, enum nb_link_type type, uint16_t payload_bytes,
		     const uint32_t words[3], uint32_t (*crc)(const uint8_t *data, uint64_t n));
/* RELIABLE_TAKEN: it is a whole frame of the link, from anybody to anybody. Restores the frame. */
enum reliable_taken reliable_open(void *frame, size_t n, uint32_t (*crc)(const uint8_t *data, uint64_t n));
/* The host that a MAC is of; NB_LINK_WIRE + 1: none. */
unsigned reliable_host_of(const uint8_t mac[6]);

#endif
