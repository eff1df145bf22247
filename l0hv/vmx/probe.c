/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/cpu/unit.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/vm/vm.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"
#include "nestbed/vmx_msrs.h"

#define FEATURE_LOCK  0x1ull
#define FEATURE_VMXON 0x4ull /* outside SMX */
#define CPUID1_VMX    (1u << 5)
#define CPUID1_XSAVE  (1u << 26)

struct vmx_caps l0_caps;
struct vmx_features l0_features;
struct ept_caps l0_ept_caps;

/* What L0 cannot do without. */
static const struct {
	enum control_word word;
	uint32_t mask;
	const char *name;
} must_have[] = {
	{WORD_PIN,   PIN_EXT_INT_EXITING,   "external-interrupt exiting"        },
	{WORD_PIN,   PIN_NMI_EXITING,       "NMI exiting"                       },
	{WORD_PIN,   PIN_VIRTUAL_NMIS,      "virtual NMIs"                      },
	{WORD_PIN,   PIN_PREEMPTION_TIMER,  "VMX-preemption timer"              },
	{WORD_CPU,   CPU_HLT_EXITING,       "HLT exiting"                       },
	{WORD_CPU,   CPU_MSR_BITMAPS,       "MSR bitmaps"                       },
	{WORD_CPU,   CPU_UNCOND_IO_EXITING, "unconditional I/O exiting"         },
	{WORD_CPU,   CPU_TSC_OFFSETTING,    "TSC offsetting"                    },
	{WORD_CPU,   CPU_ACTIVATE_CTLS2,    "secondary processor-based controls"},
	{WORD_CPU2,  CTL2_EPT,              "EPT"                               },
	{WORD_EXIT,  EXIT_CTL_HOST_64,      "64-bit host"                       },
	{WORD_EXIT,  EXIT_CTL_SAVE_EFER,    "save IA32_EFER on VM exit"         },
	{WORD_EXIT,  EXIT_CTL_LOAD_EFER,    "load IA32_EFER on VM exit"         },
	{WORD_EXIT,  EXIT_CTL_SAVE_PAT,     "save IA32_PAT on VM exit"          },
	{WORD_EXIT,  EXIT_CTL_LOAD_PAT,     "load IA32_PAT on VM exit"          },
	{WORD_ENTRY, ENTRY_CTL_LOAD_EFER,   "load IA32_EFER on VM entry"        },
	{WORD_ENTRY, ENTRY_CTL_LOAD_PAT,    "load IA32_PAT on VM entry"         },
};
#define MUST_HAVE (sizeof(must_have) / sizeof(must_have[0]))

static void read_caps(void)
{
	for (uint32_t i = 0; i < VMX_CAPS_COUNT; i++)
		if (rdmsr_safe(VMX_CAPS_FIRST_MSR + i, &l0_caps.msr[i]))
			l0_caps.msr[i] = 0;
}

static void read_features(void)
{
	struct vmx_features *f = &l0_features;
	bool invvpid = l0_caps.ept_vpid & EPT_CAP_INVVPID;

	f->unrestricted_guest = vmx_can(&l0_caps, WORD_CPU2, CTL2_UNRESTRICTED_GUEST);
	f->vpid = vmx_can(&l0_caps, WORD_CPU2, CTL2_VPID) && invvpid &&
		  (l0_caps.ept_vpid & EPT_CAP_INVVPID_ALL);
	f->invvpid_single = f->vpid && (l0_caps.ept_vpid & EPT_CAP_INVVPID_SINGLE);
	f->vmcs_shadowing = vmx_can(&l0_caps, WORD_CPU2, CTL2_VMCS_SHADOWING);
	f->wbinvd_exiting = vmx_can(&l0_caps, WORD_CPU2, CTL2_WBINVD_EXITING);
	f->rdtscp = vmx_can(&l0_caps, WORD_CPU2, CTL2_RDTSCP) && (cpuid(0x80000001, 0).edx & 1u << 27);
	f->xsaves = vmx_can(&l0_caps, WORD_CPU2, CTL2_XSAVES) && cpuid(0, 0).eax >= 0xD &&
		    cpuid(0xD, 1).eax >> 3 & 1;
	f->virtual_interrupt_quirk = tsc_counts_instructions() && l0_caps.misc & VMX_MISC_VMWRITE_ANY;
	f->timer_rate = VMX_MISC_TIMER_RATE(l0_caps.misc);
	f->maxphyaddr = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xFF : 36;
	f->page_1g = cpuid(0x80000001, 0).edx >> 26 & 1;
	f->xsave = cpuid(1, 0).ecx & CPUID1_XSAVE;
	f->xsave_bytes = 512;
	f->xcr0 = 3;
	if (f->xsave) {
		struct cpuid d = cpuid(0xD, 0);

		f->xcr0 = (uint64_t)d.edx << 32 | d.eax;
		f->xsave_bytes = d.ecx;
		write_cr4(read_cr4() | CR4_OSXSAVE);
	}
}

static void say_hello(void)
{
#define MSR_NAME(number, name) #name,
	static const char *const msr_names[] = {NB_VMX_MSRS(MSR_NAME)};
#undef MSR_NAME
	_Static_assert(sizeof(msr_names) / sizeof(msr_names[0]) == VMX_CAPS_COUNT, "a name an MSR");
	const struct {
		const char *name;
		uint64_t value;
	} facts[] = {
		{"unrestricted_guest",    l0_features.unrestricted_guest},
		{"vpid",                  l0_features.vpid              },
		{"vmcs_shadowing",        l0_features.vmcs_shadowing    },
		{"wbinvd_exiting",        l0_features.wbinvd_exiting    },
		{"ept_2m",                l0_ept_caps.page_2m           },
		{"ept_1g",                l0_ept_caps.page_1g           },
		{"preemption_timer_rate", l0_features.timer_rate        },
	};
	static Nestbed__Capability cap[VMX_CAPS_COUNT + 16], *list[VMX_CAPS_COUNT + 16];
	Nestbed__Hello hello = NESTBED__HELLO__INIT;
	uint32_t brand[13] = {0};
	size_t n = 0;

	for (uint64_t i = 0; cpuid(0x80000000, 0).eax >= 0x80000004 && i < 3; i++) {
		struct cpuid c = cpuid(0x80000002 + (uint32_t)i, 0);

		memcpy(&brand[4 * i], &c, sizeof(c));
	}
	for (; n < VMX_CAPS_COUNT; n++) {
		nestbed__capability__init(&cap[n]);
		cap[n].name = (char *)(uintptr_t)msr_names[n];
		cap[n].value = l0_caps.msr[n];
		list[n] = &cap[n];
	}
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++, n++) {
		nestbed__capability__init(&cap[n]);
		cap[n].name = (char *)(uintptr_t)facts[i].name;
		cap[n].value = facts[i].value;
		list[n] = &cap[n];
	}
	hello.producer = (char *)(uintptr_t) "l0";
	hello.version = (char *)(uintptr_t)NESTBED_VERSION;
	hello.cpu = (char *)brand;
	while (*hello.cpu == ' ')
		hello.cpu++;
	hello.signature = cpuid(1, 0).eax;
	hello.unit = (char *)(uintptr_t)(tsc_counts_instructions() ? "insns" : "cycles");
	hello.capability = list;
	hello.n_capability = n;
	record_emit(NESTBED__RECORD__BODY_HELLO, &hello);
}

static void check_must_haves(void)
{
	const char *missing[MUST_HAVE + 4];
	size_t n = 0;

	for (size_t i = 0; i < MUST_HAVE; i++)
		if (!vmx_can(&l0_caps, must_have[i].word, must_have[i].mask))
			missing[n++] = must_have[i].name;
	if (vmx_can(&l0_caps, WORD_CPU2, CTL2_EPT)) {
		if (!ept_caps_from_msr(l0_caps.ept_vpid, l0_features.maxphyaddr, &l0_ept_caps))
			missing[n++] = "EPT with four levels and write-back tables";
		if (!(l0_caps.ept_vpid & EPT_CAP_INVEPT) || !(l0_caps.ept_vpid & EPT_CAP_INVEPT_ALL))
			missing[n++] = "INVEPT of all contexts";
	}
	if (n)
		refuse("this processor's VT-x lacks what L0 needs", missing, n);
}

static void enter_root_operation(void)
{
	uint64_t feature = 0, region;

	if (rdmsr_safe(MSR_FEATURE_CONTROL, &feature))
		feature = 0;
	if (!(feature & FEATURE_LOCK)) {
		feature |= FEATURE_LOCK | FEATURE_VMXON;
		if (wrmsr_safe(MSR_FEATURE_CONTROL, feature))
			refuse("IA32_FEATURE_CONTROL cannot be written", NULL, 0);
	}
	if (!(feature & FEATURE_VMXON)) {
		static const char *const lacks[] = {
			"VMX enabled by firmware (IA32_FEATURE_CONTROL is locked without it)"};

		refuse("VT-x is disabled by firmware", lacks, 1);
	}
	write_cr0((read_cr0() | l0_caps.cr0_fixed0) & l0_caps.cr0_fixed1);
	write_cr4((read_cr4() | CR4_VMXE | l0_caps.cr4_fixed0) & l0_caps.cr4_fixed1);
	region = page_alloc();
	*(uint32_t *)phys_to_virt(region) = VMX_BASIC_REVISION(l0_caps.basic);
	vmxon(region);
}

void vmx_probe(void)
{
	static const char *const no_vmx[] = {"VT-x (CPUID.1:ECX.VMX)"};

	if (!(cpuid(1, 0).ecx & CPUID1_VMX)) {
		say_hello();
		refuse("this processor has no VT-x", no_vmx, 1);
	}
	read_caps();
	read_features();
	(void)ept_caps_from_msr(l0_caps.ept_vpid, l0_features.maxphyaddr, &l0_ept_caps);
	say_hello();
	check_must_haves();
	enter_root_operation();
}
