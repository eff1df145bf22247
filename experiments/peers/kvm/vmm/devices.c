/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/devices.h"

#include <stdbool.h>
#include <stddef.h>

#include "nestbed/ports.h"

#define COM1 0x3F8u

/* Registers of a 16550, by their offset */
enum { UART_DATA, UART_IER, UART_IIR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR };

#define IIR_NONE  0x01u
#define LCR_DLAB  0x80u
#define MCR_LOOP  0x10u
#define LSR_EMPTY 0x60u /* holding and shift register: a byte is sent at once */
#define MSR_LINES 0xB0u /* DCD, DSR and CTS: someone listens */

#define PCI_ADDRESS 0xCF8u
#define KEYBOARD    0x64u
#define KBC_RESET   0xFEu /* pulse the line that resets the processor */
#define PORT92      0x92u
#define PORT92_INIT 0x01u
#define RESET       0xCF9u
#define RESET_CPU   0x04u

typedef uint8_t read_fn(struct devices *d, unsigned offset);
typedef void write_fn(struct devices *d, unsigned offset, uint8_t value);

/* Only sends: nothing ever comes in, and there are no interrupts. */
static uint8_t read_com1(struct devices *d, unsigned offset)
{
	switch (offset) {
	case UART_DATA:
		return d->com1[UART_LCR] & LCR_DLAB ? 1 : 0;
	case UART_IIR:
		return IIR_NONE;
	case UART_LSR:
		return LSR_EMPTY;
	case UART_MSR:
		return MSR_LINES;
	default:
		return d->com1[offset];
	}
}

static void write_com1(struct devices *d, unsigned offset, uint8_t value)
{
	const bool divisor = d->com1[UART_LCR] & LCR_DLAB, loop = d->com1[UART_MCR] & MCR_LOOP;

	if (offset == UART_DATA && !divisor && !loop)
		d->ops->output(d->ctx, DEVICE_COM1, value);
	else if (offset > UART_IER || !divisor)
		d->com1[offset] = value;
}

static uint8_t read_console(struct devices *d, unsigned offset)
{
	(void)d;
	(void)offset;
	return NB_PORT_CONSOLE;
}

static void write_console(struct devices *d, unsigned offset, uint8_t value)
{
	(void)offset;
	d->ops->output(d->ctx, DEVICE_CONSOLE, value);
}

static void write_shutdown(struct devices *d, unsigned offset, uint8_t value)
{
	static const char word[] = NB_SHUTDOWN_WORD;

	(void)offset;
	if (value != (uint8_t)word[d->shutdown_letters])
		d->shutdown_letters = 0;
	d->shutdown_letters += value == (uint8_t)word[d->shutdown_letters];
	if (word[d->shutdown_letters])
		return;
	d->shutdown_letters = 0;
	d->ops->shutdown(d->ctx);
}

/* There is no firmware to begin anew with: a reset is the VM's end, as under L0. */
static void write_keyboard(struct devices *d, unsigned offset, uint8_t value)
{
	(void)offset;
	if (value == KBC_RESET)
		d->ops->shutdown(d->ctx);
}

static void write_port92(struct devices *d, unsigned offset, uint8_t value)
{
	(void)offset;
	if (value & PORT92_INIT)
		d->ops->shutdown(d->ctx);
}

static void write_reset(struct devices *d, unsigned offset, uint8_t value)
{
	(void)offset;
	if (value & RESET_CPU)
		d->ops->shutdown(d->ctx);
}

/* Devices of single bytes: a wider access is one to each of its ports. */
static const struct range {
	uint16_t first, last;
	read_fn *read; /* NULL: all ones */
	write_fn *write;
} ranges[] = {
	{NB_PORT_CONSOLE,  NB_PORT_CONSOLE,  read_console, write_console },
	{COM1,             COM1 + 7,         read_com1,    write_com1    },
	{NB_PORT_SHUTDOWN, NB_PORT_SHUTDOWN, NULL,         write_shutdown},
	{KEYBOARD,         KEYBOARD,         NULL,         write_keyboard},
	{PORT92,           PORT92,           NULL,         write_port92  },
	{RESET,            RESET,            NULL,         write_reset   },
};

static const struct range *range_of(uint32_t port)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (port >= ranges[i].first && port <= ranges[i].last)
			return &ranges[i];
	return NULL;
}

static bool is_size(unsigned size)
{
	return size == 1 || size == 2 || size == 4;
}

uint32_t devices_in(struct devices *d, uint16_t port, unsigned size)
{
	uint32_t value = UINT32_MAX;

	if (port == NB_PORT_DOORBELL && size == 4)
		return d->doorbell_port;
	for (unsigned i = 0; is_size(size) && i < size; i++) {
		const struct range *r = range_of((uint32_t)port + i);
		uint32_t byte;

		if (!r || !r->read)
			continue;
		byte = r->read(d, port + i - r->first);
		value = (value & ~(0xFFu << 8 * i)) | byte << 8 * i;
	}
	return value;
}

/* The address port of PCI's configuration space is a dword: it is no way to the reset register within it. */
static bool write_dword(struct devices *d, uint16_t port, uint32_t value)
{
	if (port == NB_PORT_MARK)
		d->ops->mark(d->ctx, value);
	else if (port == NB_PORT_DOORBELL)
		d->doorbell_port = value;
	return port == NB_PORT_MARK || port == NB_PORT_DOORBELL || port == PCI_ADDRESS;
}

void devices_out(struct devices *d, uint16_t port, unsigned size, uint32_t value)
{
	if (size == 4 && write_dword(d, port, value))
		return;
	for (unsigned i = 0; is_size(size) && i < size; i++) {
		const struct range *r = range_of((uint32_t)port + i);

		if (r)
			r->write(d, port + i - r->first, (uint8_t)(value >> 8 * i));
	}
}

uint64_t devices_load(const struct devices *d, uint64_t gpa, unsigned size)
{
	return gpa == NB_MMIO_DOORBELL && size <= 4 ? d->doorbell_mmio : UINT64_MAX;
}

void devices_store(struct devices *d, uint64_t gpa, unsigned size, uint64_t value)
{
	if (gpa == NB_MMIO_DOORBELL && size && size <= 4)
		d->doorbell_mmio = (uint32_t)(value & (UINT64_MAX >> (64 - 8 * size)));
}
