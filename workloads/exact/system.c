// SPDX-License-Identifier: MIT
/*
 * Instructions that a hypervisor completes by itself: control registers, MSRs, ports, CPUID and their like,
 * with what they fault on. There is no second place to run them at: what a row prints must be the same on the
 * bare machine and at every level. What is a level's own, as the answer of CPUID is, is left out.
 */
#include "exact.h"
#include "rt_check.h"

#define LOW(reg) (1u << (reg)) /* the register's low half is a level's own */

struct system_row {
	const char *name;
	const uint8_t *code, *end;
	uint8_t modes;
	uint16_t own; /* LOW() */
	uint64_t rax, rcx, rdx; /* given, or: */
	uint64_t flags; /* IOPL */
};
#define ANY 0x5a5a5a5a5a5a5a5aull /* random */

#define ALL_KERNEL (IN_MODE(KERNEL64) | IN_MODE(KERNEL32) | IN_MODE(KERNEL16))
#define IOPL3      FLAG_IOPL3

/* X(identifier, bits of the code, instruction, modes, own, RAX, RCX, RDX, flags) */
#define EACH(X)                                                                                              \
	X(cpuid0, 64, "cpuid", MODES_64, LOW(RAX) | LOW(RBX) | LOW(RCX) | LOW(RDX), 0, 0, ANY, 0)            \
	X(cpuid1, 64, "cpuid", MODES_64, LOW(RAX) | LOW(RBX) | LOW(RCX) | LOW(RDX), 1, ANY, ANY, 0)          \
	X(cpuid7, 32, "cpuid", MODES_32, LOW(RAX) | LOW(RBX) | LOW(RCX) | LOW(RDX), 7, 0, ANY, 0)            \
	X(cpuidd, 16, "cpuid", MODES_16, LOW(RAX) | LOW(RBX) | LOW(RCX) | LOW(RDX), 0xd, 1, ANY, 0)          \
	X(cpuide, 64, "cpuid", MODES_64, 0, 0x80000008, ANY, ANY, 0)                                         \
	X(cpuid_prefix, 64, ".byte 0x48; cpuid", MODES_64, LOW(RAX) | LOW(RBX) | LOW(RCX) | LOW(RDX), ANY,   \
	  0, ANY, 0)                                                                                         \
	X(rdtsc, 64, "rdtsc", MODES_64, LOW(RAX) | LOW(RDX), ANY, ANY, ANY, 0)                               \
	X(rdtscp, 64, "rdtscp", MODES_64, LOW(RAX) | LOW(RDX), ANY, ANY, ANY, 0)                             \
	X(rdtsc32, 32, "rdtsc", MODES_32, LOW(RAX) | LOW(RDX), ANY, ANY, ANY, 0)                             \
	X(from_cr0, 64, "movq %cr0, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(from_cr2, 64, "movq %cr2, %r9", MODES_64, 0, ANY, ANY, ANY, 0)                                     \
	X(from_cr3, 64, "movq %cr3, %r12", MODES_64, LOW(RAX), ANY, ANY, ANY, 0)                             \
	X(from_cr4, 64, "movq %cr4, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(from_cr8, 64, "movq %cr8, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(from_cr0_32, 32, "movl %cr0, %edx", MODES_32, 0, ANY, ANY, ANY, 0)                                 \
	X(from_cr4_16, 16, "movl %cr4, %edx", MODES_16, 0, ANY, ANY, ANY, 0)                                 \
	X(to_cr0_ts, 64, "movq %rax, %cr0", MODES_64, 0, 0x8001003b, ANY, ANY, 0)                            \
	X(to_cr0_am, 64, "movq %rax, %cr0", MODES_64, 0, 0x80050033, ANY, ANY, 0)                            \
	X(to_cr0_em, 64, "movq %rax, %cr0", MODES_64, 0, 0x80010037, ANY, ANY, 0)                            \
	X(to_cr0_ne, 64, "movq %rax, %cr0", MODES_64, 0, 0x80010013, ANY, ANY, 0)                            \
	X(to_cr0_cd, 64, "movq %rax, %cr0", MODES_64, 0, 0xc0010033, ANY, ANY, 0)                            \
	X(to_cr0_nw, 64, "movq %rax, %cr0", MODES_64, 0, 0xa0010033, ANY, ANY, 0)                            \
	X(to_cr0_pe, 64, "movq %rax, %cr0", MODES_64, 0, 0x80010032, ANY, ANY, 0)                            \
	X(to_cr0_pg, 64, "movq %rax, %cr0", MODES_64, 0, 0x00010033, ANY, ANY, 0)                            \
	X(to_cr0_high, 64, "movq %rax, %cr0", MODES_64, 0, 0x180010033, ANY, ANY, 0)                         \
	X(to_cr0_32, 32, "movl %eax, %cr0", MODES_32, 0, 0x8001003b, ANY, ANY, 0)                            \
	X(to_cr2, 64, "movq %rax, %cr2", MODES_64, 0, ANY, ANY, ANY, 0)                                      \
	X(to_cr3, 64, "movq %cr3, %rax; movq %rax, %cr3", MODES_64, LOW(RAX), ANY, ANY, ANY, 0)              \
	X(to_cr4_res, 64, "movq %rax, %cr4", MODES_64, 0, 0x80000000406a0, ANY, ANY, 0)                      \
	X(to_cr4_pae, 64, "movq %rax, %cr4", MODES_64, 0, 0x680, ANY, ANY, 0)                                \
	X(to_cr4_de, 64, "movq %rax, %cr4", MODES_64, 0, 0x6a8, ANY, ANY, 0)                                 \
	X(to_cr4_tsd, 64, "movq %rax, %cr4", MODES_64, 0, 0x6a4, ANY, ANY, 0)                                \
	X(to_cr8, 64, "movq %rdx, %cr8", MODES_64, 0, ANY, ANY, 5, 0)                                        \
	X(to_cr8_bad, 64, "movq %rdx, %cr8", MODES_64, 0, ANY, ANY, 0x10, 0)                                 \
	X(to_cr1, 64, ".byte 0x0f, 0x22, 0xc8 # movq %rax, %cr1", MODES_64, 0, ANY, ANY, ANY, 0)             \
	X(clts, 64, "clts", MODES_64, 0, ANY, ANY, ANY, 0)                                                   \
	X(clts32, 32, "clts", MODES_32, 0, ANY, ANY, ANY, 0)                                                 \
	X(lmsw_ts, 64, "lmsw %ax", MODES_64, 0, 0xfff9, ANY, ANY, 0)                                         \
	X(lmsw_none, 64, "lmsw %ax", MODES_64, 0, 0, ANY, ANY, 0)                                            \
	X(lmsw_mem, 64, "lmsw (%rsi)", IN_MODE(KERNEL64), 0, ANY, ANY, ANY, 0)                               \
	X(smsw, 64, "smsw %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                              \
	X(smsw16, 64, "smsw %dx", MODES_64, 0, ANY, ANY, ANY, 0)                                             \
	X(smsw_mem, 64, "smsw (%rsi)", MODES_64, 0, ANY, ANY, ANY, 0)                                        \
	X(to_dr0, 64, "movq %rax, %db0", MODES_64, 0, ANY, ANY, ANY, 0)                                      \
	X(from_dr6, 64, "movq %db6, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(from_dr7, 64, "movq %db7, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(from_dr4, 64, "movq %db4, %rdx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(rd_efer, 64, "rdmsr", MODES_64, 0, ANY, 0xc0000080, ANY, 0)                                        \
	X(rd_efer32, 32, "rdmsr", MODES_32, 0, ANY, 0xc0000080, ANY, 0)                                      \
	X(rd_pat, 64, "rdmsr", MODES_64, 0, ANY, 0x277, ANY, 0)                                              \
	X(rd_tsc, 64, "rdmsr", MODES_64, LOW(RAX) | LOW(RDX), ANY, 0x10, ANY, 0)                             \
	X(rd_kgs, 64, "rdmsr", MODES_64, 0, ANY, 0xc0000102, ANY, 0)                                         \
	X(rd_apic, 64, "rdmsr", MODES_64, 0, ANY, 0x1b, ANY, 0)                                              \
	X(rd_debugctl, 64, "rdmsr", MODES_64, 0, ANY, 0x1d9, ANY, 0)                                         \
	X(wr_efer_same, 64, "wrmsr", MODES_64, 0, 0xd00, 0xc0000080, 0, 0)                                   \
	X(wr_efer_lme, 64, "wrmsr", MODES_64, 0, 0xc00, 0xc0000080, 0, 0)                                    \
	X(wr_efer_res, 64, "wrmsr", MODES_64, 0, 0xd00, 0xc0000080, 1, 0)                                    \
	X(wr_star, 64, "wrmsr", MODES_64, 0, 0x12345678, 0xc0000081, 0x9abcdef0, 0)                          \
	X(wr_lstar_bad, 64, "wrmsr", MODES_64, 0, 0, 0xc0000082, 0x00008000, 0)                              \
	X(wr_kgs, 64, "wrmsr", MODES_64, 0, 0x1000, 0xc0000102, 0xffffffff, 0)                               \
	X(wr_fs_bad, 64, "wrmsr", MODES_64, 0, 0, 0xc0000100, 0x80000000, 0)                                 \
	X(wr_pat_bad, 64, "wrmsr", MODES_64, 0, 0x00070406, 0x277, 0x00070402, 0)                            \
	X(wr_sysenter, 64, "wrmsr", MODES_64, 0, 0x1234, 0x176, 0, 0)                                        \
	X(wr_debugctl, 64, "wrmsr", MODES_64, 0, 2, 0x1d9, 0, 0)                                             \
	X(wr_apic_res, 64, "wrmsr", MODES_64, 0, 0xfee00900, 0x1b, 0x80000000, 0)                            \
	X(inb, 64, "inb $0x21, %al", MODES_64, 0, ANY, ANY, ANY, IOPL3)                                      \
	X(inb_deny, 64, "inb $0x21, %al", MODES_64, 0, ANY, ANY, ANY, 0)                                     \
	X(inw, 64, "inw %dx, %ax", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                     \
	X(inl, 64, "inl %dx, %eax", MODES_64, 0, ANY, ANY, 0xffffffff00001240, IOPL3)                        \
	X(inl_rex, 64, ".byte 0x48; inl %dx, %eax", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                    \
	X(inb32, 32, "inb %dx, %al", MODES_32, 0, ANY, ANY, 0xe9, IOPL3)                                     \
	X(inw16, 16, "inw %dx, %ax", MODES_16, 0, ANY, ANY, 0x1240, IOPL3)                                   \
	X(outb, 64, "outb %al, $0x80", MODES_64, 0, ANY, ANY, ANY, IOPL3)                                    \
	X(outw, 64, "outw %ax, %dx", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                   \
	X(outl, 64, "outl %eax, %dx", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                  \
	X(outl32, 32, "outl %eax, %dx", MODES_32, 0, ANY, ANY, 0x1240, 0)                                    \
	X(insb, 64, "insb", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                            \
	X(insw, 64, "insw", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                            \
	X(insl, 64, "insl", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                            \
	X(rep_insb, 64, "rep insb", MODES_64, 0, ANY, 7, 0x21, IOPL3)                                        \
	X(rep_insl, 64, "rep insl", MODES_64, 0, ANY, 5, 0x1240, IOPL3)                                      \
	X(rep_insw_67, 64, "addr32 rep insw", MODES_64, 0, ANY, 0x300000003, 0x1240, IOPL3)                  \
	X(rep_ins0, 64, "rep insb", MODES_64, 0, ANY, 0, 0x1240, IOPL3)                                      \
	X(rep_insw32, 32, "rep insw", MODES_32, 0, ANY, 5, 0x1240, IOPL3)                                    \
	X(rep_insw16, 16, "rep insw", MODES_16, 0, ANY, 5, 0x1240, IOPL3)                                    \
	X(ins_deny, 64, "rep insb", IN_MODE(USER64), 0, ANY, 3, 0x1240, 0)                                   \
	X(outsb, 64, "outsb", MODES_64, 0, ANY, ANY, 0x1240, IOPL3)                                          \
	X(rep_outsb, 64, "rep outsb", MODES_64, 0, ANY, 7, 0x1240, IOPL3)                                    \
	X(rep_outsw, 64, "rep outsw", MODES_64, 0, ANY, 7, 0x1240, IOPL3)                                    \
	X(rep_outsl, 64, "rep outsl", MODES_64, 0, ANY, 7, 0x1240, IOPL3)                                    \
	X(rep_outsl32, 32, "rep outsl", MODES_32, 0, ANY, 7, 0x1240, IOPL3)                                  \
	X(rep_outsb16, 16, "rep outsb", MODES_16, 0, ANY, 7, 0x1240, IOPL3)                                  \
	X(invlpg, 64, "invlpg (%rsi)", MODES_64, 0, ANY, ANY, ANY, 0)                                        \
	X(wbinvd, 64, "wbinvd", MODES_64, 0, ANY, ANY, ANY, 0)                                               \
	X(wbinvd32, 32, "wbinvd", MODES_32, 0, ANY, ANY, ANY, 0)                                             \
	X(invd, 64, "invd", MODES_64, 0, ANY, ANY, ANY, 0)                                                   \
	X(hlt_user, 64, "hlt", IN_MODE(USER64) | IN_MODE(USER64), 0, ANY, ANY, ANY, 0)                       \
	X(pause, 64, "pause", MODES_64, 0, ANY, ANY, ANY, 0)                                                 \
	X(xsetbv_none, 64, "xsetbv", IN_MODE(KERNEL64), 0, 2, 0, 0, 0)                                       \
	X(xsetbv_high, 64, "xsetbv", IN_MODE(KERNEL64), 0, 3, 0, 0x80000000, 0)                              \
	X(xsetbv_one, 64, "xsetbv", IN_MODE(KERNEL64), 0, 3, 1, 0, 0)                                        \
	X(xsetbv, 64, "xsetbv", IN_MODE(KERNEL64), 0, 3, 0, 0, 0)                                            \
	X(vmread, 64, "vmread %rax, %rbx", MODES_64, 0, ANY, ANY, ANY, 0)                                    \
	X(vmxon, 64, "vmxon (%rsi)", MODES_64, 0, ANY, ANY, ANY, 0)                                          \
	X(vmlaunch, 64, "vmlaunch", MODES_64, 0, ANY, ANY, ANY, 0)                                           \
	X(vmxoff, 64, "vmxoff", MODES_64, 0, ANY, ANY, ANY, 0)                                               \
	X(getsec, 64, ".byte 0x0f, 0x37 # getsec", MODES_64, 0, ANY, ANY, ANY, 0)                            \
	X(ud2, 64, "ud2", MODES_64, 0, ANY, ANY, ANY, 0)

#define SNIPPET(id, bits, text, ...) CODE##bits(system_##id, text)
EACH(SNIPPET)
#define ROW(id, bits, text, where, own, a, c, d, flags)                                                      \
	{#bits ": " #id ": " text, system_##id, system_##id##_end, where, own, a, c, d, flags},
static const struct system_row rows[] = {EACH(ROW)};

static void give(uint64_t *reg, uint64_t value)
{
	if (value != ANY)
		*reg = value;
}

/* Where a string's memory operand is, and what becomes of it. */
enum memory_case { PLAIN, ACROSS, INTO_ABSENT, MEMORY_CASES };
static enum memory_case memory_case;

static void change_pages(const struct setup *s)
{
	(void)s;
	if (memory_case == INTO_ABSENT) {
		memory_flags(PAGE_AFTER, 0);
		memory_flags(PAGE_BEFORE, 0);
	}
}

static bool is_string(const struct system_row *row)
{
	const char *n = row->name;

	for (; *n; n++)
		if (!strncmp(n, "ins", 3) || !strncmp(n, "outs", 4))
			return true;
	return false;
}

static void forget_own(const struct system_row *row, struct outcome *o)
{
	for (unsigned int i = 0; i < o->count; i++)
		for (unsigned int reg = 0; reg < GPRS; reg++)
			if (row->own >> reg & 1)
				o->event[i].r[reg] &= ~0xffffffffull;
}

/* What an instruction may have changed and run() doesn't restore. */
static void restore(void)
{
	write_cr8(0);
	wrmsr(MSR_STAR, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_SYSENTER_EIP, 0);
	wrmsr(0x1d9, 0);
	if (rt_has_xsave())
		xsetbv(0, cpuid(1, 0).ecx & (1u << 28) ? 7 : 3);
}

static void one_case(const struct system_row *row, enum mode mode, uint64_t *digest)
{
	static struct outcome o;
	const unsigned int address_bits = IN_64(mode) ? 64 : mode == KERNEL16 || mode == USER16 ? 16 : 32;
	struct setup s;
	bool down;
	uint64_t at;

	setup_init(&s, mode, row->code, row->end);
	s.entry.rflags |= row->flags;
	down = s.entry.rflags & FLAG_DF;
	at = memory_case == PLAIN    ? LINEAR(PAGE_DATA0) + 0x100
	     : memory_case == ACROSS ? LINEAR(PAGE_DATA1) + (down ? 3u : 0u - 3u)
	     : down                  ? LINEAR(PAGE_DATA0) + 5
				     : LINEAR(PAGE_AFTER) - 9;
	setup_pointer(&s, RSI, SEG_DS, address_bits, at);
	setup_pointer(&s, RDI, SEG_ES, address_bits, at);
	s.pages = change_pages;
	give(&s.entry.r[RAX], row->rax);
	give(&s.entry.r[RCX], row->rcx);
	give(&s.entry.r[RDX], row->rdx);
	if (!IN_64(mode))
		for (unsigned int i = 0; i < 8; i++)
			s.entry.r[i] = (uint32_t)s.entry.r[i];
	s.seed |= 8; /* bit of TS that LMSW takes from memory */
	run(&s, ON_RAM, &o);
	restore();
	forget_own(row, &o);
	if (verbose(row->name))
		outcome_print(row->name, &o);
	*digest = outcome_digest(&o, *digest);
}

static bool is_absent(const struct system_row *row)
{
	if (row->code == system_rdtscp)
		return !(cpuid(0x80000001, 0).edx & 1u << 27);
	if (row->code >= system_xsetbv_none && row->code < system_vmread)
		return !rt_has_xsave();
	return false;
}

void test_system(void)
{
	const unsigned int inputs = (unsigned int)rt_arg_u64("inputs", 3) * 2;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct system_row *row = &rows[i];
		unsigned int cases = 0;
		uint64_t digest = 0;

		if (!selected(row->name))
			continue;
		if (is_absent(row)) {
			rt_skip(row->name, "the processor hasn't the instruction");
			continue;
		}
		for (enum mode mode = 0; mode < MODES; mode++)
			for (memory_case = 0; row->modes & IN_MODE(mode) && memory_case < MEMORY_CASES;
			     memory_case++)
				for (unsigned int n = 0;
				     (memory_case == PLAIN || is_string(row)) && n < inputs; n++, cases++)
					one_case(row, mode, &digest);
		row_end(row->name, cases, 0, digest);
	}
}
