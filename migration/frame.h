/* SPDX-License-Identifier: MIT */
/*
 * Frames of the migration stream, a message each. All numbers little endian:
 *   0  magic "NBS1"
 *   4  type, u16: enum stream_type
 *   6  flags, u16: bit 0 mandatory (who does not know the type must refuse), bits 1-2 enum stream_sender,
 * others 0 8  length of the body in bytes, u32 12 sequence, u32: 0, 1, 2… of this sender 16 CRC32C, u32: of
 * the header with 0 here, and the body 20 body: the message, packed
 */
#ifndef MIGRATION_FRAME_H
#define MIGRATION_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "migration/digest.h"
#include "migration/messages.h"

#define FRAME_MAGIC     "NBS1"
#define FRAME_HEAD      20u
#define FRAME_MANDATORY 1u
#define FRAME_SENDER(s) ((s) << 1)

enum frame_error {
	FRAME_OK,
	FRAME_TRUNCATED, /* the stream ends within a frame: expected its bytes, got those that are there */
	FRAME_BAD_MAGIC,
	FRAME_BAD_FLAGS, /* reserved bits, or a sender that does not exist */
	FRAME_TOO_LONG, /* expected: at most so many bytes of body */
	FRAME_BAD_CRC,
	FRAME_WRONG_SENDER, /* the sender is not one of this stream's, or may not send this message */
	FRAME_BAD_ORDER, /* a sequence number left out or doubled */
	FRAME_UNKNOWN, /* mandatory, of a type that is not known */
	FRAME_ERRORS
};

/* What it means and what was expected; a whole sentence without a full stop. */
const char *frame_error_text(enum frame_error error);

struct frame {
	uint32_t type; /* known */
	uint32_t sender;
	uint32_t sequence;
	uint32_t length;
	const uint8_t *body; /* in the reader's buffer, until the next frame_read() */
	uint64_t offset; /* of the header in the stream */
	uint64_t digest; /* of the source's frames before this one */
};

struct frame_reader {
	uint8_t *buffer;
	size_t size;
	uint8_t senders; /* bit n: frames of enum stream_sender n may come */
	size_t have;
	bool head_checked, whole;
	uint64_t offset; /* of the frame in work */
	uint32_t next[SENDERS]; /* sequence number to come */
	uint64_t skipped; /* frames of unknown types that were not mandatory */
	struct digest digest; /* of the source's frames */
	enum frame_error error; /* once set, nothing is read any more */
	uint64_t expected, got; /* the numbers of the error */
};

/* buffer: the caller's; it holds one frame, so a body may have size - FRAME_HEAD bytes. size >= FRAME_HEAD.
 */
void frame_reader_init(struct frame_reader *r, uint8_t *buffer, size_t size, uint8_t senders);
/*
 * Takes bytes from *data (and moves *data and *n on) until a frame is whole. 1: *out is a frame, call again;
 * 0: all bytes are taken, more are wanted; -EBADMSG: r->error says why, at r->offset.
 */
__attribute__((warn_unused_result)) int frame_read(struct frame_reader *r, const uint8_t **data, size_t *n,
						   struct frame *out);
/* The stream has ended: 0, or -EBADMSG where it ends within a frame or had failed before. */
__attribute__((warn_unused_result)) int frame_finish(struct frame_reader *r);

struct frame_writer {
	uint8_t *buffer; /* the caller's; holds the frame just made */
	size_t size;
	enum stream_sender sender;
	uint32_t sequence; /* of the next frame */
	struct digest digest; /* of all frames so far */
};

void frame_writer_init(struct frame_writer *w, uint8_t *buffer, size_t size, enum stream_sender sender);
/* Packs the message as the next frame into the buffer. Its bytes; -EMSGSIZE: it does not fit, nothing has
 * happened. */
__attribute__((warn_unused_result)) long frame_write(struct frame_writer *w, enum stream_type type,
						     const ProtobufCMessage *message);
/* The same for a body that is packed already and lies at buffer + FRAME_HEAD. */
__attribute__((warn_unused_result)) long frame_write_packed(struct frame_writer *w, enum stream_type type,
							    size_t length);
/* Digest of all frames that were written: what RoundEnd, Barrier and End say of the stream before them. */
uint64_t frame_writer_digest(const struct frame_writer *w);

#endif
