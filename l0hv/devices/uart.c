/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/uart.h"

#define IER_RX    0x01u
#define IER_THRE  0x02u
#define IER_LINE  0x04u
#define IER_MODEM 0x08u
#define IER_ALL   0x0Fu

#define IIR_NONE  0x01u
#define IIR_MODEM 0x00u
#define IIR_THRE  0x02u
#define IIR_RX    0x04u
#define IIR_LINE  0x06u
#define IIR_FIFO  0xC0u

#define FCR_ENABLE   0x01u
#define FCR_CLEAR_RX 0x02u

#define LCR_DLAB 0x80u

#define MCR_DTR  0x01u
#define MCR_RTS  0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_ALL  0x1Fu

#define LSR_READY   0x01u
#define LSR_OVERRUN 0x02u
#define LSR_EMPTY   0x60u /* THRE and TEMT: a byte is sent at once */

#define MSR_CTS       0x10u
#define MSR_DSR       0x20u
#define MSR_RI        0x40u
#define MSR_DCD       0x80u
#define MSR_CONNECTED (MSR_CTS | MSR_DSR | MSR_DCD)

static uint8_t interrupt_identity(const struct uart *uart)
{
	if (uart->ier & IER_LINE && uart->lsr_errors)
		return IIR_LINE;
	if (uart->ier & IER_RX && uart->used)
		return IIR_RX;
	if (uart->ier & IER_THRE && uart->thre_pending)
		return IIR_THRE;
	if (uart->ier & IER_MODEM && uart->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

/* On a PC, OUT2 connects the interrupt output; in loopback mode all outputs are inactive. */
static void update(struct uart *uart)
{
	int open = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	uart->irq = open && interrupt_identity(uart) != IIR_NONE;
}

static uint8_t modem_lines(const struct uart *uart)
{
	uint8_t mcr = uart->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_CONNECTED;
	return (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
			 (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

void uart_reset(struct uart *uart)
{
	*uart = (struct uart){.dll = 1};
}

static void receive(struct uart *uart, uint8_t byte)
{
	unsigned room = uart->fcr & FCR_ENABLE ? UART_FIFO : 1;

	if (uart->used >= room) {
		uart->lsr_errors |= LSR_OVERRUN;
		return;
	}
	uart->fifo[(uart->head + uart->used) % UART_FIFO] = byte;
	uart->used++;
}

static uint8_t take(struct uart *uart)
{
	uint8_t byte;

	if (!uart->used)
		return 0;
	byte = uart->fifo[uart->head];
	uart->head = (uint8_t)((uart->head + 1) % UART_FIFO);
	uart->used--;
	return byte;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t identity = interrupt_identity(uart);

	if (identity == IIR_THRE)
		uart->thre_pending = 0;
	return identity | (uart->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

uint8_t uart_read(struct uart *uart, unsigned reg)
{
	int dlab = uart->lcr & LCR_DLAB;
	uint8_t value;

	switch (reg & 7) {
	case 0:
		value = dlab ? uart->dll : take(uart);
		break;
	case 1:
		value = dlab ? uart->dlm : uart->ier;
		break;
	case 2:
		value = read_iir(uart);
		break;
	case 3:
		value = uart->lcr;
		break;
	case 4:
		value = uart->mcr;
		break;
	case 5:
		value = (uint8_t)(LSR_EMPTY | uart->lsr_errors | (uart->used ? LSR_READY : 0));
		uart->lsr_errors = 0;
		break;
	case 6:
		value = modem_lines(uart) | uart->msr_delta;
		uart->msr_delta = 0;
		break;
	default:
		value = uart->scr;
	}
	update(uart);
	return value;
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = modem_lines(uart), changed;

	uart->mcr = value & MCR_ALL;
	changed = before ^ modem_lines(uart);
	/* RI is reported at its trailing edge only. */
	if (!(before & MSR_RI))
		changed &= (uint8_t)~MSR_RI;
	uart->msr_delta |= changed >> 4;
}

static int transmit(struct uart *uart, uint8_t value, uint8_t *sent)
{
	int wired = !(uart->mcr & MCR_LOOP);

	if (wired)
		*sent = value;
	else
		receive(uart, value);
	/* The holding register is full for no time: its interrupt falls and rises again. */
	uart->thre_pending = 1;
	uart->edge = 1;
	return wired;
}

int uart_write(struct uart *uart, unsigned reg, uint8_t value, uint8_t *sent)
{
	int dlab = uart->lcr & LCR_DLAB, leaves = 0;

	uart->edge = 0;
	switch (reg & 7) {
	case 0:
		if (dlab)
			uart->dll = value;
		else
			leaves = transmit(uart, value, sent);
		break;
	case 1:
		if (dlab) {
			uart->dlm = value;
			break;
		}
		if (value & ~uart->ier & IER_THRE)
			uart->thre_pending = 1;
		uart->ier = value & IER_ALL;
		break;
	case 2:
		if ((value ^ uart->fcr) & FCR_ENABLE || value & FCR_CLEAR_RX)
			uart->used = 0;
		uart->fcr = value & FCR_ENABLE;
		break;
	case 3:
		uart->lcr = value;
		break;
	case 4:
		write_mcr(uart, value);
		break;
	case 7:
		uart->scr = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
	update(uart);
	return leaves;
}
