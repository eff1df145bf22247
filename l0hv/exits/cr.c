/* SPDX-License-Identifier: MIT */
/*
 * SDM "Guest/Host Masks and Read Shadows for CR0 and CR4", "Restrictions on VMX Operation", "MOV—Move to/from
 * Control Registers". L0 owns the bits that VMX fixes and those that a guest must not have on the processor.
 */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

#define CR0_DEFINED 0xE005003Full
/* Guest-physical page of the identity table, above any RAM; mapped only while a guest is unpaged. */
#define IDENTITY_GPA 0xFFFBC000ull

/* CR4 bits that a guest may set: those whose feature its CPUID shows. */
static uint64_t cr4_allowed(const struct vcpu *v)
{
	return v->nested ? v->vm->cpu.cr4 | CR4_VMXE : v->vm->cpu.cr4;
}

void cr_owned(const struct vcpu *v, bool in_l2, uint64_t *cr0_owned, uint64_t *cr0_value, uint64_t *cr4_owned,
	      uint64_t *cr4_value)
{
	*cr0_owned = CR0_NE | CR0_CD | CR0_NW;
	*cr0_value = CR0_NE;
	*cr4_owned = ~cr4_allowed(v) | CR4_VMXE;
	*cr4_value = CR4_VMXE;
	if (!cpu_shows(&v->vm->cpu, FEATURE_FPU)) {
		*cr0_owned |= CR0_EM;
		*cr0_value |= v->fpu_used ? 0 : CR0_EM;
	}
	/* paging is the processor's fixed bit, or fixed for L1 as long as it is in VMX root operation */
	if (!l0_features.unrestricted_guest || (!in_l2 && v->nested && nested_vmxon(v))) {
		*cr0_owned |= CR0_PE | CR0_PG;
		*cr0_value |= CR0_PE | CR0_PG;
	}
	if (v->unpaged) { /* 4 MiB pages for every privilege level, and nothing that refuses them */
		*cr4_owned |= CR4_PAE | CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PCIDE;
		*cr4_value |= CR4_PSE;
	}
}

uint64_t guest_cr0(void)
{
	uint64_t mask = vmread(CR0_MASK);

	return (vmread(GUEST_CR0) & ~mask) | (vmread(CR0_SHADOW) & mask);
}

uint64_t guest_cr4(void)
{
	uint64_t mask = vmread(CR4_MASK);

	return (vmread(GUEST_CR4) & ~mask) | (vmread(CR4_SHADOW) & mask);
}

uint64_t guest_cr0_in_force(const struct vcpu *v)
{
	uint64_t l1 = v->in_l2 ? nested_cr0_mask(v) : 0;

	return (guest_cr0() & ~l1) | (vmread(GUEST_CR0) & l1);
}

uint64_t guest_cr4_in_force(const struct vcpu *v)
{
	uint64_t l1 = v->in_l2 ? nested_cr4_mask(v) : 0;

	return (guest_cr4() & ~l1) | (vmread(GUEST_CR4) & l1);
}

uint64_t guest_cr3(const struct vcpu *v)
{
	return v->unpaged && !v->in_l2 ? v->unpaged_cr3 : vmread(GUEST_CR3);
}

/* Values as the guest sees them into the current VMCS. In L2, bits that L1 masks stay as they are. */
static void store_cr0(struct vcpu *v, uint64_t value)
{
	uint64_t owned0, forced0, owned4, forced4;
	uint64_t l1 = v->in_l2 ? nested_cr0_mask(v) : 0;

	cr_owned(v, v->in_l2, &owned0, &forced0, &owned4, &forced4);
	vmwrite(GUEST_CR0, (vmread(GUEST_CR0) & l1) | (((value & ~owned0) | forced0) & ~l1));
	vmwrite(CR0_SHADOW, (vmread(CR0_SHADOW) & l1) | (value & ~l1));
	vmwrite(CR0_MASK, owned0 | l1);
}

static void store_cr4(struct vcpu *v, uint64_t value)
{
	uint64_t owned0, forced0, owned4, forced4;
	uint64_t l1 = v->in_l2 ? nested_cr4_mask(v) : 0;

	cr_owned(v, v->in_l2, &owned0, &forced0, &owned4, &forced4);
	vmwrite(GUEST_CR4, (vmread(GUEST_CR4) & l1) | (((value & ~owned4) | forced4) & ~l1));
	vmwrite(CR4_SHADOW, (vmread(CR4_SHADOW) & l1) | (value & ~l1));
	vmwrite(CR4_MASK, owned4 | l1);
}

/* ---- unpaged guests without unrestricted guest ---- */

/* 1024 entries of 4 MiB, user, writable, accessed and dirty. One for all guests would let them see each
 * other's bits: one a VM. */
static void map_identity(struct vm *vm)
{
	uint64_t page;
	uint32_t *entry;

	if (vm->identity_page)
		return;
	page = page_alloc();
	if (!page)
		panic("no memory for an identity page table");
	entry = phys_to_virt(page);
	for (uint32_t i = 0; i < 1024; i++)
		entry[i] = i << 22 | 0xE7;
	if (ept_map(&vm->ept, &l0_ept_mem, IDENTITY_GPA, page, PAGE_SIZE, EPT_R | EPT_W, EPT_WB))
		panic("no memory to map an identity page table");
	vm->identity_page = page;
}

static void set_cr3_exiting(struct vcpu *v, bool on)
{
	uint32_t bits = CPU_CR3_LOAD_EXITING | CPU_CR3_STORE_EXITING;

	v->cpu_ctls01 = on ? v->cpu_ctls01 | bits : v->cpu_ctls01 & ~bits;
	v->cpu_ctls01 = vmx_adjust(vmx_controls_cap(&l0_caps, WORD_CPU), v->cpu_ctls01);
	v->vmcs->cpu_ctls = v->cpu_ctls01 | (v->vmcs->cpu_ctls & (CPU_INTR_WINDOW | CPU_NMI_WINDOW));
	vmwrite(CPU_CTLS, v->vmcs->cpu_ctls);
}

static void enter_unpaged(struct vcpu *v)
{
	uint64_t cr3 = vmread(GUEST_CR3), efer = vmread(GUEST_EFER);

	map_identity(v->vm);
	v->unpaged = true;
	v->unpaged_cr3 = cr3;
	v->unpaged_efer = efer & ~EFER_LMA;
	vmwrite(GUEST_CR3, IDENTITY_GPA);
	vmwrite(GUEST_EFER, efer & ~(EFER_LME | EFER_LMA));
	set_cr3_exiting(v, true);
}

static void leave_unpaged(struct vcpu *v)
{
	v->unpaged = false;
	vmwrite(GUEST_CR3, v->unpaged_cr3);
	vmwrite(GUEST_EFER, v->unpaged_efer);
	set_cr3_exiting(v, false);
}

/* ---- IA-32e mode and PAE, as MOV to CR0 and CR4 switch them ---- */

static void set_lma(bool on)
{
	uint64_t efer = vmread(GUEST_EFER), entry = vmread(ENTRY_CTLS);

	vmwrite(GUEST_EFER, on ? efer | EFER_LMA : efer & ~EFER_LMA);
	vmwrite(ENTRY_CTLS, on ? entry | ENTRY_CTL_IA32E_GUEST : entry & ~(uint64_t)ENTRY_CTL_IA32E_GUEST);
}

bool pdpte_ok(uint64_t entry)
{
	return !(entry & 1) || !(entry & (~((1ull << l0_features.maxphyaddr) - 1) | 0x1E6));
}

/* SDM "PDPTE Registers": loaded by the move that turns PAE paging on. -EPERM: a reserved bit is set. */
static int load_pdptes(struct vcpu *v, uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	uint64_t entry[4];

	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || efer & (EFER_LMA | EFER_LME) || v->in_l2)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t *p = vm_memory(v->vm, (guest_cr3(v) & 0xFFFFFFE0) + 8ull * i, 8);

		entry[i] = p ? *p : ~0ull;
		if (!pdpte_ok(entry[i]))
			return -EPERM;
	}
	for (unsigned i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, entry[i]);
	return 0;
}

static uint64_t efer_as_seen(const struct vcpu *v)
{
	return v->unpaged && !v->in_l2 ? v->unpaged_efer : vmread(GUEST_EFER);
}

static int check_cr0(struct vcpu *v, uint64_t value, uint64_t old)
{
	uint64_t efer = efer_as_seen(v);

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return -EPERM;
	if (v->in_l2 && !nested_fixed_ok(v, 0, value))
		return -EPERM;
	if (!v->in_l2 && v->nested && nested_vmxon(v) &&
	    (value & (CR0_PE | CR0_NE | CR0_PG)) != (CR0_PE | CR0_NE | CR0_PG))
		return -EPERM;
	if ((value & ~old & CR0_PG) && efer & EFER_LME &&
	    (!(guest_cr4_in_force(v) & CR4_PAE) || vmread(GUEST_CS_ACCESS_RIGHTS) >> 13 & 1))
		return -EPERM;
	if ((old & ~value & CR0_PG) && (guest_cr4_in_force(v) & CR4_PCIDE || guest_in_64bit_code()))
		return -EPERM;
	return 0;
}

int cr0_write(struct vcpu *v, uint64_t value)
{
	uint64_t old = guest_cr0(), changed;

	if (check_cr0(v, value, old))
		return -EPERM;
	value = (value & CR0_DEFINED) | CR0_ET;
	changed = value ^ old;
	if (changed & CR0_PG && value & CR0_PG &&
	    load_pdptes(v, value, guest_cr4_in_force(v), efer_as_seen(v)))
		return -EPERM;
	if (!l0_features.unrestricted_guest && !v->in_l2) {
		uint64_t cr4 = guest_cr4();

		if (!(value & CR0_PE)) {
			vm_stop(v, STOP_UNSUPPORTED, true, "real mode, which needs unrestricted guest");
			return 0;
		}
		if (changed & CR0_PG) {
			if (value & CR0_PG)
				leave_unpaged(v);
			else
				enter_unpaged(v);
			store_cr4(v, cr4);
		}
	}
	if (changed & CR0_PG && efer_as_seen(v) & EFER_LME)
		set_lma(value & CR0_PG);
	store_cr0(v, value);
	if (changed & (CR0_PG | CR0_WP))
		v->flush_vpid = true;
	return 0;
}

int cr4_write(struct vcpu *v, uint64_t value)
{
	uint64_t old = guest_cr4(), efer = efer_as_seen(v), cr0 = guest_cr0_in_force(v);
	bool lma = cr0 & CR0_PG && efer & EFER_LME;

	if (value & ~cr4_allowed(v) || (lma && !(value & CR4_PAE)) || ((value & ~old & CR4_PCIDE) && !lma))
		return -EPERM;
	if (v->in_l2 ? !nested_fixed_ok(v, 4, value) : v->nested && nested_vmxon(v) && !(value & CR4_VMXE))
		return -EPERM;
	if (((value ^ old) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) && load_pdptes(v, cr0, value, efer))
		return -EPERM;
	store_cr4(v, value);
	v->flush_vpid = true;
	return 0;
}

/* SDM "x87 FPU Device-Not-Available": CR0.TS is the guest's own, to switch tasks by. */
bool cr_use_hidden_fpu(struct vcpu *v)
{
	if (cpu_shows(&v->vm->cpu, FEATURE_FPU) || !(vmread(GUEST_CR0) & CR0_EM) ||
	    guest_cr0_in_force(v) & CR0_TS)
		return false;
	v->fpu_used = true;
	vmwrite(GUEST_CR0, vmread(GUEST_CR0) & ~CR0_EM);
	if (v->nested)
		nested_owned_bits_changed(v);
	return true;
}

void cr_init(struct vcpu *v, uint64_t cr0)
{
	v->unpaged = false;
	if (!l0_features.unrestricted_guest)
		enter_unpaged(v);
	store_cr0(v, cr0);
	store_cr4(v, 0);
	set_lma(false);
}

void cr_update_masks(struct vcpu *v)
{
	store_cr0(v, guest_cr0());
	store_cr4(v, guest_cr4());
}

void cr_load_host(struct vcpu *v, uint64_t cr0, uint64_t cr4)
{
	store_cr0(v, cr0);
	store_cr4(v, cr4);
}

void cr_restore(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
	const uint64_t entry = vmread(ENTRY_CTLS) & ~(uint64_t)ENTRY_CTL_IA32E_GUEST;

	if (v->unpaged) {
		v->unpaged = false;
		set_cr3_exiting(v, false);
	}
	vmwrite(GUEST_CR3, cr3);
	vmwrite(GUEST_EFER, efer);
	vmwrite(ENTRY_CTLS, entry | (efer & EFER_LMA ? ENTRY_CTL_IA32E_GUEST : 0));
	if (!l0_features.unrestricted_guest && !(cr0 & CR0_PG))
		enter_unpaged(v);
	store_cr0(v, cr0);
	store_cr4(v, cr4);
}

void cr_load_pdptes(struct vcpu *v)
{
	if (vmread(GUEST_EFER) & EFER_LMA)
		return;
	if (load_pdptes(v, guest_cr0(), guest_cr4(), vmread(GUEST_EFER)))
		vm_stop(v, STOP_BAD_GUEST_STATE, true, "VMX abort: PDPTEs of the host state");
}

int cr_read_efer(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = efer_as_seen(v);
	return 0;
}

int cr_write_efer(struct vcpu *v, uint32_t msr, uint64_t value)
{
	uint64_t old = efer_as_seen(v);

	(void)msr;
	if (value & ~v->vm->cpu.efer || ((value ^ old) & EFER_LME && guest_cr0_in_force(v) & CR0_PG))
		return -EPERM;
	value = (value & ~EFER_LMA) | (old & EFER_LMA); /* LMA is read-only */
	if (v->unpaged && !v->in_l2) {
		v->unpaged_efer = value;
		vmwrite(GUEST_EFER, value & ~(EFER_LME | EFER_LMA));
	} else {
		vmwrite(GUEST_EFER, value);
	}
	return 0;
}

/* ---- exits ---- */

static uint64_t read_gpr(const struct vcpu *v, unsigned reg)
{
	uint64_t value = guest_gpr(v, reg);

	return guest_in_64bit_code() ? value : (uint32_t)value;
}

static void write_gpr(struct vcpu *v, unsigned reg, uint64_t value)
{
	if (!guest_in_64bit_code())
		value = (uint32_t)value;
	guest_gpr_set(v, reg, value);
}

static int mov_to_cr(struct vcpu *v, unsigned cr, uint64_t value)
{
	if (cr == 0)
		return cr0_write(v, value);
	if (cr == 4)
		return cr4_write(v, value);
	if (cr == 8) {
		if (value & ~0xFull)
			return -EPERM;
		platform_cr8_set(&v->vm->platform, v->id, value);
		return 0;
	}
	/* CR3 exits only while the guest is unpaged */
	v->unpaged_cr3 = value;
	return 0;
}

/* SDM table "Exit Qualification for Control-Register Accesses" */
enum verdict on_cr_access(struct vcpu *v)
{
	uint64_t q = vmread(EXIT_QUALIFICATION);
	unsigned cr = q & 0xF, reg = q >> 8 & 0xF;
	int error = 0;

	switch (q >> 4 & 3) {
	case 0:
		error = mov_to_cr(v, cr, read_gpr(v, reg));
		break;
	case 1:
		write_gpr(v, reg, cr == 8 ? platform_cr8_get(&v->vm->platform, v->id) : guest_cr3(v));
		break;
	case 2: /* CLTS */
		error = cr0_write(v, guest_cr0() & ~CR0_TS);
		break;
	default: /* LMSW: PE can be set, not cleared */
		error = cr0_write(v, (guest_cr0() & ~0xEull) | (q >> 16 & 0xF));
		break;
	}
	if (v->vm->stopped)
		return STOP_VM;
	if (error) {
		inject_exception(v, VECTOR_GP, 0);
		return RESUME;
	}
	return SKIP_AND_RESUME;
}
