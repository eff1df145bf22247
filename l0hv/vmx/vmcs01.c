/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/msr.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmcs_dump.h"
#include "l0hv/vmx/vmx.h"

#define PAT_RESET 0x0007040600070406ull

void vmx_exit(void); /* switch.S */

void vmcs_region_init(struct vmcs_region *region, bool shadow)
{
	region->pa = page_alloc();
	if (!region->pa)
		panic("no memory for a VMCS");
	*(uint32_t *)phys_to_virt(region->pa) = VMX_BASIC_REVISION(l0_caps.basic) | (shadow ? 1u << 31 : 0);
	vmclear(region->pa);
	region->launched = 0;
}

void vmcs_switch(struct vcpu *v, struct vmcs_region *region)
{
	if (v->vmcs)
		v->vmcs->launched = v->launched;
	vmptrld(region->pa);
	vmcs_dump_possible = true;
	v->vmcs = region;
	v->launched = region->launched;
}

void vmcs_write_host_state(struct vcpu *v)
{
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_ES_SELECTOR, L0_DS);
	vmwrite(HOST_CS_SELECTOR, L0_CS);
	vmwrite(HOST_SS_SELECTOR, L0_DS);
	vmwrite(HOST_DS_SELECTOR, L0_DS);
	vmwrite(HOST_FS_SELECTOR, 0);
	vmwrite(HOST_GS_SELECTOR, 0);
	vmwrite(HOST_TR_SELECTOR, L0_TR);
	vmwrite(HOST_FS_BASE, cpu_fs_base());
	vmwrite(HOST_GS_BASE, 0);
	vmwrite(HOST_TR_BASE, cpu_tss_base());
	vmwrite(HOST_GDTR_BASE, cpu_gdt_base());
	vmwrite(HOST_IDTR_BASE, cpu_idt_base());
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(HOST_RSP, virt_to_phys(&v->gpr[16]));
	vmwrite(HOST_RIP, virt_to_phys((const void *)(uintptr_t)vmx_exit));
}

static uint32_t adjust(enum control_word word, uint32_t wanted)
{
	return vmx_adjust(vmx_controls_cap(&l0_caps, word), wanted);
}

static uint32_t exit_controls(void)
{
	return adjust(WORD_EXIT, EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64 | EXIT_CTL_SAVE_PAT |
					 EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER);
}

/* ENTRY_CTL_IA32E_GUEST follows the guest. */
static uint32_t entry_controls(void)
{
	return adjust(WORD_ENTRY, ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER);
}

static uint32_t secondary_controls(const struct guest_cpu *cpu)
{
	uint32_t wanted =
		CTL2_EPT | CTL2_RDTSCP | CTL2_INVPCID | CTL2_WBINVD_EXITING | CTL2_UNRESTRICTED_GUEST;

	if (l0_features.vpid)
		wanted |= CTL2_VPID;
	if (l0_features.xsaves)
		wanted |= CTL2_XSAVES;
	return adjust(WORD_CPU2, (wanted | cpu->ctls2) & ~cpu->ctls2_off);
}

static void write_controls(struct vcpu *v)
{
	v->pin_ctls01 = adjust(WORD_PIN, PIN_EXT_INT_EXITING | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS);
	v->cpu_ctls01 = adjust(
		WORD_CPU,
		CPU_TSC_OFFSETTING | CPU_HLT_EXITING | CPU_MWAIT_EXITING | CPU_MONITOR_EXITING |
			CPU_RDPMC_EXITING | CPU_CR8_LOAD_EXITING | CPU_CR8_STORE_EXITING |
			CPU_UNCOND_IO_EXITING | CPU_MSR_BITMAPS | CPU_ACTIVATE_CTLS2 | v->vm->cpu.cpu_ctls |
			(l0_features.unrestricted_guest ? 0 : CPU_CR3_LOAD_EXITING | CPU_CR3_STORE_EXITING));
	if (l0_features.unrestricted_guest) /* not to be had by a must-be-one of the non-TRUE MSR */
		v->cpu_ctls01 =
			adjust(WORD_CPU, v->cpu_ctls01 & ~(CPU_CR3_LOAD_EXITING | CPU_CR3_STORE_EXITING));
	v->vmcs->pin_ctls = v->pin_ctls01;
	v->vmcs->cpu_ctls = v->cpu_ctls01;
	vmwrite(PIN_CTLS, v->vmcs->pin_ctls);
	vmwrite(CPU_CTLS, v->vmcs->cpu_ctls);
	vmwrite(CPU_CTLS2, secondary_controls(&v->vm->cpu));
	vmwrite(EXIT_CTLS, exit_controls());
	vmwrite(ENTRY_CTLS, entry_controls());
	/* SDM "Exception Bitmap": #AC can recur without end while it is delivered */
	vmwrite(EXCEPTION_BITMAP,
		1u << VECTOR_AC | (cpu_shows(&v->vm->cpu, FEATURE_FPU) ? 0 : 1u << VECTOR_NM));
	vmwrite(PFEC_MASK, 0);
	vmwrite(PFEC_MATCH, 0);
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	vmwrite(TSC_OFFSET, v->tsc_offset);
	vmwrite(MSR_BITMAP, v->vm->cpu.msr_bitmap);
	vmwrite(EPT_POINTER, v->vm->eptp);
	vmwrite(VMCS_LINK_POINTER, ~0ull);
	if (l0_features.vpid)
		vmwrite(VPID, v->vpid);
	if (l0_features.xsaves)
		vmwrite(XSS_EXITING_BITMAP, 0);
}

struct segment {
	uint32_t selector_field, base_field, limit_field, rights_field;
};
static const struct segment segments[] = {
#define SEGMENT(s)                                                                                           \
	{                                                                                                    \
		GUEST_##s##_SELECTOR, GUEST_##s##_BASE, GUEST_##s##_LIMIT, GUEST_##s##_ACCESS_RIGHTS         \
	}
	SEGMENT(ES), SEGMENT(CS), SEGMENT(SS),   SEGMENT(DS),
	SEGMENT(FS), SEGMENT(GS), SEGMENT(LDTR), SEGMENT(TR),
#undef SEGMENT
};
enum { S_ES, S_CS, S_SS, S_DS, S_FS, S_GS, S_LDTR, S_TR };

static void write_segment(unsigned s, uint16_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
	vmwrite(segments[s].selector_field, selector);
	vmwrite(segments[s].base_field, base);
	vmwrite(segments[s].limit_field, limit);
	vmwrite(segments[s].rights_field, rights);
}

/* What a start by multiboot and a start by SIPI have in common. */
static void write_common_guest_state(void)
{
	write_segment(S_LDTR, 0, 0, 0xFFFF, AR_LDT);
	write_segment(S_TR, 0, 0, 0xFFFF, AR_TSS64);
	vmwrite(GUEST_GDTR_BASE, 0);
	vmwrite(GUEST_GDTR_LIMIT, 0xFFFF);
	vmwrite(GUEST_IDTR_BASE, 0);
	vmwrite(GUEST_IDTR_LIMIT, 0xFFFF);
	vmwrite(GUEST_CR3, 0);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(GUEST_DEBUGCTL, 0);
	vmwrite(GUEST_EFER, 0);
	vmwrite(GUEST_RSP, 0);
	vmwrite(GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(GUEST_INTERRUPTIBILITY, 0);
	vmwrite(GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmwrite(GUEST_PENDING_DEBUG, 0);
}

void vmcs01_init(struct vcpu *v, uint32_t entry, uint32_t info)
{
	vmcs_region_init(&v->vmcs01, false);
	vmcs_switch(v, &v->vmcs01);
	vmcs_write_host_state(v);
	write_controls(v);
	write_common_guest_state();
	/* Multiboot Specification, "Machine state" */
	write_segment(S_CS, 0x08, 0, ~0u, AR_CODE32);
	for (unsigned s = S_ES; s <= S_GS; s++)
		if (s != S_CS)
			write_segment(s, 0x10, 0, ~0u, AR_DATA32);
	vmwrite(GUEST_SYSENTER_CS, 0);
	vmwrite(GUEST_SYSENTER_ESP, 0);
	vmwrite(GUEST_SYSENTER_EIP, 0);
	vmwrite(GUEST_PAT, PAT_RESET);
	vmwrite(GUEST_RIP, entry);
	v->gpr[0] = MB_LOADER_MAGIC;
	v->gpr[3] = info;
	cr_init(v, v->id ? CR0_ET | CR0_CD | CR0_NW : CR0_PE | CR0_ET);
}

/* SDM "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT": INIT leaves MSRs, the TSC,
 * XCR0 and the FPU as they are, and CR0.CD and NW. */
void vmcs01_start_real_mode(struct vcpu *v, uint8_t vector)
{
	uint64_t caching = guest_cr0() & (CR0_CD | CR0_NW);

	write_common_guest_state();
	write_segment(S_CS, (uint16_t)(vector << 8), (uint64_t)vector << 12, 0xFFFF, AR_CODE16);
	for (unsigned s = S_ES; s <= S_GS; s++)
		if (s != S_CS)
			write_segment(s, 0, 0, 0xFFFF, AR_DATA16);
	vmwrite(ENTRY_CTLS, entry_controls());
	vmwrite(GUEST_RIP, 0);
	for (unsigned i = 0; i < 16; i++)
		v->gpr[i] = 0;
	v->gpr[2] = v->vm->cpu.signature;
	v->vmcs->activity = ACTIVITY_ACTIVE;
	v->halted_open = v->vmcs->nmi_handled = false;
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
	write_dr6(DR6_RESET);
	write_cr2(0);
	cr_init(v, CR0_ET | caching);
}

void vmcs01_image(const struct vcpu *v, struct vmcs_image *image)
{
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint64_t value;

		image->v[i] = 0;
		if (!vmread_try(vmcs_field_encoding[i], &value))
			image->v[i] = value;
	}
	image->v[F_CPU_CTLS] = v->cpu_ctls01;
	image->v[F_PIN_CTLS] = v->pin_ctls01;
}
