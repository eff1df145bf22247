/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART, 8 ports. Source: National's PC16550D data sheet. A byte written is sent at once; the
 * receiver is empty except in loopback mode. Divisor and line format are kept but change nothing.
 */
#ifndef L0HV_DEVICES_UART_H
#define L0HV_DEVICES_UART_H

#include <stdint.h>

#define UART_FIFO 16u

struct uart {
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t lsr_errors; /* overrun; cleared by reading LSR */
	uint8_t msr_delta; /* cleared by reading MSR */
	uint8_t thre_pending; /* THRE interrupt not yet seen through IIR */
	uint8_t fifo[UART_FIFO]; /* received, loopback only */
	uint8_t head, used;
	uint8_t irq; /* level of the interrupt output, OUT2 included */
	uint8_t edge; /* the output went low and high again during the last access */
};

void uart_reset(struct uart *uart);
uint8_t uart_read(struct uart *uart, unsigned reg); /* reg 0 to 7 */
/* Returns 1 and the byte in *sent when one leaves the transmitter, else 0. */
int uart_write(struct uart *uart, unsigned reg, uint8_t value, uint8_t *sent);

#endif
