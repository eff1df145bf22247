/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/kbc.h"

#define DATA   0x60u
#define STATUS 0x64u

#define STATUS_OUTPUT_FULL 0x01u
#define STATUS_SYSTEM      0x04u
#define STATUS_COMMAND     0x08u
#define STATUS_UNLOCKED    0x10u

#define COMMAND_SYSTEM 0x04u /* the command byte's own system flag */
#define OUTPUT_RUNNING 0x01u /* output port: 0 is reset */
#define OUTPUT_A20     0x02u

#define READ_COMMAND_BYTE  0x20u
#define WRITE_COMMAND_BYTE 0x60u
#define SELF_TEST          0xAAu
#define INTERFACE_TEST     0xABu
#define READ_OUTPUT_PORT   0xD0u
#define WRITE_OUTPUT_PORT  0xD1u
#define PULSE_FIRST        0xF0u /* to 0xFF: a 0 bit pulses that line of the output port */

#define SELF_TEST_PASSED 0x55u

void kbc_reset(struct kbc *kbc)
{
	*kbc = (struct kbc){0};
}

static void give(struct kbc *kbc, uint8_t answer)
{
	kbc->answer = answer;
	kbc->full = 1;
}

uint8_t kbc_read(struct kbc *kbc, uint16_t port)
{
	if (port == DATA) {
		kbc->full = 0;
		return kbc->answer;
	}
	return (uint8_t)(STATUS_UNLOCKED | (kbc->full ? STATUS_OUTPUT_FULL : 0) |
			 (kbc->tested ? STATUS_SYSTEM : 0) | (kbc->last_was_command ? STATUS_COMMAND : 0));
}

static int command(struct kbc *kbc, uint8_t value)
{
	kbc->expects = 0;
	switch (value) {
	case READ_COMMAND_BYTE:
		give(kbc, kbc->command_byte);
		break;
	case WRITE_COMMAND_BYTE:
	case WRITE_OUTPUT_PORT:
		kbc->expects = value;
		break;
	case SELF_TEST:
		kbc->tested = 1;
		give(kbc, SELF_TEST_PASSED);
		break;
	case INTERFACE_TEST:
		give(kbc, 0);
		break;
	case READ_OUTPUT_PORT:
		give(kbc, OUTPUT_RUNNING | OUTPUT_A20);
		break;
	default:
		return value >= PULSE_FIRST && !(value & OUTPUT_RUNNING);
	}
	return 0;
}

static int data(struct kbc *kbc, uint8_t value)
{
	uint8_t expects = kbc->expects;

	kbc->expects = 0;
	if (expects == WRITE_COMMAND_BYTE) {
		kbc->command_byte = value;
		kbc->tested = (value & COMMAND_SYSTEM) != 0;
	}
	return expects == WRITE_OUTPUT_PORT && !(value & OUTPUT_RUNNING);
}

int kbc_write(struct kbc *kbc, uint16_t port, uint8_t value)
{
	kbc->last_was_command = port == STATUS;
	return port == STATUS ? command(kbc, value) : data(kbc, value);
}
