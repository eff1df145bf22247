/* SPDX-License-Identifier: MIT */
#include "l0hv/vm/bound.h"

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/io.h"
#include "l0hv/lib/lib.h"

#define PORTS 0x10000u

static bool passes(const struct platform *p, uint32_t port)
{
	const struct vm_config *config = ((const struct vm *)p->ctx)->config;

	return port - config->port_first < config->port_count;
}

static uint32_t in(uint16_t port, unsigned size)
{
	uint32_t v = 0;

	if (size == 1)
		__asm__ volatile("inb %1, %b0" : "+a"(v) : "Nd"(port));
	else if (size == 2)
		__asm__ volatile("inw %1, %w0" : "+a"(v) : "Nd"(port));
	else
		__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	if (size == 1)
		__asm__ volatile("outb %b0, %1" : : "a"(v), "Nd"(port));
	else if (size == 2)
		__asm__ volatile("outw %w0, %1" : : "a"(v), "Nd"(port));
	else
		__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

/* Of an access across the edge each byte goes its own way. */
static uint32_t bound_read(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint64_t now)
{
	uint32_t value = 0;

	if (passes(p, port) && passes(p, port + size - 1))
		return in(port, size);
	if (size == 1 || !(passes(p, port) || passes(p, port + size - 1)))
		return platform_pio_read(p, vcpu, port, size, now);
	for (unsigned i = 0; i < size && port + i < PORTS; i++)
		value |= bound_read(p, vcpu, (uint16_t)(port + i), 1, now) << 8 * i;
	return value;
}

static void bound_write(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint32_t value,
			uint64_t now)
{
	if (passes(p, port) && passes(p, port + size - 1))
		out(port, size, value);
	else if (size == 1 || !(passes(p, port) || passes(p, port + size - 1)))
		platform_pio_write(p, vcpu, port, size, value, now);
	else
		for (unsigned i = 0; i < size && port + i < PORTS; i++)
			bound_write(p, vcpu, (uint16_t)(port + i), 1, value >> 8 * i & 0xFF, now);
}

void vm_bind(void)
{
	io_read = bound_read; /* for all VMs: those that are not bound have no port that passes */
	io_write = bound_write;
}

const char *vm_bound(const struct vm *vm, unsigned i)
{
	const struct vm_config *config = vm->config;
	static char text[48];

	if (i || !config->port_count)
		return NULL;
	snprintf(text, sizeof(text), VM_BOUND_PORTS, config->port_first,
		 config->port_first + config->port_count - 1);
	return text;
}
