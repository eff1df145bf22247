// SPDX-License-Identifier: MIT
/*
 * What VT-x makes of the instructions that are sensitive and don't trap, and of those that do: without the
 * control that is meant for them, and with it, at CPL 0 and CPL 3. SDM "Instructions That Cause VM Exits",
 * "Relative Priority of Faults and VM Exits". A row's name holds what was seen: it is the table of
 * docs/exact.md.
 */
#include "lab.h"

L2_CODE(se_sgdt, "9: sgdt 0x10000010");
L2_CODE(se_sidt, "9: sidt 0x10000010");
L2_CODE(se_sldt, "9: sldt %eax");
L2_CODE(se_str, "9: str %eax");
L2_CODE(se_smsw, "9: smsw %eax");
L2_CODE(se_pushf, "9: pushfq; popq %rax");
L2_CODE(se_popf, "pushfq; 9: popfq");
L2_CODE(se_lar, "movl $8, %eax; 9: lar %eax, %eax");
L2_CODE(se_lsl, "movl $16, %eax; 9: lsl %eax, %eax");
L2_CODE(se_verr, "movl $16, %eax; 9: verr %ax");
L2_CODE(se_verw, "movl $16, %eax; 9: verw %ax");
L2_CODE(se_mov_seg, "9: movl %cs, %eax");
L2_CODE(se_push_seg, "9: pushq %fs; popq %rax");
L2_CODE(se_pop_seg, "xorl %eax, %eax; pushq %rax; 9: popq %fs");
L2_CODE(se_far, "movl %cs, %edx; pushq %rdx; leaq 6f(%rip), %rdx; pushq %rdx; 9: lretq; 6: nop");
L2_CODE(se_int, "9: int $0x80");
L2_CODE(se_cpuid, "9: cpuid");
L2_CODE(se_rdtsc, "9: rdtsc");
L2_CODE(se_pause, "9: pause");
L2_CODE(se_lgdt, "sgdt 0x10000010; 9: lgdt 0x10000010");
L2_CODE(se_lldt, "xorl %eax, %eax; 9: lldt %ax");
L2_CODE(se_ltr, "xorl %eax, %eax; 9: ltr %ax");
L2_CODE(se_lmsw, "movl $0x3b, %eax; 9: lmsw %ax");
L2_CODE(se_clts, "9: clts");
L2_CODE(se_cr3_load, "9: movq %rbx, %cr3");
L2_CODE(se_cr3_store, "9: movq %cr3, %rax");
L2_CODE(se_cr8, "9: movq %cr8, %rax");
L2_CODE(se_dr, "9: movq %db7, %rax");
L2_CODE(se_cli, "9: cli");
L2_CODE(se_in, "9: inb $0x80, %al");
L2_CODE(se_rdmsr, "movl $0xc0000080, %ecx; 9: rdmsr");
L2_CODE(se_rdpmc, "xorl %ecx, %ecx; 9: rdpmc");
L2_CODE(se_invlpg, "9: invlpg 0x10000123");
L2_CODE(se_wbinvd, "9: wbinvd");
L2_CODE(se_invd, "9: invd");
L2_CODE(se_hlt, "9: hlt");

enum seen { EXITS_BY = 0, SILENT = 0x100, FAULT = 0x200, GATE = 0x300 }; /* plus reason, or vector */
#define GP_FAULT (FAULT + GP)
#define LATER    0xffffu /* not tried */

struct sensitive {
	const char *name;
	const struct code *code;
	const char *control; /* "" : there is none */
	struct set on[3]; /* up to the first with field 0 */
	struct set off;
	uint32_t kernel_off, user_off, kernel_on, user_on; /* enum seen; LATER */
};

#define DESCRIPTORS                                                                                          \
	"descriptor-table exiting", {PUT(OR(CPU_CTLS2), CPU2_DESCRIPTOR_TABLES)},                            \
	{                                                                                                    \
		0                                                                                            \
	}
#define BY_CPU(name, bit)                                                                                    \
	name, {PUT(OR(CPU_CTLS), bit)},                                                                      \
	{                                                                                                    \
		0                                                                                            \
	}
#define BY_CPU2(name, bit)                                                                                   \
	name, {PUT(OR(CPU_CTLS2), bit)},                                                                     \
	{                                                                                                    \
		0                                                                                            \
	}
#define NO_CONTROL                                                                                           \
	"", {{0}},                                                                                           \
	{                                                                                                    \
		0                                                                                            \
	}
#define TS_MASKED                                                                                            \
	"mask of CR0.TS", {PUT(CR0_MASK, CR0_TS), PUT(CR0_SHADOW, CR0_TS)},                                  \
	{                                                                                                    \
		0                                                                                            \
	}

#define SENSE(name, code, ...)                                                                               \
	{                                                                                                    \
		name, &code_se_##code, __VA_ARGS__                                                           \
	}
static const struct sensitive rows[] = {
	SENSE("SGDT", sgdt, DESCRIPTORS, SILENT, SILENT, EXIT_GDTR_IDTR, EXIT_GDTR_IDTR),
	SENSE("SIDT", sidt, DESCRIPTORS, SILENT, SILENT, EXIT_GDTR_IDTR, EXIT_GDTR_IDTR),
	SENSE("SLDT", sldt, DESCRIPTORS, SILENT, SILENT, EXIT_LDTR_TR, EXIT_LDTR_TR),
	SENSE("STR", str, DESCRIPTORS, SILENT, SILENT, EXIT_LDTR_TR, EXIT_LDTR_TR),
	SENSE("SMSW", smsw, TS_MASKED, SILENT, SILENT, SILENT, SILENT), /* shows the shadow: below */
	SENSE("PUSHF", pushf, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("POPF", popf, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("LAR", lar, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("LSL", lsl, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("VERR", verr, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("VERW", verw, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("MOV from segment", mov_seg, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("PUSH segment", push_seg, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("POP segment", pop_seg, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("RET far", far, NO_CONTROL, SILENT, SILENT, LATER, LATER),
	SENSE("INT n", int, "exception bitmap", {PUT(EXCEPTION_BITMAP, 0xffffffff)}, {0}, GATE + 0x80,
	      GATE + 0x80, GATE + 0x80, GATE + 0x80),
	SENSE("CPUID", cpuid, NO_CONTROL, EXIT_CPUID, EXIT_CPUID, LATER, LATER),
	SENSE("RDTSC", rdtsc, BY_CPU("RDTSC exiting", CPU_RDTSC), SILENT, SILENT, EXIT_RDTSC, EXIT_RDTSC),
	SENSE("PAUSE", pause, BY_CPU("PAUSE exiting", CPU_PAUSE), SILENT, SILENT, EXIT_PAUSE, EXIT_PAUSE),
	SENSE("LGDT", lgdt, DESCRIPTORS, SILENT, GP_FAULT, LATER, LATER), /* its SGDT would exit first */
	SENSE("LLDT", lldt, DESCRIPTORS, SILENT, GP_FAULT, EXIT_LDTR_TR, GP_FAULT),
	SENSE("LTR", ltr, DESCRIPTORS, GP_FAULT, GP_FAULT, EXIT_LDTR_TR, GP_FAULT),
	SENSE("LMSW", lmsw, "mask of CR0.TS", {PUT(CR0_MASK, CR0_TS)}, {0}, SILENT, GP_FAULT, EXIT_CR_ACCESS,
	      GP_FAULT),
	SENSE("CLTS", clts, TS_MASKED, SILENT, GP_FAULT, EXIT_CR_ACCESS, GP_FAULT),
	SENSE("MOV to CR3", cr3_load, BY_CPU("CR3-load exiting", CPU_CR3_LOAD), LATER, GP_FAULT,
	      EXIT_CR_ACCESS, GP_FAULT),
	SENSE("MOV from CR3", cr3_store, BY_CPU("CR3-store exiting", CPU_CR3_STORE), SILENT, GP_FAULT,
	      EXIT_CR_ACCESS, GP_FAULT),
	SENSE("MOV from CR8", cr8, BY_CPU("CR8-store exiting", CPU_CR8_STORE), SILENT, GP_FAULT,
	      EXIT_CR_ACCESS, GP_FAULT),
	SENSE("MOV from DR", dr, BY_CPU("MOV-DR exiting", CPU_MOV_DR), SILENT, GP_FAULT, EXIT_MOV_DR,
	      EXIT_MOV_DR), /* the exit goes before the fault */
	SENSE("CLI", cli, NO_CONTROL, SILENT, GP_FAULT, LATER, LATER),
	SENSE("IN", in, BY_CPU("unconditional I/O exiting", CPU_UNCONDITIONAL_IO), SILENT, GP_FAULT, EXIT_IO,
	      GP_FAULT),
	SENSE("RDMSR", rdmsr, "its bit in the MSR bitmap",
	      {PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS), PUT(L2_MSR_BIT, 0xc0000080)},
	      PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS), SILENT, GP_FAULT, EXIT_RDMSR, GP_FAULT),
	SENSE("RDPMC", rdpmc, BY_CPU("RDPMC exiting", CPU_RDPMC), LATER, GP_FAULT, EXIT_RDPMC, GP_FAULT),
	SENSE("INVLPG", invlpg, BY_CPU("INVLPG exiting", CPU_INVLPG), SILENT, GP_FAULT, EXIT_INVLPG,
	      GP_FAULT),
	SENSE("WBINVD", wbinvd, BY_CPU2("WBINVD exiting", CPU2_WBINVD), SILENT, GP_FAULT, EXIT_WBINVD,
	      GP_FAULT),
	SENSE("INVD", invd, NO_CONTROL, EXIT_INVD, GP_FAULT, LATER, LATER),
	SENSE("HLT", hlt, BY_CPU("HLT exiting", CPU_HLT), LATER, GP_FAULT, EXIT_HLT, GP_FAULT),
};

static void describe(char text[32], uint32_t seen)
{
	if (seen == SILENT)
		rt_snprintf(text, 32, "silent");
	else if (seen >= GATE)
		rt_snprintf(text, 32, "its gate");
	else if (seen >= FAULT)
		rt_snprintf(text, 32, seen == GP_FAULT ? "#GP" : "fault %u", seen - FAULT);
	else
		rt_snprintf(text, 32, "exit %u", seen);
}

static uint32_t look(const struct code *code)
{
	const uint32_t reason = (uint32_t)lab_get(EXIT_REASON, code);
	const uint64_t vector = lab_get(RIP_VECTOR, code);

	if (reason != EXIT_VMCALL)
		return reason & 0xff;
	if (vector == ~0ull)
		return SILENT;
	return vector < 32 ? FAULT + (uint32_t)vector : GATE + (uint32_t)vector;
}

static const char *unfit(const struct sensitive *row, bool on)
{
	struct shot shot = {.name = row->name, .code = row->code};

	if (on)
		memcpy(shot.set, row->on, sizeof(row->on));
	else
		shot.set[0] = row->off;
	if (!on && row->on[0].field == OR(CPU_CTLS) &&
	    !row->off.field) /* the control may be one that is always on */
		shot.set[0] = (struct set){CLEAR(CPU_CTLS), row->on[0].value};
	return lab_unfit(&shot);
}

static void run_one(const struct sensitive *row, enum mode mode, bool on, uint32_t wanted)
{
	char name[100], seen[32], expected[32];
	const char *why;
	uint32_t got;

	if (wanted == LATER)
		return;
	describe(expected, wanted);
	rt_snprintf(name, sizeof(name), "sensitive,%s,%s,%s,%s,%s", row->name,
		    mode == USER64 ? "CPL 3" : "CPL 0", *row->control ? row->control : "no control",
		    *row->control ? (on ? "on" : "off") : "-", expected);
	if (!lab_selected(name))
		return;
	why = unfit(row, on);
	if (why) {
		rt_skip(name, why);
		return;
	}
	lab_reset(row->code, mode);
	lab_regs.r[RBX] = lab_get(GUEST_CR3, row->code);
	for (unsigned int i = 0; on && i < 3 && row->on[i].field; i++)
		lab_set(&row->on[i]);
	if (!on && row->off.field)
		lab_set(&row->off);
	lab_flush();
	if (lab_run() != RAN) {
		rt_fail(name, "no VM entry");
		return;
	}
	got = look(row->code);
	describe(seen, got);
	if (got == wanted)
		rt_pass(name);
	else
		rt_fail(name, "%s", seen);
	if (row->code == &code_se_smsw && on)
		rt_check(mode == USER64 ? "sensitive: SMSW at CPL 3 shows the shadow"
					: "sensitive: SMSW shows the shadow",
			 lab_regs.r[RAX] & CR0_TS);
}

void test_sensitive(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_one(&rows[i], KERNEL64, false, rows[i].kernel_off);
		run_one(&rows[i], USER64, false, rows[i].user_off);
		run_one(&rows[i], KERNEL64, true, rows[i].kernel_on);
		run_one(&rows[i], USER64, true, rows[i].user_on);
	}
}
