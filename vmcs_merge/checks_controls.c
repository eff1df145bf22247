/* SPDX-License-Identifier: MIT */
/* Clauses of "Checks on VMX Controls" and "Checks on Host-State Area". */
#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"
#include "vmcs_merge/x86.h"

#define CLAUSE(name) static bool name(const struct check_env *e)
#define V(field)     (e->vmcs12->v[F_##field])

static uint32_t cpu2(const struct check_env *e)
{
	return vmcs_effective_controls(e->vmcs12, WORD_CPU2);
}

static bool implies(bool a, bool b)
{
	return !a || b;
}

/* ---- VM-execution control fields ---- */
CLAUSE(pin_allowed)
{
	return vmx_allows(vmx_controls_cap(e->caps, WORD_PIN), (uint32_t)V(PIN_CTLS));
}

CLAUSE(cpu_allowed)
{
	return vmx_allows(vmx_controls_cap(e->caps, WORD_CPU), (uint32_t)V(CPU_CTLS));
}

CLAUSE(cpu2_allowed)
{
	return implies(V(CPU_CTLS) & CPU_ACTIVATE_CTLS2,
		       vmx_allows(vmx_controls_cap(e->caps, WORD_CPU2), (uint32_t)V(CPU_CTLS2)));
}

CLAUSE(cr3_targets)
{
	return V(CR3_TARGET_COUNT) <= VMX_MISC_CR3_TARGETS(e->caps->misc);
}

CLAUSE(io_bitmaps)
{
	return implies(V(CPU_CTLS) & CPU_IO_BITMAPS,
		       check_physical(e, V(IO_BITMAP_A), 4096) && check_physical(e, V(IO_BITMAP_B), 4096));
}

CLAUSE(msr_bitmap)
{
	return implies(V(CPU_CTLS) & CPU_MSR_BITMAPS, check_physical(e, V(MSR_BITMAP), 4096));
}

CLAUSE(virtual_apic)
{
	return implies(V(CPU_CTLS) & CPU_TPR_SHADOW, check_physical(e, V(VIRTUAL_APIC_ADDR), 4096));
}

CLAUSE(tpr_threshold)
{
	return implies(V(CPU_CTLS) & CPU_TPR_SHADOW && !(cpu2(e) & CTL2_VIRTUAL_INTR_DELIVERY),
		       V(TPR_THRESHOLD) >> 4 == 0);
}

CLAUSE(no_tpr_shadow)
{
	return implies(!(V(CPU_CTLS) & CPU_TPR_SHADOW),
		       !(cpu2(e) & (CTL2_X2APIC_MODE | CTL2_APIC_REGISTERS | CTL2_VIRTUAL_INTR_DELIVERY)));
}

CLAUSE(virtual_nmis)
{
	return implies(!(V(PIN_CTLS) & PIN_NMI_EXITING), !(V(PIN_CTLS) & PIN_VIRTUAL_NMIS));
}

CLAUSE(nmi_window)
{
	return implies(!(V(PIN_CTLS) & PIN_VIRTUAL_NMIS), !(V(CPU_CTLS) & CPU_NMI_WINDOW));
}

CLAUSE(apic_access)
{
	return implies(cpu2(e) & CTL2_APIC_ACCESSES,
		       check_physical(e, V(APIC_ACCESS_ADDR), 4096) && !(cpu2(e) & CTL2_X2APIC_MODE));
}

CLAUSE(virtual_interrupts)
{
	return implies(cpu2(e) & CTL2_VIRTUAL_INTR_DELIVERY, V(PIN_CTLS) & PIN_EXT_INT_EXITING);
}

CLAUSE(posted_interrupts)
{
	return implies(V(PIN_CTLS) & PIN_POSTED_INTERRUPTS,
		       cpu2(e) & CTL2_VIRTUAL_INTR_DELIVERY && V(EXIT_CTLS) & EXIT_CTL_ACK_INTERRUPT &&
			       V(POSTED_INTR_VECTOR) < 256 && check_physical(e, V(POSTED_INTR_DESC), 64));
}

CLAUSE(vpid)
{
	return implies(cpu2(e) & CTL2_VPID, V(VPID) != 0);
}

/* SDM, "Extended-Page-Table Pointer (EPTP)" */
CLAUSE(eptp)
{
	uint64_t eptp = V(EPT_POINTER), caps = e->caps->ept_vpid;
	uint64_t type = eptp & 7, levels = (eptp >> 3 & 7) + 1;

	if (!(cpu2(e) & CTL2_EPT))
		return true;
	if (!(type == 0 && caps & EPT_CAP_UC) && !(type == 6 && caps & EPT_CAP_WB))
		return false;
	if (!(levels == 4 && caps & EPT_CAP_4_LEVEL) && !(levels == 5 && caps & EPT_CAP_5_LEVEL))
		return false;
	if (eptp & 1u << 6 && !(caps & EPT_CAP_ACCESSED_DIRTY))
		return false;
	return (eptp & 0xf80) == 0 && eptp >> e->physical_address_bits == 0;
}

CLAUSE(need_ept)
{
	return implies(!(cpu2(e) & CTL2_EPT), !(cpu2(e) & (CTL2_UNRESTRICTED_GUEST | CTL2_PML |
							   CTL2_MODE_BASED_EXECUTE | CTL2_SUB_PAGE)));
}

CLAUSE(pml)
{
	return implies(cpu2(e) & CTL2_PML, check_physical(e, V(PML_ADDRESS), 4096));
}

CLAUSE(shadowing)
{
	return implies(cpu2(e) & CTL2_VMCS_SHADOWING, check_physical(e, V(VMREAD_BITMAP), 4096) &&
							      check_physical(e, V(VMWRITE_BITMAP), 4096));
}

CLAUSE(ve_info)
{
	return implies(cpu2(e) & CTL2_VE, check_physical(e, V(VE_INFO_ADDR), 4096));
}

/* ---- VM-exit control fields ---- */
CLAUSE(exit_allowed)
{
	return vmx_allows(vmx_controls_cap(e->caps, WORD_EXIT), (uint32_t)V(EXIT_CTLS));
}

CLAUSE(save_timer)
{
	return implies(!(V(PIN_CTLS) & PIN_PREEMPTION_TIMER), !(V(EXIT_CTLS) & EXIT_CTL_SAVE_TIMER));
}

/* First and last byte of a list of 16-byte entries. */
static bool msr_list(const struct check_env *e, uint64_t address, uint64_t count)
{
	return count == 0 ||
	       (check_physical(e, address, 16) && check_physical(e, address + count * 16 - 1, 1));
}

CLAUSE(exit_msr_store)
{
	return msr_list(e, V(EXIT_MSR_STORE_ADDR), V(EXIT_MSR_STORE_COUNT));
}

CLAUSE(exit_msr_load)
{
	return msr_list(e, V(EXIT_MSR_LOAD_ADDR), V(EXIT_MSR_LOAD_COUNT));
}

/* ---- VM-entry control fields ---- */
CLAUSE(entry_allowed)
{
	return vmx_allows(vmx_controls_cap(e->caps, WORD_ENTRY), (uint32_t)V(ENTRY_CTLS));
}

CLAUSE(entry_msr_load)
{
	return msr_list(e, V(ENTRY_MSR_LOAD_ADDR), V(ENTRY_MSR_LOAD_COUNT));
}

CLAUSE(entry_smm)
{
	return !(V(ENTRY_CTLS) & (ENTRY_CTL_ENTRY_TO_SMM | ENTRY_CTL_DEACTIVATE_DUAL));
}

enum {
	EVENT_EXTERNAL,
	EVENT_RESERVED,
	EVENT_NMI,
	EVENT_HARDWARE,
	EVENT_SOFTWARE,
	EVENT_PRIVILEGED,
	EVENT_SOFT_EXC,
	EVENT_OTHER
};

static bool injects(const struct check_env *e)
{
	return V(ENTRY_INTR_INFO) >> 31 & 1;
}

static unsigned event_type(const struct check_env *e)
{
	return V(ENTRY_INTR_INFO) >> 8 & 7;
}

static unsigned event_vector(const struct check_env *e)
{
	return V(ENTRY_INTR_INFO) & 0xff;
}

CLAUSE(event_types)
{
	bool mtf = vmx_can(e->caps, WORD_CPU, CPU_MTF);

	return implies(injects(e), event_type(e) != EVENT_RESERVED && (event_type(e) != EVENT_OTHER || mtf));
}

CLAUSE(event_vectors)
{
	if (!injects(e))
		return true;
	if (event_type(e) == EVENT_NMI)
		return event_vector(e) == 2;
	if (event_type(e) == EVENT_HARDWARE)
		return event_vector(e) <= 31;
	return event_type(e) != EVENT_OTHER || event_vector(e) == 0;
}

#define VECTORS_WITH_ERROR                                                                                   \
	(1u << VM_VECTOR_DF | 1u << VM_VECTOR_TS | 1u << VM_VECTOR_NP | 1u << VM_VECTOR_SS |                 \
	 1u << VM_VECTOR_GP | 1u << VM_VECTOR_PF | 1u << VM_VECTOR_AC)

CLAUSE(event_error_code)
{
	bool delivers = V(ENTRY_INTR_INFO) >> 11 & 1;
	bool real_mode = cpu2(e) & CTL2_UNRESTRICTED_GUEST && !(V(GUEST_CR0) & VM_CR0_PE);

	if (!injects(e))
		return true;
	if (event_type(e) != EVENT_HARDWARE || real_mode)
		return !delivers;
	if (e->caps->basic & VMX_BASIC_NO_ERROR_CODE_RULE)
		return true;
	return delivers == (VECTORS_WITH_ERROR >> (event_vector(e) & 31) & 1);
}

CLAUSE(event_reserved)
{
	return implies(injects(e), (V(ENTRY_INTR_INFO) & 0x7ffff000) == 0);
}

CLAUSE(event_error_value)
{
	return implies(injects(e) && V(ENTRY_INTR_INFO) >> 11 & 1, V(ENTRY_ERROR_CODE) >> 16 == 0);
}

CLAUSE(event_length)
{
	uint64_t shortest = e->caps->misc & VMX_MISC_INJECT_LEN0 ? 0 : 1;

	if (!injects(e) || event_type(e) < EVENT_SOFTWARE || event_type(e) > EVENT_SOFT_EXC)
		return true;
	return V(ENTRY_INSTR_LEN) >= shortest && V(ENTRY_INSTR_LEN) <= 15;
}

/* ---- host-state area ---- */
CLAUSE(host_cr0)
{
	return (V(HOST_CR0) & e->caps->cr0_fixed0) == e->caps->cr0_fixed0 &&
	       !(V(HOST_CR0) & ~e->caps->cr0_fixed1);
}

CLAUSE(host_cr4)
{
	return (V(HOST_CR4) & e->caps->cr4_fixed0) == e->caps->cr4_fixed0 &&
	       !(V(HOST_CR4) & ~e->caps->cr4_fixed1);
}

CLAUSE(host_cet)
{
	return implies(V(HOST_CR4) & VM_CR4_CET, V(HOST_CR0) & VM_CR0_WP);
}

CLAUSE(host_cr3)
{
	return V(HOST_CR3) >> e->physical_address_bits == 0;
}

CLAUSE(host_sysenter)
{
	return check_canonical(e, V(HOST_SYSENTER_ESP)) && check_canonical(e, V(HOST_SYSENTER_EIP));
}

CLAUSE(host_pat)
{
	return implies(V(EXIT_CTLS) & EXIT_CTL_LOAD_PAT, check_pat(V(HOST_PAT)));
}

CLAUSE(host_efer)
{
	uint64_t both = VM_EFER_LMA | VM_EFER_LME;
	uint64_t known = both | VM_EFER_SCE | VM_EFER_NXE;

	return implies(V(EXIT_CTLS) & EXIT_CTL_LOAD_EFER,
		       !(V(HOST_EFER) & ~known) &&
			       (V(HOST_EFER) & both) == (V(EXIT_CTLS) & EXIT_CTL_HOST_64 ? both : 0));
}

CLAUSE(host_selectors)
{
	uint64_t all = V(HOST_CS_SELECTOR) | V(HOST_SS_SELECTOR) | V(HOST_DS_SELECTOR) | V(HOST_ES_SELECTOR) |
		       V(HOST_FS_SELECTOR) | V(HOST_GS_SELECTOR) | V(HOST_TR_SELECTOR);

	return (all & 7) == 0;
}

CLAUSE(host_cs_tr)
{
	return V(HOST_CS_SELECTOR) && V(HOST_TR_SELECTOR);
}

CLAUSE(host_ss)
{
	return implies(!(V(EXIT_CTLS) & EXIT_CTL_HOST_64), V(HOST_SS_SELECTOR) != 0);
}

CLAUSE(host_bases)
{
	return check_canonical(e, V(HOST_FS_BASE)) && check_canonical(e, V(HOST_GS_BASE)) &&
	       check_canonical(e, V(HOST_GDTR_BASE)) && check_canonical(e, V(HOST_IDTR_BASE)) &&
	       check_canonical(e, V(HOST_TR_BASE));
}

CLAUSE(host_size)
{
	bool host64 = V(EXIT_CTLS) & EXIT_CTL_HOST_64;

	return host64 == e->l1_long_mode;
}

CLAUSE(host_size_guest)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_IA32E_GUEST, V(EXIT_CTLS) & EXIT_CTL_HOST_64);
}

CLAUSE(host_32)
{
	return implies(!(V(EXIT_CTLS) & EXIT_CTL_HOST_64),
		       !(V(HOST_CR4) & VM_CR4_PCIDE) && V(HOST_RIP) >> 32 == 0);
}

CLAUSE(host_64)
{
	return implies(V(EXIT_CTLS) & EXIT_CTL_HOST_64,
		       V(HOST_CR4) & VM_CR4_PAE && check_canonical(e, V(HOST_RIP)));
}

/* clang-format off */
#define EXEC_SECTION  "VM-Execution Control Fields"
#define EXIT_SECTION  "VM-Exit Control Fields"
#define ENTRY_SECTION "VM-Entry Control Fields"
#define HOST_REGS     "Checks on Host Control Registers, MSRs, and SSP"
#define HOST_SEGS     "Checks on Host Segment and Descriptor-Table Registers"
#define HOST_SIZE     "Checks Related to Address-Space Size"

const struct check_row check_controls_table[] = {
	{pin_allowed,        CHECK_EXECUTION, 0, "reserved pin-based controls are set properly", EXEC_SECTION},
	{cpu_allowed,        CHECK_EXECUTION, 0, "reserved primary processor-based controls are set properly", EXEC_SECTION},
	{cpu2_allowed,       CHECK_EXECUTION, 0, "reserved secondary processor-based controls are clear", EXEC_SECTION},
	{cr3_targets,        CHECK_EXECUTION, 0, "the CR3-target count is at most what IA32_VMX_MISC says", EXEC_SECTION},
	{io_bitmaps,         CHECK_EXECUTION, 0, "'use I/O bitmaps': addresses 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{msr_bitmap,         CHECK_EXECUTION, 0, "'use MSR bitmaps': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{virtual_apic,       CHECK_EXECUTION, 0, "'use TPR shadow': virtual-APIC address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{tpr_threshold,      CHECK_EXECUTION, 0, "'use TPR shadow' without 'virtual-interrupt delivery': TPR threshold bits 31:4 are 0", EXEC_SECTION},
	{no_tpr_shadow,      CHECK_EXECUTION, 0, "without 'use TPR shadow', x2APIC mode, APIC registers and virtual interrupts are off", EXEC_SECTION},
	{virtual_nmis,       CHECK_EXECUTION, 0, "'virtual NMIs' only with 'NMI exiting'", EXEC_SECTION},
	{nmi_window,         CHECK_EXECUTION, 0, "'NMI-window exiting' only with 'virtual NMIs'", EXEC_SECTION},
	{apic_access,        CHECK_EXECUTION, 0, "'virtualize APIC accesses': address proper, and 'virtualize x2APIC mode' off", EXEC_SECTION},
	{virtual_interrupts, CHECK_EXECUTION, 0, "'virtual-interrupt delivery' only with 'external-interrupt exiting'", EXEC_SECTION},
	{posted_interrupts,  CHECK_EXECUTION, 0, "'process posted interrupts': its four conditions", EXEC_SECTION},
	{vpid,               CHECK_EXECUTION, 0, "'enable VPID': the VPID is not 0000H", EXEC_SECTION},
	{eptp,               CHECK_EXECUTION, 0, "'enable EPT': the EPTP's memory type, walk length, flags and reserved bits", EXEC_SECTION},
	{need_ept,           CHECK_EXECUTION, 0, "'unrestricted guest', 'enable PML', 'mode-based execute control' and sub-page permissions only with 'enable EPT'", EXEC_SECTION},
	{pml,                CHECK_EXECUTION, 0, "'enable PML': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{shadowing,          CHECK_EXECUTION, 0, "'VMCS shadowing': bitmap addresses 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{ve_info,            CHECK_EXECUTION, 0, "'EPT-violation #VE': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{exit_allowed,       CHECK_EXIT,      0, "reserved VM-exit controls are set properly", EXIT_SECTION},
	{save_timer,         CHECK_EXIT,      0, "'save VMX-preemption timer value' only with 'activate VMX-preemption timer'", EXIT_SECTION},
	{exit_msr_store,     CHECK_EXIT,      0, "VM-exit MSR-store list 16-byte aligned, within the physical-address width", EXIT_SECTION},
	{exit_msr_load,      CHECK_EXIT,      0, "VM-exit MSR-load list 16-byte aligned, within the physical-address width", EXIT_SECTION},
	{entry_allowed,      CHECK_ENTRY,     0, "reserved VM-entry controls are set properly", ENTRY_SECTION},
	{event_types,        CHECK_EVENT,     0, "injected event: the interruption type is not reserved", ENTRY_SECTION},
	{event_vectors,      CHECK_EVENT,     0, "injected event: the vector is consistent with the type", ENTRY_SECTION},
	{event_error_code,   CHECK_EVENT,     0, "injected event: an error code is delivered where there is one, and only there", ENTRY_SECTION},
	{event_reserved,     CHECK_EVENT,     0, "injected event: bits 30:12 are 0", ENTRY_SECTION},
	{event_error_value,  CHECK_EVENT,     0, "injected event: error code bits 31:16 are 0", ENTRY_SECTION},
	{event_length,       CHECK_EVENT,     0, "injected software event: the instruction length is allowed", ENTRY_SECTION},
	{entry_msr_load,     CHECK_ENTRY,     0, "VM-entry MSR-load list 16-byte aligned, within the physical-address width", ENTRY_SECTION},
	{entry_smm,          CHECK_ENTRY,     0, "outside SMM, 'entry to SMM' and 'deactivate dual-monitor treatment' are 0", ENTRY_SECTION},
};
const unsigned check_controls_count = sizeof(check_controls_table) / sizeof(check_controls_table[0]);

const struct check_row check_host_table[] = {
	{host_cr0,        CHECK_HOST, 0, "CR0 has the bits fixed in VMX operation", HOST_REGS},
	{host_cr4,        CHECK_HOST, 0, "CR4 has the bits fixed in VMX operation", HOST_REGS},
	{host_cet,        CHECK_HOST, 0, "CR4.CET only with CR0.WP", HOST_REGS},
	{host_cr3,        CHECK_HOST, 0, "CR3 is within the physical-address width", HOST_REGS},
	{host_sysenter,   CHECK_HOST, 0, "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP are canonical", HOST_REGS},
	{host_pat,        CHECK_HOST, 0, "'load IA32_PAT': each byte is a memory type", HOST_REGS},
	{host_efer,       CHECK_HOST, 0, "'load IA32_EFER': reserved bits 0, LMA and LME as 'host address-space size'", HOST_REGS},
	{host_selectors,  CHECK_HOST, 0, "the selectors' RPL and TI are 0", HOST_SEGS},
	{host_cs_tr,      CHECK_HOST, 0, "the selectors of CS and TR are not 0000H", HOST_SEGS},
	{host_ss,         CHECK_HOST, 0, "the selector of SS is not 0000H if 'host address-space size' is 0", HOST_SEGS},
	{host_bases,      CHECK_HOST, 0, "the bases of FS, GS, GDTR, IDTR and TR are canonical", HOST_SEGS},
	{host_size,       CHECK_HOST, 0, "'host address-space size' is IA32_EFER.LMA at VM entry", HOST_SIZE},
	{host_size_guest, CHECK_HOST, 0, "'IA-32e mode guest' only with 'host address-space size'", HOST_SIZE},
	{host_32,         CHECK_HOST, 0, "without 'host address-space size', CR4.PCIDE and bits 63:32 of RIP are 0", HOST_SIZE},
	{host_64,         CHECK_HOST, 0, "with 'host address-space size', CR4.PAE is 1 and RIP is canonical", HOST_SIZE},
};
const unsigned check_host_count = sizeof(check_host_table) / sizeof(check_host_table[0]);
/* clang-format on */
