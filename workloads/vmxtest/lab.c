// SPDX-License-Identifier: MIT
/* The VMCS of a row: every field in a known state, and the way into L2. */
#include "lab_impl.h"

static uint64_t vmxon_page[512] __attribute__((aligned(4096)));
static uint64_t vmcs_page[512] __attribute__((aligned(4096)));
uint64_t lab_msr_list[3][512] __attribute__((aligned(4096)));
struct l2_regs lab_regs;
static bool launched;

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

void vmx_instruction_failed(const char *what, uint64_t operand)
{
	rt_panic("%s 0x%lx failed", what, operand);
}

uint64_t lab_vmcs(void)
{
	return address_of(vmcs_page);
}

uint64_t lab_vmxon_region(void)
{
	return address_of(vmxon_page);
}

uint64_t lab_eptp(void)
{
	return address_of(l2.ept_pml4) | 3 << 3 | 6;
}

void lab_on(void)
{
	write_cr0((read_cr0() | lab_caps.cr0_fixed0) & lab_caps.cr0_fixed1);
	write_cr4((read_cr4() | lab_caps.cr4_fixed0) & lab_caps.cr4_fixed1);
	*(uint32_t *)vmxon_page = (uint32_t)lab_caps.basic & 0x7fffffff;
	*(uint32_t *)vmcs_page = (uint32_t)lab_caps.basic & 0x7fffffff;
	vmxon(lab_vmxon_region());
}

void lab_flush(void)
{
	const uint64_t descriptor[2] = {lab_eptp(), 0};
	const uint64_t type = lab_caps.ept_vpid & 1u << 25 ? 1 : 2;

	if (lab_caps.ept_vpid & 1u << 20)
		__asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"(type) : "memory", "cc");
}

static uint32_t must(uint64_t capability)
{
	return (uint32_t)capability;
}

static void write_controls(void)
{
	const struct capabilities *c = &lab_caps;
	const uint32_t efer_exit = c->efer ? EXIT_SAVE_EFER | EXIT_LOAD_EFER : 0;

	put(PIN_CTLS, must(c->pin));
	put(CPU_CTLS, must(c->cpu) | CPU_SECONDARY);
	put(CPU_CTLS2, must(c->cpu2) | CPU2_EPT);
	put(EXIT_CTLS, must(c->exit) | EXIT_HOST_64 | EXIT_SAVE_DEBUG | efer_exit);
	put(ENTRY_CTLS, must(c->entry) | ENTRY_IA32E | ENTRY_LOAD_DEBUG | (c->efer ? ENTRY_LOAD_EFER : 0));
	static const uint32_t zero[] = {
		EXCEPTION_BITMAP,
		PFEC_MASK,
		PFEC_MATCH,
		CR3_TARGET_COUNT,
		EXIT_MSR_STORE_COUNT,
		EXIT_MSR_LOAD_COUNT,
		ENTRY_INTR_INFO,
		ENTRY_MSR_LOAD_COUNT,
		ENTRY_ERROR_CODE,
		ENTRY_INSTR_LEN,
		TSC_OFFSET,
		CR0_MASK,
		CR4_MASK,
		CR0_SHADOW,
		CR4_SHADOW,
	};
	for (unsigned int i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		put(zero[i], 0);
	put(IO_BITMAP_A, address_of(l2.io_bitmap[0]));
	put(IO_BITMAP_B, address_of(l2.io_bitmap[1]));
	if (caps_allow(CPU_CTLS, CPU_MSR_BITMAPS, 0))
		put(MSR_BITMAP, address_of(l2.msr_bitmap));
	put(ENTRY_MSR_LOAD_ADDRESS, address_of(lab_msr_list[0]));
	put(EXIT_MSR_STORE_ADDRESS, address_of(lab_msr_list[1]));
	put(EXIT_MSR_LOAD_ADDRESS, address_of(lab_msr_list[2]));
	put(EPT_POINTER, lab_eptp());
	put(VMCS_LINK_POINTER, ~0ull);
}

static uint64_t tss_base(const struct table *gdt, uint16_t selector)
{
	const uint64_t *d = (const uint64_t *)(uintptr_t)(gdt->base + (selector & ~7u));

	return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32;
}

static void write_host(void)
{
	struct table gdt, idt;
	uint16_t cs, ss, tr;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	__asm__ volatile("mov %%ss, %0" : "=r"(ss));
	__asm__ volatile("str %0" : "=r"(tr));
	put(HOST_CS_SEL, cs);
	put(HOST_SS_SEL, ss);
	put(HOST_DS_SEL, ss);
	put(HOST_ES_SEL, ss);
	put(HOST_FS_SEL, 0);
	put(HOST_GS_SEL, 0);
	put(HOST_TR_SEL, tr);
	put(HOST_TR_BASE, tss_base(&gdt, tr));
	put(HOST_GDTR_BASE, gdt.base);
	put(HOST_IDTR_BASE, idt.base);
	put(HOST_CR0, read_cr0());
	put(HOST_CR3, read_cr3());
	put(HOST_CR4, read_cr4());
	put(HOST_FS_BASE, rdmsr(IA32_FS_BASE));
	put(HOST_GS_BASE, 0);
	put(HOST_SYSENTER_CS, 0);
	put(HOST_SYSENTER_ESP, 0);
	put(HOST_SYSENTER_EIP, 0);
	put(HOST_RIP, address_of((const void *)(uintptr_t)lab_exit));
	if (lab_caps.pat)
		put(HOST_PAT, rdmsr(IA32_PAT));
	if (lab_caps.efer)
		put(HOST_EFER, rdmsr(IA32_EFER));
}

static void write_segments(enum mode mode)
{
	const bool user = mode == USER64 || mode == USER32, wide = mode == KERNEL64 || mode == USER64;
	const uint16_t code = user ? (wide ? SEL_UCODE : SEL_UCODE32) : (wide ? SEL_CODE : SEL_CODE32);
	const uint16_t data = user ? SEL_UDATA : SEL_DATA;

	for (unsigned int i = 0; i < 8; i++) {
		const uint32_t step = 2 * i;

		put(GUEST_ES_SEL + step, data);
		put(GUEST_ES_BASE + step, 0);
		put(GUEST_ES_LIMIT + step, 0xffffffff);
		put(GUEST_ES_AR + step, user ? 0xc0f3 : 0xc093);
	}
	put(GUEST_CS_SEL, code);
	put(GUEST_CS_AR, (wide ? 0xa09bu : 0xc09bu) | (user ? 0x60u : 0));
	put(GUEST_LDTR_SEL, 0);
	put(GUEST_LDTR_AR, AR_UNUSABLE);
	put(GUEST_TR_SEL, SEL_TSS);
	put(GUEST_TR_BASE, address_of(l2.tss));
	put(GUEST_TR_LIMIT, TSS_BYTES - 1);
	put(GUEST_TR_AR, 0x8b);
	put(GUEST_GDTR_BASE, address_of(l2.gdt));
	put(GUEST_GDTR_LIMIT, GDT_ENTRIES * 8 - 1);
	put(GUEST_IDTR_BASE, address_of(l2.idt));
	put(GUEST_IDTR_LIMIT, sizeof(l2.idt) - 1);
}

static void write_guest(const struct code *code, enum mode mode)
{
	static const uint32_t zero[] = {
		GUEST_DEBUGCTL,      GUEST_INTERRUPTIBILITY, GUEST_ACTIVITY,     GUEST_SMBASE,
		GUEST_PENDING_DEBUG, GUEST_SYSENTER_CS,      GUEST_SYSENTER_ESP, GUEST_SYSENTER_EIP,
	};

	write_segments(mode);
	for (unsigned int i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		put(zero[i], 0);
	put(GUEST_CR0, read_cr0());
	put(GUEST_CR3, lab_l2_physical(l2.pml4));
	put(GUEST_CR4, read_cr4());
	put(GUEST_DR7, 0x400);
	put(GUEST_RSP, address_of(l2.stack[0] + STACK_WORDS - 32));
	put(GUEST_RIP, address_of(code->start));
	put(GUEST_RFLAGS, 2);
	if (lab_caps.pat)
		put(GUEST_PAT, rdmsr(IA32_PAT));
	if (lab_caps.efer)
		put(GUEST_EFER, rdmsr(IA32_EFER));
}

void lab_forget_launch(void)
{
	launched = false;
}

/* An NMI that exited, or went to L2, leaves NMIs blocked until somebody's IRET. */
void lab_unblock_nmis(void)
{
	__asm__ volatile(
		"movq %%rsp, %%rax; pushq $0x10; pushq %%rax; pushfq; pushq $0x08; pushq $1f; iretq; 1:"
		:
		:
		: "rax", "memory", "cc");
}

void lab_reset(const struct code *code, enum mode mode)
{
	lab_unblock_nmis();
	l2_memory_reset();
	vmclear(lab_vmcs());
	vmptrld(lab_vmcs());
	launched = false;
	write_controls();
	write_host();
	write_guest(code, mode);
	memset(&lab_regs, 0, sizeof(lab_regs));
	lab_flush();
	write_cr2(CR2_SENTINEL);
	write_dr6(0xffff0ff0);
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
}

enum run lab_run(void)
{
	const enum run how = (enum run)lab_enter(&lab_regs, launched);

	if (how == RAN && !((uint32_t)get(EXIT_REASON) & EXIT_ENTRY_FAILURE))
		launched = true;
	return how;
}
