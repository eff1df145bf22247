/* SPDX-License-Identifier: MIT */
#include "tests/unit/device_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "l0hv/devices/platform.h"
#include "nestbed/ports.h"

#define TICKS_PER_SECOND 1000000000u
#define RAM              0x1000000u

struct machine {
	struct platform platform;
	unsigned vcpu;
	int init_blocked;
	uint64_t now;
	uint8_t scratch[NB_MMIO_SCRATCH_SIZE];
	char log[256];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void note(struct machine *m, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(m->log + m->used, sizeof(m->log) - m->used, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(m->log) - m->used);
	m->used += (size_t)n;
}

static void on_output(void *ctx, enum platform_channel channel, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note(ctx, "%c%c", channel == PLATFORM_CONSOLE ? 'o' : 's', data[i]);
}

static void on_shutdown(void *ctx)
{
	note(ctx, "S");
}

static void on_reset(void *ctx)
{
	note(ctx, "R");
}

static void on_mark(void *ctx, unsigned vcpu, uint32_t value)
{
	note(ctx, "m%u:%x", vcpu, value);
}

static int on_init(void *ctx, unsigned vcpu)
{
	struct machine *m = ctx;

	note(m, "I%u", vcpu);
	return !m->init_blocked;
}

static void on_start(void *ctx, unsigned vcpu, uint8_t vector)
{
	note(ctx, "U%u:%x", vcpu, vector);
}

static void on_nmi(void *ctx, unsigned vcpu)
{
	note(ctx, "N%u", vcpu);
}

static void on_kick(void *ctx, unsigned vcpu)
{
	note(ctx, "k%u", vcpu);
}

static int on_late_write(void *ctx, uint64_t gpa, const void *from, size_t n)
{
	uint64_t value;

	assert_int_equal(n, sizeof(value));
	memcpy(&value, from, sizeof(value));
	note(ctx, "w%llx:%llx", (unsigned long long)gpa, (unsigned long long)value);
	return gpa < RAM ? 0 : -EFAULT;
}

static void on_late_write_asked(void *ctx)
{
	note(ctx, "W");
}

static const struct platform_ops ops = {
	.output = on_output,
	.shutdown = on_shutdown,
	.reset = on_reset,
	.mark = on_mark,
	.init_vcpu = on_init,
	.start_vcpu = on_start,
	.nmi_vcpu = on_nmi,
	.kick_vcpu = on_kick,
	.late_write = on_late_write,
	.late_write_asked = on_late_write_asked,
};

static void expect(const struct script *script, size_t index, uint64_t got, uint64_t wanted)
{
	if (got != wanted)
		fail_msg("%s: step %zu: got 0x%llx, want 0x%llx", script->name, index,
			 (unsigned long long)got, (unsigned long long)wanted);
}

static void check_events(struct machine *m, const struct script *script, size_t index, const char *wanted)
{
	if (strcmp(m->log, wanted) != 0)
		fail_msg("%s: step %zu: got events \"%s\", want \"%s\"", script->name, index, m->log, wanted);
	m->used = 0;
	m->log[0] = 0;
}

static void run_msr(struct machine *m, const struct script *script, size_t index, const struct step *s)
{
	uint64_t value = 0;
	int err;

	if (s->kind == STEP_WRMSR) {
		err = platform_wrmsr(&m->platform, m->vcpu, (uint32_t)s->where, s->value, m->now);
	} else {
		err = platform_rdmsr(&m->platform, m->vcpu, (uint32_t)s->where, &value, m->now);
		expect(script, index, value, s->value);
	}
	expect(script, index, (uint64_t)err, (uint64_t)s->error);
}

static void run_step(struct machine *m, const struct script *script, size_t index)
{
	const struct step *s = &script->step[index];
	struct platform *p = &m->platform;
	uint64_t got = s->value;

	switch (s->kind) {
	case STEP_OUT:
		platform_pio_write(p, m->vcpu, (uint16_t)s->where, s->size, (uint32_t)s->value, m->now);
		break;
	case STEP_IN:
		got = platform_pio_read(p, m->vcpu, (uint16_t)s->where, s->size, m->now);
		break;
	case STEP_MMIO_WRITE:
		platform_mmio_write(p, m->vcpu, s->where, s->size, s->value, m->now);
		break;
	case STEP_MMIO_READ:
		got = platform_mmio_read(p, m->vcpu, s->where, s->size, m->now);
		break;
	case STEP_WRMSR:
	case STEP_RDMSR:
		run_msr(m, script, index, s);
		break;
	case STEP_CPU:
		m->vcpu = (unsigned)s->where;
		break;
	case STEP_AT:
		m->now = s->value;
		platform_advance(p, m->now);
		platform_run_late(p, m->now);
		break;
	case STEP_DRAIN:
		platform_drain(p);
		break;
	case STEP_SCRATCH:
		p->scratch = m->scratch;
		break;
	case STEP_PENDING:
		got = (uint64_t)platform_interrupt_pending(p, m->vcpu);
		break;
	case STEP_ACK:
		got = (uint64_t)platform_interrupt_ack(p, m->vcpu);
		break;
	case STEP_DEADLINE:
		got = platform_deadline(p, m->vcpu);
		break;
	case STEP_LINE:
		pic_set_line(&p->pic, (unsigned)s->where, (int)s->value);
		platform_interrupt_ack(p, PLATFORM_NO_VCPU); /* nobody's: nothing */
		platform_advance_slow(p, m->now);
		break;
	case STEP_EVENTS:
		check_events(m, script, index, s->text);
		break;
	case STEP_SET_CR8:
		platform_cr8_set(p, m->vcpu, s->value);
		break;
	case STEP_CR8:
		got = platform_cr8_get(p, m->vcpu);
		break;
	case STEP_APIC_PAGE:
		got = platform_apic_page(p, m->vcpu);
		break;
	case STEP_VIRTUAL_WIRE:
		platform_virtual_wire(p);
		break;
	case STEP_MEMORY:
		platform_set_memory(p, s->value);
		break;
	case STEP_TSC_OFFSET:
		platform_set_tsc_offset(p, m->vcpu, s->value, m->now);
		break;
	case STEP_BLOCK_INIT:
		m->init_blocked = (int)s->value;
		break;
	case STEP_INIT:
		platform_init_vcpu(p, m->vcpu);
		break;
	case STEP_END:
	default:
		break;
	}
	expect(script, index, got, s->value);
}

void run_scripts(const struct script *script, size_t count, unsigned vcpus)
{
	static struct machine machine;

	for (size_t i = 0; i < count; i++) {
		machine = (struct machine){0};
		platform_init(&machine.platform, &ops, &machine, vcpus, TICKS_PER_SECOND, 0);
		for (size_t step = 0; step < SCRIPT_STEPS && script[i].step[step].kind != STEP_END; step++)
			run_step(&machine, &script[i], step);
	}
}
