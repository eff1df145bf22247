// SPDX-License-Identifier: MIT
/* The VMCS of L2 at its first entry. SDM volume 3, "Virtual Machine Control Structures". */
#include "exits.h"
#include "guest.h"
#include "nestbed/multiboot.h"
#include "pages.h"
#include "workloads/vmx/host_state.h"

#define VPID_OF_L2   1
#define PAT_AT_RESET 0x0007040600070406ull
#define SEGMENTS     8u

static void write_controls(uint64_t eptp)
{
	uint64_t io_a, io_b;

	io_bitmaps_build(&io_a, &io_b);
	vmwrite(PIN_CTLS, hv.cap.pin);
	vmwrite(CPU_CTLS, hv.cap.cpu);
	vmwrite(CPU_CTLS2, hv.cap.cpu2);
	vmwrite(EXIT_CTLS, hv.cap.exit);
	vmwrite(ENTRY_CTLS, hv.cap.entry);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	vmwrite(EXCEPTION_BITMAP, hv.opt.exceptions);
	vmwrite(PFEC_MASK, hv.opt.pfec_mask);
	vmwrite(PFEC_MATCH, hv.opt.pfec_match);
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(IO_BITMAP_A, io_a);
	vmwrite(IO_BITMAP_B, io_b);
	vmwrite(MSR_BITMAP, msr_bitmap_build());
	vmwrite(TSC_OFFSET, 0);
	vmwrite(EPT_POINTER, eptp);
	if (hv.cap.has_vpid)
		vmwrite(VPID, VPID_OF_L2);
	if (hv.cap.cpu2 & CPU2_XSAVES)
		vmwrite(XSS_EXITING_BITMAP, 0);
}

/* Flat 4 GiB segments as the Multiboot Specification, "Machine state", asks for. */
static void write_segments(void)
{
	static const struct {
		uint16_t selector;
		uint32_t limit, access;
	} segments[SEGMENTS] = {
		{0x10, 0xFFFFFFFF, 0xC093     }, /* ES */
		{0x08, 0xFFFFFFFF, 0xC09B     }, /* CS */
		{0x10, 0xFFFFFFFF, 0xC093     }, /* SS */
		{0x10, 0xFFFFFFFF, 0xC093     }, /* DS */
		{0x10, 0xFFFFFFFF, 0xC093     }, /* FS */
		{0x10, 0xFFFFFFFF, 0xC093     }, /* GS */
		{0,    0,          AR_UNUSABLE}, /* LDTR */
		{0,    0x67,       0x008B     }, /* TR: busy 32-bit TSS, which the entry checks demand */
	};

	for (unsigned int i = 0; i < SEGMENTS; i++) {
		vmwrite(GUEST_ES_SEL + (enum vmcs_field)(2 * i), segments[i].selector);
		vmwrite(GUEST_ES_LIMIT + (enum vmcs_field)(2 * i), segments[i].limit);
		vmwrite(GUEST_ES_AR + (enum vmcs_field)(2 * i), segments[i].access);
		vmwrite(GUEST_ES_BASE + (enum vmcs_field)(2 * i), 0);
	}
	vmwrite(GUEST_GDTR_BASE, 0);
	vmwrite(GUEST_GDTR_LIMIT, 0);
	vmwrite(GUEST_IDTR_BASE, 0);
	vmwrite(GUEST_IDTR_LIMIT, 0);
}

static void write_guest(uint32_t entry_point)
{
	write_segments();
	vmwrite(GUEST_RIP, entry_point);
	vmwrite(GUEST_RSP, 0);
	vmwrite(GUEST_RFLAGS, 2);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(GUEST_DEBUGCTL, 0);
	vmwrite(GUEST_SYSENTER_CS, 0);
	vmwrite(GUEST_SYSENTER_ESP, 0);
	vmwrite(GUEST_SYSENTER_EIP, 0);
	vmwrite(GUEST_INTERRUPTIBILITY, 0);
	vmwrite(GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_LINK_POINTER, ~0ull);
	if (hv.cap.switches_pat)
		vmwrite(GUEST_PAT, PAT_AT_RESET);
	l2_control_init();
}

void vmcs_setup(uint64_t eptp, uint32_t entry_point, uint32_t info)
{
	const uint64_t vmcs = pages_alloc(1, PAGE_SIZE);

	*(uint32_t *)vmcs = (uint32_t)hv.cap.basic & 0x7FFFFFFF;
	vmclear(vmcs);
	vmptrld(vmcs);
	write_controls(eptp);
	vmx_host_state(vmx_exit, hv.cap.switches_pat, hv.cap.switches_efer);
	vmwrite(HOST_RSP, (uint64_t)(&vmx_exit_regs + 1));
	write_guest(entry_point);
	memset(&vmx_exit_regs, 0, sizeof(vmx_exit_regs));
	vmx_exit_regs.r[RAX] = MB_LOADER_MAGIC;
	vmx_exit_regs.r[RBX] = info;
}
