// SPDX-License-Identifier: MIT
/* Events that L1 injects, as L2 receives them. SDM "Event Injection", "Vectored-Event Injection". */
#include "lab.h"

L2_CODE(injected, "nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop");

#define AS(type, v)                PUT(ENTRY_INTR_INFO, INTR_INFO(type, v))
#define AS_INSTRUCTION(type, v, n) AS(type, v), PUT(ENTRY_INSTR_LEN, n)
#define WITH_CODE(v, e)                                                                                      \
	PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v) | INTR_ERROR_CODE), PUT(ENTRY_ERROR_CODE, e)
#define IF_SET PUT(GUEST_RFLAGS, 0x202)
/* The frame of an event without error code: RIP, CS, RFLAGS; the valid bit is gone after the entry. */
#define ARRIVES(v, rip)                                                                                      \
	TAKEN_BY_L2(v), IS(FRAME_START, rip), IS(FRAME(1), SEL_CODE), BITS(ENTRY_INTR_INFO, 0, INTR_VALID)

static const struct shot rows[] = {
	ROW("inject an external interrupt", injected, KERNEL64, SETS(AS(INTR_EXTERNAL, 0x40), IF_SET),
	    WANTS(ARRIVES(0x40, 0), BITS(FRAME(2), 0x202, 0x10202), BITS(GUEST_RFLAGS, 0, 0x200))),
	ROW("inject an external interrupt of vector 255", injected, KERNEL64,
	    SETS(AS(INTR_EXTERNAL, 255), IF_SET), WANTS(ARRIVES(255, 0))),
	ROW("inject an external interrupt at CPL 3", injected, USER64, SETS(AS(INTR_EXTERNAL, 0x40), IF_SET),
	    WANTS(TAKEN_BY_L2(0x40), IS(FRAME_START, 0), IS(FRAME(1), SEL_UCODE), IS(FRAME(4), SEL_UDATA))),
	ROW("inject an external interrupt, gate not for CPL 3, at CPL 3", injected, USER64,
	    SETS(AS(INTR_EXTERNAL, 0x41), IF_SET), WANTS(TAKEN_BY_L2(0x41))),
	ROW("inject an NMI", injected, KERNEL64, SETS(AS(INTR_NMI, NMI)),
	    WANTS(ARRIVES(NMI, 0), BITS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI, BLOCKED_BY_NMI))),
	ROW("inject INT n of 2 bytes", injected, KERNEL64, SETS(AS_INSTRUCTION(INTR_SOFTWARE, 0x40, 2)),
	    WANTS(ARRIVES(0x40, 2))),
	ROW("inject INT n of 15 bytes", injected, KERNEL64, SETS(AS_INSTRUCTION(INTR_SOFTWARE, 0x40, 15)),
	    WANTS(ARRIVES(0x40, 15))),
	ROW("inject INT n at CPL 3, gate for it", injected, USER64,
	    SETS(AS_INSTRUCTION(INTR_SOFTWARE, 0x90, 2)),
	    WANTS(TAKEN_BY_L2(0x90), IS(FRAME_START, 2), IS(FRAME(1), SEL_UCODE))),
	ROW("inject INT n at CPL 3, gate not for it: #GP", injected, USER64,
	    SETS(AS_INSTRUCTION(INTR_SOFTWARE, 0x40, 2)),
	    WANTS(TAKEN_BY_L2(GP), IS(FRAME(0), 8 * 0x40 + 2), IS(FRAME1_START, 0))),
	ROW("inject INT3", injected, KERNEL64, SETS(AS_INSTRUCTION(INTR_SOFTWARE_EXCEPTION, BP, 1)),
	    WANTS(ARRIVES(BP, 1))),
	ROW("inject INTO", injected, KERNEL64, SETS(AS_INSTRUCTION(INTR_SOFTWARE_EXCEPTION, OF, 1)),
	    WANTS(ARRIVES(OF, 1))),
	ROW("inject INT1", injected, KERNEL64, SETS(AS_INSTRUCTION(INTR_PRIVILEGED, DB, 1)),
	    WANTS(ARRIVES(DB, 1))),
	ROW("inject #PF: CR2 is L1's to set", injected, KERNEL64,
	    SETS(WITH_CODE(PF, 6), PUT(L1_CR2, 0x123000)),
	    WANTS(TAKEN_BY_L2(PF), IS(FRAME(0), 6), IS(FRAME1_START, 0), IS(L1_CR2, 0x123000))),
	ROW("injection ignores the exception bitmap", injected, KERNEL64,
	    SETS(AS(INTR_HARDWARE, UD), PUT(EXCEPTION_BITMAP, 0xffffffff)), WANTS(ARRIVES(UD, 0))),
	ROW("injected INT3 ignores the exception bitmap", injected, KERNEL64,
	    SETS(AS_INSTRUCTION(INTR_SOFTWARE_EXCEPTION, BP, 1), PUT(EXCEPTION_BITMAP, 0xffffffff)),
	    WANTS(ARRIVES(BP, 1))),
	ROW("inject into HLT: L2 wakes up", injected, KERNEL64,
	    SETS(AS(INTR_EXTERNAL, 0x40), IF_SET, PUT(GUEST_ACTIVITY, ACTIVITY_HLT)),
	    WANTS(ARRIVES(0x40, 0), IS(GUEST_ACTIVITY, ACTIVITY_ACTIVE))),
	ROW("inject an error code's high half", injected, KERNEL64, SETS(WITH_CODE(GP, 0x7ff8)),
	    WANTS(TAKEN_BY_L2(GP), IS(FRAME(0), 0x7ff8))),
};

/* Vectors of exceptions with an error code: SDM "Error Code". */
#define WITH_ERROR_CODE (1u << DF | 1u << TS | 1u << NP | 1u << SS | 1u << GP | 1u << PF | 1u << AC)

static void inject_every_vector(void)
{
	char name[48];

	for (unsigned int v = 0; v < 32; v++) {
		const bool code = WITH_ERROR_CODE >> v & 1;
		const struct want wants[] = {
			TAKEN_BY_L2(v),
			IS(code ? FRAME1_START : FRAME_START, 0),
			BITS(code ? FRAME(0) : GUEST_RSP, code ? 0x5a5a : 0, code ? ~0ull : 7),
			BITS(ENTRY_INTR_INFO, 0, INTR_VALID),
		};

		rt_snprintf(name, sizeof(name), "inject hardware exception %u", v);
		if (!lab_selected(name))
			continue;
		if (v == NMI || v == 21) {
			rt_skip(name, v == NMI ? "vector 2 is the NMI's" : "#CP is a matter of CET");
			continue;
		}
		lab_reset(&code_injected, KERNEL64);
		put(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v) | (code ? INTR_ERROR_CODE : 0));
		put(ENTRY_ERROR_CODE, 0x5a5a);
		if (lab_run() != RAN)
			rt_fail(name, "VM entry failed, error %lu", get(VM_INSTRUCTION_ERROR));
		else
			lab_compare(name, &code_injected, wants, sizeof(wants) / sizeof(wants[0]));
	}
}

void test_injection(void)
{
	SHOTS_RUN(rows);
	inject_every_vector();
}
