/* SPDX-License-Identifier: MIT */
/* Port I/O: a table of port ranges. Byte devices see wider accesses as bytes at consecutive ports. */
#include "l0hv/devices/platform_impl.h"
#include "nestbed/ports.h"

#define PCI_ADDRESS 0xCF8
#define COM1        0x3F8
#define COM1_IRQ    4u

#define PORT92_RESET   0x01u
#define PORT92_A20     0x02u
#define RESET_CPU      0x04u /* port 0xCF9 */
#define RESET_WRITABLE 0x0Au

typedef uint8_t read_fn(struct platform *p, uint16_t port, uint64_t now);
typedef void write_fn(struct platform *p, uint16_t port, uint8_t value, uint64_t now);

static uint8_t read_pic(struct platform *p, uint16_t port, uint64_t now)
{
	platform_sync_pit(p, now);
	return pic_read(&p->pic, port);
}

static void write_pic(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	platform_sync_pit(p, now);
	pic_write(&p->pic, port, value);
}

static uint8_t read_pit(struct platform *p, uint16_t port, uint64_t now)
{
	platform_sync_pit(p, now);
	return pit_read(&p->pit, port, now);
}

static void write_pit(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	platform_sync_pit(p, now);
	pit_write(&p->pit, port, value, now);
}

static uint8_t read_rtc(struct platform *p, uint16_t port, uint64_t now)
{
	return rtc_read(&p->rtc, port, now);
}

static void write_rtc(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	(void)now;
	rtc_write(&p->rtc, port, value);
}

static uint8_t read_uart(struct platform *p, uint16_t port, uint64_t now)
{
	uint8_t value = uart_read(&p->uart, port - COM1);

	(void)now;
	pic_set_line(&p->pic, COM1_IRQ, p->uart.irq);
	return value;
}

static void write_uart(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	uint8_t sent;

	(void)now;
	if (uart_write(&p->uart, port - COM1, value, &sent))
		p->ops->output(p->ctx, PLATFORM_COM1, &sent, 1);
	if (p->uart.edge)
		pic_set_line(&p->pic, COM1_IRQ, 0);
	pic_set_line(&p->pic, COM1_IRQ, p->uart.irq);
}

static uint8_t read_keyboard(struct platform *p, uint16_t port, uint64_t now)
{
	(void)now;
	return kbc_read(&p->kbc, port);
}

static void write_keyboard(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	(void)now;
	if (kbc_write(&p->kbc, port, value))
		p->ops->reset(p->ctx);
}

static uint8_t read_port92(struct platform *p, uint16_t port, uint64_t now)
{
	(void)p;
	(void)port;
	(void)now;
	return PORT92_A20;
}

static void write_port92(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	(void)port;
	(void)now;
	if (value & PORT92_RESET)
		p->ops->reset(p->ctx);
}

static uint8_t read_reset(struct platform *p, uint16_t port, uint64_t now)
{
	(void)port;
	(void)now;
	return p->reset_control;
}

static void write_reset(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	(void)port;
	(void)now;
	p->reset_control = value & RESET_WRITABLE;
	if (value & RESET_CPU)
		p->ops->reset(p->ctx);
}

static uint8_t read_console(struct platform *p, uint16_t port, uint64_t now)
{
	(void)p;
	(void)port;
	(void)now;
	return NB_PORT_CONSOLE;
}

static void write_console(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	(void)port;
	(void)now;
	p->ops->output(p->ctx, PLATFORM_CONSOLE, &value, 1);
}

static void write_shutdown(struct platform *p, uint16_t port, uint8_t value, uint64_t now)
{
	static const char word[] = NB_SHUTDOWN_WORD;

	(void)port;
	(void)now;
	if (value == (uint8_t)word[p->shutdown_matched])
		p->shutdown_matched++;
	else
		p->shutdown_matched = value == (uint8_t)word[0];
	if (p->shutdown_matched < sizeof(word) - 1)
		return;
	p->shutdown_matched = 0;
	p->ops->shutdown(p->ctx);
}

static const struct port_range {
	uint16_t first, last;
	uint8_t interrupts; /* an access may change what is pending or due */
	read_fn *read; /* none: all ones */
	write_fn *write;
} ranges[] = {
	{0x20,             0x21,             1, read_pic,      write_pic     },
	{0xA0,             0xA1,             1, read_pic,      write_pic     },
	{0x4D0,            0x4D1,            1, read_pic,      write_pic     },
	{0x40,             0x43,             1, read_pit,      write_pit     },
	{0x61,             0x61,             1, read_pit,      write_pit     },
	{0x70,             0x71,             0, read_rtc,      write_rtc     },
	{0x60,             0x60,             0, read_keyboard, write_keyboard},
	{0x64,             0x64,             0, read_keyboard, write_keyboard},
	{0x92,             0x92,             0, read_port92,   write_port92  },
	{0xCF9,            0xCF9,            0, read_reset,    write_reset   },
	{COM1,             COM1 + 7,         1, read_uart,     write_uart    },
	{NB_PORT_CONSOLE,  NB_PORT_CONSOLE,  0, read_console,  write_console },
	{NB_PORT_SHUTDOWN, NB_PORT_SHUTDOWN, 0, 0,             write_shutdown},
};

static const struct port_range *range_of(uint32_t port)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (port >= ranges[i].first && port <= ranges[i].last)
			return &ranges[i];
	return 0;
}

static int valid_size(unsigned size)
{
	return size == 1 || size == 2 || size == 4;
}

uint32_t platform_pio_read(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint64_t now)
{
	uint32_t value = 0;
	int refresh = 0;

	if (!valid_size(size))
		return UINT32_MAX;
	if (port == NB_PORT_DOORBELL && size == 4)
		return p->doorbell_port;
	if (port == PCI_ADDRESS && size == 4)
		return UINT32_MAX;
	for (unsigned i = 0; i < size; i++) {
		const struct port_range *range = range_of((uint32_t)port + i);
		uint8_t byte = 0xFF;

		if (range && range->read)
			byte = range->read(p, (uint16_t)(port + i), now);
		refresh |= range && range->interrupts;
		value |= (uint32_t)byte << 8 * i;
	}
	if (refresh)
		platform_refresh(p, vcpu);
	return value;
}

void platform_pio_write(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint32_t value,
			uint64_t now)
{
	int refresh = 0;

	if (!valid_size(size))
		return;
	if (port == NB_PORT_MARK && size == 4) {
		p->ops->mark(p->ctx, vcpu, value);
		return;
	}
	if (port == NB_PORT_DOORBELL && size == 4) {
		p->doorbell_port = value;
		return;
	}
	/* The configuration address port of PCI is a dword; its bytes aren't the reset register. */
	if (port == PCI_ADDRESS && size == 4)
		return;
	for (unsigned i = 0; i < size; i++) {
		const struct port_range *range = range_of((uint32_t)port + i);

		if (!range || !range->write)
			continue;
		range->write(p, (uint16_t)(port + i), (uint8_t)(value >> 8 * i), now);
		refresh |= range->interrupts;
	}
	if (refresh)
		platform_refresh(p, vcpu);
}
