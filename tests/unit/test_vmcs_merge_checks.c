/* SPDX-License-Identifier: MIT */
/* VM-entry checks: each row breaks one clause of a vmcs12 that passes. */
#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/checks_impl.h"
#include "vmcs_merge/x86.h"

/* clang-format off */
struct row {
	const char *name;
	struct {
		unsigned field;
		uint64_t value; /* XORed into the field */
	} flip[5];
	enum check_failure failure;
	uint32_t qualification;
};

/* Of what L1 is offered. */
static const struct row offered_rows[] = {
	{"passes", {{0, 0}}, CHECK_PASSED, 0},
	{"default1 bit of the pin controls", {{F_PIN_CTLS, 2}}, CHECK_VMFAIL_CONTROLS, 0},
	{"pin control not offered", {{F_PIN_CTLS, PIN_POSTED_INTERRUPTS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"primary control not offered", {{F_CPU_CTLS, CPU_ACTIVATE_CTLS3}}, CHECK_VMFAIL_CONTROLS, 0},
	{"secondary control not offered", {{F_CPU_CTLS2, CTL2_SUB_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"five CR3 targets", {{F_CR3_TARGET_COUNT, 5}}, CHECK_VMFAIL_CONTROLS, 0},
	{"I/O bitmap not aligned", {{F_CPU_CTLS, CPU_IO_BITMAPS}, {F_IO_BITMAP_B, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"I/O bitmap unused", {{F_IO_BITMAP_B, 8}}, CHECK_PASSED, 0},
	{"MSR bitmap too high", {{F_CPU_CTLS, CPU_MSR_BITMAPS}, {F_MSR_BITMAP, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"virtual NMIs without NMI exiting", {{F_PIN_CTLS, PIN_VIRTUAL_NMIS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"NMI window without virtual NMIs", {{F_CPU_CTLS, CPU_NMI_WINDOW}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VPID 0", {{F_VPID, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP memory type", {{F_EPT_POINTER, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP walk length", {{F_EPT_POINTER, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP accessed and dirty", {{F_EPT_POINTER, 0x40}}, CHECK_PASSED, 0},
	{"EPTP reserved bit", {{F_EPT_POINTER, 0x80}}, CHECK_VMFAIL_CONTROLS, 0},
	{"unrestricted guest without EPT", {{F_CPU_CTLS2, CTL2_EPT | CTL2_UNRESTRICTED_GUEST}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit control not offered", {{F_EXIT_CTLS, EXIT_CTL_CLEAR_BNDCFGS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit MSR-store list not aligned", {{F_EXIT_MSR_STORE_COUNT, 1}, {F_EXIT_MSR_STORE_ADDR, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit MSR-load list ends too high", {{F_EXIT_MSR_LOAD_COUNT, 2}, {F_EXIT_MSR_LOAD_ADDR, (1ull << 40) - 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry MSR-load list too high", {{F_ENTRY_MSR_LOAD_COUNT, 1}, {F_ENTRY_MSR_LOAD_ADDR, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry control not offered", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_CET}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry to SMM", {{F_ENTRY_CTLS, ENTRY_CTL_ENTRY_TO_SMM}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects type 1", {{F_ENTRY_INTR_INFO, 0x80000120}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects MTF", {{F_ENTRY_INTR_INFO, 0x80000700}}, CHECK_PASSED, 0},
	{"injects an NMI with vector 3", {{F_ENTRY_INTR_INFO, 0x80000203}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects exception 32", {{F_ENTRY_INTR_INFO, 0x80000320}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #GP without error code", {{F_ENTRY_INTR_INFO, 0x8000030d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #UD with error code", {{F_ENTRY_INTR_INFO, 0x80000b06}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #GP", {{F_ENTRY_INTR_INFO, 0x80000b0d}}, CHECK_PASSED, 0},
	{"injects with a reserved bit", {{F_ENTRY_INTR_INFO, 0x80001b0d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects a wide error code", {{F_ENTRY_INTR_INFO, 0x80000b0d}, {F_ENTRY_ERROR_CODE, 1u << 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects INT n of 16 bytes", {{F_ENTRY_INTR_INFO, 0x80000480}, {F_ENTRY_INSTR_LEN, 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"nothing injected: the rest is ignored", {{F_ENTRY_INTR_INFO, 0x7ffff120}}, CHECK_PASSED, 0},
	{"host CR0.PE", {{F_HOST_CR0, 1}}, CHECK_VMFAIL_HOST, 0},
	{"host CR0 bit 32", {{F_HOST_CR0, 1ull << 32}}, CHECK_VMFAIL_HOST, 0},
	{"host CR4.VMXE", {{F_HOST_CR4, 0x2000}}, CHECK_VMFAIL_HOST, 0},
	{"host CR3 too wide", {{F_HOST_CR3, 1ull << 40}}, CHECK_VMFAIL_HOST, 0},
	{"host SYSENTER_EIP", {{F_HOST_SYSENTER_EIP, 1ull << 48}}, CHECK_VMFAIL_HOST, 0},
	{"host PAT", {{F_EXIT_CTLS, EXIT_CTL_LOAD_PAT}, {F_HOST_PAT, 2}}, CHECK_VMFAIL_HOST, 0},
	{"host EFER.LMA", {{F_HOST_EFER, 0x400}}, CHECK_VMFAIL_HOST, 0},
	{"host EFER reserved", {{F_HOST_EFER, 2}}, CHECK_VMFAIL_HOST, 0},
	{"host FS RPL", {{F_HOST_FS_SELECTOR, 3}}, CHECK_VMFAIL_HOST, 0},
	{"host TR null", {{F_HOST_TR_SELECTOR, 0x18}}, CHECK_VMFAIL_HOST, 0},
	{"host GS base", {{F_HOST_GS_BASE, 1ull << 63}}, CHECK_VMFAIL_HOST, 0},
	{"32-bit host below a 64-bit L1", {{F_EXIT_CTLS, EXIT_CTL_HOST_64}, {F_HOST_EFER, 0x500}}, CHECK_VMFAIL_HOST, 0},
	{"host RIP", {{F_HOST_RIP, 1ull << 60}}, CHECK_VMFAIL_HOST, 0},
	{"host without PAE", {{F_HOST_CR4, 0x20}}, CHECK_VMFAIL_HOST, 0},
	{"guest CR0.NE", {{F_GUEST_CR0, 0x20}}, CHECK_EXIT_GUEST, 0},
	{"guest CR0.PG without unrestricted guest", {{F_GUEST_CR0, 1u << 31}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}}, CHECK_EXIT_GUEST, 0},
	{"guest CR0.PG without PE", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1}}, CHECK_EXIT_GUEST, 0},
	{"guest CR4 reserved", {{F_GUEST_CR4, 1ull << 40}}, CHECK_EXIT_GUEST, 0},
	{"guest DEBUGCTL", {{F_GUEST_DEBUGCTL, 8}}, CHECK_EXIT_GUEST, 0},
	{"long mode without PAE", {{F_GUEST_CR4, 0x20}}, CHECK_EXIT_GUEST, 0},
	{"guest DR7", {{F_GUEST_DR7, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"guest EFER.LMA", {{F_GUEST_EFER, 0x400}}, CHECK_EXIT_GUEST, 0},
	{"guest PAT", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_PAT}, {F_GUEST_PAT, 4}}, CHECK_EXIT_GUEST, 0},
	{"TR in the LDT", {{F_GUEST_TR_SELECTOR, 4}}, CHECK_EXIT_GUEST, 0},
	{"RPL of SS", {{F_GUEST_SS_SELECTOR, 3}}, CHECK_EXIT_GUEST, 0},
	{"CS base above 4 GBytes", {{F_GUEST_CS_BASE, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"FS base", {{F_GUEST_FS_BASE, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"CS is data", {{F_GUEST_CS_ACCESS_RIGHTS, 8}}, CHECK_EXIT_GUEST, 0},
	{"CS with L and D", {{F_GUEST_CS_ACCESS_RIGHTS, 0x4000}}, CHECK_EXIT_GUEST, 0},
	{"SS not present", {{F_GUEST_SS_ACCESS_RIGHTS, 0x80}}, CHECK_EXIT_GUEST, 0},
	{"DS unusable", {{F_GUEST_DS_ACCESS_RIGHTS, 0x10000}}, CHECK_PASSED, 0},
	{"DS not accessed", {{F_GUEST_DS_ACCESS_RIGHTS, 1}}, CHECK_EXIT_GUEST, 0},
	{"ES granularity", {{F_GUEST_ES_LIMIT, 1}}, CHECK_EXIT_GUEST, 0},
	{"TR available", {{F_GUEST_TR_ACCESS_RIGHTS, 2}}, CHECK_EXIT_GUEST, 0},
	{"LDTR usable but empty", {{F_GUEST_LDTR_ACCESS_RIGHTS, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"virtual-8086 in long mode", {{F_GUEST_RFLAGS, 1u << 17}}, CHECK_EXIT_GUEST, 0},
	{"IDTR limit", {{F_GUEST_IDTR_LIMIT, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"RIP above 4 GBytes outside 64-bit mode", {{F_GUEST_RIP, 1ull << 32}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}}, CHECK_EXIT_GUEST, 0},
	{"RIP not canonical", {{F_GUEST_RIP, 1ull << 50}}, CHECK_EXIT_GUEST, 0},
	{"RIP at the edge is let through", {{F_GUEST_RIP, 0x800000000000}}, CHECK_PASSED, 0},
	{"RFLAGS bit 1", {{F_GUEST_RFLAGS, 2}}, CHECK_EXIT_GUEST, 0},
	{"interrupt with IF clear", {{F_ENTRY_INTR_INFO, 0x80000020}}, CHECK_EXIT_GUEST, 0},
	{"interrupt with IF set", {{F_ENTRY_INTR_INFO, 0x80000020}, {F_GUEST_RFLAGS, 0x200}}, CHECK_PASSED, 0},
	{"activity HLT", {{F_GUEST_ACTIVITY, 1}}, CHECK_PASSED, 0},
	{"activity 4", {{F_GUEST_ACTIVITY, 4}}, CHECK_EXIT_GUEST, 0},
	{"#GP into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000b0d}}, CHECK_EXIT_GUEST, 0},
	{"STI blocking with IF clear", {{F_GUEST_INTERRUPTIBILITY, 1}}, CHECK_EXIT_GUEST, 0},
	{"STI and MOV SS blocking", {{F_GUEST_INTERRUPTIBILITY, 3}, {F_GUEST_RFLAGS, 0x200}}, CHECK_EXIT_GUEST, 0},
	{"interrupt while STI blocks", {{F_GUEST_INTERRUPTIBILITY, 1}, {F_GUEST_RFLAGS, 0x200}, {F_ENTRY_INTR_INFO, 0x80000020}}, CHECK_EXIT_GUEST, 0},
	{"pending debug reserved", {{F_GUEST_PENDING_DEBUG, 0x10}}, CHECK_EXIT_GUEST, 0},
	{"BS missing", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_RFLAGS, 0x100}}, CHECK_EXIT_GUEST, 0},
	{"link pointer not aligned", {{F_VMCS_LINK_POINTER, 1ull << 63 | 1}}, CHECK_EXIT_GUEST, 4},
	{"link pointer too high", {{F_VMCS_LINK_POINTER, ~(1ull << 40)}}, CHECK_EXIT_GUEST, 4},
	{"link pointer to a VMCS", {{F_VMCS_LINK_POINTER, ~0x6000ull}}, CHECK_PASSED, 0},
	{"link pointer to the current VMCS", {{F_VMCS_LINK_POINTER, ~0x7000ull}}, CHECK_EXIT_GUEST, 4},
	{"MSR bitmap not aligned", {{F_CPU_CTLS, CPU_MSR_BITMAPS}, {F_MSR_BITMAP, 0x800}}, CHECK_VMFAIL_CONTROLS, 0},
	{"I/O bitmap A too high", {{F_CPU_CTLS, CPU_IO_BITMAPS}, {F_IO_BITMAP_A, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"four CR3 targets", {{F_CR3_TARGET_COUNT, 4}}, CHECK_PASSED, 0},
	{"secondary controls not activated: ignored", {{F_CPU_CTLS, CPU_ACTIVATE_CTLS2}, {F_CPU_CTLS2, ~0u}, {F_VPID, 1}}, CHECK_PASSED, 0},
	{"virtual-APIC page not aligned", {{F_CPU_CTLS, CPU_TPR_SHADOW}, {F_VIRTUAL_APIC_ADDR, 0x10}}, CHECK_VMFAIL_CONTROLS, 0},
	{"virtual-APIC page too high", {{F_CPU_CTLS, CPU_TPR_SHADOW}, {F_VIRTUAL_APIC_ADDR, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"TPR threshold bit 4", {{F_CPU_CTLS, CPU_TPR_SHADOW}, {F_TPR_THRESHOLD, 0x10}}, CHECK_VMFAIL_CONTROLS, 0},
	{"TPR threshold as VTPR", {{F_CPU_CTLS, CPU_TPR_SHADOW}, {F_TPR_THRESHOLD, 3}}, CHECK_PASSED, 0},
	{"TPR threshold over VTPR", {{F_CPU_CTLS, CPU_TPR_SHADOW}, {F_TPR_THRESHOLD, 4}}, CHECK_VMFAIL_CONTROLS, 0},
	{"TPR threshold without TPR shadow", {{F_TPR_THRESHOLD, 0x1f}}, CHECK_PASSED, 0},
	{"NMI window with virtual NMIs", {{F_PIN_CTLS, PIN_NMI_EXITING | PIN_VIRTUAL_NMIS}, {F_CPU_CTLS, CPU_NMI_WINDOW}}, CHECK_PASSED, 0},
	{"VPID 0, VPIDs off", {{F_CPU_CTLS2, CTL2_VPID}, {F_VPID, 1}}, CHECK_PASSED, 0},
	{"EPTP uncacheable", {{F_EPT_POINTER, 6}}, CHECK_PASSED, 0},
	{"EPTP five levels", {{F_EPT_POINTER, 0x38}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP too high", {{F_EPT_POINTER, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP unused", {{F_CPU_CTLS2, CTL2_EPT}, {F_EPT_POINTER, ~0ull}}, CHECK_PASSED, 0},
	{"save timer without timer", {{F_EXIT_CTLS, EXIT_CTL_SAVE_TIMER}}, CHECK_VMFAIL_CONTROLS, 0},
	{"save timer with timer", {{F_EXIT_CTLS, EXIT_CTL_SAVE_TIMER}, {F_PIN_CTLS, PIN_PREEMPTION_TIMER}}, CHECK_PASSED, 0},
	{"MSR list of no entries, bad address", {{F_EXIT_MSR_LOAD_ADDR, 1}}, CHECK_PASSED, 0},
	{"MSR list ends at the last byte", {{F_EXIT_MSR_LOAD_COUNT, 1}, {F_EXIT_MSR_LOAD_ADDR, (1ull << 40) - 16}}, CHECK_PASSED, 0},
	{"injects INT n of 0 bytes", {{F_ENTRY_INTR_INFO, 0x80000480}}, CHECK_PASSED, 0},
	{"injects #BP of 15 bytes", {{F_ENTRY_INTR_INFO, 0x80000603}, {F_ENTRY_INSTR_LEN, 15}}, CHECK_PASSED, 0},
	{"injects #BP of 16 bytes", {{F_ENTRY_INTR_INFO, 0x80000603}, {F_ENTRY_INSTR_LEN, 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects INT1 of 16 bytes", {{F_ENTRY_INTR_INFO, 0x80000501}, {F_ENTRY_INSTR_LEN, 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects an NMI of 16 bytes: no length", {{F_ENTRY_INTR_INFO, 0x80000202}, {F_ENTRY_INSTR_LEN, 16}}, CHECK_PASSED, 0},
	{"injects a software exception with error code", {{F_ENTRY_INTR_INFO, 0x80000e0d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #GP with error code into real mode", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1u << 31 | 1}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}, {F_ENTRY_INTR_INFO, 0x80000b0d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"host SS null, 64 bits", {{F_HOST_SS_SELECTOR, 0x10}}, CHECK_PASSED, 0},
	{"host GDTR base", {{F_HOST_GDTR_BASE, 1ull << 63}}, CHECK_VMFAIL_HOST, 0},
	{"host SYSENTER_ESP", {{F_HOST_SYSENTER_ESP, 1ull << 47}}, CHECK_VMFAIL_HOST, 0},
	{"SSP unused", {{F_GUEST_SSP, 3}}, CHECK_PASSED, 0},
	{"enclave interruption without SGX", {{F_GUEST_INTERRUPTIBILITY, 16}}, CHECK_EXIT_GUEST, 0},
	{"pending RTM without RTM", {{F_GUEST_PENDING_DEBUG, 0x11000}}, CHECK_EXIT_GUEST, 0},
	{"BS without TF", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_PENDING_DEBUG, 0x4000}}, CHECK_EXIT_GUEST, 0},
	{"BS with TF", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_RFLAGS, 0x100}, {F_GUEST_PENDING_DEBUG, 0x4000}}, CHECK_PASSED, 0},
	{"BS with TF and BTF", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_RFLAGS, 0x100}, {F_GUEST_DEBUGCTL, 2}, {F_GUEST_PENDING_DEBUG, 0x4000}}, CHECK_EXIT_GUEST, 0},
	{"no BS with TF and BTF", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_RFLAGS, 0x100}, {F_GUEST_DEBUGCTL, 2}}, CHECK_PASSED, 0},
	{"BS missing in HLT", {{F_GUEST_ACTIVITY, 1}, {F_GUEST_RFLAGS, 0x100}}, CHECK_EXIT_GUEST, 0},
	{"BS without blocking is free", {{F_GUEST_PENDING_DEBUG, 0x4000}}, CHECK_PASSED, 0},
	{"HLT at SS.DPL 3", {{F_GUEST_ACTIVITY, 1}, {F_GUEST_SS_ACCESS_RIGHTS, 0x60}, {F_GUEST_CS_ACCESS_RIGHTS, 0x60}, {F_GUEST_SS_SELECTOR, 3}, {F_GUEST_CS_SELECTOR, 3}}, CHECK_EXIT_GUEST, 0},
	{"HLT blocked by STI", {{F_GUEST_ACTIVITY, 1}, {F_GUEST_INTERRUPTIBILITY, 1}, {F_GUEST_RFLAGS, 0x200}}, CHECK_EXIT_GUEST, 0},
	{"#DB into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000301}}, CHECK_PASSED, 0},
	{"#MC into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000312}}, CHECK_PASSED, 0},
	{"INT1 into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000501}}, CHECK_EXIT_GUEST, 0},
	{"NMI behind MOV SS", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_ENTRY_INTR_INFO, 0x80000202}}, CHECK_EXIT_GUEST, 0},
	{"NMI blocked, virtual NMIs", {{F_GUEST_INTERRUPTIBILITY, 8}, {F_PIN_CTLS, PIN_NMI_EXITING | PIN_VIRTUAL_NMIS}, {F_ENTRY_INTR_INFO, 0x80000202}}, CHECK_EXIT_GUEST, 0},
	{"NMI blocked, no virtual NMIs", {{F_GUEST_INTERRUPTIBILITY, 8}, {F_ENTRY_INTR_INFO, 0x80000202}}, CHECK_PASSED, 0},
	{"SMI blocking", {{F_GUEST_INTERRUPTIBILITY, 4}}, CHECK_EXIT_GUEST, 0},
	{"CS type 3 without unrestricted guest", {{F_GUEST_CS_ACCESS_RIGHTS, 8}}, CHECK_EXIT_GUEST, 0},
	{"CS type 3 with unrestricted guest", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CS_ACCESS_RIGHTS, 8}}, CHECK_PASSED, 0},
	{"CS type 3, DPL 3", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CS_ACCESS_RIGHTS, 0x68}}, CHECK_EXIT_GUEST, 0},
	{"CS type 3, SS.DPL 3", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CS_ACCESS_RIGHTS, 8}, {F_GUEST_SS_ACCESS_RIGHTS, 0x60}}, CHECK_EXIT_GUEST, 0},
	{"CS conforming, DPL over SS's", {{F_GUEST_CS_ACCESS_RIGHTS, 0x64}}, CHECK_EXIT_GUEST, 0},
	{"CS conforming, DPL under SS's", {{F_GUEST_CS_ACCESS_RIGHTS, 4}, {F_GUEST_SS_ACCESS_RIGHTS, 0x60}, {F_GUEST_SS_SELECTOR, 3}, {F_GUEST_CS_SELECTOR, 3}}, CHECK_PASSED, 0},
	{"CS a system segment", {{F_GUEST_CS_ACCESS_RIGHTS, 0x10}}, CHECK_EXIT_GUEST, 0},
	{"CS bit 17", {{F_GUEST_CS_ACCESS_RIGHTS, 0x20000}}, CHECK_EXIT_GUEST, 0},
	{"SS of another RPL with unrestricted guest", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_SS_SELECTOR, 3}}, CHECK_PASSED, 0},
	{"SS DPL against RPL, unusable", {{F_GUEST_SS_ACCESS_RIGHTS, 0x10060}, {F_GUEST_CS_ACCESS_RIGHTS, 4}}, CHECK_EXIT_GUEST, 0},
	{"SS expand-down", {{F_GUEST_SS_ACCESS_RIGHTS, 4}}, CHECK_PASSED, 0},
	{"SS base above 4 GBytes", {{F_GUEST_SS_BASE, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"SS base above 4 GBytes, unusable", {{F_GUEST_SS_BASE, 1ull << 32}, {F_GUEST_SS_ACCESS_RIGHTS, 0x10000}}, CHECK_PASSED, 0},
	{"DS DPL under RPL", {{F_GUEST_DS_SELECTOR, 3}}, CHECK_EXIT_GUEST, 0},
	{"DS DPL under RPL, conforming code", {{F_GUEST_DS_SELECTOR, 3}, {F_GUEST_DS_ACCESS_RIGHTS, 0xc}}, CHECK_PASSED, 0},
	{"DS execute-only", {{F_GUEST_DS_ACCESS_RIGHTS, 0xa}}, CHECK_EXIT_GUEST, 0},
	{"TR unusable", {{F_GUEST_TR_ACCESS_RIGHTS, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"TR of 16 bits in long mode", {{F_GUEST_TR_ACCESS_RIGHTS, 8}}, CHECK_EXIT_GUEST, 0},
	{"TR base", {{F_GUEST_TR_BASE, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"LDTR", {{F_GUEST_LDTR_ACCESS_RIGHTS, 0x10082}}, CHECK_PASSED, 0},
	{"LDTR in the LDT", {{F_GUEST_LDTR_ACCESS_RIGHTS, 0x10082}, {F_GUEST_LDTR_SELECTOR, 4}}, CHECK_EXIT_GUEST, 0},
	{"LDTR base", {{F_GUEST_LDTR_ACCESS_RIGHTS, 0x10082}, {F_GUEST_LDTR_BASE, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"GDTR base", {{F_GUEST_GDTR_BASE, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"PCIDE outside long mode", {{F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}, {F_GUEST_CR4, 1u << 17}}, CHECK_EXIT_GUEST, 0},
	{"guest SYSENTER_ESP", {{F_GUEST_SYSENTER_ESP, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"guest SYSENTER_EIP", {{F_GUEST_SYSENTER_EIP, 1ull << 47}}, CHECK_EXIT_GUEST, 0},
	{"CR3 too wide", {{F_GUEST_CR3, 1ull << 40}}, CHECK_EXIT_GUEST, 0},
	{"DEBUGCTL and DR7 not loaded", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_DEBUG}, {F_GUEST_DEBUGCTL, ~0ull}, {F_GUEST_DR7, ~0ull}}, CHECK_PASSED, 0},
	{"EFER not loaded", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_EFER}, {F_GUEST_EFER, ~0ull}}, CHECK_PASSED, 0},
	{"EFER.LME without LMA, unpaged", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1u << 31}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x400}}, CHECK_PASSED, 0},
	/* which of several comes first */
	{"controls before host and guest", {{F_HOST_CR3, ~0ull}, {F_GUEST_CR3, ~0ull}, {F_VPID, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VTPR before host and guest", {{F_HOST_CR3, ~0ull}, {F_GUEST_CR3, ~0ull}, {F_CPU_CTLS, CPU_TPR_SHADOW}, {F_TPR_THRESHOLD, 4}}, CHECK_VMFAIL_CONTROLS, 0},
	{"host before guest", {{F_HOST_CR3, ~0ull}, {F_GUEST_CR3, ~0ull}}, CHECK_VMFAIL_HOST, 0},
	{"host before the link pointer", {{F_HOST_CR3, ~0ull}, {F_VMCS_LINK_POINTER, 1}}, CHECK_VMFAIL_HOST, 0},
};

#define TPR      {F_CPU_CTLS, CPU_TPR_SHADOW}
#define CTL2(c)  {F_CPU_CTLS2, c}
#define FAR_PAGE (1ull << 40)

/* Of a processor that has every control, and lets L1 have them all. */
static const struct row all_rows[] = {
	{"x2APIC mode without TPR shadow", {CTL2(CTL2_X2APIC_MODE)}, CHECK_VMFAIL_CONTROLS, 0},
	{"APIC registers without TPR shadow", {CTL2(CTL2_APIC_REGISTERS)}, CHECK_VMFAIL_CONTROLS, 0},
	{"virtual interrupts without TPR shadow", {CTL2(CTL2_VIRTUAL_INTR_DELIVERY)}, CHECK_VMFAIL_CONTROLS, 0},
	{"APIC accesses without TPR shadow", {CTL2(CTL2_APIC_ACCESSES)}, CHECK_PASSED, 0},
	{"x2APIC mode, APIC registers, virtual interrupts", {TPR, CTL2(CTL2_X2APIC_MODE | CTL2_APIC_REGISTERS | CTL2_VIRTUAL_INTR_DELIVERY)}, CHECK_PASSED, 0},
	{"x2APIC mode with APIC accesses", {TPR, CTL2(CTL2_X2APIC_MODE | CTL2_APIC_ACCESSES)}, CHECK_VMFAIL_CONTROLS, 0},
	{"APIC-access page not aligned", {CTL2(CTL2_APIC_ACCESSES), {F_APIC_ACCESS_ADDR, 0x800}}, CHECK_VMFAIL_CONTROLS, 0},
	{"APIC-access page too high", {CTL2(CTL2_APIC_ACCESSES), {F_APIC_ACCESS_ADDR, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"virtual interrupts without interrupt exiting", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_EXT_INT_EXITING}}, CHECK_VMFAIL_CONTROLS, 0},
	{"TPR threshold bit 4 with virtual interrupts", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_TPR_THRESHOLD, 0x1f}}, CHECK_PASSED, 0},
	{"TPR threshold over VTPR with APIC accesses", {TPR, CTL2(CTL2_APIC_ACCESSES), {F_TPR_THRESHOLD, 15}}, CHECK_PASSED, 0},
	{"TPR threshold bit 4 with APIC accesses", {TPR, CTL2(CTL2_APIC_ACCESSES), {F_TPR_THRESHOLD, 0x10}}, CHECK_VMFAIL_CONTROLS, 0},
	{"posted interrupts", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_POSTED_INTERRUPTS}, {F_EXIT_CTLS, EXIT_CTL_ACK_INTERRUPT}, {F_POSTED_INTR_VECTOR, 0xff}}, CHECK_PASSED, 0},
	{"posted interrupts without virtual interrupts", {{F_PIN_CTLS, PIN_POSTED_INTERRUPTS}, {F_EXIT_CTLS, EXIT_CTL_ACK_INTERRUPT}}, CHECK_VMFAIL_CONTROLS, 0},
	{"posted interrupts without acknowledgement", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_POSTED_INTERRUPTS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"posted-interrupt vector 256", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_POSTED_INTERRUPTS}, {F_EXIT_CTLS, EXIT_CTL_ACK_INTERRUPT}, {F_POSTED_INTR_VECTOR, 0x100}}, CHECK_VMFAIL_CONTROLS, 0},
	{"posted-interrupt descriptor not aligned", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_POSTED_INTERRUPTS}, {F_EXIT_CTLS, EXIT_CTL_ACK_INTERRUPT}, {F_POSTED_INTR_DESC, 0x20}}, CHECK_VMFAIL_CONTROLS, 0},
	{"posted-interrupt descriptor too high", {TPR, CTL2(CTL2_VIRTUAL_INTR_DELIVERY), {F_PIN_CTLS, PIN_POSTED_INTERRUPTS}, {F_EXIT_CTLS, EXIT_CTL_ACK_INTERRUPT}, {F_POSTED_INTR_DESC, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"PML", {CTL2(CTL2_PML)}, CHECK_PASSED, 0},
	{"PML without EPT", {CTL2(CTL2_PML | CTL2_EPT)}, CHECK_VMFAIL_CONTROLS, 0},
	{"PML address not aligned", {CTL2(CTL2_PML), {F_PML_ADDRESS, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"PML address too high", {CTL2(CTL2_PML), {F_PML_ADDRESS, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"mode-based execution without EPT", {CTL2(CTL2_MODE_BASED_EXECUTE | CTL2_EPT)}, CHECK_VMFAIL_CONTROLS, 0},
	{"sub-page permissions without EPT", {CTL2(CTL2_SUB_PAGE | CTL2_EPT)}, CHECK_VMFAIL_CONTROLS, 0},
	{"sub-page table not aligned", {CTL2(CTL2_SUB_PAGE), {F_SPP_TABLE, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VM functions", {CTL2(CTL2_VMFUNC), {F_VM_FUNCTION_CTLS, 1}}, CHECK_PASSED, 0},
	{"VM functions reserved", {CTL2(CTL2_VMFUNC), {F_VM_FUNCTION_CTLS, 2}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VM functions not enabled", {{F_VM_FUNCTION_CTLS, ~0ull}, {F_EPTP_LIST, 1}}, CHECK_PASSED, 0},
	{"EPTP switching without EPT", {CTL2(CTL2_VMFUNC | CTL2_EPT), {F_VM_FUNCTION_CTLS, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP list not aligned", {CTL2(CTL2_VMFUNC), {F_VM_FUNCTION_CTLS, 1}, {F_EPTP_LIST, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP list too high", {CTL2(CTL2_VMFUNC), {F_VM_FUNCTION_CTLS, 1}, {F_EPTP_LIST, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP list unused", {CTL2(CTL2_VMFUNC), {F_EPTP_LIST, FAR_PAGE}}, CHECK_PASSED, 0},
	{"VMREAD bitmap not aligned", {CTL2(CTL2_VMCS_SHADOWING), {F_VMREAD_BITMAP, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VMWRITE bitmap too high", {CTL2(CTL2_VMCS_SHADOWING), {F_VMWRITE_BITMAP, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"#VE page not aligned", {CTL2(CTL2_VE), {F_VE_INFO_ADDR, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"#VE page too high", {CTL2(CTL2_VE), {F_VE_INFO_ADDR, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"TSC multiplier 0", {CTL2(CTL2_TSC_SCALING)}, CHECK_VMFAIL_CONTROLS, 0},
	{"TSC multiplier", {CTL2(CTL2_TSC_SCALING), {F_TSC_MULTIPLIER, 1}}, CHECK_PASSED, 0},
	{"PT in guest-physical memory", {CTL2(CTL2_PT_GUEST_PHYSICAL), {F_ENTRY_CTLS, ENTRY_CTL_LOAD_RTIT}, {F_EXIT_CTLS, EXIT_CTL_CLEAR_RTIT}}, CHECK_PASSED, 0},
	{"PT in guest-physical memory without its clearing", {CTL2(CTL2_PT_GUEST_PHYSICAL), {F_ENTRY_CTLS, ENTRY_CTL_LOAD_RTIT}}, CHECK_VMFAIL_CONTROLS, 0},
	{"PT in guest-physical memory without EPT", {CTL2(CTL2_PT_GUEST_PHYSICAL | CTL2_EPT), {F_ENTRY_CTLS, ENTRY_CTL_LOAD_RTIT}, {F_EXIT_CTLS, EXIT_CTL_CLEAR_RTIT}}, CHECK_VMFAIL_CONTROLS, 0},
	{"PASID directory too high", {CTL2(CTL2_PASID), {F_PASID_DIRECTORY_HIGH, FAR_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"tertiary controls reserved", {{F_CPU_CTLS, CPU_ACTIVATE_CTLS3}, {F_CPU_CTLS3, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"tertiary controls not activated", {{F_CPU_CTLS3, 1}}, CHECK_PASSED, 0},
	{"secondary exit controls reserved", {{F_EXIT_CTLS, EXIT_CTL_ACTIVATE_CTLS2}, {F_EXIT_CTLS2, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects MTF", {{F_ENTRY_INTR_INFO, 0x80000700}}, CHECK_PASSED, 0},
	{"injects another 'other event'", {{F_ENTRY_INTR_INFO, 0x80000701}}, CHECK_VMFAIL_CONTROLS, 0},
	{"MTF into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000700}}, CHECK_PASSED, 0},
	{"activity shutdown", {{F_GUEST_ACTIVITY, 2}}, CHECK_PASSED, 0},
	{"activity wait-for-SIPI", {{F_GUEST_ACTIVITY, 3}}, CHECK_PASSED, 0},
	{"activity 4", {{F_GUEST_ACTIVITY, 4}}, CHECK_EXIT_GUEST, 0},
	{"NMI into shutdown", {{F_GUEST_ACTIVITY, 2}, {F_ENTRY_INTR_INFO, 0x80000202}}, CHECK_PASSED, 0},
	{"#MC into shutdown", {{F_GUEST_ACTIVITY, 2}, {F_ENTRY_INTR_INFO, 0x80000312}}, CHECK_PASSED, 0},
	{"interrupt into shutdown", {{F_GUEST_ACTIVITY, 2}, {F_ENTRY_INTR_INFO, 0x80000020}, {F_GUEST_RFLAGS, 0x200}}, CHECK_EXIT_GUEST, 0},
	{"#DB into shutdown", {{F_GUEST_ACTIVITY, 2}, {F_ENTRY_INTR_INFO, 0x80000301}}, CHECK_EXIT_GUEST, 0},
	{"NMI into wait-for-SIPI", {{F_GUEST_ACTIVITY, 3}, {F_ENTRY_INTR_INFO, 0x80000202}}, CHECK_EXIT_GUEST, 0},
	{"shutdown blocked by MOV SS", {{F_GUEST_ACTIVITY, 2}, {F_GUEST_INTERRUPTIBILITY, 2}}, CHECK_EXIT_GUEST, 0},
	{"host PERF_GLOBAL_CTRL", {{F_EXIT_CTLS, EXIT_CTL_LOAD_PERF_GLOBAL}, {F_HOST_PERF_GLOBAL_CTRL, 0x300000003}}, CHECK_PASSED, 0},
	{"host PERF_GLOBAL_CTRL reserved", {{F_EXIT_CTLS, EXIT_CTL_LOAD_PERF_GLOBAL}, {F_HOST_PERF_GLOBAL_CTRL, 4}}, CHECK_VMFAIL_HOST, 0},
	{"host PKRS", {{F_EXIT_CTLS, EXIT_CTL_LOAD_PKRS}, {F_HOST_PKRS, 1ull << 32}}, CHECK_VMFAIL_HOST, 0},
	{"host S_CET reserved", {{F_EXIT_CTLS, EXIT_CTL_LOAD_CET}, {F_HOST_S_CET, 0x40}}, CHECK_VMFAIL_HOST, 0},
	{"host S_CET, suppressed and tracking", {{F_EXIT_CTLS, EXIT_CTL_LOAD_CET}, {F_HOST_S_CET, 0xc00}}, CHECK_VMFAIL_HOST, 0},
	{"host SSP", {{F_EXIT_CTLS, EXIT_CTL_LOAD_CET}, {F_HOST_SSP, 2}}, CHECK_VMFAIL_HOST, 0},
	{"host SSP table", {{F_EXIT_CTLS, EXIT_CTL_LOAD_CET}, {F_HOST_INTR_SSP_TABLE, 1ull << 60}}, CHECK_VMFAIL_HOST, 0},
	{"guest PERF_GLOBAL_CTRL reserved", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_PERF_GLOBAL}, {F_GUEST_PERF_GLOBAL_CTRL, 1ull << 40}}, CHECK_EXIT_GUEST, 0},
	{"BNDCFGS", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_BNDCFGS}, {F_GUEST_BNDCFGS, 0x1003}}, CHECK_PASSED, 0},
	{"BNDCFGS reserved", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_BNDCFGS}, {F_GUEST_BNDCFGS, 4}}, CHECK_EXIT_GUEST, 0},
	{"BNDCFGS address", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_BNDCFGS}, {F_GUEST_BNDCFGS, 1ull << 50}}, CHECK_EXIT_GUEST, 0},
	{"BNDCFGS not loaded", {{F_GUEST_BNDCFGS, 4}}, CHECK_PASSED, 0},
	{"guest PKRS", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_PKRS}, {F_GUEST_PKRS, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"guest UINV", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_UINV}, {F_GUEST_UINV, 0x100}}, CHECK_EXIT_GUEST, 0},
	{"guest S_CET", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_CET}, {F_GUEST_S_CET, 0x80}}, CHECK_EXIT_GUEST, 0},
	{"guest SSP", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_CET}, {F_GUEST_SSP, 1}}, CHECK_EXIT_GUEST, 0},
	{"guest SSP above 4 GBytes in compatibility mode", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_CET}, {F_GUEST_SSP, 1ull << 32}, {F_GUEST_CS_ACCESS_RIGHTS, 0x6000}}, CHECK_EXIT_GUEST, 0},
	{"pending RTM", {{F_GUEST_PENDING_DEBUG, 0x11000}}, CHECK_PASSED, 0},
	{"pending RTM with a breakpoint", {{F_GUEST_PENDING_DEBUG, 0x11001}}, CHECK_EXIT_GUEST, 0},
	{"pending RTM with BS", {{F_GUEST_PENDING_DEBUG, 0x15000}}, CHECK_EXIT_GUEST, 0},
	{"pending RTM without bit 12", {{F_GUEST_PENDING_DEBUG, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"pending RTM behind MOV SS", {{F_GUEST_PENDING_DEBUG, 0x11000}, {F_GUEST_INTERRUPTIBILITY, 2}}, CHECK_EXIT_GUEST, 0},
	{"entry to SMM", {{F_ENTRY_CTLS, ENTRY_CTL_ENTRY_TO_SMM}}, CHECK_VMFAIL_CONTROLS, 0},
	{"host CR4.CET without CR0.WP", {{F_HOST_CR4, 1u << 23}, {F_HOST_CR0, 1u << 16}}, CHECK_VMFAIL_HOST, 0},
	{"host CR4.CET", {{F_HOST_CR4, 1u << 23}}, CHECK_PASSED, 0},
	{"guest CR4.CET without CR0.WP", {{F_GUEST_CR4, 1u << 23}}, CHECK_EXIT_GUEST, 0},
	{"guest CR4.CET", {{F_GUEST_CR4, 1u << 23}, {F_GUEST_CR0, 1u << 16}}, CHECK_PASSED, 0},
	{"link pointer to an ordinary VMCS with shadowing", {CTL2(CTL2_VMCS_SHADOWING), {F_VMCS_LINK_POINTER, ~0x6000ull}}, CHECK_EXIT_GUEST, 4},
};
/* clang-format on */

#define V8086                                                                                                \
	{                                                                                                    \
		F_GUEST_RFLAGS, 1u << 17                                                                     \
	}

/* A 32-bit L1 and L2; with V8086 the segments are those of virtual-8086 mode. */
/* clang-format off */
static const struct row legacy_rows[] = {
	{"passes", {{0, 0}}, CHECK_PASSED, 0},
	{"host of 64 bits", {{F_EXIT_CTLS, EXIT_CTL_HOST_64}, {F_HOST_EFER, 0x500}}, CHECK_VMFAIL_HOST, 0},
	{"guest of 64 bits", {{F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}}, CHECK_VMFAIL_HOST, 0},
	{"host SS null", {{F_HOST_SS_SELECTOR, 0x10}}, CHECK_VMFAIL_HOST, 0},
	{"host DS null", {{F_HOST_DS_SELECTOR, 0x10}}, CHECK_PASSED, 0},
	{"host RIP's high half", {{F_HOST_RIP, 1ull << 32}}, CHECK_VMFAIL_HOST, 0},
	{"host CR4.PCIDE", {{F_HOST_CR4, 1u << 17}}, CHECK_VMFAIL_HOST, 0},
	{"host without PAE", {{F_HOST_CR4, 1u << 5}}, CHECK_PASSED, 0},
	{"TR of 16 bits", {{F_GUEST_TR_ACCESS_RIGHTS, 8}}, CHECK_PASSED, 0},
	{"CS with L and D", {{F_GUEST_CS_ACCESS_RIGHTS, 0x2000}}, CHECK_PASSED, 0},
	{"virtual-8086", {V8086}, CHECK_PASSED, 0},
	{"virtual-8086, base", {V8086, {F_GUEST_GS_BASE, 1}}, CHECK_EXIT_GUEST, 0},
	{"virtual-8086, limit", {V8086, {F_GUEST_DS_LIMIT, 1}}, CHECK_EXIT_GUEST, 0},
	{"virtual-8086, access rights", {V8086, {F_GUEST_ES_ACCESS_RIGHTS, 0x60}}, CHECK_EXIT_GUEST, 0},
	{"virtual-8086, unpaged protected mode", {V8086, {F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1u << 31}}, CHECK_PASSED, 0},
	{"virtual-8086 in real mode", {V8086, {F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1u << 31 | 1}}, CHECK_EXIT_GUEST, 0},
};
/* clang-format on */

static void set_legacy(struct vmcs_image *v, bool v8086)
{
	v->v[F_EXIT_CTLS] &= ~(uint64_t)EXIT_CTL_HOST_64;
	v->v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	v->v[F_HOST_EFER] = v->v[F_GUEST_EFER] = 0;
	v->v[F_HOST_RIP] = 0x100000;
	v->v[F_GUEST_CS_ACCESS_RIGHTS] = 0xc09b;
	for (unsigned i = 0; v8086 && i < 6; i++) {
		v->v[F_GUEST_ES_SELECTOR + i] = 0x1000 + i;
		v->v[F_GUEST_ES_BASE + i] = 0x10000 + 16 * i;
		v->v[F_GUEST_ES_LIMIT + i] = 0xffff;
		v->v[F_GUEST_ES_ACCESS_RIGHTS + i] = 0xf3;
	}
}

enum world { OFFERED, ALL, LEGACY };

/* The first 4 bytes of the VMCS that rows link to; its address is 6000H. 7000H is the current one. */
static void set_memory(struct check_env *env)
{
	env->vtpr = 0x3f;
	env->current_vmcs = 0x7000;
	env->link_revision = NESTBED_VMCS_REVISION;
}

static void check_row(const struct row *row, enum world world)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;
	bool passed;

	fixture_init(&f);
	if (world == LEGACY)
		set_legacy(&f.vmcs12, row->flip[0].field == F_GUEST_RFLAGS);
	for (unsigned n = 0; n < 5; n++)
		f.vmcs12.v[row->flip[n].field] ^= row->flip[n].value;
	env = fixture_env(&f);
	set_memory(&env);
	env.l1_long_mode = world != LEGACY;
	if (world == ALL) {
		f.offered = f.hardware;
		f.offered.basic = NESTBED_VMCS_REVISION | VMX_BASIC_TRUE_CTLS;
		f.offered.vmfunc = VMFUNC_EPTP_SWITCHING;
		f.offered.misc |= VMX_MISC_ACTIVITY_SIPI;
		f.offered.cr4_fixed1 |= 1u << 23;
		env.rtm = true;
		env.perf_global_bits = 0x70000000f & ~0xcull;
	}
	passed = vmcs12_check(&env, CHECK_ALL, &result);
	if (passed != (row->failure == CHECK_PASSED) || result.failure != row->failure ||
	    result.qualification != row->qualification)
		fail_msg("%s: %d (%s)", row->name, result.failure, result.clause ? result.clause : "passed");
}

static void clauses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offered_rows) / sizeof(offered_rows[0]); i++)
		check_row(&offered_rows[i], OFFERED);
	for (size_t i = 0; i < sizeof(all_rows) / sizeof(all_rows[0]); i++)
		check_row(&all_rows[i], ALL);
	for (size_t i = 0; i < sizeof(legacy_rows) / sizeof(legacy_rows[0]); i++)
		check_row(&legacy_rows[i], LEGACY);
}

/* What L1 has in memory may change without a VMWRITE. */
static void live_groups(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	assert_int_equal(vmcs12_check_always(&f.vmcs12), 0);
	f.vmcs12.v[F_CPU_CTLS] |= CPU_TPR_SHADOW;
	f.vmcs12.v[F_TPR_THRESHOLD] = 3;
	f.vmcs12.v[F_VMCS_LINK_POINTER] = 0x6000;
	env = fixture_env(&f);
	set_memory(&env);
	assert_true(vmcs12_check(&env, vmcs12_check_always(&f.vmcs12), &result));
	env.link_revision |= VMCS_SHADOW_INDICATOR;
	assert_false(vmcs12_check(&env, vmcs12_check_always(&f.vmcs12), &result));
	assert_int_equal(result.failure, CHECK_EXIT_GUEST);
	env.vtpr = 0x2f;
	assert_false(vmcs12_check(&env, vmcs12_check_always(&f.vmcs12), &result));
	assert_int_equal(result.failure, CHECK_VMFAIL_CONTROLS);
}

/* A linked VMCS must be a shadow VMCS with 'VMCS shadowing', and else must not. */
static void shadow_indicator(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_VMCS_LINK_POINTER] = 0x6000;
	f.vmcs12.v[F_CPU_CTLS2] |= CTL2_VMCS_SHADOWING;
	env = fixture_env(&f);
	set_memory(&env);
	env.link_revision |= VMCS_SHADOW_INDICATOR;
	assert_true(vmcs12_check(&env, CHECK_LINK, &result));
	env.link_revision ^= 2;
	assert_false(vmcs12_check(&env, CHECK_LINK, &result));
	assert_int_equal(result.qualification, 4);
}

/* NX is known to the SDM, but not to this L1's processor. */
static void hidden_efer_bit(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	env = fixture_env(&f);
	assert_true(vmcs12_check(&env, CHECK_ALL, &result));
	env.efer_hidden = VM_EFER_NXE;
	assert_false(vmcs12_check(&env, CHECK_CONTROL_REGISTERS, &result));
	assert_int_equal(result.failure, CHECK_EXIT_GUEST);
	f.vmcs12.v[F_GUEST_EFER] &= ~VM_EFER_NXE;
	assert_true(vmcs12_check(&env, CHECK_CONTROL_REGISTERS, &result));
	assert_false(vmcs12_check(&env, CHECK_HOST, &result));
	assert_int_equal(result.failure, CHECK_VMFAIL_HOST);
	f.vmcs12.v[F_HOST_EFER] &= ~VM_EFER_NXE;
	assert_true(vmcs12_check(&env, CHECK_HOST, &result));
}

static void pdpte_clause(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	f.vmcs12.v[F_GUEST_EFER] = 0;
	f.vmcs12.v[F_GUEST_CS_ACCESS_RIGHTS] = 0xc09b;
	f.vmcs12.v[F_GUEST_PDPTE2] = 0x1001;
	env = fixture_env(&f);
	assert_true(vmcs12_check(&env, CHECK_ALL, &result));
	f.vmcs12.v[F_GUEST_PDPTE2] = 0x1003;
	assert_false(vmcs12_check(&env, CHECK_ALL, &result));
	assert_int_equal(result.qualification, 2);
}

/* Whatever field changes: a clause whose verdict changes is in a group that the field belongs to. */
static void table_groups(const struct check_row *table, unsigned count, const struct check_env *before,
			 const struct check_env *after, unsigned field)
{
	struct vmcs_bitset dirty = {{0}};
	uint32_t groups;

	vmcs_bitset_set(&dirty, field);
	groups = vmcs12_check_groups(&dirty);
	for (unsigned i = 0; i < count; i++) {
		if (table[i].holds(before) != table[i].holds(after) && !(table[i].group & groups))
			fail_msg("%s changes: '%s' is in no group of its", vmcs_field_name(field),
				 table[i].clause);
	}
}

static void groups_cover_their_clauses(void **state)
{
	uint64_t random = 0x636865636b73;

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		static struct fixture f;
		struct vmcs_image changed;
		unsigned field = (unsigned)(fixture_random(&random) % VMCS_FIELD_COUNT);
		struct check_env before, after;

		if (n % 50 == 0)
			fixture_init(&f);
		changed = f.vmcs12;
		changed.v[field] ^= 1ull << fixture_random(&random) % 64 & vmcs_field_width_mask(field);
		before = after = fixture_env(&f);
		after.vmcs12 = &changed;
		table_groups(check_controls_table, check_controls_count, &before, &after, field);
		table_groups(check_host_table, check_host_count, &before, &after, field);
		table_groups(check_guest_table, check_guest_count, &before, &after, field);
		f.vmcs12 = changed;
	}
}

static void skipped_groups(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_HOST_CR3] = ~0ull;
	env = fixture_env(&f);
	assert_true(vmcs12_check(&env, CHECK_ALL & ~(uint32_t)CHECK_HOST, &result));
	assert_int_equal(result.failure, CHECK_PASSED);
	assert_false(vmcs12_check(&env, CHECK_HOST, &result));
	assert_non_null(result.section);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses),          cmocka_unit_test(live_groups),
		cmocka_unit_test(shadow_indicator), cmocka_unit_test(hidden_efer_bit),
		cmocka_unit_test(pdpte_clause),     cmocka_unit_test(groups_cover_their_clauses),
		cmocka_unit_test(skipped_groups),
	};

	return cmocka_run_group_tests_name("vmcs_merge_checks", tests, NULL, NULL);
}
