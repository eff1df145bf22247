/* SPDX-License-Identifier: MIT */
/* Clauses of "Checks on VMX Controls". */
#include "vmcs_merge/checks_impl.h"
#include "vmcs_merge/x86.h"

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

CLAUSE(cpu3_allowed)
{
	return implies(V(CPU_CTLS) & CPU_ACTIVATE_CTLS3, !(V(CPU_CTLS3) & ~e->caps->cpu3));
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

CLAUSE(tpr_threshold_vtpr)
{
	return implies(V(CPU_CTLS) & CPU_TPR_SHADOW &&
			       !(cpu2(e) & (CTL2_VIRTUAL_INTR_DELIVERY | CTL2_APIC_ACCESSES)),
		       (V(TPR_THRESHOLD) & 15) <= e->vtpr >> 4);
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
	return implies(cpu2(e) & CTL2_APIC_ACCESSES, check_physical(e, V(APIC_ACCESS_ADDR), 4096));
}

CLAUSE(x2apic_mode)
{
	return implies(cpu2(e) & CTL2_X2APIC_MODE, !(cpu2(e) & CTL2_APIC_ACCESSES));
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
bool check_eptp(const struct vmx_caps *caps, unsigned physical_address_bits, uint64_t eptp)
{
	uint64_t type = eptp & 7, levels = (eptp >> 3 & 7) + 1;

	if (!(type == 0 && caps->ept_vpid & EPT_CAP_UC) && !(type == 6 && caps->ept_vpid & EPT_CAP_WB))
		return false;
	if (!(levels == 4 && caps->ept_vpid & EPT_CAP_4_LEVEL) &&
	    !(levels == 5 && caps->ept_vpid & EPT_CAP_5_LEVEL))
		return false;
	if (eptp & 1u << 6 && !(caps->ept_vpid & EPT_CAP_ACCESSED_DIRTY))
		return false;
	return (eptp & 0xf80) == 0 && eptp >> physical_address_bits == 0;
}

CLAUSE(eptp)
{
	return implies(cpu2(e) & CTL2_EPT, check_eptp(e->caps, e->physical_address_bits, V(EPT_POINTER)));
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

CLAUSE(spp_table)
{
	return implies(cpu2(e) & CTL2_SUB_PAGE, check_physical(e, V(SPP_TABLE), 4096));
}

CLAUSE(vm_functions)
{
	return implies(cpu2(e) & CTL2_VMFUNC, !(V(VM_FUNCTION_CTLS) & ~e->caps->vmfunc));
}

CLAUSE(eptp_list)
{
	return implies(cpu2(e) & CTL2_VMFUNC && V(VM_FUNCTION_CTLS) & VMFUNC_EPTP_SWITCHING,
		       cpu2(e) & CTL2_EPT && check_physical(e, V(EPTP_LIST), 4096));
}

CLAUSE(pt_guest_physical)
{
	return implies(cpu2(e) & CTL2_PT_GUEST_PHYSICAL, cpu2(e) & CTL2_EPT &&
								 V(ENTRY_CTLS) & ENTRY_CTL_LOAD_RTIT &&
								 V(EXIT_CTLS) & EXIT_CTL_CLEAR_RTIT);
}

CLAUSE(tsc_multiplier)
{
	return implies(cpu2(e) & CTL2_TSC_SCALING, V(TSC_MULTIPLIER) != 0);
}

CLAUSE(pasid)
{
	return implies(cpu2(e) & CTL2_PASID, check_physical(e, V(PASID_DIRECTORY_LOW), 4096) &&
						     check_physical(e, V(PASID_DIRECTORY_HIGH), 4096));
}

/* ---- VM-exit control fields ---- */
CLAUSE(exit_allowed)
{
	return vmx_allows(vmx_controls_cap(e->caps, WORD_EXIT), (uint32_t)V(EXIT_CTLS));
}

CLAUSE(exit2_allowed)
{
	return implies(V(EXIT_CTLS) & EXIT_CTL_ACTIVATE_CTLS2, !(V(EXIT_CTLS2) & ~e->caps->exit2));
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

/* clang-format off */
#define EXEC_SECTION  "VM-Execution Control Fields"
#define EXIT_SECTION  "VM-Exit Control Fields"
#define ENTRY_SECTION "VM-Entry Control Fields"

const struct check_row check_controls_table[] = {
	{pin_allowed,        CHECK_EXECUTION, 0, "reserved pin-based controls are set properly", EXEC_SECTION},
	{cpu_allowed,        CHECK_EXECUTION, 0, "reserved primary processor-based controls are set properly", EXEC_SECTION},
	{cpu2_allowed,       CHECK_EXECUTION, 0, "reserved secondary processor-based controls are clear", EXEC_SECTION},
	{cpu3_allowed,       CHECK_EXECUTION, 0, "reserved tertiary processor-based controls are clear", EXEC_SECTION},
	{cr3_targets,        CHECK_EXECUTION, 0, "the CR3-target count is at most what IA32_VMX_MISC says", EXEC_SECTION},
	{io_bitmaps,         CHECK_EXECUTION, 0, "'use I/O bitmaps': addresses 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{msr_bitmap,         CHECK_EXECUTION, 0, "'use MSR bitmaps': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{virtual_apic,       CHECK_EXECUTION, 0, "'use TPR shadow': virtual-APIC address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{tpr_threshold,      CHECK_EXECUTION, 0, "'use TPR shadow' without 'virtual-interrupt delivery': TPR threshold bits 31:4 are 0", EXEC_SECTION},
	{tpr_threshold_vtpr, CHECK_EXECUTION | CHECK_VTPR, 0, "'use TPR shadow' without 'virtual-interrupt delivery' and 'virtualize APIC accesses': the TPR threshold is at most VTPR 7:4", EXEC_SECTION},
	{no_tpr_shadow,      CHECK_EXECUTION, 0, "without 'use TPR shadow', x2APIC mode, APIC registers and virtual interrupts are off", EXEC_SECTION},
	{virtual_nmis,       CHECK_EXECUTION, 0, "'virtual NMIs' only with 'NMI exiting'", EXEC_SECTION},
	{nmi_window,         CHECK_EXECUTION, 0, "'NMI-window exiting' only with 'virtual NMIs'", EXEC_SECTION},
	{apic_access,        CHECK_EXECUTION, 0, "'virtualize APIC accesses': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{x2apic_mode,        CHECK_EXECUTION, 0, "'virtualize x2APIC mode' only without 'virtualize APIC accesses'", EXEC_SECTION},
	{virtual_interrupts, CHECK_EXECUTION, 0, "'virtual-interrupt delivery' only with 'external-interrupt exiting'", EXEC_SECTION},
	{posted_interrupts,  CHECK_EXECUTION, 0, "'process posted interrupts': its four conditions", EXEC_SECTION},
	{vpid,               CHECK_EXECUTION, 0, "'enable VPID': the VPID is not 0000H", EXEC_SECTION},
	{eptp,               CHECK_EXECUTION, 0, "'enable EPT': the EPTP's memory type, walk length, flags and reserved bits", EXEC_SECTION},
	{need_ept,           CHECK_EXECUTION, 0, "'unrestricted guest', 'enable PML', 'mode-based execute control' and sub-page permissions only with 'enable EPT'", EXEC_SECTION},
	{pml,                CHECK_EXECUTION, 0, "'enable PML': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{shadowing,          CHECK_EXECUTION, 0, "'VMCS shadowing': bitmap addresses 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{ve_info,            CHECK_EXECUTION, 0, "'EPT-violation #VE': address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{spp_table,          CHECK_EXECUTION, 0, "sub-page write permissions: table address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{vm_functions,       CHECK_EXECUTION, 0, "'enable VM functions': reserved VM-function controls are clear", EXEC_SECTION},
	{eptp_list,          CHECK_EXECUTION, 0, "'EPTP switching' only with 'enable EPT'; EPTP-list address 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{pt_guest_physical,  CHECK_EXECUTION | CHECK_ENTRY, 0, "'Intel PT uses guest physical addresses': EPT is on, IA32_RTIT_CTL loaded at entry and cleared at exit", EXEC_SECTION},
	{tsc_multiplier,     CHECK_EXECUTION, 0, "'use TSC scaling': the TSC multiplier is not 0", EXEC_SECTION},
	{pasid,              CHECK_EXECUTION, 0, "'PASID translation': directory addresses 4-KByte aligned, within the physical-address width", EXEC_SECTION},
	{exit_allowed,       CHECK_EXIT,      0, "reserved VM-exit controls are set properly", EXIT_SECTION},
	{exit2_allowed,      CHECK_EXIT | CHECK_EXECUTION, 0, "reserved secondary VM-exit controls are clear", EXIT_SECTION},
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
/* clang-format on */
