// SPDX-License-Identifier: MIT
/* A setup that every table starts from. */
#include "exact.h"

void setup_init(struct setup *s, enum mode mode, const uint8_t *code, const uint8_t *end)
{
	struct entry *e = &s->entry;

	memset(s, 0, sizeof(*s));
	s->mode = mode;
	s->code = code;
	s->code_end = end;
	/* now and then across a page */
	s->code_offset = random_word() & 7 ? (unsigned int)(random_word() & 0x1f) * 16
					   : 4096u - 1 - (unsigned int)(random_word() % 3);
	s->seed = random_word() >> 16;
	for (unsigned int i = 0; i < GPRS; i++) {
		e->r[i] = random_edge();
		if (!IN_64(mode) && i < 8)
			e->r[i] = (uint32_t)e->r[i];
	}
	e->r[RSP] = STACK_TOP - run_segment_base(mode, SEG_SS);
	e->rflags = 2 | (random_word() & (FLAGS_STATUS | FLAG_DF | FLAG_RF | FLAG_AC));
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int half = 0; half < 2; half++)
			s->xmm[i][half] = random_word();
	run_segments(s);
}

void setup_pointer(struct setup *s, unsigned int reg, unsigned int segment, unsigned int address_bits,
		   uint64_t linear)
{
	const uint64_t mask = address_bits >= 64 ? ~0ull : (1ull << address_bits) - 1;
	const uint64_t rest = IN_64(s->mode) ? random_word() & ~mask : 0;

	if (IN_64(s->mode) && segment == SEG_FS)
		linear -= s->fs_base = 0x12345000;
	if (IN_64(s->mode) && segment == SEG_GS)
		linear -= s->gs_base = 0xfffffffffedcb000;
	s->entry.r[reg] = ((linear - run_segment_base(s->mode, segment)) & mask) | rest;
}
