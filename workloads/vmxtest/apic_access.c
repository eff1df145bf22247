// SPDX-License-Identifier: MIT
/*
 * Accesses to the APIC-access page, with and without TPR shadow and APIC-register virtualization.
 * SDM "Virtualizing Memory-Mapped APIC Accesses", "Exit Qualification for APIC-Access VM Exits".
 */
#include "lab.h"

#define ACCESS     PUT(OR(CPU_CTLS2), CPU2_APIC_ACCESSES)
#define REGISTERS  PUT(OR(CPU_CTLS2), CPU2_APIC_ACCESSES | CPU2_APIC_REGISTERS)
#define TPR_SHADOW PUT(OR(CPU_CTLS), CPU_TPR_SHADOW)
#define OFFSET(o)  PUT(L2_REG(RBX), PAGE(WINDOW_ACCESS) + (o))
#define VALUE(v)   PUT(L2_REG(RAX), v)
/* Exit qualification: offset and kind of access */
#define QUALIFIES(type, offset) EXITS(EXIT_APIC_ACCESS), IS(EXIT_QUALIFICATION, (type) << 12 | (offset))
#define READS(offset)           QUALIFIES(0u, offset), IS(RIP_AT, 0), NOT_IN_DELIVERY
#define WRITES(offset)          QUALIFIES(1u, offset), IS(RIP_AT, 0), NOT_IN_DELIVERY
#define APIC_WRITE(offset)      EXITS(EXIT_APIC_WRITE), IS(EXIT_QUALIFICATION, offset), IS(RIP_NEXT, 0)
#define FETCH_TYPE              2u
#define DELIVERY_TYPE           3u
#define PHYSICAL_TYPE           15u
#define IN_ACCESS_PAGE          PAGE(WINDOW_ACCESS)

L2_CODE(apic_read, "9: movl (%rbx), %eax; 8:");
L2_CODE(apic_write, "9: movl %eax, (%rbx); 8:");
L2_CODE(apic_read_byte, "9: movb (%rbx), %al; 8:");
L2_CODE(apic_read_quad, "9: movq (%rbx), %rax; 8:");
L2_CODE(apic_write_quad, "9: movq %rax, (%rbx); 8:");
L2_CODE(apic_or, "9: orl %eax, (%rbx); 8:");
L2_CODE(apic_fetch, "9: jmp *%rbx");
L2_CODE(apic_walk, "movl $0x10200123, %ebx; 9: movb (%rbx), %al");
L2_CODE(apic_ud, "9: ud2");

static const struct shot rows[] = {
	ROW("APIC access: read", apic_read, KERNEL64, SETS(ACCESS, OFFSET(0x30)), WANTS(READS(0x30))),
	ROW("APIC access: written", apic_write, KERNEL64, SETS(ACCESS, OFFSET(0x80), VALUE(0x5a)),
	    WANTS(WRITES(0x80), BITS(L2_WORD(WINDOW_ACCESS), 0, ~0ull))),
	ROW("APIC access: at CPL 3", apic_read, USER64, SETS(ACCESS, OFFSET(0xffc)), WANTS(READS(0xffc))),
	ROW("APIC access: a byte", apic_read_byte, KERNEL64, SETS(ACCESS, OFFSET(0x83)), WANTS(READS(0x83))),
	ROW("APIC access: read and written at once", apic_or, KERNEL64, SETS(ACCESS, OFFSET(0x80)),
	    WANTS(EXITS(EXIT_APIC_ACCESS), BITS(EXIT_QUALIFICATION, 0x80, 0xeffful), IS(RIP_AT, 0))),
	ROW_NOT_BOCHS("APIC access: fetch", apic_fetch, KERNEL64, SETS(ACCESS, OFFSET(0x40)),
		      WANTS(QUALIFIES(FETCH_TYPE, 0x40), IS(GUEST_RIP, IN_ACCESS_PAGE + 0x40)),
		      "Bochs panics"),
	ROW("APIC access: while delivering an event", apic_ud, KERNEL64,
	    SETS(ACCESS, PUT(GUEST_IDTR_BASE, IN_ACCESS_PAGE)),
	    WANTS(QUALIFIES(DELIVERY_TYPE, 16u * UD), IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, UD)),
		  IS(RIP_AT, 0))),
	ROW("APIC access: while delivering an injected event", apic_ud, KERNEL64,
	    SETS(ACCESS, PUT(GUEST_IDTR_BASE, IN_ACCESS_PAGE), PUT(GUEST_RFLAGS, 0x202),
		 PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x40))),
	    WANTS(QUALIFIES(DELIVERY_TYPE, 0x400u), IS(IDT_VECTORING_INFO, INTR_INFO(INTR_EXTERNAL, 0x40)),
		  IS(RIP_START, 0))),
	ROW_NOT_ON_BOCHS("APIC access: by the walk of L2's page tables", apic_walk, KERNEL64,
			 SETS(ACCESS, PUT(L2_PDE, PAGE_L2(WINDOW_ACCESS) | 0x27)),
			 WANTS(EXITS(EXIT_APIC_ACCESS), BITS(EXIT_QUALIFICATION, PHYSICAL_TYPE << 12, 0xf000),
			       IS(RIP_AT, 0)),
			 "Bochs tells a linear read"),
	ROW("APIC access: an EPT violation comes first", apic_read, KERNEL64,
	    SETS(ACCESS, OFFSET(0x30), PUT(L2_EPTE(WINDOW_ACCESS), 0)), WANTS(EXITS(EXIT_EPT_VIOLATION))),
	ROW("APIC access: a #PF comes first", apic_write, KERNEL64,
	    SETS(ACCESS, OFFSET(0x30), INTERCEPT(PF), PUT(L2_PTE(WINDOW_ACCESS), RT_PRESENT)),
	    WANTS(FAULT_AT_WITH(PF, 3))),
	ROW("APIC access: another page", apic_read, KERNEL64,
	    SETS(ACCESS, PUT(L2_REG(RBX), PAGE(0)), PUT(L2_WORD(0), 0x77)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x77))),
	ROW("APIC access: off", apic_read, KERNEL64, SETS(OFFSET(0), PUT(L2_WORD(WINDOW_ACCESS), 0x78)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x78))),

	ROW("APIC access, TPR shadow: read", apic_read, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), PUT(VAPIC(0x80), 0x70)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x70))),
	ROW("APIC access, TPR shadow: a byte read", apic_read_byte, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), PUT(VAPIC(0x80), 0x70)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x70, 0xff))),
	ROW("APIC access, TPR shadow: written, its high bytes cleared", apic_write, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), VALUE(0x12345650)),
	    WANTS(TO_THE_END, IS(VAPIC(0x80), 0x50))),
	ROW("APIC access, TPR shadow: read and written at once", apic_or, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), VALUE(0x50), PUT(VAPIC(0x80), 0x20)),
	    WANTS(TO_THE_END, IS(VAPIC(0x80), 0x70))),
	ROW("APIC access, TPR shadow: written below the threshold", apic_write, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), VALUE(0x40), PUT(VAPIC(0x80), 0x80),
		 PUT(TPR_THRESHOLD, 5)),
	    WANTS(EXITS(EXIT_TPR_BELOW), IS(RIP_NEXT, 0), IS(VAPIC(0x80), 0x40))),
	ROW("APIC access, TPR shadow: written at the threshold", apic_write, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), VALUE(0x50), PUT(VAPIC(0x80), 0x80),
		 PUT(TPR_THRESHOLD, 5)),
	    WANTS(TO_THE_END, IS(VAPIC(0x80), 0x50))),
	ROW("APIC access, TPR shadow: entry below the threshold", apic_read, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), PUT(VAPIC(0x80), 0x40), PUT(TPR_THRESHOLD, 5)),
	    WANTS(EXITS(EXIT_TPR_BELOW), IS(RIP_START, 0))),
	ROW("APIC access, TPR shadow: 8 bytes read", apic_read_quad, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80)), WANTS(READS(0x80))),
	ROW("APIC access, TPR shadow: 8 bytes written", apic_write_quad, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x80), VALUE(0x50)), WANTS(WRITES(0x80), IS(VAPIC(0x80), 0))),
	ROW("APIC access, TPR shadow: not in the low 4 bytes", apic_read, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x84)), WANTS(READS(0x84))),
	ROW("APIC access, TPR shadow: across 4 bytes", apic_read, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x82)), WANTS(READS(0x82))),
	ROW("APIC access, TPR shadow: another register", apic_read, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0x20)), WANTS(READS(0x20))),
	ROW("APIC access, TPR shadow: EOI written", apic_write, KERNEL64,
	    SETS(ACCESS, TPR_SHADOW, OFFSET(0xb0)), WANTS(WRITES(0xb0))),

	ROW("APIC registers: 8 bytes read", apic_read_quad, KERNEL64,
	    SETS(REGISTERS, TPR_SHADOW, OFFSET(0x20)), WANTS(READS(0x20))),
	ROW("APIC registers: not in the low 4 bytes", apic_read, KERNEL64,
	    SETS(REGISTERS, TPR_SHADOW, OFFSET(0x24)), WANTS(READS(0x24))),
	ROW("APIC registers: ICR high written keeps its high byte", apic_write, KERNEL64,
	    SETS(REGISTERS, TPR_SHADOW, OFFSET(0x310), VALUE(0x12345678)),
	    WANTS(TO_THE_END, IS(VAPIC(0x310), 0x12000000))),
};

/* SDM "Virtualizing Reads from the APIC-Access Page" and "Virtualizing Writes to the APIC-Access Page". */
enum how { ACCESSED, VIRTUAL, WRITTEN }; /* exit 44; the virtual-APIC page; the same, then exit 56 */

static bool is_one_of(uint32_t offset, const uint16_t *list)
{
	while (*list && *list != offset)
		list++;
	return *list != 0;
}

static enum how how_read(uint32_t offset)
{
	static const uint16_t read[] = {0x20,  0x30,  0x80,  0xb0,  0xd0,  0xe0,  0xf0,  0x280, 0x300, 0x310,
					0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0, 0};

	return (offset >= 0x100 && offset < 0x280) || is_one_of(offset, read) ? VIRTUAL : ACCESSED;
}

static enum how how_written(uint32_t offset)
{
	static const uint16_t written[] = {0x20,  0xb0,  0xd0,  0xe0,  0xf0,  0x280, 0x300, 0x320,
					   0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0, 0};

	if (offset == 0x80 || offset == 0x310)
		return VIRTUAL;
	return is_one_of(offset, written) ? WRITTEN : ACCESSED;
}

#define PATTERN 0x55000000u /* survives in TPR's and ICR's neighbours as well */

static void access_register(const char *name, uint32_t offset, bool write)
{
	const enum how how = write ? how_written(offset) : how_read(offset);
	const uint64_t result = how == ACCESSED || offset == 0x80 ? 0 : PATTERN;
	const struct want exits[] = {
		[ACCESSED] = EXITS(EXIT_APIC_ACCESS),
		[VIRTUAL] = EXITS(EXIT_VMCALL),
		[WRITTEN] = EXITS(EXIT_APIC_WRITE),
	};
	const struct want wants[] = {
		exits[how],
		BITS(EXIT_QUALIFICATION, (write && how == ACCESSED ? 0x1000u : 0) | offset,
		     how == VIRTUAL ? 1ull << 63 : ~0ull),
		IS(write ? VAPIC(offset) : L2_REG(RAX), write || offset != 0x80 ? result
							: how == ACCESSED       ? 0
										: PATTERN),
		IS(how == WRITTEN    ? RIP_NEXT
		   : how == ACCESSED ? RIP_AT
				     : RIP_VECTOR,
		   how == VIRTUAL ? ~0ull : 0),
	};
	const struct code *code = write ? &code_apic_write : &code_apic_read;

	lab_reset(code, KERNEL64);
	put(CPU_CTLS, get(CPU_CTLS) | CPU_TPR_SHADOW);
	put(CPU_CTLS2, get(CPU_CTLS2) | CPU2_APIC_ACCESSES | CPU2_APIC_REGISTERS);
	lab_regs.r[RBX] = IN_ACCESS_PAGE + offset;
	lab_regs.r[RAX] = write ? PATTERN : 0;
	if (!write) {
		const struct set set = PUT(VAPIC(offset), PATTERN);

		lab_set(&set);
	}
	lab_run();
	lab_compare(name, code, wants, sizeof(wants) / sizeof(wants[0]));
}

static void check_register(uint32_t offset, bool write)
{
	char name[48];

	rt_snprintf(name, sizeof(name), "APIC register 0x%x: %s", offset, write ? "written" : "read");
	if (!lab_selected(name))
		return;
	if (caps_allow(CPU_CTLS2, CPU2_APIC_ACCESSES | CPU2_APIC_REGISTERS, 0))
		access_register(name, offset, write);
	else
		rt_skip(name, "the processor does not offer the control");
}

static void registers(void)
{
	for (uint32_t offset = 0; offset < 0x1000; offset += offset < 0x400 ? 0x10 : 0x400) {
		check_register(offset, false);
		check_register(offset, true);
	}
}

void test_apic_access(void)
{
	SHOTS_RUN(rows);
	registers();
}
