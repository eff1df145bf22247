/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "migration/crc32c.h"
#include "migration/frame.h"

enum { AT_TYPE = 4, AT_FLAGS = 6, AT_LENGTH = 8, AT_SEQUENCE = 12, AT_CRC = 16 };
#define FLAGS_KNOWN (FRAME_MANDATORY | FRAME_SENDER(3u))

static const char *const error_texts[FRAME_ERRORS] = {
	[FRAME_OK] = "no error",
	[FRAME_TRUNCATED] = "the stream ends within a frame",
	[FRAME_BAD_MAGIC] = "no frame begins here: its first four bytes should be NBS1",
	[FRAME_BAD_FLAGS] = "flags that this version does not know, or no such sender",
	[FRAME_TOO_LONG] = "the frame's body is longer than allowed",
	[FRAME_BAD_CRC] = "the frame's CRC32C is wrong: its bytes were changed",
	[FRAME_WRONG_SENDER] = "this sender may not send this message",
	[FRAME_BAD_ORDER] = "the frame's sequence number is not the next one of its sender",
	[FRAME_UNKNOWN] = "a mandatory message of an unknown type",
};

const char *frame_error_text(enum frame_error error)
{
	return (unsigned)error < FRAME_ERRORS ? error_texts[error] : "unknown error";
}

static uint32_t get16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static uint32_t frame_crc(const uint8_t *frame, size_t length)
{
	static const uint8_t zero[4];

	return crc32c(crc32c(crc32c(0, frame, AT_CRC), zero, sizeof(zero)), frame + FRAME_HEAD, length);
}

void frame_reader_init(struct frame_reader *r, uint8_t *buffer, size_t size, uint8_t senders)
{
	*r = (struct frame_reader){.buffer = buffer, .size = size, .senders = senders};
	digest_init(&r->digest, 0);
}

static int fail(struct frame_reader *r, enum frame_error error, uint64_t expected, uint64_t got)
{
	r->error = error;
	r->expected = expected;
	r->got = got;
	return -EBADMSG;
}

/* What can be said before the body is there; a length that is a lie must not be waited for. */
static int check_head(struct frame_reader *r)
{
	const uint32_t flags = get16(r->buffer + AT_FLAGS), length = get32(r->buffer + AT_LENGTH);

	if (memcmp(r->buffer, FRAME_MAGIC, 4) != 0)
		return fail(r, FRAME_BAD_MAGIC, get32((const uint8_t *)FRAME_MAGIC), get32(r->buffer));
	if (flags & ~FLAGS_KNOWN || flags >> 1 >= SENDERS)
		return fail(r, FRAME_BAD_FLAGS, FLAGS_KNOWN, flags);
	if (length > r->size - FRAME_HEAD)
		return fail(r, FRAME_TOO_LONG, r->size - FRAME_HEAD, length);
	r->head_checked = true;
	return 0;
}

/* 1: a frame for the caller; 0: one to be skipped */
static int check_whole(struct frame_reader *r, struct frame *out)
{
	const uint32_t flags = get16(r->buffer + AT_FLAGS), sender = flags >> 1;
	const struct stream_kind *kind;
	uint32_t may;

	*out = (struct frame){.type = get16(r->buffer + AT_TYPE),
			      .sender = sender,
			      .sequence = get32(r->buffer + AT_SEQUENCE),
			      .length = get32(r->buffer + AT_LENGTH),
			      .body = r->buffer + FRAME_HEAD,
			      .offset = r->offset,
			      .digest = digest_value(&r->digest)};
	if (frame_crc(r->buffer, out->length) != get32(r->buffer + AT_CRC))
		return fail(r, FRAME_BAD_CRC, frame_crc(r->buffer, out->length), get32(r->buffer + AT_CRC));
	kind = stream_kind(out->type);
	may = kind ? r->senders & (uint32_t)kind->senders : r->senders;
	if (!(may >> sender & 1u))
		return fail(r, FRAME_WRONG_SENDER, may, sender);
	if (out->sequence != r->next[sender])
		return fail(r, FRAME_BAD_ORDER, r->next[sender], out->sequence);
	if (!kind && flags & FRAME_MANDATORY)
		return fail(r, FRAME_UNKNOWN, STREAM_TYPES - 1u, out->type);
	r->next[sender]++;
	if (sender == SENDER_SOURCE)
		digest_add(&r->digest, r->buffer, FRAME_HEAD + out->length);
	return kind != NULL;
}

static void begin_next(struct frame_reader *r)
{
	r->offset += r->have;
	r->have = 0;
	r->head_checked = false;
	r->whole = false;
}

int frame_read(struct frame_reader *r, const uint8_t **data, size_t *n, struct frame *out)
{
	if (r->error)
		return -EBADMSG;
	if (r->whole)
		begin_next(r);
	for (;;) {
		const size_t want = FRAME_HEAD + (r->head_checked ? get32(r->buffer + AT_LENGTH) : 0u);
		const size_t take = *n < want - r->have ? *n : want - r->have;
		int verdict;

		if (take)
			memcpy(r->buffer + r->have, *data, take);
		r->have += take;
		*data += take;
		*n -= take;
		if (r->have < want)
			return 0;
		if (!r->head_checked) {
			verdict = check_head(r);
			if (verdict)
				return verdict;
			continue;
		}
		verdict = check_whole(r, out);
		if (verdict < 0)
			return verdict;
		if (verdict) {
			r->whole = true;
			return 1;
		}
		r->skipped++;
		begin_next(r);
	}
}

int frame_finish(struct frame_reader *r)
{
	if (r->error)
		return -EBADMSG;
	if (!r->have || r->whole)
		return 0;
	return fail(r, FRAME_TRUNCATED, FRAME_HEAD + (r->head_checked ? get32(r->buffer + AT_LENGTH) : 0u),
		    r->have);
}

void frame_writer_init(struct frame_writer *w, uint8_t *buffer, size_t size, enum stream_sender sender)
{
	*w = (struct frame_writer){.buffer = buffer, .size = size, .sender = sender};
	digest_init(&w->digest, 0);
}

long frame_write_packed(struct frame_writer *w, enum stream_type type, size_t length)
{
	if (w->size < FRAME_HEAD || length > w->size - FRAME_HEAD || length > UINT32_MAX)
		return -EMSGSIZE;
	memcpy(w->buffer, FRAME_MAGIC, 4);
	put16(w->buffer + AT_TYPE, (uint32_t)type);
	put16(w->buffer + AT_FLAGS, FRAME_MANDATORY | FRAME_SENDER((uint32_t)w->sender));
	put32(w->buffer + AT_LENGTH, (uint32_t)length);
	put32(w->buffer + AT_SEQUENCE, w->sequence++);
	put32(w->buffer + AT_CRC, frame_crc(w->buffer, length));
	digest_add(&w->digest, w->buffer, FRAME_HEAD + length);
	return (long)(FRAME_HEAD + length);
}

long frame_write(struct frame_writer *w, enum stream_type type, const ProtobufCMessage *message)
{
	const size_t length = protobuf_c_message_get_packed_size(message);

	if (w->size < FRAME_HEAD || length > w->size - FRAME_HEAD)
		return -EMSGSIZE;
	protobuf_c_message_pack(message, w->buffer + FRAME_HEAD);
	return frame_write_packed(w, type, length);
}

uint64_t frame_writer_digest(const struct frame_writer *w)
{
	return digest_value(&w->digest);
}
