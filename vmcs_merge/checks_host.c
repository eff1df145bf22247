/* SPDX-License-Identifier: MIT */
/* Clauses of "Checks on Host Control Registers, MSRs, and SSP" to "Checks Related to Address-Space Size". */
#include "vmcs_merge/checks_impl.h"
#include "vmcs_merge/x86.h"

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
	uint64_t known = (both | VM_EFER_SCE | VM_EFER_NXE) & ~e->efer_hidden;

	return implies(V(EXIT_CTLS) & EXIT_CTL_LOAD_EFER,
		       !(V(HOST_EFER) & ~known) &&
			       (V(HOST_EFER) & both) == (V(EXIT_CTLS) & EXIT_CTL_HOST_64 ? both : 0));
}

CLAUSE(host_perf)
{
	return implies(V(EXIT_CTLS) & EXIT_CTL_LOAD_PERF_GLOBAL,
		       !(V(HOST_PERF_GLOBAL_CTRL) & ~e->perf_global_bits));
}

CLAUSE(host_pkrs)
{
	return implies(V(EXIT_CTLS) & EXIT_CTL_LOAD_PKRS, V(HOST_PKRS) >> 32 == 0);
}

CLAUSE(host_cet_state)
{
	bool host64 = V(EXIT_CTLS) & EXIT_CTL_HOST_64;

	if (!(V(EXIT_CTLS) & EXIT_CTL_LOAD_CET))
		return true;
	return check_s_cet(e, V(HOST_S_CET), host64) && (V(HOST_SSP) & 3) == 0 &&
	       check_width(e, V(HOST_SSP), host64) && check_canonical(e, V(HOST_INTR_SSP_TABLE));
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
#define HOST_REGS "Checks on Host Control Registers, MSRs, and SSP"
#define HOST_SEGS "Checks on Host Segment and Descriptor-Table Registers"
#define HOST_SIZE "Checks Related to Address-Space Size"

const struct check_row check_host_table[] = {
	{host_cr0,        CHECK_HOST, 0, "CR0 has the bits fixed in VMX operation", HOST_REGS},
	{host_cr4,        CHECK_HOST, 0, "CR4 has the bits fixed in VMX operation", HOST_REGS},
	{host_cet,        CHECK_HOST, 0, "CR4.CET only with CR0.WP", HOST_REGS},
	{host_cr3,        CHECK_HOST, 0, "CR3 is within the physical-address width", HOST_REGS},
	{host_sysenter,   CHECK_HOST, 0, "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP are canonical", HOST_REGS},
	{host_pat,        CHECK_HOST, 0, "'load IA32_PAT': each byte is a memory type", HOST_REGS},
	{host_efer,       CHECK_HOST, 0, "'load IA32_EFER': reserved bits 0, LMA and LME as 'host address-space size'", HOST_REGS},
	{host_perf,       CHECK_HOST, 0, "'load IA32_PERF_GLOBAL_CTRL': reserved bits are 0", HOST_REGS},
	{host_pkrs,       CHECK_HOST, 0, "'load PKRS': bits 63:32 are 0", HOST_REGS},
	{host_cet_state,  CHECK_HOST, 0, "'load CET state': reserved bits of IA32_S_CET and SSP are 0, addresses as wide as the host", HOST_REGS},
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
