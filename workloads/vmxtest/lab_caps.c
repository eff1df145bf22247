// SPDX-License-Identifier: MIT
/* What the processor offers. SDM volume 3, appendix "VMX Capability Reporting Facility". */
#include "workloads/rt/rt_apic.h"
#include "lab.h"
#include "workloads/vmx/feature.h"

struct capabilities lab_caps;

static const char *probe_controls(struct capabilities *c)
{
	const bool exact = c->basic & BASIC_TRUE_CTLS;
	const uint32_t efer = EXIT_SAVE_EFER | EXIT_LOAD_EFER, pat = EXIT_SAVE_PAT | EXIT_LOAD_PAT;

	c->pin = rdmsr(exact ? IA32_VMX_TRUE_PIN : IA32_VMX_PIN);
	c->cpu = rdmsr(exact ? IA32_VMX_TRUE_CPU : IA32_VMX_CPU);
	c->exit = rdmsr(exact ? IA32_VMX_TRUE_EXIT : IA32_VMX_EXIT);
	c->entry = rdmsr(exact ? IA32_VMX_TRUE_ENTRY : IA32_VMX_ENTRY);
	c->efer = caps_allow(EXIT_CTLS, efer, 0) && caps_allow(ENTRY_CTLS, ENTRY_LOAD_EFER, 0);
	c->pat = caps_allow(EXIT_CTLS, pat, 0) && caps_allow(ENTRY_CTLS, ENTRY_LOAD_PAT, 0);
	if (!caps_allow(CPU_CTLS, CPU_SECONDARY, 0))
		return "no secondary processor-based controls";
	c->cpu2 = rdmsr(IA32_VMX_CPU2);
	if (!caps_allow(CPU_CTLS2, CPU2_EPT, 0))
		return "no EPT";
	c->ept_vpid = rdmsr(IA32_VMX_EPT_VPID);
	if (caps_allow(CPU_CTLS2, CPU2_VMFUNC, 0))
		c->functions = rdmsr(IA32_VMX_VMFUNC);
	if (!(c->ept_vpid & EPT_CAP_2M))
		return "no EPT with 2 MiB pages";
	return NULL;
}

const char *caps_probe(void)
{
	struct capabilities *c = &lab_caps;

	if (!(cpuid(1, 0).ecx & 1u << 5))
		return "no VT-x";
	if (!vmx_feature_on())
		return "VT-x is off in IA32_FEATURE_CONTROL";
	c->basic = rdmsr(IA32_VMX_BASIC);
	c->misc = rdmsr(IA32_VMX_MISC);
	c->cr0_fixed0 = rdmsr(IA32_VMX_CR0_FIXED0);
	c->cr0_fixed1 = rdmsr(IA32_VMX_CR0_FIXED1);
	c->cr4_fixed0 = rdmsr(IA32_VMX_CR4_FIXED0);
	c->cr4_fixed1 = rdmsr(IA32_VMX_CR4_FIXED1);
	c->physical_bits = cpuid(0x80000008, 0).eax & 0xff;
	return probe_controls(c);
}

const char *lab_lacks(enum need need)
{
	static const char *const lack[NEEDS] = {
		[NEED_EXECUTE_ONLY] = "no execute-only translations",
		[NEED_1G] = "no 1 GiB pages in EPT",
		[NEED_EPT_FLAGS] = "no accessed and dirty flags in EPT",
		[NEED_INVEPT] = "no INVEPT",
		[NEED_INVVPID] = "no INVVPID",
		[NEED_SHUTDOWN] = "no activity state shutdown",
		[NEED_SIPI] = "no activity state wait-for-SIPI",
		[NEED_VMWRITE_ANY] = "no VMWRITE to read-only fields",
		[NEED_NO_VMWRITE_ANY] = "the processor allows VMWRITE to read-only fields",
		[NEED_EPTP_SWITCHING] = "no EPTP switching",
		[NEED_XSAVE] = "no XSAVE",
		[NEED_XSS] = "no component that XSS selects",
		[NEED_NO_1G] = "the processor has 1 GiB pages in EPT",
		[NEED_INVVPID_ADDRESS] = "no INVVPID of an address",
		[NEED_INVVPID_SINGLE] = "no INVVPID of a VPID",
		[NEED_INVVPID_ALL] = "no INVVPID of all",
		[NEED_INVVPID_NO_GLOBAL] = "no INVVPID of a VPID but its globals",
		[NEED_MONITOR] = "no MONITOR",
		[NEED_STRICT_CODES] = "the processor injects any exception with and without error code",
		[NEED_NO_MTF] = "the processor offers the control",
		[NEED_X2APIC] = "no x2APIC",
		[NEED_XAPIC] = "the local APIC is in x2APIC mode",
	};
	const uint64_t ept = lab_caps.ept_vpid, misc = lab_caps.misc;
	const bool have[NEEDS] = {
		[NEED_EXECUTE_ONLY] = ept & EPT_CAP_EXECUTE_ONLY,
		[NEED_1G] = ept & EPT_CAP_1G,
		[NEED_EPT_FLAGS] = ept & EPT_CAP_FLAGS,
		[NEED_INVEPT] = ept & EPT_CAP_INVEPT,
		[NEED_INVVPID] = (ept & VPID_CAP_INVVPID) && caps_allow(CPU_CTLS2, CPU2_VPID, 0),
		[NEED_SHUTDOWN] = misc >> 7 & 1,
		[NEED_SIPI] = misc >> 8 & 1,
		[NEED_VMWRITE_ANY] = misc >> 29 & 1,
		[NEED_NO_VMWRITE_ANY] = !(misc >> 29 & 1),
		[NEED_EPTP_SWITCHING] = lab_caps.functions & 1,
		[NEED_XSAVE] = rt_has_xsave(),
		[NEED_XSS] = rt_has_xsave() && cpuid(0xd, 1).ecx & 1u << 11,
		[NEED_NO_1G] = !(ept & EPT_CAP_1G),
		[NEED_INVVPID_ADDRESS] = ept >> 40 & 1,
		[NEED_INVVPID_SINGLE] = ept >> 41 & 1,
		[NEED_INVVPID_ALL] = ept >> 42 & 1,
		[NEED_INVVPID_NO_GLOBAL] = ept >> 43 & 1,
		[NEED_STRICT_CODES] = !(lab_caps.basic >> 56 & 1),
		[NEED_NO_MTF] = !caps_allow(CPU_CTLS, CPU_MONITOR_TRAP, 0),
		[NEED_MONITOR] = cpuid(1, 0).ecx & 1u << 3,
		[NEED_X2APIC] = rt_has_x2apic(),
		[NEED_XAPIC] = !rt_apic_is_x2(),
	};

	return have[need] ? NULL : lack[need];
}

bool caps_allow(uint32_t field, uint32_t ones, uint32_t zeros)
{
	const struct {
		uint32_t field;
		uint64_t msr;
	} controls[] = {
		{PIN_CTLS,         lab_caps.pin            },
                {CPU_CTLS,         lab_caps.cpu            },
		{CPU_CTLS2,        lab_caps.cpu2           },
                {EXIT_CTLS,        lab_caps.exit           },
		{ENTRY_CTLS,       lab_caps.entry          },
                {VM_FUNCTION_CTLS, lab_caps.functions << 32},
	};

	for (unsigned int i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (controls[i].field == field)
			return (ones & ~(uint32_t)(controls[i].msr >> 32)) == 0 &&
			       (zeros & (uint32_t)controls[i].msr) == 0;
	return true;
}
