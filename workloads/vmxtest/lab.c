// SPDX-License-Identifier: MIT
/* The VMCS of a row: every field in a known state, and the way into L2. */
#include "workloads/vmx/host_state.h"
#include "lab_impl.h"

#define CR0_PE   0x1ul
#define CR0_PG   0x80000000ul
#define CR4_PSE  0x10ull
#define CR4_PAE  0x20ull
#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull

static uint64_t vmxon_page[512] __attribute__((aligned(4096)));
static uint64_t vmcs_page[512] __attribute__((aligned(4096)));
uint64_t lab_msr_list[3][512] __attribute__((aligned(4096)));
struct l2_regs lab_regs;
uint64_t lab_rip_base;
static bool launched;

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

uint64_t lab_eptp_other(void)
{
	return address_of(l2.other_pml4) | 3 << 3 | 6;
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

/* Addresses of what features use; each field is there only if the processor has the feature. */
static void write_feature_fields(void)
{
	const struct {
		uint32_t ctls, bit, field;
		uint64_t value;
	} rows[] = {
		{CPU_CTLS,  CPU_MSR_BITMAPS,         MSR_BITMAP,             address_of(l2.msr_bitmap)          },
		{CPU_CTLS,  CPU_TPR_SHADOW,          VIRTUAL_APIC_PAGE,      address_of(l2.virtual_apic)        },
		{CPU_CTLS,  CPU_TPR_SHADOW,          TPR_THRESHOLD,          0                                  },
		{CPU_CTLS2, CPU2_APIC_ACCESSES,      APIC_ACCESS_PAGE,       address_of(lab_page[WINDOW_ACCESS])},
		{CPU_CTLS2, CPU2_INTERRUPT_DELIVERY, GUEST_INTERRUPT_STATUS, 0                                  },
		{CPU_CTLS2, CPU2_INTERRUPT_DELIVERY, EOI_EXIT_BITMAP0,       0                                  },
		{CPU_CTLS2, CPU2_INTERRUPT_DELIVERY, EOI_EXIT_BITMAP0 + 2,   0                                  },
		{CPU_CTLS2, CPU2_INTERRUPT_DELIVERY, EOI_EXIT_BITMAP0 + 4,   0                                  },
		{CPU_CTLS2, CPU2_INTERRUPT_DELIVERY, EOI_EXIT_BITMAP0 + 6,   0                                  },
		{CPU_CTLS2, CPU2_VPID,               VPID,                   0                                  },
		{CPU_CTLS2, CPU2_PAUSE_LOOP,         PLE_GAP,                0                                  },
		{CPU_CTLS2, CPU2_PAUSE_LOOP,         PLE_WINDOW,             0                                  },
		{CPU_CTLS2, CPU2_VMFUNC,             VM_FUNCTION_CTLS,       0                                  },
		{CPU_CTLS2, CPU2_VMFUNC,             EPTP_LIST,              address_of(l2.eptp_list)           },
		{CPU_CTLS2, CPU2_VMCS_SHADOWING,     VMREAD_BITMAP,          address_of(l2.vmread_bitmap)       },
		{CPU_CTLS2, CPU2_VMCS_SHADOWING,     VMWRITE_BITMAP,         address_of(l2.vmwrite_bitmap)      },
		{CPU_CTLS2, CPU2_PML,                PML_ADDRESS,            address_of(l2.pml)                 },
		{CPU_CTLS2, CPU2_PML,                PML_INDEX,              511                                },
		{CPU_CTLS2, CPU2_VE,                 VE_INFORMATION,         address_of(l2.ve)                  },
		{CPU_CTLS2, CPU2_VE,                 EPTP_INDEX,             0                                  },
		{CPU_CTLS2, CPU2_XSAVES,             XSS_EXITING_BITMAP,     0                                  },
		{CPU_CTLS2, CPU2_TSC_SCALING,        TSC_MULTIPLIER,         1ull << 48                         },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (caps_allow(rows[i].ctls, rows[i].bit, 0))
			put(rows[i].field, rows[i].value);
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
	write_feature_fields();
	put(ENTRY_MSR_LOAD_ADDRESS, address_of(lab_msr_list[0]));
	put(EXIT_MSR_STORE_ADDRESS, address_of(lab_msr_list[1]));
	put(EXIT_MSR_LOAD_ADDRESS, address_of(lab_msr_list[2]));
	put(EPT_POINTER, lab_eptp());
	put(VMCS_LINK_POINTER, ~0ull);
}

/* What makes a mode. Segments of REAL and UNPAGED have bases of their own. */
static const struct mode_of {
	uint16_t code, data;
	uint32_t code_ar, data_ar;
	bool ia32e, paged, protected;
} modes[] = {
	[KERNEL64] = {SEL_CODE,    SEL_DATA,  0xa09b, 0xc093, true,  true,  true },
	[KERNEL32] = {SEL_CODE32,  SEL_DATA,  0xc09b, 0xc093, true,  true,  true },
	[USER64] = {SEL_UCODE,   SEL_UDATA, 0xa0fb, 0xc0f3, true,  true,  true },
	[USER32] = {SEL_UCODE32, SEL_UDATA, 0xc0fb, 0xc0f3, true,  true,  true },
	[PAE] = {SEL_CODE32,  SEL_DATA,  0xc09b, 0xc093, false, true,  true },
	[LEGACY] = {SEL_CODE32,  SEL_DATA,  0xc09b, 0xc093, false, true,  true },
	[UNPAGED] = {SEL_CODE32,  SEL_DATA,  0xc09b, 0xc093, false, false, true },
	[REAL] = {0x1000,      0x2000,    0x9b,   0x93,   false, false, false},
};

static void write_segments(const struct code *code, enum mode mode)
{
	const struct mode_of *m = &modes[mode];
	const uint64_t flat = m->paged ? 0 : L2_BASE;

	for (unsigned int i = 0; i < 8; i++) {
		const uint32_t step = 2 * i;

		put(GUEST_ES_SEL + step, m->data);
		put(GUEST_ES_BASE + step, m->protected ? flat : WINDOW_L2);
		put(GUEST_ES_LIMIT + step, m->protected ? 0xffffffff : 0xffff);
		put(GUEST_ES_AR + step, m->data_ar);
	}
	put(GUEST_CS_SEL, m->code);
	put(GUEST_CS_AR, m->code_ar);
	lab_rip_base = m->protected ? 0 : address_of(code->start) & ~0xfffull;
	put(GUEST_CS_BASE, flat + lab_rip_base);
	put(GUEST_LDTR_SEL, 0);
	put(GUEST_LDTR_AR, AR_UNUSABLE);
	put(GUEST_TR_SEL, SEL_TSS);
	put(GUEST_TR_BASE, flat + address_of(l2.tss));
	put(GUEST_TR_LIMIT, TSS_BYTES - 1);
	put(GUEST_TR_AR, 0x8b);
	put(GUEST_GDTR_BASE, flat + address_of(l2.gdt));
	put(GUEST_GDTR_LIMIT, GDT_ENTRIES * 8 - 1);
	put(GUEST_IDTR_BASE, flat + address_of(l2.idt));
	put(GUEST_IDTR_LIMIT, sizeof(l2.idt) - 1);
}

static void write_mode(const struct mode_of *m, enum mode mode)
{
	const uint64_t cr3 = mode == PAE      ? lab_l2_physical(l2.pae_pdpt)
			     : mode == LEGACY ? lab_l2_physical(l2.legacy_pd)
					      : 0;
	const uint64_t cr0 = (m->paged ? 0 : CR0_PG) | (m->protected ? 0 : CR0_PE);

	if (m->ia32e) {
		put(GUEST_CR0, read_cr0());
		put(GUEST_CR3, lab_l2_physical(l2.pml4));
		put(GUEST_CR4, read_cr4());
		return;
	}
	put(ENTRY_CTLS, get(ENTRY_CTLS) & ~(uint64_t)ENTRY_IA32E);
	put(GUEST_CR0, read_cr0() & ~cr0);
	put(GUEST_CR3, cr3);
	put(GUEST_CR4, mode == PAE ? read_cr4() : (read_cr4() & ~CR4_PAE) | CR4_PSE);
	if (!m->paged)
		put(CPU_CTLS2, get(CPU_CTLS2) | CPU2_UNRESTRICTED_GUEST);
	for (unsigned int i = 0; i < 4; i++)
		put(GUEST_PDPTE0 + 2 * i, mode == PAE ? l2.pae_pdpt[i] : 0);
}

static void write_guest(const struct code *code, enum mode mode)
{
	static const uint32_t zero[] = {
		GUEST_DEBUGCTL,      GUEST_INTERRUPTIBILITY, GUEST_ACTIVITY,     GUEST_SMBASE,
		GUEST_PENDING_DEBUG, GUEST_SYSENTER_CS,      GUEST_SYSENTER_ESP, GUEST_SYSENTER_EIP,
	};
	const uint64_t ia32e = modes[mode].ia32e ? 0ull : EFER_LME | EFER_LMA;

	write_segments(code, mode);
	for (unsigned int i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		put(zero[i], 0);
	write_mode(&modes[mode], mode);
	put(GUEST_DR7, 0x400);
	put(GUEST_RSP, mode == REAL ? 0xf00 : address_of(l2.stack[0] + STACK_WORDS - 32));
	put(GUEST_RIP, address_of(code->start) - lab_rip_base);
	put(GUEST_RFLAGS, 2);
	if (lab_caps.pat)
		put(GUEST_PAT, rdmsr(IA32_PAT));
	if (lab_caps.efer)
		put(GUEST_EFER, rdmsr(IA32_EFER) & ~ia32e);
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
	vmx_host_state(lab_exit, lab_caps.pat, lab_caps.efer);
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

void lab_shadow_link(void)
{
	memset(l2.shadow, 0, sizeof(l2.shadow));
	l2.shadow[0] = 1ull << 31 | (lab_caps.basic & 0x7fffffff);
	vmclear(address_of(l2.shadow));
	put(VMCS_LINK_POINTER, address_of(l2.shadow));
}

/* Only fields that exist: the caller has checked that there is shadowing. */
uint64_t lab_shadow_get(uint32_t field)
{
	uint64_t value;

	vmptrld(address_of(l2.shadow));
	value = get(field);
	vmptrld(lab_vmcs());
	return value;
}

void lab_shadow_put(uint32_t field, uint64_t value)
{
	vmptrld(address_of(l2.shadow));
	put(field, value);
	vmptrld(lab_vmcs());
}

enum run lab_run(void)
{
	const enum run how = (enum run)lab_enter(&lab_regs, launched);

	if (how == RAN && !((uint32_t)get(EXIT_REASON) & EXIT_ENTRY_FAILURE))
		launched = true;
	return how;
}
