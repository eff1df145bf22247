/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/peers/kvm/vmm/devices.h"
#include "nestbed/ports.h"

struct heard {
	char text[2][64];
	size_t length[2];
	uint32_t mark;
	unsigned marks, shutdowns;
};

static void on_output(void *ctx, enum device_channel channel, uint8_t byte)
{
	struct heard *h = ctx;

	assert_true(h->length[channel] + 1 < sizeof(h->text[0]));
	h->text[channel][h->length[channel]++] = (char)byte;
}

static void on_mark(void *ctx, uint32_t value)
{
	struct heard *h = ctx;

	h->mark = value;
	h->marks++;
}

static void on_shutdown(void *ctx)
{
	((struct heard *)ctx)->shutdowns++;
}

static const struct device_ops ops = {on_output, on_mark, on_shutdown};

static void start(struct devices *d, struct heard *h)
{
	*h = (struct heard){.mark = 0};
	*d = (struct devices){.ops = &ops, .ctx = h};
}

/* ---- reading ---- */

static const struct {
	const char *name;
	uint16_t port;
	unsigned size;
	uint32_t value;
} reads[] = {
	{"console",               NB_PORT_CONSOLE,     1, 0xE9      },
	{"console, beside it",    NB_PORT_CONSOLE - 1, 2, 0xE9FF    },
	{"COM1 is empty",         0x3FD,               1, 0x60      },
	{"COM1, no interrupt",    0x3FA,               1, 0x01      },
	{"COM1, nothing came",    0x3F8,               1, 0x00      },
	{"CMOS",		  0x71,                1, 0xFF      },
	{"PCI configuration",     0xCFC,               4, UINT32_MAX},
	{"keyboard controller",   0x64,                1, 0xFF      },
	{"shutdown port",         NB_PORT_SHUTDOWN,    1, 0xFF      },
	{"mark port",             NB_PORT_MARK,        4, UINT32_MAX},
	{"doorbell at the start", NB_PORT_DOORBELL,    4, 0         },
	{"doorbell, half of it",  NB_PORT_DOORBELL,    2, 0xFFFF    },
	{"the last port",         0xFFFF,              1, 0xFF      },
	{"across the last port",  0xFFFF,              4, UINT32_MAX},
	{"a size that is none",   NB_PORT_CONSOLE,     3, UINT32_MAX},
};

static void reads_give(void **state)
{
	struct devices d;
	struct heard h;

	(void)state;
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		const uint32_t mask = reads[i].size < 4 ? (1u << 8 * reads[i].size) - 1 : UINT32_MAX;

		start(&d, &h);
		if ((devices_in(&d, reads[i].port, reads[i].size) & mask) != (reads[i].value & mask))
			fail_msg("%s: %x", reads[i].name, devices_in(&d, reads[i].port, reads[i].size));
	}
}

/* ---- writing ---- */

/* What is heard after one write. */
static const struct {
	const char *name;
	uint16_t port;
	unsigned size;
	uint32_t value;
	const char *console, *com1;
	unsigned marks, shutdowns;
} writes[] = {
	{"console",			NB_PORT_CONSOLE,     1, 'a',        "a", "",  0, 0},
	{"console, by a wider write",      NB_PORT_CONSOLE - 1, 2, 'a' << 8,   "a", "",  0, 0},
	{"COM1",			   0x3F8,               1, 'b',        "",  "b", 0, 0},
	{"mark",			   NB_PORT_MARK,        4, 0x10001,    "",  "",  1, 0},
	{"mark, half of it",               NB_PORT_MARK,        2, 0x0001,     "",  "",  0, 0},
	{"keyboard controller's reset",    0x64,                1, 0xFE,       "",  "",  0, 1},
	{"keyboard controller, otherwise", 0x64,                1, 0xFF,       "",  "",  0, 0},
	{"port 92H, reset",                0x92,                1, 0x01,       "",  "",  0, 1},
	{"port 92H, A20",                  0x92,                1, 0x02,       "",  "",  0, 0},
	{"reset register",                 0xCF9,               1, 0x06,       "",  "",  0, 1},
	{"PCI address",                    0xCF8,               4, 0x80000600, "",  "",  0, 0},
	{"shutdown port, one letter",      NB_PORT_SHUTDOWN,    1, 'S',        "",  "",  0, 0},
	{"absent",			 0x300,               4, 5,          "",  "",  0, 0},
	{"across the last port",           0xFFFF,              4, 5,          "",  "",  0, 0},
	{"a size that is none",            NB_PORT_CONSOLE,     8, 'a',        "",  "",  0, 0},
};

static void writes_do(void **state)
{
	struct devices d;
	struct heard h;

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		start(&d, &h);
		devices_out(&d, writes[i].port, writes[i].size, writes[i].value);
		if (strcmp(h.text[DEVICE_CONSOLE], writes[i].console) != 0 ||
		    strcmp(h.text[DEVICE_COM1], writes[i].com1) != 0 || h.marks != writes[i].marks ||
		    h.shutdowns != writes[i].shutdowns)
			fail_msg("%s: console '%s', COM1 '%s', %u marks, %u shutdowns", writes[i].name,
				 h.text[0], h.text[1], h.marks, h.shutdowns);
	}
}

static unsigned spell(const char *letters)
{
	struct devices d;
	struct heard h;

	start(&d, &h);
	for (; *letters; letters++)
		devices_out(&d, NB_PORT_SHUTDOWN, 1, (uint8_t)*letters);
	return h.shutdowns;
}

static void shutdown_is_a_word(void **state)
{
	(void)state;
	assert_int_equal(spell("Shutdown"), 1);
	assert_int_equal(spell("Shutdow"), 0);
	assert_int_equal(spell("shutdown"), 0);
	assert_int_equal(spell("ShutShutdown"), 1);
	assert_int_equal(spell("SShutdown"), 1);
	assert_int_equal(spell("Shutdown Shutdown"), 2);
	assert_int_equal(spell("Shut down"), 0);
}

/* The divisor and what is looped back do not leave. */
static void com1_sends_only_data(void **state)
{
	struct devices d;
	struct heard h;

	(void)state;
	start(&d, &h);
	devices_out(&d, 0x3FB, 1, 0x83);
	devices_out(&d, 0x3F8, 1, 1);
	devices_out(&d, 0x3F9, 1, 0);
	devices_out(&d, 0x3FB, 1, 0x03);
	assert_int_equal(devices_in(&d, 0x3FB, 1) & 0xFF, 3);
	devices_out(&d, 0x3F8, 1, 'x');
	devices_out(&d, 0x3FC, 1, 0x10);
	devices_out(&d, 0x3F8, 1, 'y');
	assert_string_equal(h.text[DEVICE_COM1], "x");
}

static void doorbells_keep(void **state)
{
	struct devices d;
	struct heard h;

	(void)state;
	start(&d, &h);
	devices_out(&d, NB_PORT_DOORBELL, 4, 0x12345678);
	devices_store(&d, NB_MMIO_DOORBELL, 4, 0xCAFEBABE);
	assert_int_equal(devices_in(&d, NB_PORT_DOORBELL, 4), 0x12345678);
	assert_int_equal((uint32_t)devices_load(&d, NB_MMIO_DOORBELL, 4), 0xCAFEBABE);
	devices_store(&d, NB_MMIO_DOORBELL, 8, 1);
	devices_store(&d, NB_MMIO_DOORBELL + 4, 4, 1);
	devices_store(&d, NB_MMIO_SCRATCH, 4, 1);
	assert_int_equal((uint32_t)devices_load(&d, NB_MMIO_DOORBELL, 4), 0xCAFEBABE);
	devices_store(&d, NB_MMIO_DOORBELL, 1, 0xFFFFFF01);
	assert_int_equal((uint32_t)devices_load(&d, NB_MMIO_DOORBELL, 4), 1);
	assert_true(devices_load(&d, NB_MMIO_DOORBELL + 4, 4) == UINT64_MAX);
	assert_true(devices_load(&d, NB_MMIO_DOORBELL, 8) == UINT64_MAX);
	assert_true(devices_load(&d, NB_MMIO_SCRATCH, 8) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_give),         cmocka_unit_test(writes_do),
		cmocka_unit_test(shutdown_is_a_word), cmocka_unit_test(com1_sends_only_data),
		cmocka_unit_test(doorbells_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
