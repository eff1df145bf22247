/* SPDX-License-Identifier: MIT */
/*
 * A hostile guest: any access, in any order, at any time. Besides the sanitizers it checks that what the
 * platform caches is what it would compute, and that an acknowledge returns what was said to be pending.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l0hv/devices/platform_impl.h"
#include "nestbed/ports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VCPUS 3u
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

static void on_output(void *ctx, enum platform_channel channel, const uint8_t *bytes, size_t n)
{
	(void)ctx;
	CHECK(n == 1 && bytes && (channel == PLATFORM_CONSOLE || channel == PLATFORM_COM1));
}

static void on_event(void *ctx)
{
	(void)ctx;
}

static void on_vcpu(void *ctx, unsigned vcpu)
{
	(void)ctx;
	CHECK(vcpu < VCPUS);
}

static int on_init(void *ctx, unsigned vcpu)
{
	on_vcpu(ctx, vcpu);
	return vcpu & 1;
}

static void on_mark(void *ctx, unsigned vcpu, uint32_t value)
{
	(void)ctx;
	(void)value;
	CHECK(vcpu < VCPUS + 1); /* as the caller gave it */
}

static void on_start(void *ctx, unsigned vcpu, uint8_t vector)
{
	(void)ctx;
	(void)vector;
	CHECK(vcpu < VCPUS);
}

static int on_late_write(void *ctx, uint64_t gpa, const void *from, size_t n)
{
	(void)ctx;
	(void)from;
	CHECK(n == 8);
	return gpa & 1 ? -1 : 0;
}

static const struct platform_ops ops = {
	.output = on_output,
	.shutdown = on_event,
	.reset = on_event,
	.mark = on_mark,
	.init_vcpu = on_init,
	.start_vcpu = on_start,
	.nmi_vcpu = on_vcpu,
	.kick_vcpu = on_vcpu,
	.late_write = on_late_write,
	.late_write_waits = on_event,
	.late_write_asked = on_event,
};

/* One step of the guest, 14 bytes of input. */
struct step {
	uint8_t kind, vcpu, size, time_shift;
	uint16_t where;
	uint64_t value;
} __attribute__((packed));

static void check_caches(struct platform *p)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < VCPUS; i++) {
		int pending = platform_interrupt_pending(p, i);
		uint64_t deadline = platform_deadline(p, i);

		CHECK(pending >= -1 && pending <= 255);
		platform_refresh_vcpu(p, i, PLATFORM_NO_VCPU);
		CHECK(pending == platform_interrupt_pending(p, i));
		CHECK(deadline == platform_deadline(p, i));
		next = deadline < next ? deadline : next;
	}
	CHECK(p->next_event == next);
}

static void take_interrupt(struct platform *p, unsigned vcpu)
{
	int pending = vcpu < VCPUS ? platform_interrupt_pending(p, vcpu) : -1;

	CHECK(platform_interrupt_ack(p, vcpu) == pending);
}

static uint32_t some_msr(uint16_t where)
{
	static const uint32_t msrs[] = {MSR_IA32_APIC_BASE, MSR_IA32_TSC_DEADLINE};

	return where & 0x8000 ? msrs[where & 1] : MSR_X2APIC_FIRST + where % 0x101;
}

static void run_step(struct platform *p, const struct step *s, uint64_t now)
{
	unsigned vcpu = s->vcpu % (VCPUS + 1); /* one too many */
	static const uint64_t pages[4] = {LAPIC_DEFAULT_BASE, NB_MMIO_WRITER, NB_MMIO_DOORBELL,
					  NB_MMIO_DOORBELL};
	uint64_t gpa = pages[s->kind >> 6] - 8 + s->where % 0x1010u;
	uint64_t value;

	switch (s->kind % 10) {
	case 0:
		platform_pio_write(p, vcpu, s->where, s->size % 9, (uint32_t)s->value, now);
		break;
	case 1:
		platform_pio_read(p, vcpu, s->where, s->size % 9, now);
		break;
	case 2:
		platform_mmio_write(p, vcpu, LAPIC_DEFAULT_BASE + (s->where & 0xFF0), 4, s->value, now);
		break;
	case 3:
		platform_mmio_read(p, vcpu, gpa, s->size % 9, now);
		break;
	case 4:
		CHECK(platform_wrmsr(p, vcpu, some_msr(s->where), s->value, now) <= 0);
		break;
	case 5:
		CHECK(platform_rdmsr(p, vcpu, some_msr(s->where), &value, now) <= 0);
		break;
	case 6:
		take_interrupt(p, vcpu);
		break;
	case 7:
		platform_cr8_set(p, vcpu, s->value);
		CHECK(vcpu >= VCPUS || platform_cr8_get(p, vcpu) == (s->value & 15));
		break;
	case 8:
		platform_mmio_write(p, vcpu, gpa, s->size % 9, s->value, now);
		break;
	default:
		platform_set_tsc_offset(p, vcpu, s->value, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[NB_MMIO_SCRATCH_SIZE];
	static struct platform p;
	uint64_t now = size ? (uint64_t)data[0] << 40 : 0;
	struct step s;

	platform_init(&p, &ops, NULL, VCPUS, 0, now);
	platform_virtual_wire(&p);
	p.scratch = scratch;
	while (size >= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		data += sizeof(s);
		size -= sizeof(s);
		if (now + (1ull << s.time_shift % 50) > now)
			now += 1ull << s.time_shift % 50;
		platform_advance(&p, now);
		platform_run_late(&p, now);
		CHECK(p.dma.due > now);
		for (unsigned i = 0; i < VCPUS; i++)
			CHECK(platform_deadline(&p, i) > now);
		run_step(&p, &s, now);
		check_caches(&p);
		CHECK((p.dma.state == NB_WRITER_PENDING) == (p.dma.due != UINT64_MAX));
	}
	return 0;
}
