// SPDX-License-Identifier: MIT
/*
 * Instructions that show or change the state of the machine, at CPL 0 and at CPL 3: which of them trap, and
 * what the others tell. The first part are those of Robin and Irvine, "Analysis of the Intel Pentium's
 * Ability to Support a Secure Virtual Machine Monitor", USENIX Security 2000, that are sensitive and don't
 * trap; then those that do. CR4.UMIP (SDM "CR4.UMIP") makes five of them trap. A row's name holds what was
 * seen: it is the table.
 */
#include "exact.h"
#include "rt_check.h"

#define CR4_UMIP_BIT 0x800ull
#define INT_VECTOR   0x30u

enum seen {
	SILENT,
	BY_UD = 1 + UD,
	BY_NP = 1 + NP,
	BY_GP = 1 + GP,
	BY_ANY = 1 + 0x30, /* through the gate of INT_VECTOR */
};

/* What CPL 3 sees where nothing traps */
enum tells {
	NOTHING,
	SAME, /* what CPL 0 sees: RAX and the operand are equal */
	RPL, /* RAX is CPL 0's with RPL 3 */
	IGNORED, /* RFLAGS.IF keeps its value, whatever the operand says */
	REFUSED, /* ZF says no, where CPL 0 is told yes */
};

struct sensitive_row {
	const char *name;
	const uint8_t *code, *end;
	uint8_t kernel, user, umip; /* enum seen; umip: at CPL 3 with CR4.UMIP */
	uint8_t tells;
	const char *leak;
};

/* X(identifier, instruction, CPL 0, CPL 3, CPL 3 with UMIP, what it tells, in words) */
#define EACH(X)                                                                                              \
	X(sgdt, "sgdt (%rsi)", SILENT, SILENT, BY_GP, SAME, "address and size of the GDT")                   \
	X(sidt, "sidt (%rsi)", SILENT, SILENT, BY_GP, SAME, "address and size of the IDT")                   \
	X(sldt, "sldt %rax", SILENT, SILENT, BY_GP, SAME, "selector of the LDT")                             \
	X(str, "str %rax", SILENT, SILENT, BY_GP, SAME, "selector of the TSS")                               \
	X(smsw, "smsw %rax", SILENT, SILENT, BY_GP, SAME, "CR0")                                             \
	X(pushf, "pushfq; popq %rax", SILENT, SILENT, SILENT, SAME, "RFLAGS with IF and IOPL")               \
	X(popf, "pushfq; orl $0x200, (%rsp); popfq; pushfq; popq %rax", SILENT, SILENT, SILENT, IGNORED,     \
	  "a change of IF that doesn't happen")                                                              \
	X(lar, "movl $0x08, %eax; lar %eax, %eax", SILENT, SILENT, SILENT, REFUSED, "that the CPL isn't 0")  \
	X(lsl, "movl $0x10, %eax; lsl %eax, %eax", SILENT, SILENT, SILENT, REFUSED, "that the CPL isn't 0")  \
	X(verr, "movl $0x10, %eax; verr %ax", SILENT, SILENT, SILENT, REFUSED, "that the CPL isn't 0")       \
	X(verw, "movl $0x10, %eax; verw %ax", SILENT, SILENT, SILENT, REFUSED, "that the CPL isn't 0")       \
	X(mov_cs, "movl %cs, %eax; andl $3, %eax", SILENT, SILENT, SILENT, RPL, "the CPL")                   \
	X(mov_ss, "movl %ss, %eax; andl $3, %eax", SILENT, SILENT, SILENT, RPL, "the CPL")                   \
	X(push_fs, "pushq %fs; popq %rax", SILENT, SILENT, SILENT, SAME, "a selector")                       \
	X(pop_fs, "xorl %eax, %eax; pushq %rax; popq %fs", SILENT, SILENT, SILENT, SAME,                     \
	  "a segment that may be loaded")                                                                    \
	X(mov_to_ds, "movl $0x10, %eax; movl %eax, %ds; movl $0x23, %eax; movl %eax, %ds", SILENT, BY_GP,    \
	  BY_GP, NOTHING, "")                                                                                \
	X(call_far,                                                                                          \
	  "xorl %eax, %eax; movl %cs, %edx; pushq %rdx; leaq 1f(%rip), %rdx; pushq %rdx; lretq; 1: nop",     \
	  SILENT, SILENT, SILENT, NOTHING, "")                                                               \
	X(call_kernel, "movl $0x08, %edx; pushq %rdx; leaq 1f(%rip), %rdx; pushq %rdx; lretq; 1: nop",       \
	  SILENT, BY_GP, BY_GP, NOTHING, "")                                                                 \
	X(int_n, "int $0x30", BY_ANY, BY_GP, BY_GP, NOTHING, "")                                             \
	X(cpuid, "xorl %eax, %eax; cpuid; xorl %eax, %eax", SILENT, SILENT, SILENT, SAME, "the processor")   \
	X(rdtsc, "rdtsc; xorl %eax, %eax", SILENT, SILENT, SILENT, SAME, "the time")                         \
	X(lgdt, "sgdt (%rsi); lgdt (%rsi)", SILENT, BY_GP, BY_GP, NOTHING, "")                               \
	X(lidt, "sidt (%rsi); lidt (%rsi)", SILENT, BY_GP, BY_GP, NOTHING, "")                               \
	X(lldt, "xorl %eax, %eax; lldt %ax", SILENT, BY_GP, BY_GP, NOTHING, "")                              \
	X(ltr, "xorl %eax, %eax; ltr %ax", BY_GP, BY_GP, BY_GP, NOTHING, "")                                 \
	X(lmsw, "smsw %eax; lmsw %ax", SILENT, BY_GP, BY_GP, NOTHING, "")                                    \
	X(clts, "clts", SILENT, BY_GP, BY_GP, NOTHING, "")                                                   \
	X(mov_cr0, "movq %cr0, %rax", SILENT, BY_GP, BY_GP, NOTHING, "")                                     \
	X(mov_cr3, "movq %cr3, %rax", SILENT, BY_GP, BY_GP, NOTHING, "")                                     \
	X(mov_cr4, "movq %cr4, %rax", SILENT, BY_GP, BY_GP, NOTHING, "")                                     \
	X(mov_dr, "movq %db7, %rax", SILENT, BY_GP, BY_GP, NOTHING, "")                                      \
	X(cli, "cli", SILENT, BY_GP, BY_GP, NOTHING, "")                                                     \
	X(sti, "sti; cli", SILENT, BY_GP, BY_GP, NOTHING, "")                                                \
	X(in, "inb $0x21, %al", SILENT, BY_GP, BY_GP, NOTHING, "")                                           \
	X(out, "outb %al, $0x80", SILENT, BY_GP, BY_GP, NOTHING, "")                                         \
	X(rdmsr, "movl $0xc0000080, %ecx; rdmsr", SILENT, BY_GP, BY_GP, NOTHING, "")                         \
	X(wrmsr, "movl $0xc0000102, %ecx; xorl %eax, %eax; xorl %edx, %edx; wrmsr", SILENT, BY_GP, BY_GP,    \
	  NOTHING, "")                                                                                       \
	X(invlpg, "invlpg (%rsi)", SILENT, BY_GP, BY_GP, NOTHING, "")                                        \
	X(wbinvd, "wbinvd", SILENT, BY_GP, BY_GP, NOTHING, "")                                               \
	X(invd, "invd", SILENT, BY_GP, BY_GP, NOTHING, "")                                                   \
	X(hlt, "hlt", SILENT, BY_GP, BY_GP, NOTHING, "")                                                     \
	X(swapgs, "swapgs; swapgs", SILENT, BY_GP, BY_GP, NOTHING, "")                                       \
	X(sysret, "sysretq", BY_UD, BY_UD, BY_UD, NOTHING, "")

#define SNIPPET(id, text, ...) CODE64(sensitive_##id, text)
EACH(SNIPPET)
#define ROW(id, text, ...) {#id, sensitive_##id, sensitive_##id##_end, __VA_ARGS__},
static const struct sensitive_row rows[] = {EACH(ROW)};

/* HLT needs somebody who ends it: an interrupt that IF = 0 keeps from being taken before. */
static void run_row(const struct sensitive_row *row, enum mode mode, bool umip, struct outcome *o)
{
	struct setup s;

	setup_init(&s, mode, row->code, row->end);
	s.code_offset = 0x40;
	s.seed = 1;
	s.entry.rflags = 2;
	s.entry.r[RAX] = 0x1111;
	setup_pointer(&s, RSI, SEG_DS, 64, LINEAR(PAGE_DATA0) + 0x100);
	s.cr4_or = umip ? CR4_UMIP_BIT : 0;
	run(&s, ON_RAM, o);
}

static unsigned int seen(const struct outcome *o)
{
	const struct event *e = &o->event[0];

	if (e->vector == INT_VECTOR)
		return BY_ANY;
	return e->vector == BP ? SILENT : 1 + (unsigned int)e->vector;
}

static const char *word(unsigned int outcome)
{
	switch (outcome) {
	case SILENT:
		return "silent";
	case BY_UD:
		return "#UD";
	case BY_NP:
		return "#NP";
	case BY_GP:
		return "#GP";
	case BY_ANY:
		return "its gate";
	default:
		return "another trap";
	}
}

/* What CPL 3 was told, against what CPL 0 was. */
static bool told(const struct sensitive_row *row, const struct outcome *kernel, const struct outcome *user)
{
	const struct event *k = &kernel->event[0], *u = &user->event[0];
	const uint64_t zf = 0x40;

	switch ((enum tells)row->tells) {
	case SAME:
		return k->r[RAX] == u->r[RAX] && !memcmp(kernel->memory, user->memory, sizeof(user->memory));
	case RPL:
		return k->r[RAX] == 0 && u->r[RAX] == 3;
	case IGNORED:
		return k->r[RAX] & FLAG_IF && !(u->r[RAX] & FLAG_IF);
	case REFUSED:
		return k->rflags & zf && !(u->rflags & zf);
	case NOTHING:
	default:
		return true;
	}
}

static void one_mode(const struct sensitive_row *row, const char *mode, unsigned int wanted, unsigned int got,
		     bool leaks)
{
	char text[120];

	rt_snprintf(text, sizeof(text), "sensitive,%s,%s,%s,%s", row->name, mode, word(got),
		    leaks ? row->leak : "");
	if (got == wanted)
		rt_pass(text);
	else
		rt_fail(text, "wanted %s", word(wanted));
}

void test_sensitive(void)
{
	static struct outcome kernel, user;
	const bool umip = cpuid(7, 0).ecx >> 2 & 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sensitive_row *row = &rows[i];

		if (!selected("sensitive"))
			return;
		if (row->code ==
		    sensitive_hlt) { /* at CPL 0 it would sleep for good; exits and steps have it */
			run_row(row, USER64, false, &user);
			one_mode(row, "CPL 3", row->user, seen(&user), false);
			continue;
		}
		run_row(row, KERNEL64, false, &kernel);
		one_mode(row, "CPL 0", row->kernel, seen(&kernel), false);
		run_row(row, USER64, false, &user);
		one_mode(row, "CPL 3", row->user, seen(&user), seen(&user) == SILENT);
		if (seen(&user) == SILENT && !told(row, &kernel, &user))
			rt_fail(row->name, "CPL 3 is told something else: %lx, CPL 0 %lx",
				user.event[0].r[RAX], kernel.event[0].r[RAX]);
		if (!umip)
			continue;
		run_row(row, KERNEL64, true, &kernel);
		one_mode(row, "CPL 0 with UMIP", row->kernel, seen(&kernel), false);
		run_row(row, USER64, true, &user);
		one_mode(row, "CPL 3 with UMIP", row->umip, seen(&user), seen(&user) == SILENT);
	}
}
