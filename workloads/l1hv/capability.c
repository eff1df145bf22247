// SPDX-License-Identifier: MIT
/* SDM volume 3, appendix "VMX Capability Reporting Facility", and "Discovering Support for VMX". */
#include "capability.h"
#include "guest.h"
#include "pages.h"
#include "report.h"
#include "workloads/vmx/feature.h"

struct wanted {
	const char *name;
	uint32_t bit;
	bool must;
};

static const struct wanted pin_wanted[] = {
	{"external-interrupt exiting", PIN_EXTERNAL_INTERRUPT, true},
	{"NMI exiting",			PIN_NMI, true},
	{"virtual NMIs",                PIN_VIRTUAL_NMIS, true},
	{0		       },
};
static const struct wanted cpu_wanted[] = {
	{"use TSC offsetting", CPU_TSC_OFFSETTING, true},
	{"use I/O bitmaps",                CPU_IO_BITMAPS, true},
	{"use MSR bitmaps",    CPU_MSR_BITMAPS, true},
	{"activate secondary controls",                CPU_SECONDARY, true},
	{0   },
};
static const struct wanted cpu2_wanted[] = {
	{"EPT",		CPU2_EPT, true},
	{"unrestricted guest",                CPU2_UNRESTRICTED_GUEST, false},
	{"RDTSCP", CPU2_RDTSCP, false},
	{"VPID",               CPU2_VPID, false},
	{"WBINVD exiting",             CPU2_WBINVD, false},
	{"INVPCID",               CPU2_INVPCID, false},
	{"XSAVES",               CPU2_XSAVES, false},
	{0	      },
};
static const struct wanted exit_wanted[] = {
	{"host address-space size",       EXIT_HOST_64, true},
	{"acknowledge interrupt on exit",                           EXIT_ACK_INTERRUPT, true},
	{"save debug controls", EXIT_SAVE_DEBUG, true},
	{"save IA32_PAT",			   EXIT_SAVE_PAT, false},
	{"load IA32_PAT",           EXIT_LOAD_PAT, false},
	{"save IA32_EFER",			   EXIT_SAVE_EFER, false},
	{"load IA32_EFER",                 EXIT_LOAD_EFER, false},
	{0			 },
};
static const struct wanted entry_wanted[] = {
	{"load debug controls", ENTRY_LOAD_DEBUG, true},
	{"load IA32_PAT",                 ENTRY_LOAD_PAT, false},
	{"load IA32_EFER",       ENTRY_LOAD_EFER, false},
	{0	       },
};

/* Low half: bits that must be 1. High half: bits that may be. */
static uint32_t adjust(uint64_t msr, const struct wanted *wanted, struct missing *missing)
{
	const uint32_t always = (uint32_t)msr, may = (uint32_t)(msr >> 32);
	uint32_t value = always;

	for (; wanted->name; wanted++) {
		if (may & wanted->bit)
			value |= wanted->bit;
		else if (wanted->must)
			missing_add(missing, wanted->name);
	}
	return value;
}

/* Options ask for exits: one that the processor lacks is missing as well. */
static void adjust_by_options(struct capability *cap, uint64_t cpu_msr, const struct options *opt,
			      struct missing *missing)
{
	if (opt->cpu_ctls & ~(uint32_t)(cpu_msr >> 32))
		missing_add(missing, "an exit that exiting= asks for");
	cap->cpu |= opt->cpu_ctls & (uint32_t)(cpu_msr >> 32);
	cap->cpu_always = (uint32_t)cpu_msr | opt->cpu_ctls;
}

static void probe_ept_vpid(struct capability *cap, const struct options *opt, struct missing *missing)
{
	const uint64_t ept_must = EPT_CAP_WALK_4 | EPT_CAP_WB;
	const uint64_t vpid_must = VPID_CAP_INVVPID | VPID_CAP_SINGLE;

	if (!(cap->cpu2 & CPU2_EPT))
		return;
	cap->ept_vpid = rdmsr(IA32_VMX_EPT_VPID);
	if ((cap->ept_vpid & ept_must) != ept_must)
		missing_add(missing, "EPT with 4 levels whose tables are write-back memory");
	if (!opt->vpid || (cap->ept_vpid & vpid_must) != vpid_must)
		cap->cpu2 &= ~CPU2_VPID;
	cap->has_vpid = cap->cpu2 & CPU2_VPID;
}

/* A control is used only with its counterparts. */
static void pair_controls(struct capability *cap)
{
	const uint32_t pat = EXIT_SAVE_PAT | EXIT_LOAD_PAT, efer = EXIT_SAVE_EFER | EXIT_LOAD_EFER;

	cap->switches_pat = (cap->exit & pat) == pat && (cap->entry & ENTRY_LOAD_PAT);
	if (!cap->switches_pat) {
		cap->exit &= ~pat;
		cap->entry &= ~ENTRY_LOAD_PAT;
	}
	cap->switches_efer = (cap->exit & efer) == efer && (cap->entry & ENTRY_LOAD_EFER);
	if (!cap->switches_efer) {
		cap->exit &= ~efer;
		cap->entry &= ~ENTRY_LOAD_EFER;
		cap->cpu2 &= ~CPU2_UNRESTRICTED_GUEST; /* L2's own EFER writes could not be kept apart */
	}
	cap->unrestricted = cap->cpu2 & CPU2_UNRESTRICTED_GUEST;
}

static void probe_controls(struct capability *cap, const struct options *opt, struct missing *missing)
{
	const bool true_ctls = cap->basic & BASIC_TRUE_CTLS;
	const uint64_t cpu = rdmsr(true_ctls ? IA32_VMX_TRUE_CPU : IA32_VMX_CPU);

	cap->pin = adjust(rdmsr(true_ctls ? IA32_VMX_TRUE_PIN : IA32_VMX_PIN), pin_wanted, missing);
	cap->cpu = adjust(cpu, cpu_wanted, missing);
	adjust_by_options(cap, cpu, opt, missing);
	cap->cpu2 = adjust(cap->cpu & CPU_SECONDARY ? rdmsr(IA32_VMX_CPU2) : 0, cpu2_wanted, missing);
	if (!opt->wbinvd)
		cap->cpu2 &= ~CPU2_WBINVD;
	cap->exit = adjust(rdmsr(true_ctls ? IA32_VMX_TRUE_EXIT : IA32_VMX_EXIT), exit_wanted, missing);
	cap->entry = adjust(rdmsr(true_ctls ? IA32_VMX_TRUE_ENTRY : IA32_VMX_ENTRY), entry_wanted, missing);
	pair_controls(cap);
	probe_ept_vpid(cap, opt, missing);
	cap->cr0_fixed0 = rdmsr(IA32_VMX_CR0_FIXED0);
	cap->cr0_fixed1 = rdmsr(IA32_VMX_CR0_FIXED1);
	cap->cr4_fixed0 = rdmsr(IA32_VMX_CR4_FIXED0);
	cap->cr4_fixed1 = rdmsr(IA32_VMX_CR4_FIXED1);
}

void capability_probe(struct capability *cap, const struct options *opt, struct missing *missing)
{
	if (!(cpuid(1, 0).ecx & 1u << 5)) {
		missing_add(missing, "VT-x");
		return;
	}
	if (!vmx_feature_on()) {
		missing_add(missing, "VT-x enabled by the firmware (IA32_FEATURE_CONTROL)");
		return;
	}
	cap->basic = rdmsr(IA32_VMX_BASIC);
	probe_controls(cap, opt, missing);
}

void vmx_on(const struct capability *cap)
{
	const uint64_t region = pages_alloc(1, PAGE_SIZE);

	if (!region)
		rt_panic("l1hv: no memory for the VMXON region");
	write_cr0((read_cr0() | cap->cr0_fixed0) & cap->cr0_fixed1);
	write_cr4((read_cr4() | cap->cr4_fixed0) & cap->cr4_fixed1);
	*(uint32_t *)region = (uint32_t)cap->basic & 0x7FFFFFFF;
	vmxon(region);
}
