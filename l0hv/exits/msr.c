/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_offer.h"
#include "l0hv/exits/cpuid.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/checks.h"

/* MSR_PLATFORM_INFO: ratio of the TSC's 1 GHz to 100 MHz */
#define PLATFORM_INFO_RATIO 0x0A00ull

typedef int read_fn(struct vcpu *v, uint32_t msr, uint64_t *value);
typedef int write_fn(struct vcpu *v, uint32_t msr, uint64_t value);

static int read_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	(void)msr;
	*value = 0;
	return 0;
}

static int write_ignored(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	(void)msr;
	(void)value;
	return 0;
}

static int read_platform(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	return platform_rdmsr(&v->vm->platform, v->id, msr, value, v->now) ? -EPERM : 0;
}

static int write_platform(struct vcpu *v, uint32_t msr, uint64_t value)
{
	return platform_wrmsr(&v->vm->platform, v->id, msr, value, v->now) ? -EPERM : 0;
}

/* SDM "Extended XAPIC (x2APIC)": its enable bit is reserved without it. */
static int write_apic_base(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (value & APIC_BASE_EXTD && !cpu_shows(&v->vm->cpu, FEATURE_X2APIC))
		return -EPERM;
	return write_platform(v, msr, value);
}

static int read_direct(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	*value = rdmsr(msr);
	return 0;
}

/* Canonical where the MSR holds an address. */
static int write_direct(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	if (msr != MSR_STAR && msr != MSR_FMASK && msr != MSR_TSC_AUX && !is_canonical(value))
		return -EPERM;
	if ((msr == MSR_FMASK || msr == MSR_TSC_AUX) && value >> 32)
		return -EPERM;
	wrmsr(msr, value);
	return 0;
}

static int read_tsc(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = rdtsc() + v->tsc_offset; /* L1's, also for the MSR lists of an exit of L2 */
	return 0;
}

static int read_arch_capabilities(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct cpu_msr *row = cpu_policy_msr(&v->vm->cpu.policy, msr);

	*value = row ? row->value : 0;
	return 0;
}

/* "Time-Stamp Counter Adjustment": IA32_TSC_ADJUST sums up what was added to the TSC. */
static void add_to_tsc(struct vcpu *v, uint64_t by)
{
	v->tsc_adjust += by;
	v->tsc_offset += by;
	if (!v->in_l2)
		vmwrite(TSC_OFFSET, v->tsc_offset);
	if (v->nested)
		nested_tsc_changed(v);
	platform_set_tsc_offset(&v->vm->platform, v->id, v->tsc_offset, v->now);
}

static int write_tsc(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)msr;
	add_to_tsc(v, value - rdtsc() - v->tsc_offset);
	return 0;
}

static int read_tsc_adjust(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = v->tsc_adjust;
	return 0;
}

static int write_tsc_adjust(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)msr;
	add_to_tsc(v, value - v->tsc_adjust);
	return 0;
}

/* No supervisor state is offered: CPUID.(EAX=0DH,ECX=1) */
static int read_xss(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	(void)msr;
	*value = 0;
	return 0;
}

static int write_xss(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	(void)msr;
	return value ? -EPERM : 0;
}

static int read_misc_enable(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = v->misc_enable;
	return 0;
}

static int write_misc_enable(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)msr;
	if (value & ~(MISC_ENABLE_WRITABLE | MISC_ENABLE_READ_ONLY))
		return -EPERM;
	v->misc_enable = (value & MISC_ENABLE_WRITABLE) | (MISC_ENABLE_RESET & MISC_ENABLE_READ_ONLY);
	return 0;
}

static int read_platform_info(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	(void)msr;
	*value = PLATFORM_INFO_RATIO;
	return 0;
}

static int read_mtrr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	return mtrr_read(&v->mtrr, msr, value) ? -EPERM : 0;
}

static int write_mtrr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	return mtrr_write(&v->mtrr, msr, value) ? -EPERM : 0;
}

static int read_debugctl(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	(void)msr;
	*value = vmread(GUEST_DEBUGCTL);
	return 0;
}

static int write_debugctl(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	(void)msr;
	if (value & ~DEBUGCTL_BTF)
		return -EPERM;
	vmwrite(GUEST_DEBUGCTL, value);
	return 0;
}

/* Fields of the VMCS: for the MSR lists of a nested entry or exit; a guest reaches them directly. */
static const struct {
	uint32_t msr, field;
} vmcs_msrs[] = {
	{MSR_SYSENTER_CS,  GUEST_SYSENTER_CS },
        {MSR_SYSENTER_ESP, GUEST_SYSENTER_ESP},
	{MSR_SYSENTER_EIP, GUEST_SYSENTER_EIP},
        {MSR_FS_BASE,      GUEST_FS_BASE     },
	{MSR_GS_BASE,      GUEST_GS_BASE     },
        {MSR_PAT,          GUEST_PAT         },
};

static uint32_t vmcs_field_of(uint32_t msr)
{
	for (size_t i = 0; i < sizeof(vmcs_msrs) / sizeof(vmcs_msrs[0]); i++)
		if (vmcs_msrs[i].msr == msr)
			return vmcs_msrs[i].field;
	panic("MSR %x is no VMCS field", msr);
}

static int read_vmcs(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	*value = vmread(vmcs_field_of(msr));
	return 0;
}

static int write_vmcs(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	if (msr == MSR_PAT ? !check_pat(value) : msr != MSR_SYSENTER_CS && !is_canonical(value))
		return -EPERM;
	vmwrite(vmcs_field_of(msr), value);
	return 0;
}

#define PASS_READ  1u
#define PASS_WRITE 2u
#define PASS       (PASS_READ | PASS_WRITE)

/* A row a range. What no row names is #GP(0), as an MSR that the processor does not have. */
static const struct msr_row {
	uint32_t first, last;
	enum cpu_feature needs;
	unsigned pass;
	read_fn *read;
	write_fn *write;
} msr_table[] = {
	{MSR_TSC,               MSR_TSC,                   FEATURE_TSC,               PASS_READ, read_tsc,               write_tsc        },
	{0x17,		  0x17,		      FEATURE_ALWAYS,            0,         read_zero,              NULL             }, /* IA32_PLATFORM_ID */
	{MSR_APIC_BASE,         MSR_APIC_BASE,             FEATURE_APIC,              0,         read_platform,          write_apic_base  },
	{MSR_FEATURE_CONTROL,   MSR_FEATURE_CONTROL,       FEATURE_ALWAYS,            0,         nested_rdmsr_feature,
	 nested_wrmsr_feature													     },
	{0x79,		  0x79,		      FEATURE_ALWAYS,            0,         NULL,                   write_ignored    }, /* IA32_BIOS_UPDT_TRIG */
	{0x8B,		  0x8B,		      FEATURE_ALWAYS,            0,         read_zero,              write_ignored    }, /* IA32_BIOS_SIGN_ID */
	{MSR_SYSENTER_CS,       MSR_SYSENTER_EIP,          FEATURE_SEP,               PASS,      read_vmcs,              write_vmcs       },
	{MSR_ARCH_CAPABILITIES, MSR_ARCH_CAPABILITIES,     FEATURE_ARCH_CAPABILITIES, 0,         read_arch_capabilities,
	 NULL															     },
	{0x179,		 0x179,                     FEATURE_ALWAYS,            0,         read_zero,              NULL             }, /* IA32_MCG_CAP: no banks */
	{0x17A,		 0x17A,                     FEATURE_ALWAYS,            0,         read_zero,              write_ignored    }, /* IA32_MCG_STATUS */
	{MSR_MISC_ENABLE,       MSR_MISC_ENABLE,           FEATURE_ALWAYS,            0,         read_misc_enable,       write_misc_enable},
	{MSR_DEBUGCTL,          MSR_DEBUGCTL,              FEATURE_ALWAYS,            0,         read_debugctl,          write_debugctl   },
	{MSR_PAT,               MSR_PAT,                   FEATURE_PAT,               PASS,      read_vmcs,              write_vmcs       },
	{VMX_CAPS_FIRST_MSR,    VMX_CAPS_FIRST_MSR + 0x11, FEATURE_ALWAYS,            0,         nested_rdmsr_caps,      NULL             },
	{MSR_TSC_DEADLINE,      MSR_TSC_DEADLINE,          FEATURE_TSC_DEADLINE,      0,         read_platform,          write_platform   },
	{0xDA0,		 0xDA0,                     FEATURE_XSAVES,            0,         read_xss,               write_xss        }, /* IA32_XSS */
	{MSR_X2APIC_FIRST,      MSR_X2APIC_LAST,           FEATURE_X2APIC,            0,         read_platform,          write_platform   },
	{MSR_EFER,              MSR_EFER,                  FEATURE_EFER,              0,         cr_read_efer,           cr_write_efer    },
	{MSR_STAR,              MSR_FMASK,                 FEATURE_SYSCALL,           PASS,      read_direct,            write_direct     },
	{MSR_FS_BASE,           MSR_GS_BASE,               FEATURE_LM,                PASS,      read_vmcs,              write_vmcs       },
	{MSR_KERNEL_GS_BASE,    MSR_KERNEL_GS_BASE,        FEATURE_LM,                PASS,      read_direct,            write_direct     },
	{MSR_TSC_AUX,           MSR_TSC_AUX,               FEATURE_RDTSCP,            PASS,      read_direct,            write_direct     },
	{0x3B,		  0x3B,		      FEATURE_TSC_ADJUST,        0,         read_tsc_adjust,        write_tsc_adjust }, /* IA32_TSC_ADJUST */
	{0xCE,		  0xCE,		      FEATURE_ALWAYS,            0,         read_platform_info,     NULL             }, /* MSR_PLATFORM_INFO */
	{MSR_MTRRCAP,           MSR_MTRRCAP,               FEATURE_MTRR,              0,         read_mtrr,              write_mtrr       },
	{MSR_MTRR_PHYS,         0x26F,                     FEATURE_MTRR,              0,         read_mtrr,              write_mtrr       }, /* with the fixed ones */
	{MSR_MTRR_DEF_TYPE,     MSR_MTRR_DEF_TYPE,         FEATURE_MTRR,              0,         read_mtrr,              write_mtrr       },
};
#define MSR_ROWS (sizeof(msr_table) / sizeof(msr_table[0]))

static void allow(void *bitmap, const struct msr_row *row)
{
	for (uint32_t msr = row->first; msr <= row->last; msr++) {
		if (row->pass & PASS_READ)
			(void)msr_bitmap_set(bitmap, msr, false, false);
		if (row->pass & PASS_WRITE)
			(void)msr_bitmap_set(bitmap, msr, true, false);
	}
}

uint64_t msr_bitmap_make(const struct guest_cpu *cpu)
{
	uint64_t page = page_alloc();

	if (!page)
		return 0;
	memset(phys_to_virt(page), 0xFF, PAGE_SIZE);
	for (size_t i = 0; i < MSR_ROWS; i++)
		if (cpu_shows(cpu, msr_table[i].needs))
			allow(phys_to_virt(page), &msr_table[i]);
	return page;
}

static const struct msr_row *find(const struct guest_cpu *cpu, uint32_t msr)
{
	for (size_t i = 0; i < MSR_ROWS; i++)
		if (msr - msr_table[i].first <= msr_table[i].last - msr_table[i].first)
			return cpu_shows(cpu, msr_table[i].needs) ? &msr_table[i] : NULL;
	return NULL;
}

int guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct msr_row *row = find(&v->vm->cpu, msr);

	return row && row->read ? row->read(v, msr, value) : -EPERM;
}

int guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	const struct msr_row *row = find(&v->vm->cpu, msr);

	return row && row->write ? row->write(v, msr, value) : -EPERM;
}

enum verdict on_rdmsr(struct vcpu *v)
{
	uint64_t value;

	if (guest_rdmsr(v, (uint32_t)v->gpr[1], &value)) {
		inject_exception(v, VECTOR_GP, 0);
		return RESUME;
	}
	v->gpr[0] = (uint32_t)value;
	v->gpr[2] = value >> 32;
	return SKIP_AND_RESUME;
}

enum verdict on_wrmsr(struct vcpu *v)
{
	if (guest_wrmsr(v, (uint32_t)v->gpr[1], v->gpr[2] << 32 | (uint32_t)v->gpr[0])) {
		inject_exception(v, VECTOR_GP, 0);
		return RESUME;
	}
	return SKIP_AND_RESUME;
}

void vcpu_rest_save(struct vcpu *v)
{
	struct vcpu_rest *r = &v->rest;

	r->star = rdmsr(MSR_STAR);
	r->lstar = rdmsr(MSR_LSTAR);
	r->cstar = rdmsr(MSR_CSTAR);
	r->fmask = rdmsr(MSR_FMASK);
	r->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	if (l0_features.rdtscp)
		r->tsc_aux = rdmsr(MSR_TSC_AUX);
	r->dr[0] = read_dr0();
	r->dr[1] = read_dr1();
	r->dr[2] = read_dr2();
	r->dr[3] = read_dr3();
	r->dr6 = read_dr6();
	r->cr2 = read_cr2();
	if (l0_features.xsave) {
		xsetbv(0, l0_features.xcr0); /* all of it, whatever the guest has enabled just now */
		__asm__ volatile("xsave64 %0"
				 : "=m"(*(uint8_t(*)[512])r->fpu)
				 : "a"(~0u), "d"(~0u)
				 : "memory");
	} else {
		__asm__ volatile("fxsave64 %0" : "=m"(*(uint8_t(*)[512])r->fpu) : : "memory");
	}
}

void vcpu_rest_load(struct vcpu *v)
{
	const struct vcpu_rest *r = &v->rest;

	wrmsr(MSR_STAR, r->star);
	wrmsr(MSR_LSTAR, r->lstar);
	wrmsr(MSR_CSTAR, r->cstar);
	wrmsr(MSR_FMASK, r->fmask);
	wrmsr(MSR_KERNEL_GS_BASE, r->kernel_gs_base);
	if (l0_features.rdtscp)
		wrmsr(MSR_TSC_AUX, r->tsc_aux);
	write_dr0(r->dr[0]);
	write_dr1(r->dr[1]);
	write_dr2(r->dr[2]);
	write_dr3(r->dr[3]);
	write_dr6(r->dr6);
	write_cr2(r->cr2);
	if (l0_features.xsave) {
		xsetbv(0, l0_features.xcr0);
		__asm__ volatile("xrstor64 %0"
				 :
				 : "m"(*(const uint8_t(*)[512])r->fpu), "a"(~0u), "d"(~0u)
				 : "memory");
		xsetbv(0, r->xcr0);
	} else {
		__asm__ volatile("fxrstor64 %0" : : "m"(*(const uint8_t(*)[512])r->fpu) : "memory");
	}
}

/* SDM "XSETBV": ECX = 0, x87 always, and what depends on what. */
enum verdict on_xsetbv(struct vcpu *v)
{
	uint64_t value = v->gpr[2] << 32 | (uint32_t)v->gpr[0];
	uint64_t avx512 = value & 0xE0;

	/* CPL and CR4.OSXSAVE are checked by the processor before the exit */
	if ((uint32_t)v->gpr[1] || !(value & 1) || value & ~v->vm->cpu.xcr0 || (value & 6) == 4 ||
	    (avx512 && (avx512 != 0xE0 || (value & 6) != 6)) || ((value & 0x18) && (value & 0x18) != 0x18)) {
		inject_exception(v, VECTOR_GP, 0);
		return RESUME;
	}
	v->rest.xcr0 = value;
	xsetbv(0, value);
	cpuid_xcr0_changed(v);
	return SKIP_AND_RESUME;
}
