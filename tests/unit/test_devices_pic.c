/* SPDX-License-Identifier: MIT */
/* PIC pair, seen through ports and lines. Initialized as PCs are: vectors 0x20 and 0x28. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device_script.h"

#define PIC_INIT                                                                                             \
	VIRTUAL_WIRE, OUT(0x20, 0x11), OUT(0x21, 0x20), OUT(0x21, 0x04), OUT(0x21, 0x01), OUT(0xA0, 0x11),   \
		OUT(0xA1, 0x28), OUT(0xA1, 0x02), OUT(0xA1, 0x01), OUT(0x21, 0x00), OUT(0xA1, 0x00)

static const struct script scripts[] = {
	{"after reset everything is masked",
	 {VIRTUAL_WIRE, IN(0x21, 0xFF), IN(0xA1, 0xFF), LINE(1, 1), PENDING(NONE)}                                                        },
	{"an edge is delivered once",
	 {PIC_INIT, LINE(1, 1), PENDING(0x21), ACK(0x21), OUT(0x20, 0x20), PENDING(NONE)}                                                 },
	{"a request in service blocks itself and lower ones until EOI",
	 {PIC_INIT, LINE(1, 1), ACK(0x21), LINE(3, 1), PENDING(NONE), OUT(0x20, 0x20), PENDING(0x23)}                                     },
	{"a higher request nests",				      {PIC_INIT, LINE(3, 1), ACK(0x23), LINE(1, 1), PENDING(0x21)}      },
	{"the slave's vector and both EOIs",
	 {PIC_INIT, LINE(8, 1), ACK(0x28), LINE(9, 1), OUT(0xA0, 0x20), OUT(0x20, 0x20), PENDING(0x29)}                                   },
	{"the slave's EOI alone doesn't reopen the master",
	 {PIC_INIT, LINE(8, 1), ACK(0x28), LINE(9, 1), OUT(0xA0, 0x20), PENDING(NONE)}                                                    },
	{"specific EOI",
	 {PIC_INIT, LINE(3, 1), ACK(0x23), LINE(1, 1), ACK(0x21), OUT(0x20, 0x63), OUT(0x20, 0x0B),
	  IN(0x20, 0x02)}														 },
	{"masked requests stay latched",
	 {PIC_INIT, OUT(0x21, 0x02), LINE(1, 1), PENDING(NONE), OUT(0x20, 0x0A), IN(0x20, 0x02), OUT(0x21, 0),
	  PENDING(0x21)}														  },
	{"ISR and IRR are read by OCW3",
	 {PIC_INIT, LINE(1, 1), LINE(4, 1), ACK(0x21), OUT(0x20, 0x0B), IN(0x20, 0x02), OUT(0x20, 0x0A),
	  IN(0x20, 0x10)}														 },
	{"level-triggered requests follow their line",
	 {PIC_INIT, OUT(0x4D0, 0x20), IN(0x4D0, 0x20), LINE(5, 1), PENDING(0x25), LINE(5, 0), PENDING(NONE)}                              },
	{"a level that stays high asks again after EOI",
	 {PIC_INIT, OUT(0x4D0, 0x20), LINE(5, 1), ACK(0x25), OUT(0x20, 0x20), PENDING(0x25)}                                              },
	{"ELCR can't make the timer level-triggered",
	 {OUT(0x4D0, 0xFF), IN(0x4D0, 0xF8), OUT(0x4D1, 0xFF), IN(0x4D1, 0xDE)}                                                           },
	{"automatic EOI leaves nothing in service",
	 {VIRTUAL_WIRE, OUT(0x20, 0x11), OUT(0x21, 0x20), OUT(0x21, 0x04), OUT(0x21, 0x03), LINE(1, 1),
	  ACK(0x21), LINE(3, 1), PENDING(0x23)}											   },
	{"rotation puts the served input last",
	 {PIC_INIT, LINE(1, 1), ACK(0x21), OUT(0x20, 0xA0), LINE(1, 0), LINE(1, 1), LINE(2, 1), LINE(5, 1),
	  PENDING(0x25)}														  },
	{"set priority",						{PIC_INIT, OUT(0x20, 0xC3), LINE(1, 1), LINE(4, 1), PENDING(0x24)}},
	{"initialization takes a set priority back",
	 {OUT(0x20, 0xC3), PIC_INIT, LINE(1, 1), LINE(4, 1), PENDING(0x21)}                                                               },
	{"poll acknowledges",
	 {PIC_INIT, LINE(6, 1), OUT(0x20, 0x0C), IN(0x20, 0x86), PENDING(NONE), OUT(0x20, 0x0B),
	  IN(0x20, 0x40)}														 },
	{"special mask mode lets lower requests through",
	 {PIC_INIT, LINE(1, 1), ACK(0x21), LINE(3, 1), OUT(0x21, 0x02), PENDING(NONE), OUT(0x20, 0x68),
	  PENDING(0x23)}														  },
	{"no acknowledge without a request",                            {PIC_INIT, ACK(NONE)}                                             },
	{"unfinished initialization delivers nothing",
	 {VIRTUAL_WIRE, OUT(0x20, 0x11), OUT(0x21, 0x20), LINE(1, 1), PENDING(NONE)}                                                      },
	{"LINT0 masked: no PIC interrupt",
	 {PIC_INIT, LINE(1, 1), APIC(0x350, 0x10700), PENDING(NONE), APIC(0x350, 0x700), PENDING(0x21)}                                   },
	{"LINT0 fixed instead of ExtINT: none",                         {PIC_INIT, LINE(1, 1), APIC(0x350, 0x30), PENDING(NONE)}          },
	{"APIC globally disabled: straight to the BSP",
	 {PIC_INIT, LINE(1, 1), WRMSR(0x1B, 0xFEE00100), PENDING(0x21), CPU(1), WRMSR(0x1B, 0xFEE00000),
	  PENDING(NONE)}														  },
	{"a second vCPU doesn't see the BSP's wire",
	 {PIC_INIT, CPU(1), LINE(1, 1), PENDING(NONE), EVENTS("k0")}								      },
};

static void test_scripts(void **state)
{
	(void)state;
	run_scripts(scripts, sizeof(scripts) / sizeof(scripts[0]), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_scripts)};

	return cmocka_run_group_tests_name("devices: pic", tests, NULL, NULL);
}
