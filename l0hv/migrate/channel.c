/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/channel.h"

#include <errno.h>

#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"

#define FRAME_SIZE (CHANNEL_BATCH * 4096u + 8192u) /* a batch with its numbers; a vCPU's state is smaller */
#define ARENA_SIZE (2u << 20)
#define INPUT_SIZE 16384u

/* The library uses SSE registers, which are the guest's. */
static uint8_t fpu[512] __attribute__((aligned(16)));

static void fpu_save(void)
{
	__asm__ volatile("fxsave64 %0" : "=m"(fpu));
}

static void fpu_load(void)
{
	__asm__ volatile("fxrstor64 %0" : : "m"(fpu));
}

static uint8_t *allocate(size_t bytes)
{
	const uint64_t pa = pages_alloc_contiguous(bytes, PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

int channel_prepare(struct channel *c, const struct config_pair *fault)
{
	uint8_t *arena = allocate(ARENA_SIZE);

	c->out = allocate(FRAME_SIZE);
	c->in = allocate(FRAME_SIZE);
	c->input = allocate(INPUT_SIZE);
	c->held = fault->word == CONFIG_FAULT_SWAP ? allocate(FRAME_SIZE) : NULL;
	if (!arena || !c->out || !c->in || !c->input || (fault->word == CONFIG_FAULT_SWAP && !c->held))
		return -ENOMEM;
	c->fault = *fault;
	message_arena_init(&c->arena, arena, ARENA_SIZE);
	return 0;
}

void channel_open(struct channel *c, struct link *link, enum stream_sender self)
{
	c->link = link;
	c->out_at = c->out_end = c->input_at = c->input_end = 0;
	c->bytes = c->held_size = 0;
	c->twice = false;
	frame_writer_init(&c->writer, c->out, FRAME_SIZE, self);
	frame_reader_init(&c->reader, c->in, FRAME_SIZE,
			  self == SENDER_SOURCE ? 1u << SENDER_TARGET : 1u << SENDER_SOURCE);
}

uint64_t channel_digest(const struct channel *c)
{
	return frame_writer_digest(&c->writer);
}

/* ---- out ---- */

/* What migrate.fault asks for of the frame in c->out. */
static void spoil(struct channel *c)
{
	switch (c->fault.word) {
	case CONFIG_FAULT_DROP:
		c->out_end = 0;
		break;
	case CONFIG_FAULT_TRUNCATE:
		c->out_end /= 2;
		break;
	case CONFIG_FAULT_FLIP:
		c->out[c->out_end / 2] ^= 0x10;
		break;
	case CONFIG_FAULT_TWICE:
		c->twice = true;
		break;
	case CONFIG_FAULT_SWAP:
		memcpy(c->held, c->out, c->out_end);
		c->held_size = c->out_end;
		c->out_end = 0;
		break;
	default:
		break;
	}
}

/* Messages that others follow at once: they fill frames of the link. */
static bool flows(enum stream_type type)
{
	return type == STREAM_PAGE_BATCH || type == STREAM_ZERO_RUN || type == STREAM_DEVICE_STATE ||
	       type == STREAM_VCPU_STATE;
}

static uint64_t begin(struct channel *c, enum stream_type type, long n)
{
	if (n < 0)
		panic("a message of type %u does not fit", type);
	c->out_at = 0;
	c->out_end = (size_t)n;
	c->bytes += (uint64_t)n;
	c->urgent = !flows(type);
	if (c->fault.word && c->messages == c->fault.number)
		spoil(c);
	c->messages++;
	return (uint64_t)n;
}

static void check_free(const struct channel *c)
{
	if (c->out_at != c->out_end)
		panic("a message begins while another is on its way");
}

uint64_t channel_send(struct channel *c, enum stream_type type, const void *message)
{
	long n;

	check_free(c);
	fpu_save();
	n = frame_write(&c->writer, type, message);
	fpu_load();
	return begin(c, type, n);
}

uint64_t channel_send_packed(struct channel *c, enum stream_type type, const uint8_t *bytes, size_t n)
{
	check_free(c);
	if (n > FRAME_SIZE - FRAME_HEAD)
		panic("a message of %zu bytes", n);
	memcpy(c->out + FRAME_HEAD, bytes, n);
	return begin(c, type, frame_write_packed(&c->writer, type, n));
}

/* The next thing to push, once a frame is out: itself again, or one that was held back behind it. */
static bool more(struct channel *c)
{
	if (c->twice) {
		c->twice = false;
		c->out_at = 0;
		return true;
	}
	if (c->held_size && c->out_end) {
		memcpy(c->out, c->held, c->held_size);
		c->out_at = 0;
		c->out_end = c->held_size;
		c->held_size = 0;
		return true;
	}
	return false;
}

int channel_push(struct channel *c)
{
	do {
		c->out_at += link_write(c->link, c->out + c->out_at, c->out_end - c->out_at);
		if (link_dead(c->link))
			return -EPIPE;
		if (c->out_at < c->out_end)
			return 0;
	} while (more(c));
	c->out_at = c->out_end = 0;
	if (c->urgent)
		link_flush(c->link);
	c->urgent = false;
	return 1;
}

/* ---- in ---- */

static int next_frame(struct channel *c, struct frame *frame)
{
	const uint8_t *at;
	size_t n;
	int got;

	for (;;) {
		if (c->input_at == c->input_end) {
			c->input_at = 0;
			c->input_end = link_read(c->link, c->input, INPUT_SIZE);
		}
		if (!c->input_end)
			return 0;
		at = c->input + c->input_at;
		n = c->input_end - c->input_at;
		got = frame_read(&c->reader, &at, &n, frame);
		c->input_at = (size_t)(at - c->input);
		if (got)
			return got;
	}
}

static const char *unpack_error(int error)
{
	return error == -ENOMEM ? "a message that takes more memory than there is for one"
				: "a body that is not the message that its frame says";
}

int channel_receive(struct channel *c, struct frame *frame, ProtobufCMessage **message, const char **why)
{
	const bool deaf = c->fault.word == CONFIG_FAULT_DEAF && c->messages >= c->fault.number;
	int got = deaf ? 0 : next_frame(c, frame);

	if (got < 0)
		*why = frame_error_text(c->reader.error);
	if (got <= 0)
		return got;
	fpu_save();
	got = stream_unpack(frame->type, frame->body, frame->length, &c->arena, message);
	fpu_load();
	*why = unpack_error(got);
	return got ? -EBADMSG : 1;
}
