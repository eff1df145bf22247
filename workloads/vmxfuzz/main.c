// SPDX-License-Identifier: MIT
/*
 * vmxfuzz seed=1 entries=1000: a line an entry, its number and a hash of what came of it. first=N begins at
 * entry N; from=N to=M tells everything about those entries. limit=N: L2 runs for at most so many ticks of
 * the TSC.
 */
#include "fuzz.h"

#define CR2_AT_ENTRY 0x5a5a5000ull

/* What neither an entry nor an exit loads. */
static void reset_processor(void)
{
	static const uint32_t msrs[] = {0xc0000081,        0xc0000082,        0xc0000083,
					0xc0000084,        0xc0000102,        IA32_SYSENTER_CS,
					IA32_SYSENTER_ESP, IA32_SYSENTER_EIP, IA32_GS_BASE};
	static uint64_t efer;

	if (!efer)
		efer = rdmsr(IA32_EFER);
	if (read_cr0() & CR0_KEPT)
		write_cr0(read_cr0() & ~CR0_KEPT);
	for (unsigned int i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		wrmsr(msrs[i], 0);
	wrmsr(IA32_EFER, efer);
	wrmsr(IA32_PAT, 0x0007040600070406);
	write_cr2(CR2_AT_ENTRY);
	write_cr8(0);
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
	write_dr6(0xffff0ff0);
	__asm__ volatile("fninit");
	/* An NMI that exited, or went to L2, leaves NMIs blocked until somebody's IRET. */
	__asm__ volatile(
		"movq %%rsp, %%rax; pushq $0x10; pushq %%rax; pushfq; pushq $0x08; pushq $1f; iretq; 1:"
		:
		:
		: "rax", "memory", "cc");
}

static void flush(void)
{
	const uint64_t none[2] = {0, 0};

	if (offers.ept_vpid & EPT_CAP_INVEPT)
		__asm__ volatile("invept %0, %1" : : "m"(none), "r"(2ull) : "memory", "cc");
	if (offers_can(WORD_CPU2, CPU2_VPID) && offers.ept_vpid & VPID_CAP_INVVPID)
		__asm__ volatile("invvpid %0, %1" : : "m"(none), "r"(2ull) : "memory", "cc");
}

static void choose(struct plan *p)
{
	p->mode = one_in(2) ? LONG64 : (enum mode)draw_below(MODES);
	p->ept = !one_in(6);
	p->user = (p->mode <= PAGED32 && one_in(4)) || p->mode == V8086;
	if ((p->mode == FLAT32 || p->mode == REAL16) &&
	    (!p->ept || !offers_can(WORD_CPU2, CPU2_UNRESTRICTED_GUEST)))
		p->mode = LONG64;
}

static void entry(void)
{
	static struct plan p;

	reset_processor();
	choose(&p);
	arena_build(&p);
	fields_base(&p);
	machine_host(&p.want);
	lists_build(&p);
	tell("mode", p.mode);
	fields_spoil(&p);
	for (unsigned int i = 0; i < 5; i++) {
		static const uint16_t words[] = {PIN_CTLS, CPU_CTLS, CPU_CTLS2, EXIT_CTLS, ENTRY_CTLS};

		tell("controls", V(&p.want, words[i]));
	}
	stream_build(&p);
	if (one_in(4))
		instructions_run();
	machine_prepare(&p);
	flush();
	observe(&p, machine_enter(&p.regs, one_in(40), one_in(60)));
}

void rt_main(void)
{
	const uint64_t seed = rt_arg_u64("seed", 1), first = rt_arg_u64("first", 0);
	const uint64_t entries = rt_arg_u64("entries", 1000);
	const uint64_t from = rt_arg_u64("from", ~0ull), to = rt_arg_u64("to", from);
	const char *missing = offers_probe();

	if (missing) {
		rt_printf("vmxfuzz: skip: %s\n", missing);
		return;
	}
	machine_on();
	for (uint64_t n = first; n < first + entries; n++) {
		draw_seed(seed, n);
		tell_verbose = n >= from && n <= to;
		tell_begin(n);
		entry();
		tell_end();
	}
	rt_printf("vmxfuzz: %lu entries\n", entries);
}
