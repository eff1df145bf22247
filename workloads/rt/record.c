/* SPDX-License-Identifier: MIT */
/* Record messages: packed by libprotobuf-c, framed, written to the console in one piece. */
#include <nestbed/frame.h>

#include "rt.h"
#include "rt_record.h"

#define PAYLOAD_MAX 32768u

static uint8_t frame[NB_FRAME_HEAD + PAYLOAD_MAX + NB_FRAME_TAIL];

/* What libprotobuf-c refers to; packing allocates nothing. */
void *malloc(size_t size);
void free(void *p);
void __assert_fail(const char *what, const char *file, unsigned int line, const char *function)
	__attribute__((noreturn));
void __stack_chk_fail(void) __attribute__((noreturn));

void *malloc(size_t size)
{
	rt_panic("malloc of %zu bytes: a guest packs records only", size);
}

void free(void *p)
{
	if (p)
		rt_panic("free: a guest packs records only");
}

void __assert_fail(const char *what, const char *file, unsigned int line, const char *function)
{
	rt_panic("%s:%u: %s: %s", file, line, function, what);
}

void __stack_chk_fail(void)
{
	rt_panic("stack canary changed");
}

static void put32(uint8_t *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
}

void rt_record(const Nestbed__Record *record)
{
	size_t n;

	if (!rt_has_sse())
		return;
	n = nestbed__record__get_packed_size(record);
	if (n > PAYLOAD_MAX)
		rt_panic("record of %zu bytes, at most %u", n, PAYLOAD_MAX);
	for (unsigned int i = 0; i < 4; i++)
		frame[i] = (uint8_t)NB_FRAME_MAGIC[i];
	put32(frame + 4, (uint32_t)n);
	nestbed__record__pack(record, frame + NB_FRAME_HEAD);
	put32(frame + NB_FRAME_HEAD + n, nb_crc32c(frame + NB_FRAME_HEAD, n));
	rt_write(frame, NB_FRAME_HEAD + n + NB_FRAME_TAIL);
}

void rt_value(const char *name, uint64_t value, const char *unit)
{
	Nestbed__Value v = NESTBED__VALUE__INIT;
	Nestbed__Record r = NESTBED__RECORD__INIT;

	v.name = (char *)(uintptr_t)name;
	v.value = value;
	v.unit = (char *)(uintptr_t)unit;
	r.body_case = NESTBED__RECORD__BODY_VALUE;
	r.value = &v;
	rt_record(&r);
}
