/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/lib/lib.h"
#include "l0hv/record/record.h"
#include "nestbed/frame.h"
#include "nestbed/ports.h"

#define COM1       0x3F8
#define COM1_LSR   (COM1 + 5)
#define LSR_THRE   0x20
#define RECORD_MAX 65536u

/* Where bytes go: port 0xE9 if it answers as one, else COM1. */
static void send(const uint8_t *data, size_t n)
{
	static int com1 = -1;

	if (com1 < 0)
		com1 = inb(NB_PORT_CONSOLE) != NB_PORT_CONSOLE;
	if (!com1) {
		__asm__ volatile("rep outsb" : "+S"(data), "+c"(n) : "d"(NB_PORT_CONSOLE) : "memory");
		return;
	}
	for (; n; n--) {
		while (!(inb(COM1_LSR) & LSR_THRE))
			;
		outb(COM1, *data++);
	}
}

/* A sink for the library: what doesn't fit is counted, not kept. */
struct sink {
	ProtobufCBuffer base;
	size_t length;
	uint8_t bytes[NB_FRAME_HEAD + RECORD_MAX + NB_FRAME_TAIL];
};

static void append(ProtobufCBuffer *buffer, size_t n, const uint8_t *data)
{
	struct sink *s = (struct sink *)buffer;

	if (s->length <= RECORD_MAX && n <= RECORD_MAX - s->length)
		memcpy(s->bytes + NB_FRAME_HEAD + s->length, data, n);
	s->length += n;
}

static void put32(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

void record_emit(Nestbed__Record__BodyCase which, void *body)
{
	static struct sink sink;
	static uint8_t fpu[512] __attribute__((aligned(16)));
	Nestbed__Record record = NESTBED__RECORD__INIT;

	record.body_case = which;
	record.hello = body; /* one union: any member's pointer */
	sink.base.append = append;
	sink.length = 0;
	__asm__ volatile("fxsave64 %0" : "=m"(fpu));
	protobuf_c_message_pack_to_buffer(&record.base, &sink.base);
	__asm__ volatile("fxrstor64 %0" : : "m"(fpu));
	if (sink.length > RECORD_MAX)
		panic("a record of %zu bytes", sink.length);
	memcpy(sink.bytes, NB_FRAME_MAGIC, 4);
	put32(sink.bytes + 4, (uint32_t)sink.length);
	put32(sink.bytes + NB_FRAME_HEAD + sink.length, nb_crc32c(sink.bytes + NB_FRAME_HEAD, sink.length));
	send(sink.bytes, NB_FRAME_HEAD + sink.length + NB_FRAME_TAIL);
}

void l0_log(const char *format, ...)
{
	Nestbed__Log log = NESTBED__LOG__INIT;
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log.text = text;
	record_emit(NESTBED__RECORD__BODY_LOG, &log);
}

void refuse(const char *reason, const char *const *missing, size_t count)
{
	Nestbed__Refusal refusal = NESTBED__REFUSAL__INIT;
	static char *list[REFUSAL_MISSING_MAX];

	if (count > REFUSAL_MISSING_MAX)
		count = REFUSAL_MISSING_MAX;
	for (size_t i = 0; i < count; i++)
		list[i] = (char *)(uintptr_t)missing[i];
	refusal.reason = (char *)(uintptr_t)reason;
	refusal.missing = list;
	refusal.n_missing = count;
	record_emit(NESTBED__RECORD__BODY_REFUSAL, &refusal);
	machine_end();
}

void machine_end(void)
{
	for (const char *s = NB_SHUTDOWN_WORD; *s; s++)
		outb(NB_PORT_SHUTDOWN, (uint8_t)*s);
	__asm__ volatile("outl %0, %1" : : "a"(0u), "Nd"((uint16_t)0xF4)); /* QEMU: -device isa-debug-exit */
	halt_forever();
}
