/* SPDX-License-Identifier: MIT */
/* The processor that a VM sees. */
#include "l0hv/exits/guest_cpu.h"

#include <errno.h>

#include "bundle/config.h"
#include "cpu_baseline/baseline.h"

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_offer.h"
#include "l0hv/exits/cpu_reasons.h"
#include "l0hv/exits/cpu_vmx.h"
#include "l0hv/exits/msr.h"
#include "l0hv/vmx/probe.h"
#include "vmcs_merge/controls.h"

#define PHYSICAL_BITS_LEAST 36u /* SDM "CPUID": where leaf 80000008H is not there */

/* A row a feature: where CPUID tells of it, and what there is to refuse, or to switch on or off, where it is
 * hidden. */
static const struct {
	uint32_t leaf, subleaf;
	enum cpu_reg reg;
	uint8_t bit;
	uint64_t cr4, efer; /* reserved without it */
	uint32_t cpu_ctls, ctls2; /* set without it: its instructions exit and are #UD */
	uint32_t ctls2_off; /* clear without it: its instructions are #UD */
} features[FEATURE_COUNT] = {
	[FEATURE_FPU] = {1,          0, CPU_EDX, 0,  0,                 0,                   0,                 0,                   0           },
	[FEATURE_VME] = {1,          0, CPU_EDX, 1,  CR4_VME | CR4_PVI, 0,                   0,                 0,                   0           },
	[FEATURE_DE] = {1,          0, CPU_EDX, 2,  CR4_DE,            0,                   0,                 0,                   0           },
	[FEATURE_PSE] = {1,          0, CPU_EDX, 3,  CR4_PSE,           0,                   0,                 0,                   0           },
	[FEATURE_TSC] = {1,          0, CPU_EDX, 4,  CR4_TSD,           0,                   CPU_RDTSC_EXITING, 0,                   0           },
	[FEATURE_PAE] = {1,          0, CPU_EDX, 6,  CR4_PAE,           0,                   0,                 0,                   0           },
	[FEATURE_APIC] = {1,          0, CPU_EDX, 9,  0,                 0,                   0,                 0,                   0           },
	[FEATURE_SEP] = {1,          0, CPU_EDX, 11, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_MTRR] = {1,          0, CPU_EDX, 12, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_PGE] = {1,          0, CPU_EDX, 13, CR4_PGE,           0,                   0,                 0,                   0           },
	[FEATURE_PAT] = {1,          0, CPU_EDX, 16, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_FXSR] = {1,          0, CPU_EDX, 24, CR4_OSFXSR,        0,                   0,                 0,                   0           },
	[FEATURE_SSE] = {1,          0, CPU_EDX, 25, CR4_OSXMMEXCPT,    0,                   0,                 0,                   0           },
	[FEATURE_VMX] = {1,          0, CPU_ECX, 5,  0,                 0,                   0,                 0,                   0           },
	[FEATURE_PCID] = {1,          0, CPU_ECX, 17, CR4_PCIDE,         0,                   0,                 0,                   0           },
	[FEATURE_X2APIC] = {1,          0, CPU_ECX, 21, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_TSC_DEADLINE] = {1,          0, CPU_ECX, 24, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_XSAVE] = {1,          0, CPU_ECX, 26, CR4_OSXSAVE,       0,                   0,                 0,                   0           },
	[FEATURE_RDRAND] = {1,          0, CPU_ECX, 30, 0,                 0,                   0,                 CTL2_RDRAND_EXITING, 0           },
	[FEATURE_FSGSBASE] = {7,          0, CPU_EBX, 0,  CR4_FSGSBASE,      0,                   0,                 0,                   0           },
	[FEATURE_TSC_ADJUST] = {7,          0, CPU_EBX, 1,  0,                 0,                   0,                 0,                   0           },
	[FEATURE_SMEP] = {7,          0, CPU_EBX, 7,  CR4_SMEP,          0,                   0,                 0,                   0           },
	[FEATURE_INVPCID] = {7,          0, CPU_EBX, 10, 0,                 0,                   0,                 0,                   CTL2_INVPCID},
	[FEATURE_RDSEED] = {7,          0, CPU_EBX, 18, 0,                 0,                   0,                 CTL2_RDSEED_EXITING, 0           },
	[FEATURE_SMAP] = {7,          0, CPU_EBX, 20, CR4_SMAP,          0,                   0,                 0,                   0           },
	[FEATURE_UMIP] = {7,          0, CPU_ECX, 2,  CR4_UMIP,          0,                   0,                 0,                   0           },
	[FEATURE_ARCH_CAPABILITIES] = {7,          0, CPU_EDX, 29, 0,                 0,                   0,                 0,                   0           },
	[FEATURE_XSAVES] = {0xD,        1, CPU_EAX, 3,  0,                 0,                   0,                 0,                   CTL2_XSAVES },
	[FEATURE_SYSCALL] = {0x80000001, 0, CPU_EDX, 11, 0,                 EFER_SCE,            0,                 0,                   0           },
	[FEATURE_NX] = {0x80000001, 0, CPU_EDX, 20, 0,                 EFER_NXE,            0,                 0,                   0           },
	[FEATURE_RDTSCP] = {0x80000001, 0, CPU_EDX, 27, 0,                 0,                   0,                 0,                   CTL2_RDTSCP },
	[FEATURE_LM] = {0x80000001, 0, CPU_EDX, 29, 0,                 EFER_LME | EFER_LMA, 0,                 0,                   0           },
};
_Static_assert(FEATURE_COUNT <= 64, "a bit each");

/* Without effect under L0, but kernels set them whatever CPUID says. */
#define CR4_WHATEVER (CR4_MCE | CR4_PCE)

static void decide(struct guest_cpu *cpu, enum cpu_feature f)
{
	if (cpu_policy_reg(&cpu->policy, features[f].leaf, features[f].subleaf, features[f].reg) >>
		    features[f].bit &
	    1) {
		cpu->features |= 1ull << f;
		cpu->cr4 |= features[f].cr4;
		cpu->efer |= features[f].efer;
	} else {
		cpu->cpu_ctls |= features[f].cpu_ctls;
		cpu->ctls2 |= features[f].ctls2;
		cpu->ctls2_off |= features[f].ctls2_off;
	}
}

/* What follows from cpu->policy, but for the MSR bitmap. */
static void derive(struct guest_cpu *cpu)
{
	const struct cpu_policy *policy = &cpu->policy;
	unsigned bits = cpu_policy_reg(policy, 0x80000008, 0, CPU_EAX) & 0xFF;

	cpu->features = 1ull << FEATURE_ALWAYS;
	cpu->cr4 = CR4_WHATEVER;
	cpu->efer = cpu->xcr0 = 0;
	cpu->cpu_ctls = cpu->ctls2 = cpu->ctls2_off = 0;
	for (unsigned f = FEATURE_ALWAYS + 1; f < FEATURE_EFER; f++)
		decide(cpu, (enum cpu_feature)f);
	if (cpu->efer)
		cpu->features |= 1ull << FEATURE_EFER;
	/* a policy that was forced may show what the processor has not */
	cpu->cr4 &= l0_caps.cr4_fixed1;
	if (cpu_shows(cpu, FEATURE_XSAVE))
		cpu->xcr0 = ((uint64_t)cpu_policy_reg(policy, 0xD, 0, CPU_EDX) << 32 |
			     cpu_policy_reg(policy, 0xD, 0, CPU_EAX)) &
			    l0_features.xcr0;
	cpu->maxphyaddr = bits && bits < l0_features.maxphyaddr ? bits : l0_features.maxphyaddr;
	if (!bits && PHYSICAL_BITS_LEAST < cpu->maxphyaddr)
		cpu->maxphyaddr = PHYSICAL_BITS_LEAST;
	cpu->signature = cpu_policy_reg(policy, 1, 0, CPU_EAX);
}

/* The TSC of a VM counts ticks, whatever the processor's does. */
static const struct cpu_options options = {.tsc_scaled = true};

/* Instructions that a processor lacks are #UD; a control that it lacks would be a VMCS that it refuses to L0.
 */
static int clamp_vmx(struct cpu_policy *policy, const struct cpu_policy *here)
{
	const uint32_t all = (1u << VMX_CAPS_COUNT) - 1;
	struct vmx_caps caps, most;
	uint32_t bad;

	if (!cpu_policy_msr(policy, VMX_CAPS_FIRST_MSR))
		return 0;
	cpu_vmx_caps(policy, &caps);
	cpu_vmx_caps(here, &most);
	if (cpu_vmx_limit(&caps, most.msr, all, &bad))
		return -EINVAL;
	return cpu_vmx_set_caps(policy, &caps);
}

/* Both as baselines, so that nothing is shown without what it needs. */
static int hold_against_host(struct guest_cpu *cpu, const struct vm_config *config,
			     const struct cpu_policy *wanted, const char **why)
{
	static struct cpu_policy offered, here;
	const struct cpu_policy *one = wanted;
	int error;

	*why = "the policy holds more than L0 keeps";
	if (cpu_offer_on(cpu_found(), config->nested, &offered))
		return -ENOSPC;
	*why = "there is no virtual processor as its policy says";
	error = cpu_baseline(&one, 1, &options, &cpu->policy, NULL, NULL);
	if (error)
		return error;
	*why = "there is no virtual processor for this host";
	one = &offered;
	error = cpu_baseline(&one, 1, &options, &here, NULL, NULL);
	if (error)
		return error;
	*why = "this processor lacks what its policy shows";
	cpu_reasons_begin();
	if (!cpu_check(&cpu->policy, &here, &options, cpu_reasons_add, NULL))
		return 0;
	if (!config->cpu_force)
		return -EPERM;
	cpu_reasons_log(config->name);
	*why = "VT-x as its policy says and that of this processor contradict each other";
	return clamp_vmx(&cpu->policy, &here);
}

/*
 * What a policy of a bundle shows to a VM of L0: what L0 would offer on such a processor.
 */
static int apply(struct guest_cpu *cpu, const struct vm_config *config, const struct cpu_policy *policy,
		 const char **why)
{
	static struct cpu_policy wanted;

	*why = "the policy holds more than L0 keeps";
	if (cpu_offer_on(policy, config->nested, &wanted))
		return -ENOSPC;
	return hold_against_host(cpu, config, &wanted, why);
}

static int limit_vmx(struct cpu_policy *policy, const struct vm_config *config, const char **why)
{
	struct vmx_caps caps;
	uint32_t bad;

	if (!cpu_policy_msr(policy, VMX_CAPS_FIRST_MSR))
		return 0;
	if (cpu_vmx_own_format(policy))
		return -ENOSPC;
	cpu_vmx_caps(policy, &caps);
	if (!cpu_vmx_limit(&caps, config->limit, config->limited, &bad))
		return cpu_vmx_set_caps(policy, &caps);
	*why = "nested.limit and what the VM is offered without it contradict each other: one demands a "
	       "control "
	       "that the other forbids";
	return -EINVAL;
}

static int finish(struct guest_cpu *cpu, const char **why)
{
	derive(cpu);
	*why = "the machine has not enough memory for it";
	cpu->msr_bitmap = msr_bitmap_make(cpu);
	return cpu->msr_bitmap ? 0 : -ENOMEM;
}

int guest_cpu_make(struct guest_cpu *cpu, const struct vm_config *config, const struct cpu_policy *policy,
		   const char **why)
{
	int error;

	*why = "this processor has more leaves of CPUID than a policy holds";
	error = policy ? apply(cpu, config, policy, why)
		       : cpu_offer_on(cpu_found(), config->nested, &cpu->policy);
	if (!error)
		error = limit_vmx(&cpu->policy, config, why);
	return error ? error : finish(cpu, why);
}

int guest_cpu_take(struct guest_cpu *cpu, const struct vm_config *config, const struct cpu_policy *policy,
		   const char **why)
{
	const int error = hold_against_host(cpu, config, policy, why);

	if (error)
		return error;
	if (!config->cpu_force)
		cpu->policy = *policy;
	return finish(cpu, why);
}
