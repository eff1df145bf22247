/* SPDX-License-Identifier: MIT */
/* PIT, RTC, UART, doorbell and the other ports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "l0hv/devices/dma.h"
#include "nestbed/ports.h"
#include "tests/unit/device_script.h"

#define PIC_INIT                                                                                             \
	VIRTUAL_WIRE, OUT(0x20, 0x11), OUT(0x21, 0x20), OUT(0x21, 0x04), OUT(0x21, 0x01), OUT(0x21, 0x00)
#define CLOCKS(n) (((n)*1000000000ull + 1193181) / 1193182) /* first tick at which n PIT clocks are over */
#define SECOND    1000000000ull

static const struct script pit[] = {
	{"mode 2 interrupts each period, without drift",
	 {PIC_INIT, OUT(0x43, 0x34), OUT(0x40, 0xE8), OUT(0x40, 0x03), DEADLINE(CLOCKS(1000)),
	  AT(CLOCKS(1000) - 1), PENDING(NONE), AT(CLOCKS(1000)), ACK(0x20), OUT(0x20, 0x20),
	  DEADLINE(CLOCKS(2000)), AT(CLOCKS(7777000)), ACK(0x20), OUT(0x20, 0x20), PENDING(NONE),
	  DEADLINE(CLOCKS(7778000))}										     },
	{"mode 0 interrupts once",
	 {PIC_INIT, OUT(0x43, 0x30), OUT(0x40, 10), OUT(0x40, 0), DEADLINE(CLOCKS(10)), AT(CLOCKS(10)),
	  ACK(0x20), OUT(0x20, 0x20), DEADLINE(NONE), AT(SECOND), PENDING(NONE)}                                         },
	{"mode 4 strobes one clock later",                {PIC_INIT, OUT(0x43, 0x18), OUT(0x40, 9), DEADLINE(CLOCKS(10))}},
	{"masked: no deadline, the edge is caught up on",
	 {PIC_INIT, OUT(0x21, 0x01), OUT(0x43, 0x34), OUT(0x40, 100), OUT(0x40, 0), DEADLINE(NONE),
	  AT(CLOCKS(150)), OUT(0x20, 0x0A), IN(0x20, 0x01), OUT(0x21, 0), PENDING(0x20)}                                 },
	{"count 0 is 65536",
	 {PIC_INIT, OUT(0x43, 0x34), OUT(0x40, 0), OUT(0x40, 0), DEADLINE(CLOCKS(65536))}                                },
	{"BCD counts",
	 {PIC_INIT, OUT(0x43, 0x35), OUT(0x40, 0x00), OUT(0x40, 0x10), DEADLINE(CLOCKS(1000)), AT(CLOCKS(1)),
	  OUT(0x43, 0), IN(0x40, 0x99), IN(0x40, 0x09)}								  },
	{"a latched count stands still",
	 {OUT(0x43, 0x34), OUT(0x40, 0x00), OUT(0x40, 0x10), AT(CLOCKS(1)), OUT(0x43, 0x00), AT(CLOCKS(500)),
	  IN(0x40, 0xFF), IN(0x40, 0x0F), IN(0x40, 0x0C)}								},
	{"mode 3 counts by two",
	 {OUT(0x43, 0x36), OUT(0x40, 0x00), OUT(0x40, 0x10), AT(CLOCKS(8)), OUT(0x43, 0), IN(0x40, 0xF0),
	  IN(0x40, 0x0F)}												},
	{"read-back gives status, then count",
	 {OUT(0x43, 0x34), OUT(0x43, 0xE2), IN(0x40, 0xF4), OUT(0x40, 0x34), OUT(0x40, 0x12), OUT(0x43, 0xC2),
	  IN(0x40, 0xB4), IN(0x40, 0x34), IN(0x40, 0x12)}								},
	{"channel 2 counts while its gate is open",
	 {OUT(0x43, 0xB0), OUT(0x42, 0xE8), OUT(0x42, 0x03), AT(CLOCKS(5000)), IN(0x61, 0x10), OUT(0x61, 1),
	  AT(CLOCKS(5900)), IN(0x61, 0x11), AT(CLOCKS(6001)), IN(0x61, 0x31)}                                            },
	{"the refresh bit toggles",
	 {IN(0x61, 0x00), AT(CLOCKS(18)), IN(0x61, 0x10), AT(CLOCKS(36)), IN(0x61, 0x00)}                                },
	{"the control word reads as ones",                {IN(0x43, 0xFF)}                                               },
};

static const struct script rtc[] = {
	{"epoch, BCD and 24 hours",
	 {OUT(0x70, 9), IN(0x71, 0x25), OUT(0x70, 8), IN(0x71, 1), OUT(0x70, 7), IN(0x71, 1), OUT(0x70, 6),
	  IN(0x71, 4), OUT(0x70, 0x32), IN(0x71, 0x20), OUT(0x70, 4), IN(0x71, 0)}                                       },
	{"58 days, 13 hours, 59 minutes, 42 seconds later",
	 {AT((58ull * 86400 + 13 * 3600ull + 59 * 60ull + 42) * SECOND), OUT(0x70, 0), IN(0x71, 0x42),
	  OUT(0x70, 2), IN(0x71, 0x59), OUT(0x70, 4), IN(0x71, 0x13), OUT(0x70, 7), IN(0x71, 0x28),
	  OUT(0x70, 8), IN(0x71, 0x02)}										  },
	{"the next day is 1 March",
	 {AT(59ull * 86400 * SECOND), OUT(0x70, 7), IN(0x71, 1), OUT(0x70, 8), IN(0x71, 3)}                              },
	{"2028 has 29 February",
	 {AT((3ull * 365 + 59) * 86400 * SECOND), OUT(0x70, 7), IN(0x71, 0x29), OUT(0x70, 8), IN(0x71, 2)}               },
	{"binary and 12 hours",
	 {AT(13ull * 3600 * SECOND), OUT(0x70, 0x0B), OUT(0x71, 0x04), OUT(0x70, 4), IN(0x71, 0x81),
	  OUT(0x70, 9), IN(0x71, 25)}										    },
	{"midnight is 12 AM",			       {OUT(0x70, 0x0B), OUT(0x71, 0), OUT(0x70, 4), IN(0x71, 0x12)}},
	{"update in progress at the end of a second",
	 {OUT(0x70, 0x0A), IN(0x71, 0x26), AT(SECOND - 1000), IN(0x71, 0xA6), AT(SECOND), IN(0x71, 0x26)}                },
	{"interrupts can't be enabled",
	 {OUT(0x70, 0x0B), OUT(0x71, 0x72), IN(0x71, 0x02), OUT(0x70, 0x0C), IN(0x71, 0)}                                },
	{"memory size",
	 {MEMORY(256ull << 20), OUT(0x70, 0x34), IN(0x71, 0x00), OUT(0x70, 0x35), IN(0x71, 0x0F),
	  OUT(0x70, 0x30), IN(0x71, 0xFF), OUT(0x70, 0x15), IN(0x71, 0x80)}                                              },
	{"CMOS bytes are kept",
	 {OUT(0x70, 0xDF), OUT(0x71, 0xA5), OUT(0x70, 0x5F), IN(0x71, 0xA5), IN(0x70, 0xFF)}                             },
};

static const struct script uart[] = {
	{"a byte is sent at once",               {OUT(0x3F8, 'x'), EVENTS("sx"), IN(0x3FD, 0x60)}                      },
	{"the divisor isn't sent",
	 {OUT(0x3FB, 0x83), OUT(0x3F8, 1), OUT(0x3F9, 0), EVENTS(""), IN(0x3F8, 1), OUT(0x3FB, 3),
	  OUT(0x3F8, 'y'), EVENTS("sy")}									       },
	{"THRE interrupts, again for each byte",
	 {PIC_INIT, OUT(0x3FC, 0x0B), OUT(0x3F9, 2), ACK(0x24), IN(0x3FA, 0x02), IN(0x3FA, 0x01),
	  OUT(0x20, 0x20), PENDING(NONE), OUT(0x3F8, 'a'), ACK(0x24), OUT(0x20, 0x20), PENDING(NONE),
	  OUT(0x3F8, 'b'), PENDING(0x24)}									      },
	{"OUT2 gates the interrupt",             {PIC_INIT, OUT(0x3F9, 2), PENDING(NONE), OUT(0x3FC, 8), PENDING(0x24)}},
	{"FIFOs show in IIR",                    {OUT(0x3FA, 0x01), IN(0x3FA, 0xC1)}                                   },
	{"the scratch register keeps",           {OUT(0x3FF, 0x5A), IN(0x3FF, 0x5A)}                                   },
	{"loopback returns the byte",
	 {OUT(0x3FC, 0x1E), OUT(0x3F8, 0xAE), EVENTS(""), IN(0x3FD, 0x61), IN(0x3F8, 0xAE), IN(0x3FD, 0x60)}           },
	{"loopback overruns a register",
	 {OUT(0x3FC, 0x10), OUT(0x3F8, 1), OUT(0x3F8, 2), IN(0x3FD, 0x63), IN(0x3FD, 0x61), IN(0x3F8, 1),
	  IN(0x3FD, 0x60)}											     },
	{"loopback turns the modem lines",       {OUT(0x3FC, 0x1A), IN(0x3FE, 0x92)}                                   },
	{"connected",			    {IN(0x3FE, 0xB0)}						     },
};

static const struct script ports[] = {
	{"console",		     {IN(0xE9, 0xE9), OUT(0xE9, 'h'), OUT(0xE9, 'i'), EVENTS("ohoi")}                    },
	{"nothing there reads as ones",
	 {IN(0x1234, 0xFF), INN(0x1234, 2, 0xFFFF), INN(0xCFC, 4, 0xFFFFFFFF), INN(0xCF8, 4, 0xFFFFFFFF),
	  INN(0xFFFF, 4, 0xFFFFFFFF), IN(0x62, 0xFF), IN(0x66, 0xFF)}                                                       },
	{"a size that doesn't exist",
	 {INN(0x20, 3, 0xFFFFFFFF), INN(0x20, 0, 0xFFFFFFFF), OUTN(0xE9, 8, 'x'), EVENTS("")}                               },
	{"a word is two ports",         {INN(0xE8, 2, 0xE9FF), OUTN(0xE8, 2, 'w' << 8 | 'v'), EVENTS("ow")}                 },
	{"shutdown word",
	 {OUT(0x8900, 'S'), OUT(0x8900, 'h'), OUT(0x8900, 'u'), OUT(0x8900, 't'), OUT(0x8900, 'd'),
	  OUT(0x8900, 'o'), OUT(0x8900, 'w'), EVENTS(""), OUT(0x8900, 'n'), EVENTS("S")}                                    },
	{"shutdown word begun twice",
	 {OUT(0x8900, 'S'), OUT(0x8900, 'S'), OUT(0x8900, 'h'), OUT(0x8900, 'u'), OUT(0x8900, 't'),
	  OUT(0x8900, 'd'), OUT(0x8900, 'o'), OUT(0x8900, 'w'), OUT(0x8900, 'n'), EVENTS("S")}                              },
	{"shutdown word interrupted",
	 {OUT(0x8900, 'S'), OUT(0x8900, 'h'), OUT(0x8900, 'x'), OUT(0x8900, 'u'), OUT(0x8900, 't'),
	  OUT(0x8900, 'd'), OUT(0x8900, 'o'), OUT(0x8900, 'w'), OUT(0x8900, 'n'), EVENTS("")}                               },
	{"mark",			{CPU(1), OUTN(0xE00, 4, 0x10007), EVENTS("m1:10007"), OUTN(0xE00, 2, 1), EVENTS("")}},
	{"doorbell port",
	 {INN(0xE10, 4, 0), OUTN(0xE10, 4, 0xDEADBEEF), INN(0xE10, 4, 0xDEADBEEF), IN(0xE10, 0xFF)}                         },
	{"doorbell page",
	 {MMIO(0xFEB00000, 4, 0x12345678), MMIO_IS(0xFEB00000, 4, 0x12345678), MMIO_IS(0xFEB00000, 1, 0x78),
	  MMIO_IS(0xFEB00004, 4, 0xFFFFFFFF), MMIO_IS(0xFEB00FFE, 4, 0xFFFFFFFF),
	  MMIO_IS(0xFEB00000, 8, NONE)}										     },
	{"resets",
	 {OUT(0x64, 0xFE), EVENTS("R"), OUT(0xCF9, 0x02), EVENTS(""), OUT(0xCF9, 0x06), EVENTS("R"),
	  OUT(0x92, 3), EVENTS("R"), IN(0x92, 2), OUT(0x64, 0xAA), OUTN(0xCF8, 4, 0x80000600), EVENTS("")}                  },
};

static const struct script keyboard[] = {
	{"nothing to read, ready to take",                           {IN(0x64, 0x10), IN(0x60, 0)}                                                      },
	{"self-test",
	 {OUT(0x64, 0xAA), IN(0x64, 0x1D), IN(0x60, 0x55), IN(0x64, 0x1C), OUT(0x64, 0xAB), IN(0x60, 0)}                                                },
	{"command byte",					     {OUT(0x64, 0x60), OUT(0x60, 0x45), IN(0x64, 0x14), OUT(0x64, 0x20), IN(0x60, 0x45)}},
	{"A20 is open and stays",
	 {OUT(0x64, 0xD1), OUT(0x60, 0xDD), EVENTS(""), OUT(0x64, 0xD0), IN(0x60, 3)}                                                                   },
	{"a byte to the keyboard is lost",                           {OUT(0x60, 0xED), IN(0x64, 0x10)}                                                  },
	{"reset by the output port",                                 {OUT(0x64, 0xD1), OUT(0x60, 0xFE), EVENTS("R")}                                    },
	{"reset by a pulse",
	 {OUT(0x64, 0xFE), EVENTS("R"), OUT(0x64, 0xFF), EVENTS(""), OUT(0x64, 0xF0), EVENTS("R")}                                                      },
	{"a command takes the place of one that waits for its byte",
	 {OUT(0x64, 0xD1), OUT(0x64, 0xAD), OUT(0x60, 0xFE), EVENTS("")}										},
};

#define ADDRESS (NB_MMIO_WRITER + NB_WRITER_ADDRESS)
#define VALUE   (NB_MMIO_WRITER + NB_WRITER_VALUE)
#define DELAY   (NB_MMIO_WRITER + NB_WRITER_DELAY)
#define CONTROL (NB_MMIO_WRITER + NB_WRITER_CONTROL)

static const struct script writer[] = {
	{"a VM without the device has no writer",
	 {MMIO(CONTROL, 8, 1), EVENTS(""), MMIO_IS(CONTROL, 8, NONE)}                                   },
	{"writes when it is due, once",
	 {SCRATCH(), AT(100), MMIO(ADDRESS, 8, 0x1003), MMIO(VALUE, 8, 7), MMIO(DELAY, 8, 50),
	  MMIO_IS(CONTROL, 8, 0), MMIO(CONTROL, 8, 1), EVENTS("W"), MMIO_IS(CONTROL, 8, 1), AT(149),
	  EVENTS(""), AT(150), EVENTS("w1003:7"), MMIO_IS(CONTROL, 8, 2), AT(1000), DRAIN(), EVENTS("")}},
	{"registers keep while it is pending",
	 {SCRATCH(), MMIO(ADDRESS, 8, 8), MMIO(VALUE, 8, 7), MMIO(DELAY, 8, 50), MMIO(CONTROL, 8, 1),
	  MMIO(ADDRESS, 8, 16), MMIO(VALUE, 8, 9), MMIO(DELAY, 8, 1), MMIO(CONTROL, 8, 1), EVENTS("W"),
	  MMIO_IS(VALUE, 8, 7), MMIO_IS(DELAY, 8, 50), AT(50), EVENTS("w8:7")}                          },
	{"drained at once",
	 {SCRATCH(), MMIO(DELAY, 8, NONE), MMIO_IS(DELAY, 8, DMA_DELAY_MAX), MMIO(VALUE, 8, 5),
	  MMIO(CONTROL, 8, 1), DRAIN(), EVENTS("Ww0:5"), MMIO_IS(CONTROL, 8, 2), MMIO(CONTROL, 8, 1),
	  MMIO_IS(CONTROL, 8, 1)}								       },
	{"an address that is no RAM",
	 {SCRATCH(), MMIO(ADDRESS, 8, NONE), MMIO(CONTROL, 8, 1), AT(0), EVENTS("Wwffffffffffffffff:0"),
	  MMIO_IS(CONTROL, 8, 3)}								       },
	{"only whole registers, and only the word that starts it",
	 {SCRATCH(), MMIO(VALUE, 4, 5), MMIO(VALUE + 4, 8, 5), MMIO_IS(VALUE, 8, 0),
	  MMIO_IS(VALUE, 4, 0xFFFFFFFF), MMIO(CONTROL, 8, 2), MMIO(CONTROL, 4, 1), EVENTS(""),
	  MMIO_IS(CONTROL, 8, 0), MMIO_IS(NB_MMIO_WRITER + 0x20, 8, NONE)}                              },
};

#define RUN(table)                                                                                           \
	static void test_##table(void **state)                                                               \
	{                                                                                                    \
		(void)state;                                                                                 \
		run_scripts(table, sizeof(table) / sizeof((table)[0]), 2);                                   \
	}

RUN(pit)
RUN(rtc)
RUN(uart)
RUN(ports)
RUN(keyboard)
RUN(writer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pit),   cmocka_unit_test(test_rtc),      cmocka_unit_test(test_uart),
		cmocka_unit_test(test_ports), cmocka_unit_test(test_keyboard), cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests_name("devices: pit, rtc, uart, ports", tests, NULL, NULL);
}
