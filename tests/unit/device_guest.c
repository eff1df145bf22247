/* SPDX-License-Identifier: MIT */
#include "tests/unit/device_guest.h"

#include <errno.h>
#include <string.h>

#include "nestbed/ports.h"

#define RAM (64u << 20)

static void on_output(void *ctx, enum platform_channel channel, const uint8_t *bytes, size_t n)
{
	(void)ctx;
	(void)channel;
	(void)bytes;
	(void)n;
}

static void on_event(void *ctx)
{
	(void)ctx;
}

static void on_mark(void *ctx, unsigned vcpu, uint32_t value)
{
	(void)ctx;
	(void)vcpu;
	(void)value;
}

static int on_init(void *ctx, unsigned vcpu)
{
	(void)ctx;
	return vcpu & 1;
}

static void on_start(void *ctx, unsigned vcpu, uint8_t vector)
{
	(void)ctx;
	(void)vcpu;
	(void)vector;
}

static void on_vcpu(void *ctx, unsigned vcpu)
{
	(void)ctx;
	(void)vcpu;
}

static int on_late_write(void *ctx, uint64_t gpa, const void *from, size_t n)
{
	(void)ctx;
	(void)from;
	(void)n;
	return gpa < RAM ? 0 : -EFAULT;
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

static uint8_t scratch[NB_MMIO_SCRATCH_SIZE]; /* never looked at */

void device_guest_init(struct platform *p, uint64_t now)
{
	platform_init(p, &ops, NULL, GUEST_VCPUS, 0, now);
	platform_virtual_wire(p);
	platform_set_memory(p, RAM);
	p->scratch = scratch;
}

static const uint16_t ports[] = {0x20,  0x21,  0xA0,  0xA1,  0x4D0, 0x4D1, 0x40, 0x41,
				 0x42,  0x43,  0x61,  0x70,  0x71,  0x60,  0x64, 0x92,
				 0xCF9, 0x3F8, 0x3F9, 0x3FA, 0x3FB, 0x3FC, 0xE9, 0x8900};
#define PORTS (sizeof(ports) / sizeof(ports[0]))

/* Random ports would rarely be a device's. */
static uint16_t some_port(uint16_t where)
{
	return where % (PORTS + 1) < PORTS ? ports[where % (PORTS + 1)] : where;
}

static uint32_t some_msr(uint16_t where)
{
	static const uint32_t msrs[] = {MSR_IA32_APIC_BASE, MSR_IA32_TSC_DEADLINE};

	return where & 0x8000 ? msrs[where & 1] : MSR_X2APIC_FIRST + where % 0x40;
}

/* Random values would never keep to reserved bits. */
static uint64_t some_base(uint64_t value)
{
	return LAPIC_DEFAULT_BASE | (value & (APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_ENABLE)) |
	       (value & 0x4000000000);
}

/* Random delays would mostly be long, and would never be begun. */
static uint64_t use_writer(struct platform *p, unsigned vcpu, uint16_t where, uint64_t value, uint64_t now)
{
	const uint64_t reg = NB_MMIO_WRITER + (where & 0x18);

	value = (where & 0x18) == NB_WRITER_CONTROL ? value & 3 : value >> (where >> 10);
	platform_mmio_write(p, vcpu, reg, 8, value, now);
	return platform_mmio_read(p, vcpu, reg, 8, now);
}

static uint64_t access(struct platform *p, unsigned kind, unsigned vcpu, uint16_t where, uint64_t value,
		       uint64_t now)
{
	const uint32_t msr = some_msr(where);
	uint64_t seen = 0;

	switch (kind % 10) {
	case 0:
	case 1:
		platform_pio_write(p, vcpu, some_port(where), 1, value & 0xFF, now);
		return 0;
	case 2:
		return platform_pio_read(p, vcpu, some_port(where), 1, now);
	case 3:
		platform_pio_write(p, vcpu, NB_PORT_DOORBELL, 4, (uint32_t)value, now);
		platform_mmio_write(p, vcpu, NB_MMIO_DOORBELL, 4, value >> 32, now);
		return use_writer(p, vcpu, where, value, now);
	case 4:
	case 5:
		platform_mmio_write(p, vcpu, LAPIC_DEFAULT_BASE + (where & 0x3F0), 4, value, now);
		return 0;
	case 6:
		return platform_mmio_read(p, vcpu, LAPIC_DEFAULT_BASE + (where & 0x3F0), 4, now);
	case 7:
		if (msr == MSR_IA32_APIC_BASE)
			value = some_base(value);
		return (uint64_t)platform_wrmsr(p, vcpu, msr, where & 2 ? value & 0x700FF : value, now);
	case 8:
		return platform_rdmsr(p, vcpu, msr, &seen, now) ? 1 : seen;
	default:
		if (value & 1)
			return (uint64_t)platform_interrupt_ack(p, vcpu);
		platform_cr8_set(p, vcpu, value >> 1 & 0xF);
		return platform_cr8_get(p, vcpu);
	}
}

uint64_t device_guest_step(struct platform *p, const uint8_t *bytes, uint64_t now, uint64_t *passed)
{
	uint16_t where;
	uint64_t value;

	memcpy(&where, bytes + 3, sizeof(where));
	memcpy(&value, bytes + 5, sizeof(value));
	*passed = 1ull << bytes[0] % 36;
	now += *passed;
	platform_advance(p, now);
	platform_run_late(p, now);
	return access(p, bytes[1], bytes[2] % GUEST_VCPUS, where, value, now);
}

void device_guest_look(struct platform *p, uint64_t now)
{
	platform_advance(p, now);
	platform_run_late(p, now);
	for (unsigned at = 0; at < 0x20; at += 8)
		(void)platform_mmio_read(p, 0, NB_MMIO_WRITER + at, 8, now);
	for (unsigned i = 0; i < PORTS; i++)
		(void)platform_pio_read(p, 0, ports[i], 1, now);
	for (unsigned vcpu = 0; vcpu < GUEST_VCPUS; vcpu++) {
		for (unsigned at = 0; at < LAPIC_PAGE_SIZE; at += 16)
			(void)platform_mmio_read(p, vcpu, LAPIC_DEFAULT_BASE + at, 4, now);
		for (unsigned i = 0; i < 64; i++) {
			uint64_t value;

			if (platform_rdmsr(p, vcpu, MSR_X2APIC_FIRST + i, &value, now))
				continue; /* no such register, or not in this mode */
		}
		(void)platform_interrupt_ack(p, vcpu);
	}
}

void device_guest_pack(const struct platform *p, uint64_t now, struct device_guest_parts *parts)
{
	unsigned n = 0;

	memset(parts, 0, sizeof(*parts));
	for (unsigned i = 0; i < device_part_count; i++)
		for (unsigned vcpu = 0; vcpu < device_part_instances(&device_parts[i], p); vcpu++)
			device_part_pack(&device_parts[i], p, vcpu, now, parts->data[n++]);
}

const char *device_guest_unpack(struct platform *p, uint64_t now, const struct device_guest_parts *parts)
{
	const char *bad = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < device_part_count && !bad; i++)
		for (unsigned vcpu = 0; vcpu < device_part_instances(&device_parts[i], p) && !bad; vcpu++)
			bad = device_part_unpack(&device_parts[i], p, vcpu, now, parts->data[n++]);
	return bad ? bad : device_parts_check(p, true, now);
}
