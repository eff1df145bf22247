/* SPDX-License-Identifier: MIT */
/* Local APIC through its page and its MSRs, timer, IPIs among four vCPUs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device_script.h"

#define ON   APIC(0xF0, 0x1FF)
#define X2   WRMSR(0x1B, 0xFEE00D00)
#define SELF 0x40000u
/* All four vCPUs' APICs software-enabled; ends on vCPU 0. */
#define ALL_ON CPU(1), ON, CPU(2), ON, CPU(3), ON, CPU(0), ON

static const struct script registers[] = {
	{"reset values",
	 {APIC_IS(0x20, 0), APIC_IS(0x30, 0x60015), APIC_IS(0x80, 0), APIC_IS(0xE0, 0xFFFFFFFF),
	  APIC_IS(0xF0, 0xFF), APIC_IS(0x320, 0x10000), APIC_IS(0x350, 0x10000), APIC_IS(0x370, 0x10000),
	  RDMSR_IS(0x1B, 0xFEE00900), CPU(3), APIC_IS(0x20, 0x3000000), RDMSR_IS(0x1B, 0xFEE00800)}                                },
	{"reserved bits are dropped",
	 {ON, APIC(0x320, 0xFFFFFFFF), APIC_IS(0x320, 0x700FF), APIC(0xE0, 0), APIC_IS(0xE0, 0x0FFFFFFF),
	  APIC(0xD0, 0x12345678), APIC_IS(0xD0, 0x12000000), APIC(0x3E0, 0xFF), APIC_IS(0x3E0, 0xB),
	  APIC(0x20, 0xFF000000), APIC_IS(0x20, 0)}										},
	{"software-disabled: LVTs are masked and stay so",
	 {ON, APIC(0x350, 0x700), APIC(0xF0, 0xFF), APIC_IS(0x350, 0x10700), APIC(0x350, 0x700),
	  APIC_IS(0x350, 0x10700)}												 },
	{"illegal register address",
	 {ON, APIC_IS(0x40, 0), APIC(0x280, 0), APIC_IS(0x280, 0x80), APIC(0x280, 0), APIC_IS(0x280, 0)}                           },
	{"error interrupt",				{ON, APIC(0x370, 0x44), APIC_IS(0x3F0, 0), ACK(0x44)}                   },
	{"odd accesses read the bytes there",
	 {MMIO_IS(0xFEE00030, 1, 0x15), MMIO_IS(0xFEE00032, 2, 0x6), MMIO_IS(0xFEE00034, 4, 0),
	  MMIO_IS(0xFEE00030, 8, 0x60015), MMIO_IS(0xFEE00FFC, 8, NONE), MMIO_IS(0xFEDFFFFE, 4, 0xFFFFFFFF)}                       },
	{"odd writes are dropped",                         {MMIO(0xFEE00080, 1, 0x50), MMIO(0xFEE00084, 4, 0x50), APIC_IS(0x80, 0)}},
	{"relocated",
	 {WRMSR(0x1B, 0xD0000900), APIC_PAGE_IS(0xD0000000), MMIO_IS(0xD0000030, 4, 0x60015),
	  APIC_IS(0x30, 0xFFFFFFFF), CPU(1), APIC_IS(0x30, 0x60015)}                                                               },
	{"base: reserved bits",
	 {WRMSR_GP(0x1B, 0xFEE00901), WRMSR_GP(0x1B, 0xFEE00A00), WRMSR_GP(0x1B, 1ull << 36 | 0x900)}                              },
	{"reserved bits of the other LVTs",
	 {ON, APIC(0x2F0, 0xFFFFFFFF), APIC_IS(0x2F0, 0x107FF), APIC(0x330, 0xFFFFFFFF),
	  APIC_IS(0x330, 0x107FF), APIC(0x340, 0xFFFFFFFF), APIC_IS(0x340, 0x107FF), APIC(0x350, 0xFFFFFFFF),
	  APIC_IS(0x350, 0x1A7FF), APIC(0x360, 0xFFFFFFFF), APIC_IS(0x360, 0x1A7FF), APIC(0x370, 0xFFFFFFFF),
	  APIC_IS(0x370, 0x100FF)}												 },
	{"other MSRs aren't ours",                         {RDMSR_NOT_OURS(0x10), RDMSR_NOT_OURS(0x7FF), RDMSR_NOT_OURS(0x900)}    },
};

static const struct script modes[] = {
	{"disabled: gone, and reset when back",
	 {ON, APIC(0x80, 0x30), WRMSR(0x1B, 0xFEE00100), APIC_IS(0x80, 0xFFFFFFFF), APIC_PAGE_IS(NONE),
	  WRMSR(0x1B, 0xFEE00900), APIC_IS(0x80, 0), APIC_IS(0xF0, 0xFF)}                                    },
	{"disabled to x2APIC is #GP",
	 {WRMSR(0x1B, 0xFEE00100), WRMSR_GP(0x1B, 0xFEE00D00), RDMSR_IS(0x1B, 0xFEE00100)}                   },
	{"EXTD without EN is #GP",               {WRMSR_GP(0x1B, 0xFEE00500), X2, WRMSR_GP(0x1B, 0xFEE00500)}},
	{"x2APIC to xAPIC is #GP",
	 {X2, WRMSR_GP(0x1B, 0xFEE00900), WRMSR(0x1B, 0xFEE00100), WRMSR(0x1B, 0xFEE00900)}                  },
	{"x2APIC keeps state, has no page",
	 {ON, APIC(0x80, 0x30), X2, APIC_PAGE_IS(NONE), APIC_IS(0x80, 0xFFFFFFFF), RDMSR_IS(0x808, 0x30),
	  RDMSR_IS(0x80F, 0x1FF)}									    },
	{"x2APIC MSRs in xAPIC mode are #GP",    {RDMSR_GP(0x802), WRMSR_GP(0x808, 0)}                       },
	{"x2APIC IDs",			   {CPU(3), X2, RDMSR_IS(0x802, 3), RDMSR_IS(0x80D, 8)}        },
	{"x2APIC: registers that aren't there",
	 {X2, RDMSR_GP(0x80E), WRMSR_GP(0x80E, 0), RDMSR_GP(0x831), RDMSR_GP(0x80B), RDMSR_GP(0x83F),
	  RDMSR_GP(0x809), RDMSR_GP(0x840), RDMSR_GP(0x8FF)}                                                 },
	{"x2APIC: read-only registers",
	 {X2, WRMSR_GP(0x802, 0), WRMSR_GP(0x803, 0), WRMSR_GP(0x80A, 0), WRMSR_GP(0x80D, 0),
	  WRMSR_GP(0x810, 0), WRMSR_GP(0x820, 0), WRMSR_GP(0x839, 0)}                                        },
	{"x2APIC: reserved bits",
	 {X2, WRMSR_GP(0x808, 0x100), WRMSR_GP(0x80B, 1), WRMSR(0x80B, 0), WRMSR_GP(0x80F, 0x1000),
	  WRMSR_GP(0x828, 1), WRMSR(0x828, 0), WRMSR_GP(0x832, 0x80000), WRMSR_GP(0x83E, 4),
	  WRMSR_GP(0x83F, 0x100), WRMSR_GP(0x838, 1ull << 32), WRMSR_GP(0x830, 0x1000)}                      },
	{"IA32_TSC_DEADLINE needs no APIC mode", {RDMSR_IS(0x6E0, 0), WRMSR(0x6E0, 5), RDMSR_IS(0x6E0, 0)}   },
};

static const struct script priorities[] = {
	{"self IPI: IRR, ISR, EOI",
	 {ON, APIC(0x300, SELF | 0x4000 | 0x55), APIC_IS(0x220, 0x200000), ACK(0x55), APIC_IS(0x220, 0),
	  APIC_IS(0x120, 0x200000), PENDING(NONE), APIC(0xB0, 0), APIC_IS(0x120, 0)}                  },
	{"the same class waits, a higher one nests",
	 {ON, APIC(0x300, SELF | 0x55), ACK(0x55), APIC(0x300, SELF | 0x5F), PENDING(NONE),
	  APIC(0x300, SELF | 0x60), PENDING(0x60), ACK(0x60), APIC(0xB0, 0), PENDING(NONE), APIC(0xB0, 0),
	  PENDING(0x5F)}									      },
	{"TPR holds back its class",
	 {ON, APIC(0x300, SELF | 0x55), APIC(0x80, 0x50), PENDING(NONE), APIC_IS(0xA0, 0x50),
	  APIC(0x80, 0x4F), PENDING(0x55), APIC_IS(0xA0, 0x4F)}                                       },
	{"CR8 is the TPR's class",
	 {ON, APIC(0x80, 0x5A), CR8_IS(5), SET_CR8(6), APIC_IS(0x80, 0x60), APIC(0x300, SELF | 0x61),
	  PENDING(NONE), SET_CR8(5), PENDING(0x61)}						   },
	{"PPR is the class in service",
	 {ON, APIC(0x80, 0x23), APIC(0x300, SELF | 0x55), ACK(0x55), APIC_IS(0xA0, 0x50)}             },
	{"EOI ends the highest",
	 {ON, APIC(0x300, SELF | 0x31), ACK(0x31), APIC(0x300, SELF | 0xF1), ACK(0xF1), APIC(0xB0, 0),
	  APIC_IS(0x170, 0), APIC_IS(0x110, 0x20000)}                                                 },
	{"EOI without an interrupt",                                {ON, APIC(0xB0, 0), PENDING(NONE)}},
	{"software-disabled: nothing arrives, what is there stays",
	 {ON, APIC(0x300, SELF | 0x55), APIC(0xF0, 0xFF), PENDING(0x55), APIC(0x300, SELF | 0x66),
	  PENDING(0x55)}									      },
	{"vectors under 16 are errors of the sender",
	 {ON, APIC(0x300, SELF | 0x0F), PENDING(NONE), APIC(0x280, 0), APIC_IS(0x280, 0x20)}          },
};

static const struct script timer[] = {
	{"one-shot",
	 {ON, APIC(0x320, 0x30), APIC(0x3E0, 0xB), APIC(0x380, 1000), DEADLINE(1000), AT(400),
	  APIC_IS(0x390, 600), AT(999), PENDING(NONE), AT(1000), PENDING(0x30), APIC_IS(0x390, 0),
	  DEADLINE(NONE)}													 },
	{"divide by 2 after reset, 128 by 0xA",
	 {ON, APIC(0x320, 0x30), APIC(0x380, 1000), DEADLINE(2000), APIC(0x3E0, 0xA), APIC(0x380, 10),
	  DEADLINE(1280), AT(129), APIC_IS(0x390, 9)}									     },
	{"a new divisor counts from where the count is",
	 {ON, APIC(0x320, 0x30), APIC(0x3E0, 0xB), APIC(0x380, 1000), AT(400), APIC(0x3E0, 0), DEADLINE(1600),
	  APIC_IS(0x390, 600), AT(402), APIC_IS(0x390, 599)}								      },
	{"periodic",
	 {ON, APIC(0x320, 0x20030), APIC(0x3E0, 0xB), APIC(0x380, 5000), AT(5000), ACK(0x30), APIC(0xB0, 0),
	  DEADLINE(10000), AT(23456), ACK(0x30), APIC(0xB0, 0), PENDING(NONE), DEADLINE(25000),
	  APIC_IS(0x390, 1544)}												   },
	{"a period has a minimum",
	 {ON, APIC(0x320, 0x20030), APIC(0x3E0, 0xB), APIC(0x380, 1), DEADLINE(1000), AT(1000),
	  DEADLINE(2000)}													 },
	{"initial count 0 stops",
	 {ON, APIC(0x320, 0x30), APIC(0x380, 1000), APIC(0x380, 0), DEADLINE(NONE), AT(99999),
	  PENDING(NONE)}													  },
	{"masked: counts, but no deadline and no interrupt",
	 {ON, APIC(0x3E0, 0xB), APIC(0x320, 0x10030), APIC(0x380, 1000), DEADLINE(NONE), AT(500),
	  APIC_IS(0x390, 500), AT(2000), APIC(0x320, 0x30), PENDING(NONE)}                                                        },
	{"unmasked in time",
	 {ON, APIC(0x3E0, 0xB), APIC(0x320, 0x10030), APIC(0x380, 1000), AT(500), APIC(0x320, 0x30),
	  DEADLINE(1000)}													 },
	{"TSC deadline",
	 {ON, APIC(0x320, 0x40030), WRMSR(0x6E0, 7000), RDMSR_IS(0x6E0, 7000), DEADLINE(7000), AT(7000),
	  PENDING(0x30), RDMSR_IS(0x6E0, 0), DEADLINE(NONE)}								      },
	{"TSC deadline in the past",
	 {ON, AT(500), APIC(0x320, 0x40030), WRMSR(0x6E0, 7), DEADLINE(500), AT(500), PENDING(0x30)}                              },
	{"TSC deadline follows the guest's TSC",
	 {ON, APIC(0x320, 0x40030), TSC_OFFSET(6000), WRMSR(0x6E0, 7000), DEADLINE(1000), TSC_OFFSET(6500),
	  DEADLINE(500)}													  },
	{"TSC deadline 0 disarms",
	 {ON, APIC(0x320, 0x40030), WRMSR(0x6E0, 7000), WRMSR(0x6E0, 0), DEADLINE(NONE)}                                          },
	{"TSC deadline mode ignores the count",
	 {ON, APIC(0x320, 0x40030), APIC(0x380, 1000), APIC_IS(0x380, 0), DEADLINE(NONE)}                                         },
	{"changing to and from TSC deadline disarms",
	 {ON, APIC(0x320, 0x30), APIC(0x380, 1000), APIC(0x320, 0x40030), DEADLINE(NONE), WRMSR(0x6E0, 7000),
	  APIC(0x320, 0x30), DEADLINE(NONE), RDMSR_IS(0x6E0, 0)}								  },
	{"a deadline far away",                              {ON, AT(5), APIC(0x320, 0x40030), WRMSR(0x6E0, NONE), DEADLINE(NONE)}},
	{"vector under 16",
	 {ON, APIC(0x320, 0x05), APIC(0x380, 100), AT(5000), PENDING(NONE), APIC(0x280, 0),
	  APIC_IS(0x280, 0x40)}												   },
};

static const struct script ipis[] = {
	{"fixed to one",						  {ALL_ON, APIC(0x310, 2u << 24), APIC(0x300, 0x44), EVENTS("k2"), CPU(2), ACK(0x44)}},
	{"fixed to nobody",					       {ALL_ON, APIC(0x310, 9u << 24), APIC(0x300, 0x44), EVENTS("")}                     },
	{"physical broadcast",
	 {ALL_ON, APIC(0x310, 0xFF000000), APIC(0x300, 0x44), EVENTS("k1k2k3"), PENDING(0x44)}                                                               },
	{"all but self",						  {ALL_ON, APIC(0x300, 0xC0044), EVENTS("k1k2k3"), PENDING(NONE)}                    },
	{"all and self",						  {ALL_ON, APIC(0x300, 0x80044), EVENTS("k1k2k3"), PENDING(0x44)}                    },
	{"no second kick for what is pending already",
	 {ALL_ON, APIC(0x300, 0xC0044), APIC(0x300, 0xC0045), EVENTS("k1k2k3")}                                                                              },
	{"logical flat",
	 {CPU(1), ON, APIC(0xD0, 0x02000000), CPU(2), ON, APIC(0xD0, 0x04000000), CPU(0),
	  APIC(0x310, 0x06000000), APIC(0x300, 0x844), EVENTS("k1k2"), APIC(0x310, 0x08000000),
	  APIC(0x300, 0x845), EVENTS("")}														    },
	{"logical cluster",
	 {CPU(1), ON, APIC(0xE0, 0), APIC(0xD0, 0x21000000), CPU(2), ON, APIC(0xE0, 0),
	  APIC(0xD0, 0x31000000), CPU(0), APIC(0x310, 0x31000000), APIC(0x300, 0x844), EVENTS("k2"),
	  APIC(0x310, 0xF1000000), APIC(0x300, 0x855), EVENTS("k1"), APIC(0x310, 0x22000000),
	  APIC(0x300, 0x855), EVENTS("")}														    },
	{"logical x2APIC",
	 {CPU(2), ON, X2, CPU(0), ON, X2, WRMSR(0x830, 4ull << 32 | 0x844), EVENTS("k2"),
	  WRMSR(0x830, 0x10004ull << 32 | 0x845), EVENTS("")}												},
	{"lowest priority passes over a software-disabled APIC",
	 {CPU(0), ON, APIC(0x80, 0x40), APIC(0x310, 0xFF000000), APIC(0x300, 0x1A4), PENDING(0xA4),
	  EVENTS("")}																	},
	{"lowest priority",
	 {ALL_ON, APIC(0x80, 0x40), CPU(1), APIC(0x80, 0x30), CPU(2), APIC(0x80, 0x20), CPU(3),
	  APIC(0x80, 0x50), CPU(0), APIC(0x310, 0xFF000000), APIC(0x300, 0x1A4), EVENTS("k2")}                                                               },
	{"INIT and SIPI",
	 {ALL_ON, CPU(1), APIC(0x80, 0x30), CPU(0), APIC(0x310, 1u << 24), APIC(0x300, 0xC500), EVENTS("I1"),
	  APIC(0x300, 0x8500), EVENTS(""), APIC(0x300, 0x609), EVENTS("U1:9"), CPU(1), APIC_IS(0x80, 0),
	  APIC_IS(0xF0, 0xFF), APIC_IS(0x20, 0x1000000)}												     },
	{"INIT that is blocked leaves the APIC as it is, until it isn't",
	 {ALL_ON, CPU(1), APIC(0x80, 0x30), CPU(0), BLOCK_INIT(1), APIC(0x310, 1u << 24), APIC(0x300, 0xC500),
	  EVENTS("I1"), CPU(1), APIC_IS(0x80, 0x30), INIT_AGAIN, APIC_IS(0x80, 0x30), BLOCK_INIT(0),
	  INIT_AGAIN, APIC_IS(0x80, 0), EVENTS("I1I1")}												      },
	{"INIT to all others",					    {APIC(0x300, 0xC4500), EVENTS("I1I2I3")}                                           },
	{"NMI reaches software-disabled APICs",                           {APIC(0x300, 0xC4400), EVENTS("N1N2N3")}                                           },
	{"NMI by the self shorthand isn't valid",                         {ALL_ON, APIC(0x300, SELF | 0x400), EVENTS("")}                                    },
	{"globally disabled APICs get nothing",
	 {CPU(1), WRMSR(0x1B, 0xFEE00000), CPU(0), APIC(0x310, 1u << 24), APIC(0x300, 0x400), EVENTS("")}                                                    },
	{"x2APIC self IPI",
	 {ON, X2, WRMSR(0x83F, 0x77), PENDING(0x77), WRMSR(0x83F, 3), RDMSR_IS(0x828, 0), WRMSR(0x828, 0),
	  RDMSR_IS(0x828, 0x40)}															     },
	{"x2APIC ICR reads back whole",
	 {ON, X2, WRMSR(0x830, 7ull << 32 | 0x44), RDMSR_IS(0x830, 7ull << 32 | 0x44)}                                                                       },
	{"x2APIC broadcast",					      {ALL_ON, X2, WRMSR(0x830, 0xFFFFFFFFull << 32 | 0x44), EVENTS("k1k2k3")}           },
	{"a timer kicks its vCPU",
	 {CPU(2), ON, APIC(0x320, 0x30), APIC(0x380, 1000), CPU(0), AT(5000), EVENTS("k2")}                                                                  },
};

#define RUN(table)                                                                                           \
	static void test_##table(void **state)                                                               \
	{                                                                                                    \
		(void)state;                                                                                 \
		run_scripts(table, sizeof(table) / sizeof((table)[0]), 4);                                   \
	}

RUN(registers)
RUN(modes)
RUN(priorities)
RUN(timer)
RUN(ipis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),  cmocka_unit_test(test_modes),
		cmocka_unit_test(test_priorities), cmocka_unit_test(test_timer),
		cmocka_unit_test(test_ipis),
	};

	return cmocka_run_group_tests_name("devices: local APIC", tests, NULL, NULL);
}
