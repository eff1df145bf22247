// SPDX-License-Identifier: MIT
/*
 * Traps around an instruction that exits: single steps, breakpoints, blocking by STI and MOV SS, and the
 * order in which they come. A row is a few instructions; what is compared between levels is every trap:
 * vector, frame with RF, DR6, and the registers at it. The handler clears DR6 and goes on, past a code
 * breakpoint with RF set.
 */
#include "exact.h"
#include "rt_apic.h"
#include "rt_check.h"

#define CR4_DE_BIT  0x8ull
#define BTF         2ull
#define VECTOR_IPI  0x41u
#define CODE_OFFSET 0x40u

enum kind {
	PLAIN,
	WATCH_ACCESS, /* DR0: reads and writes of the operand's 4 bytes */
	WATCH_WRITE,
	WATCH_OTHER, /* DR1 enabled behind the operand, DR0 on it is not */
	WATCH_PARTLY, /* DR2: one byte in the operand's middle */
	WATCH_PORT, /* DR3, CR4.DE */
	WATCH_CODE, /* DR0: the first instruction */
	GENERAL_DETECT,
	BRANCHES, /* IA32_DEBUGCTL.BTF */
	INTERRUPT, /* one is pending, and comes as soon as it may */
	KINDS,
};

struct step_row {
	const char *name;
	const uint8_t *code, *end;
	uint8_t modes;
	uint8_t kind;
	uint64_t flags; /* all of them */
	uint64_t rax, rcx, rdx;
	uint16_t own; /* bit n: register n is a level's own */
};

#define TF          (FLAG_TF | 2)
#define TF3         (FLAG_TF | FLAG_IOPL3 | 2)
#define NOTF        (FLAG_IOPL3 | 2ull)
#define K64         IN_MODE(KERNEL64)
#define K32         IN_MODE(KERNEL32)
#define FOUR        (LOW_OF(RAX) | LOW_OF(RBX) | LOW_OF(RCX) | LOW_OF(RDX))
#define LOW_OF(reg) (1u << (reg))

/* X(identifier, bits, instructions, modes, kind, flags, RAX, RCX, RDX, own) */
#define EACH(X)                                                                                              \
	X(nop, 64, "nop; nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                                              \
	X(cr3, 64, "movq %cr3, %rax; movq %rax, %cr3; nop", K64, PLAIN, TF, 0, 0, 0, LOW_OF(RAX))            \
	X(cr0, 64, "movq %rax, %cr0; nop", K64, PLAIN, TF, 0x8001003b, 0, 0, 0)                              \
	X(cr0_gp, 64, "movq %rax, %cr0; nop", K64, PLAIN, TF, 0x80010032, 0, 0, 0)                           \
	X(cr4, 64, "movq %rax, %cr4; nop", K64, PLAIN, TF, 0x6a4, 0, 0, 0)                                   \
	X(cr8, 64, "movq %rax, %cr8; movq %cr8, %rdx; nop", K64, PLAIN, TF, 5, 0, 0, 0)                      \
	X(clts, 64, "clts; nop", K64, PLAIN, TF, 0, 0, 0, 0)                                                 \
	X(lmsw, 64, "lmsw %ax; nop", K64, PLAIN, TF, 0xb, 0, 0, 0)                                           \
	X(smsw, 64, "smsw %eax; nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                                       \
	X(cpuid, 64, "cpuid; nop", MODES_64, PLAIN, TF, 0, 0, 0, FOUR)                                       \
	X(cpuid32, 32, "cpuid; nop", MODES_32, PLAIN, TF, 0, 0, 0, FOUR)                                     \
	X(cpuid2, 64, "cpuid; cpuid; nop", K64, PLAIN, TF, 0, 0, 0, FOUR)                                    \
	X(cpuid_rf, 64, "cpuid; nop", MODES_64, PLAIN, TF | FLAG_RF, 0, 0, 0, FOUR)                          \
	X(rdtsc, 64, "rdtsc; nop", MODES_64, PLAIN, TF, 0, 0, 0, FOUR)                                       \
	X(rdmsr, 64, "rdmsr; nop", K64, PLAIN, TF, 0, 0xc0000080, 0, 0)                                      \
	X(rdmsr_user, 64, "rdmsr; nop", IN_MODE(USER64), PLAIN, TF, 0, 0xc0000080, 0, 0)                     \
	X(wrmsr, 64, "wrmsr; nop", K64, PLAIN, TF, 0xd00, 0xc0000080, 0, 0)                                  \
	X(wrmsr_gp, 64, "wrmsr; nop", K64, PLAIN, TF, 0, 0xc0000080, 0x100, 0)                               \
	X(in, 64, "inb %dx, %al; nop", MODES_64, PLAIN, TF3, 0, 0, 0x21, 0)                                  \
	X(out, 64, "outb %al, %dx; nop", MODES_64, PLAIN, TF3, 0, 0, 0x80, 0)                                \
	X(ins, 64, "insb; nop", MODES_64, PLAIN, TF3, 0, 0, 0x1240, 0)                                       \
	X(rep_ins, 64, "rep insb; nop", MODES_64, PLAIN, TF3, 0, 3, 0x1240, 0)                               \
	X(rep_insw, 32, "rep insw; nop", MODES_32, PLAIN, TF3, 0, 3, 0x1240, 0)                              \
	X(rep_outs, 64, "rep outsl; nop", MODES_64, PLAIN, TF3, 0, 3, 0x1240, 0)                             \
	X(rep_outs1, 64, "rep outsl; nop", MODES_64, PLAIN, TF3, 0, 1, 0x1240, 0)                            \
	X(rep_outs0, 64, "rep outsl; nop", MODES_64, PLAIN, TF3, 0, 0, 0x1240, 0)                            \
	X(invlpg, 64, "invlpg (%rsi); nop", K64, PLAIN, TF, 0, 0, 0, 0)                                      \
	X(wbinvd, 64, "wbinvd; nop", K64, PLAIN, TF, 0, 0, 0, 0)                                             \
	X(invd, 64, "invd; nop", K64, PLAIN, TF, 0, 0, 0, 0)                                                 \
	X(xsetbv, 64, "xsetbv; nop", K64, PLAIN, TF, 3, 0, 0, 0)                                             \
	X(xsetbv_gp, 64, "xsetbv; nop", K64, PLAIN, TF, 2, 0, 0, 0)                                          \
	X(pause, 64, "pause; nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                                          \
	X(vmread, 64, "vmread %rax, %rbx; nop", K64, PLAIN, TF, 0, 0, 0, 0)                                  \
	X(mov_dr, 64, "movq %rax, %db1; movq %db1, %rdx; nop", K64, PLAIN, TF, 0x1234, 0, 0, 0)              \
	X(load, 64, "movl (%rsi), %edx; nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                               \
	X(store, 64, "movl %edx, (%rsi); nop", MODES_64, PLAIN, TF, 0, 0, 7, 0)                              \
	X(add, 64, "lock addl %edx, (%rsi); nop", MODES_64, PLAIN, TF, 0, 0, 7, 0)                           \
	X(push, 64, "pushq (%rsi); popq 8(%rsi); nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                      \
	X(rep_movs, 64, "rep movsb; nop", MODES_64, PLAIN, TF, 0, 3, 0, 0)                                   \
	X(rep_movs1, 64, "rep movsb; nop", MODES_64, PLAIN, TF, 0, 1, 0, 0)                                  \
	X(rep_lods, 32, "rep lodsb; nop", MODES_32, PLAIN, TF, 0, 3, 0, 0)                                   \
	X(repe_scas, 64, "xchgq %rsi, %rdi; repne scasb; nop", MODES_64, PLAIN, TF, 0, 3, 0, 0)              \
	X(movaps, 64, "movaps (%rsi), %xmm1; nop", MODES_64, PLAIN, TF, 0, 0, 0, 0)                          \
	X(popf, 64, "pushfq; orl $0x100, (%rsp); popfq; cpuid; nop", MODES_64, PLAIN, NOTF, 0, 0, 0, FOUR)   \
	X(popf_off, 64, "pushfq; andl $~0x100, (%rsp); popfq; cpuid; nop", MODES_64, PLAIN, TF, 0, 0, 0,     \
	  FOUR)                                                                                              \
	X(mov_ss, 64, "movl %ss, %ebx; movl %ebx, %ss; cpuid; nop", K64, PLAIN, TF, 0, 0, 0, FOUR)           \
	X(mov_ss_load, 64, "movl %ss, %ebx; movl %ebx, %ss; movl (%rsi), %edx; nop", K64, PLAIN, TF, 0, 0,   \
	  0, 0)                                                                                              \
	X(mov_ss_out, 64, "movl %ss, %ebx; movl %ebx, %ss; outb %al, $0x80; nop", K64, PLAIN, TF, 0, 0, 0,   \
	  0)                                                                                                 \
	X(mov_ss_gp, 64, "movl %ss, %ebx; movl %ebx, %ss; movq %rdx, %cr8; nop", K64, PLAIN, TF, 0, 0, 0x10, \
	  0)                                                                                                 \
	X(mov_ss_rep, 64, "movl %ss, %ebx; movl %ebx, %ss; rep movsb; nop", K64, PLAIN, TF, 0, 3, 0, 0)      \
	X(pop_ss, 32, "pushl %ss; popl %ss; cpuid; nop", K32, PLAIN, TF, 0, 0, 0, FOUR)                      \
	X(icebp, 64, ".byte 0xf1; nop", MODES_64, PLAIN, NOTF, 0, 0, 0, 0)                                   \
	X(btf, 64, "cpuid; jmp 1f; nop; 1: cpuid; nop", K64, BRANCHES, TF, 0, 0, 0, FOUR)                    \
	X(btf_mmio, 64, "movl (%rsi), %edx; rep movsb; nop", K64, BRANCHES, TF, 0, 3, 0, 0)                  \
	X(w_load, 64, "movl (%rsi), %edx; nop", MODES_64, WATCH_ACCESS, NOTF, 0, 0, 0, 0)                    \
	X(w_store, 64, "movl %edx, (%rsi); nop", MODES_64, WATCH_ACCESS, NOTF, 0, 0, 7, 0)                   \
	X(w_load_w, 64, "movl (%rsi), %edx; nop", MODES_64, WATCH_WRITE, NOTF, 0, 0, 0, 0)                   \
	X(w_store_w, 64, "movl %edx, (%rsi); nop", MODES_64, WATCH_WRITE, NOTF, 0, 0, 7, 0)                  \
	X(w_add_w, 64, "addl %edx, (%rsi); nop", MODES_64, WATCH_WRITE, NOTF, 0, 0, 7, 0)                    \
	X(w_cmp_w, 64, "cmpl %edx, (%rsi); nop", MODES_64, WATCH_WRITE, NOTF, 0, 0, 7, 0)                    \
	X(w_other, 64, "movl %edx, (%rsi); nop", MODES_64, WATCH_OTHER, NOTF, 0, 0, 7, 0)                    \
	X(w_wide, 64, "movq (%rsi), %rdx; nop", MODES_64, WATCH_OTHER, NOTF, 0, 0, 7, 0)                     \
	X(w_partly, 64, "movl %edx, (%rsi); nop", MODES_64, WATCH_PARTLY, NOTF, 0, 0, 7, 0)                  \
	X(w_tf, 64, "movl %edx, (%rsi); nop", MODES_64, WATCH_ACCESS, TF, 0, 0, 7, 0)                        \
	X(w_rep, 64, "rep movsb; nop", MODES_64, WATCH_PARTLY, NOTF, 0, 5, 0, 0)                             \
	X(w_rep_ins, 64, "movq %rsi, %rdi; rep insb; nop", MODES_64, WATCH_PARTLY, NOTF, 0, 5, 0x1240, 0)    \
	X(w_rep_outs, 64, "rep outsb; nop", MODES_64, WATCH_PARTLY, NOTF, 0, 5, 0x1240, 0)                   \
	X(w_push, 64, "pushq (%rsi); nop", MODES_64, WATCH_ACCESS, NOTF, 0, 0, 0, 0)                         \
	X(w_movups, 64, "movups (%rsi), %xmm1; nop", MODES_64, WATCH_OTHER, NOTF, 0, 0, 0, 0)                \
	X(w_mov_ss, 64, "movl %ss, %ebx; movl %ebx, %ss; movl (%rsi), %edx; nop", K64, WATCH_ACCESS, NOTF,   \
	  0, 0, 0, 0)                                                                                        \
	X(p_in, 64, "inb %dx, %al; nop", MODES_64, WATCH_PORT, NOTF, 0, 0, 0x1240, 0)                        \
	X(p_out, 64, "outl %eax, %dx; nop", MODES_64, WATCH_PORT, NOTF, 0, 0, 0x1240, 0)                     \
	X(p_out_below, 64, "outw %ax, %dx; nop", MODES_64, WATCH_PORT, NOTF, 0, 0, 0x123f, 0)                \
	X(p_out_off, 64, "outl %eax, %dx; nop", MODES_64, WATCH_PORT, NOTF, 0, 0, 0x1244, 0)                 \
	X(p_rep_outs, 64, "rep outsb; nop", MODES_64, WATCH_PORT, NOTF, 0, 3, 0x1240, 0)                     \
	X(p_rep_ins, 64, "rep insb; nop", MODES_64, WATCH_PORT, NOTF, 0, 3, 0x1240, 0)                       \
	X(p_tf, 64, "inb %dx, %al; nop", MODES_64, WATCH_PORT, TF3, 0, 0, 0x1240, 0)                         \
	X(c_cpuid, 64, "cpuid; nop", MODES_64, WATCH_CODE, NOTF, 0, 0, 0, FOUR)                              \
	X(c_cpuid_rf, 64, "cpuid; nop", MODES_64, WATCH_CODE, NOTF | FLAG_RF, 0, 0, 0, FOUR)                 \
	X(c_cpuid_tf, 64, "cpuid; nop", MODES_64, WATCH_CODE, TF, 0, 0, 0, FOUR)                             \
	X(c_load, 64, "movl (%rsi), %edx; nop", MODES_64, WATCH_CODE, NOTF, 0, 0, 0, 0)                      \
	X(c_rep_movs, 64, "rep movsb; nop", MODES_64, WATCH_CODE, NOTF, 0, 3, 0, 0)                          \
	X(c_rep_movs_tf, 64, "rep movsb; nop", MODES_64, WATCH_CODE, TF, 0, 3, 0, 0)                         \
	X(c_rep_outs_tf, 64, "rep outsb; nop", MODES_64, WATCH_CODE, TF3, 0, 3, 0x1240, 0)                   \
	X(c_gp, 64, "movq %rdx, %cr8; nop", K64, WATCH_CODE, NOTF, 0, 0, 0x10, 0)                            \
	X(gd, 64, "movq %db0, %rax; nop", K64, GENERAL_DETECT, NOTF, 0, 0, 0, 0)                             \
	X(gd_write, 64, "movq %rax, %db7; nop", K64, GENERAL_DETECT, NOTF, 0x400, 0, 0, 0)                   \
	X(gd_tf, 64, "movq %db0, %rax; nop", K64, GENERAL_DETECT, TF, 0, 0, 0, 0)                            \
	X(sti_nop, 64, "sti; nop; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, 0)                               \
	X(sti_cpuid, 64, "sti; cpuid; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, FOUR)                        \
	X(sti_out, 64, "sti; outb %al, $0x80; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, 0)                   \
	X(sti_load, 64, "sti; movl (%rsi), %edx; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, 0)                \
	X(sti_rep, 64, "sti; rep movsb; nop; cli", K64, INTERRUPT, NOTF, 0, 3, 0, 0)                         \
	X(sti_gp, 64, "sti; movq %rdx, %cr8; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0x10, 0)                 \
	X(sti_cr3, 64, "movq %cr3, %rax; sti; movq %rax, %cr3; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0,     \
	  LOW_OF(RAX))                                                                                       \
	X(sti_hlt, 64, "sti; hlt; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, 0)                               \
	X(sti_cli, 64, "sti; cli; nop", K64, INTERRUPT, NOTF, 0, 0, 0, 0)                                    \
	X(sti_tf, 64, "sti; cpuid; nop; cli", K64, INTERRUPT, TF, 0, 0, 0, FOUR)                             \
	X(sti_ss, 64, "movl %ss, %ebx; sti; movl %ebx, %ss; cpuid; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0, \
	  FOUR)                                                                                              \
	X(popf_if, 64, "pushfq; orl $0x200, (%rsp); popfq; cpuid; nop; cli", K64, INTERRUPT, NOTF, 0, 0, 0,  \
	  FOUR)                                                                                              \
	X(cr8_opens, 64, "sti; nop; movq %rax, %cr8; nop; nop; movq %rdx, %cr8; cpuid; cli", K64, PLAIN,     \
	  NOTF, 15, 0, 0, FOUR)

#define SNIPPET(id, bits, text, ...) CODE##bits(step_##id, text)
EACH(SNIPPET)
#define ROW(id, bits, text, where, kind, flags, a, c, d, own)                                                \
	{"step " #id ": " text, step_##id, step_##id##_end, where, kind, flags, a, c, d, own},
static const struct step_row rows[] = {EACH(ROW)};

static void send_interrupt(const struct setup *s)
{
	(void)s;
	rt_apic_ipi(rt_apic_id(), ICR_FIXED | ICR_SELF | ICR_ASSERT | VECTOR_IPI);
}

/* R/W and LEN of breakpoint n, and whether it is enabled */
static uint64_t watch(unsigned int n, uint64_t condition, uint64_t bytes, bool enabled)
{
	return (condition | (bytes - 1) << 2) << (16 + 4 * n) | (enabled ? 2ull << 2 * n : 0);
}

static void set_kind(struct setup *s, const struct step_row *row)
{
	enum { EXECUTION, WRITES, PORTS, ACCESSES };
	const uint64_t operand = LINEAR(PAGE_DATA0) + 0x100;

	s->dr[0] = operand;
	s->dr[1] = operand + 4;
	s->dr[2] = operand + 2;
	s->dr[3] = 0x1240;
	switch ((enum kind)row->kind) {
	case WATCH_ACCESS:
		s->dr7 = DR7_CLEAR | watch(0, ACCESSES, 4, true);
		break;
	case WATCH_WRITE:
		s->dr7 = DR7_CLEAR | watch(0, WRITES, 4, true);
		break;
	case WATCH_OTHER:
		s->dr7 = DR7_CLEAR | watch(0, ACCESSES, 4, false) | watch(1, ACCESSES, 4, true);
		break;
	case WATCH_PARTLY:
		s->dr7 = DR7_CLEAR | watch(2, ACCESSES, 1, true);
		break;
	case WATCH_PORT:
		s->cr4_or = CR4_DE_BIT;
		s->dr7 = DR7_CLEAR | watch(3, PORTS, 1, true);
		break;
	case WATCH_CODE:
		s->dr[0] = LINEAR(PAGE_CODE) + CODE_OFFSET;
		s->dr7 = DR7_CLEAR | watch(0, EXECUTION, 1, true);
		break;
	case GENERAL_DETECT:
		s->dr7 = DR7_CLEAR | 0x2000;
		break;
	case BRANCHES:
		s->debugctl = BTF;
		break;
	case INTERRUPT:
		s->prepare = send_interrupt;
		break;
	case PLAIN:
	case KINDS:
	default:
		break;
	}
}

/*
 * SDM "Instruction-Breakpoint Exception Condition": between two iterations of a REP a trap or an interrupt
 * pushes RF set, which Bochs 2.7 doesn't (docs/bochs-differences.md). A hypervisor that executes the
 * iteration must: no_rf counts where it didn't. Then the flag is forgotten, so that the rest can be compared.
 */
static unsigned int no_rf;

static void look_at_rf(const struct step_row *row, struct outcome *o)
{
	for (unsigned int i = 0; i < o->count; i++) {
		struct event *e = &o->event[i];
		const uint64_t at =
			e->rip + run_segment_base(KERNEL32, SEG_CS) * (e->cs != 0x08 && e->cs != 0x2b);
		const uint64_t offset = (uint32_t)at - LINEAR(PAGE_CODE) - CODE_OFFSET;
		const uint8_t *code = row->code;

		if (offset >= (uint64_t)(row->end - code) || e->vector == BP || !e->r[RCX] ||
		    e->r[RCX] >= row->rcx ||
		    (code[offset] != 0xf3 && code[offset] != 0xf2 && code[offset] != 0x66))
			continue;
		no_rf += !(e->rflags & FLAG_RF);
		e->rflags &= ~FLAG_RF;
	}
}

static void run_once(const struct step_row *row, enum mode mode, enum place place, struct outcome *o)
{
	const unsigned int address_bits = IN_64(mode) ? 64 : 32;
	struct setup s;

	setup_init(&s, mode, row->code, row->end);
	s.code_offset = CODE_OFFSET;
	s.entry.rflags = row->flags;
	s.entry.r[RAX] = row->rax;
	s.entry.r[RCX] = row->rcx;
	s.entry.r[RDX] = row->rdx;
	setup_pointer(&s, RSI, SEG_DS, address_bits, LINEAR(PAGE_DATA0) + 0x100);
	setup_pointer(&s, RDI, SEG_ES, address_bits, LINEAR(PAGE_OTHER) + 0x100);
	set_kind(&s, row);
	run(&s, place, o);
	write_cr8(0);
	if (rt_has_xsave())
		xsetbv(0, cpuid(1, 0).ecx & (1u << 28) ? 7 : 3);
	look_at_rf(row, o);
	for (unsigned int i = 0; i < o->count; i++)
		for (unsigned int reg = 0; reg < GPRS; reg++)
			if (row->own >> reg & 1)
				o->event[i].r[reg] &= ~0xffffffffull;
}

static const char *unfit(const struct step_row *row)
{
	const bool ports =
		row->kind == WATCH_PORT || row->code == step_w_rep_ins || row->code == step_w_rep_outs;

	if (row->kind == BRANCHES && !rt_arg("hardware"))
		return "Bochs steps over every instruction whatever IA32_DEBUGCTL.BTF is";
	if ((row->code == step_c_rep_movs_tf || row->code == step_c_rep_outs_tf) && !rt_arg("hardware"))
		return "Bochs meets the breakpoint again between iterations, where RF is not set";
	if (ports && rt_has_l1hv())
		return "l1hv doesn't look for breakpoints where it executes port accesses";
	if (!rt_has_xsave() && (row->code == step_xsetbv || row->code == step_xsetbv_gp))
		return "no XSAVE";
	return NULL;
}

void test_steps(void)
{
	static struct outcome o;
	const enum place place = memory_has_device() ? ON_DEVICE : ON_RAM;

	rt_apic_enable();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct step_row *row = &rows[i];
		uint64_t digest = 0;
		unsigned int cases = 0;
		const char *why;

		no_rf = 0;
		if (!selected(row->name))
			continue;
		why = unfit(row);
		if (why) {
			rt_skip(row->name, why);
			continue;
		}
		for (enum mode mode = 0; mode < MODES; mode++) {
			if (!(row->modes & IN_MODE(mode)))
				continue;
			cases++;
			run_once(row, mode, place, &o);
			digest = outcome_digest(&o, digest);
			if (verbose(row->name))
				outcome_print(row->name, &o);
		}
		row_end(row->name, cases, rt_has_hypervisor() ? no_rf : 0, digest);
	}
}
