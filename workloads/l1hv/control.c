// SPDX-License-Identifier: MIT
/*
 * CR0, CR3, CR4 and EFER as L2 sees them, and what the processor gets instead.
 *
 * With unrestricted guest L2 owns nearly all of it; only bits that VMX operation fixes, that hide VMX, or
 * that would turn caches off are l1hv's. Without it the processor insists on CR0.PE and CR0.PG, so an unpaged
 * L2 runs on an identity page table in a page of its own, and each change of mode is done here by hand.
 */
#include "ept.h"
#include "events.h"
#include "exits.h"
#include "guest.h"

#define CR0_FIXED_UG (X86_CR0_PE | X86_CR0_PG) /* what unrestricted guest frees */
#define CR0_CACHE    (X86_CR0_CD | X86_CR0_NW)
#define CR4_HIDDEN   (X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_LA57)
#define CR4_NEED_PAGING                                                                                      \
	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE)
#define VPID_OF_L2 1

static struct {
	uint64_t cr0_mask, cr4_mask; /* guest/host masks */
	uint64_t cr0, cr4; /* read shadows */
	uint64_t cr3, efer; /* L2's, where the processor's differ */
} l2;

uint64_t l2_cr0(void)
{
	return (vmread(GUEST_CR0) & ~l2.cr0_mask) | (l2.cr0 & l2.cr0_mask);
}

uint64_t l2_cr4(void)
{
	return (vmread(GUEST_CR4) & ~l2.cr4_mask) | (l2.cr4 & l2.cr4_mask);
}

static bool on_hidden_table(void)
{
	return !hv.cap.unrestricted && !(l2.cr0 & X86_CR0_PG);
}

uint64_t l2_cr3(void)
{
	return on_hidden_table() ? l2.cr3 : vmread(GUEST_CR3);
}

uint64_t l2_efer(void)
{
	return hv.cap.unrestricted ? vmread(GUEST_EFER) : l2.efer;
}

bool l2_long_mode(void)
{
	return l2_efer() & X86_EFER_LMA;
}

void l2_flush_tlb(void)
{
	if (hv.cap.has_vpid)
		invvpid_context(VPID_OF_L2); /* without VPID each VM entry does it */
}

/* SDM volume 3, "PDPTE Registers". false: one has a reserved bit set. */
static bool load_pdptes(uint64_t cr3)
{
	uint64_t pdpte[4];

	for (unsigned int i = 0; i < 4; i++) {
		const uint64_t *at = ept_host((cr3 & 0xFFFFFFE0u) + 8ull * i, NULL);

		pdpte[i] = at ? *at : ~0ull;
		if ((pdpte[i] & 1) && (pdpte[i] & (0xFFF0000000000000ull | 0x1E6)))
			return false;
	}
	for (unsigned int i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + (enum vmcs_field)(2 * i), pdpte[i]);
	return true;
}

static void write_efer(uint64_t efer)
{
	const uint64_t both = X86_EFER_LME | X86_EFER_LMA;

	l2.efer = efer;
	if (!hv.cap.unrestricted) /* the processor is always paged: it wants LME equal to LMA */
		efer = efer & X86_EFER_LMA ? efer | both : efer & ~both;
	if (hv.cap.switches_efer)
		vmwrite(GUEST_EFER, efer);
	else /* LME and LMA follow the entry control; the rest l1hv shares with L2 */
		wrmsr(IA32_EFER, (rdmsr(IA32_EFER) & both) | (efer & ~both));
}

static void write_cr3_exiting(bool needed)
{
	const uint32_t both = CPU_CR3_LOAD | CPU_CR3_STORE;
	const uint32_t now = needed ? hv.cap.cpu | both : (hv.cap.cpu & ~both) | (hv.cap.cpu_always & both);

	if (now != hv.cap.cpu)
		vmwrite(CPU_CTLS, hv.cap.cpu = now);
}

/* Gives the processor what makes L2 see these values; they have been checked. false: #GP by a PDPTE. */
static bool commit(uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
	const bool paged = cr0 & X86_CR0_PG, long_mode = paged && (efer & X86_EFER_LME);
	const uint64_t fixed0 = hv.cap.cr0_fixed0 & ~(hv.cap.unrestricted ? CR0_FIXED_UG : 0);
	const uint32_t entry = vmread32(ENTRY_CTLS);
	uint64_t real_cr4 = cr4 | hv.cap.cr4_fixed0;

	if (paged && (cr4 & X86_CR4_PAE) && !long_mode && !load_pdptes(cr3))
		return false;
	if (!paged && !hv.cap.unrestricted)
		real_cr4 = (real_cr4 & ~CR4_NEED_PAGING) | X86_CR4_PSE;
	l2.cr0 = cr0;
	l2.cr3 = cr3;
	l2.cr4 = cr4;
	vmwrite(CR0_SHADOW, cr0);
	vmwrite(CR4_SHADOW, cr4);
	vmwrite(GUEST_CR0, ((cr0 & ~CR0_CACHE) | fixed0) & hv.cap.cr0_fixed1);
	vmwrite(GUEST_CR4, real_cr4);
	vmwrite(GUEST_CR3, on_hidden_table() ? EPT_HIDDEN_PAGE : cr3);
	vmwrite(ENTRY_CTLS, long_mode ? entry | ENTRY_IA32E : entry & ~ENTRY_IA32E);
	write_efer(long_mode ? efer | X86_EFER_LMA : efer & ~X86_EFER_LMA);
	if (!hv.cap.unrestricted)
		write_cr3_exiting(!paged);
	l2_flush_tlb();
	return true;
}

/* 32-bit page directory of 4 MiB pages: P, W, U, A, D, PS. */
static void fill_hidden_table(void)
{
	uint32_t *table = ept_host(EPT_HIDDEN_PAGE, NULL);

	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i << 22 | 0xE7;
}

void l2_control_init(void)
{
	l2.cr0_mask = X86_CR0_NE | CR0_CACHE;
	l2.cr4_mask = CR4_HIDDEN | hv.cap.cr4_fixed0;
	if (!hv.cap.unrestricted) {
		l2.cr0_mask |= CR0_FIXED_UG;
		l2.cr4_mask = ~0ull;
		fill_hidden_table();
	}
	vmwrite(CR0_MASK, l2.cr0_mask);
	vmwrite(CR4_MASK, l2.cr4_mask);
	/* Multiboot Specification, "Machine state": protected mode, no paging */
	commit(X86_CR0_PE | X86_CR0_ET, 0, 0, 0);
}

bool l2_set_efer(uint64_t value)
{
	const uint64_t old = l2_efer(), cr0 = l2_cr0();
	uint64_t known = X86_EFER_LME | X86_EFER_LMA;
	const uint32_t edx = cpuid(0x80000001, 0).edx;

	known |= edx & 1u << 11 ? X86_EFER_SCE : 0;
	known |= edx & 1u << 20 ? X86_EFER_NXE : 0;
	if ((value & ~known) || ((cr0 & X86_CR0_PG) && ((value ^ old) & X86_EFER_LME)))
		return false;
	return commit(cr0, l2_cr3(), l2_cr4(), value & ~X86_EFER_LMA);
}

/* SDM volume 2, "MOV—Move to/from Control Registers", and volume 3, "Control Registers". */
static enum verdict l2_write_cr0(uint64_t value)
{
	const uint64_t old = l2_cr0(), cr4 = l2_cr4(), efer = l2_efer();
	const bool set_pg = value & ~old & X86_CR0_PG, clear_pg = old & ~value & X86_CR0_PG;

	value |= X86_CR0_ET;
	if (value >> 32 || ((value & X86_CR0_PG) && !(value & X86_CR0_PE)) ||
	    ((value & X86_CR0_NW) && !(value & X86_CR0_CD)))
		return inject_gp();
	if (set_pg && (efer & X86_EFER_LME) && (!(cr4 & X86_CR4_PAE) || l2_code64()))
		return inject_gp();
	if (clear_pg && ((cr4 & X86_CR4_PCIDE) || ((efer & X86_EFER_LMA) && l2_code64())))
		return inject_gp();
	if (!(value & X86_CR0_PE) && !hv.cap.unrestricted)
		l2_stop(STOP_UNSUPPORTED, "real mode needs unrestricted guest, which this processor lacks");
	value &= X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP |
		 X86_CR0_AM | CR0_CACHE | X86_CR0_PG;
	return commit(value, l2_cr3(), cr4, efer) ? SKIP : inject_gp();
}

static enum verdict l2_write_cr4(uint64_t value)
{
	const uint64_t old = l2_cr4(), efer = l2_efer(), cr3 = l2_cr3();

	if (value & (~hv.cap.cr4_fixed1 | CR4_HIDDEN))
		return inject_gp();
	if ((efer & X86_EFER_LMA) && !(value & X86_CR4_PAE))
		return inject_gp();
	if ((value & ~old & X86_CR4_PCIDE) && (!(efer & X86_EFER_LMA) || (cr3 & 0xFFF)))
		return inject_gp();
	return commit(l2_cr0(), cr3, value, efer) ? SKIP : inject_gp();
}

static enum verdict l2_write_cr3(uint64_t value)
{
	const uint64_t cr4 = l2_cr4();

	if (cr4 & X86_CR4_PCIDE)
		value &= ~(1ull << 63); /* "don't flush": flushing is allowed all the same */
	if (value >> 52)
		return inject_gp();
	if ((l2_cr0() & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !l2_long_mode() && !load_pdptes(value))
		return inject_gp();
	if (on_hidden_table())
		l2.cr3 = value;
	else
		vmwrite(GUEST_CR3, value);
	l2_flush_tlb();
	return SKIP;
}

static enum verdict l2_write_cr8(uint64_t value)
{
	if (value & ~0xFull)
		return inject_gp();
	write_cr8(value); /* the local APIC below is L2's */
	return SKIP;
}

static enum verdict move_to_cr(unsigned int cr, uint64_t value)
{
	if (!l2_code64())
		value &= 0xFFFFFFFFu;
	switch (cr) {
	case 0:
		return l2_write_cr0(value);
	case 3:
		return l2_write_cr3(value);
	case 4:
		return l2_write_cr4(value);
	case 8:
		return l2_write_cr8(value);
	default:
		return inject_ud();
	}
}

static enum verdict move_from_cr(struct l2_regs *regs, unsigned int cr, unsigned int gpr)
{
	if (cr != 3 && cr != 8)
		return inject_ud();
	l2_set_reg(regs, gpr, cr == 3 ? l2_cr3() : read_cr8());
	return SKIP;
}

/* SDM volume 3, "Exit Qualification for Control-Register Accesses" */
enum verdict on_cr_access(struct l2_regs *regs)
{
	const uint64_t q = vmread(EXIT_QUALIFICATION);
	const unsigned int cr = q & 15, gpr = (q >> 8) & 15;

	switch ((q >> 4) & 3) {
	case 0:
		return move_to_cr(cr, l2_reg(regs, gpr));
	case 1:
		return move_from_cr(regs, cr, gpr);
	case 2: /* CLTS */
		return l2_write_cr0(l2_cr0() & ~X86_CR0_TS);
	default: /* LMSW: can set PE, not clear it */
		return l2_write_cr0((l2_cr0() & ~0xEull) | ((q >> 16) & 0xF));
	}
}

uint64_t l2_reg(const struct l2_regs *regs, unsigned int number)
{
	return number == RSP ? vmread(GUEST_RSP) : regs->r[number];
}

void l2_set_reg(struct l2_regs *regs, unsigned int number, uint64_t value)
{
	if (number == RSP)
		vmwrite(GUEST_RSP, value);
	else
		regs->r[number] = value;
}
