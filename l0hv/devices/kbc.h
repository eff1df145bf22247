/* SPDX-License-Identifier: MIT */
/*
 * 8042 keyboard controller, ports 0x60 and 0x64, as far as kernels that own no keyboard use it: self-test,
 * its command byte and output port, the A20 gate (always open), the reset line. No keyboard is plugged in:
 * what is sent to it is lost, and IRQ 1 never comes. Source: IBM's Technical Reference of the PC AT.
 */
#ifndef L0HV_DEVICES_KBC_H
#define L0HV_DEVICES_KBC_H

#include <stdint.h>

struct kbc {
	uint8_t command_byte;
	uint8_t answer; /* the output buffer */
	uint8_t full; /* there is something in it */
	uint8_t expects; /* command that the next byte at port 0x60 belongs to; 0: none */
	uint8_t last_was_command;
	uint8_t tested; /* the system flag: the self-test was passed */
};

void kbc_reset(struct kbc *kbc);
uint8_t kbc_read(struct kbc *kbc, uint16_t port);
/* Nonzero: the guest pulls the reset line. */
int kbc_write(struct kbc *kbc, uint16_t port, uint8_t value);

#endif
