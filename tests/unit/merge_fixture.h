/* SPDX-License-Identifier: MIT */
/* A processor, a vmcs12 that passes all checks and a vmcs01, for the tests of vmcs_merge/. */
#ifndef TESTS_MERGE_FIXTURE_H
#define TESTS_MERGE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"

struct fixture {
	struct vmx_caps hardware, offered;
	struct vmcs_image vmcs12, vmcs01, vmcs02;
	struct vmcs_bitset exists;
	struct merge_policy policy;
	struct merge_input in;
};

/* xorshift64*: the same sequence on every run */
static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* A processor that can set every control bit known here; reserved bits as the SDM's 'default1'. */
static inline struct vmx_caps fixture_caps(void)
{
	struct vmx_caps c = {0};

	c.basic = 0x12u | 4096ull << 32 | VMX_BASIC_WB | VMX_BASIC_TRUE_CTLS | VMX_BASIC_INS_OUTS;
	c.pin = 0x16ull | (uint64_t)(control_masks[WORD_PIN].known | 0x16) << 32;
	c.cpu = 0x0401e172ull | (uint64_t)(control_masks[WORD_CPU].known | 0x0401e172) << 32;
	c.exit = 0x36dffull | (uint64_t)(control_masks[WORD_EXIT].known | 0x36dff) << 32;
	c.entry = 0x11ffull | (uint64_t)(control_masks[WORD_ENTRY].known | 0x11ff) << 32;
	c.true_pin = c.pin;
	c.true_cpu = (c.cpu & ~0xffffffffull) | 0x04006172;
	c.true_exit = (c.exit & ~0xffffffffull) | 0x36dfb;
	c.true_entry = (c.entry & ~0xffffffffull) | 0x11fb;
	c.cpu2 = (uint64_t)control_masks[WORD_CPU2].known << 32;
	c.misc = 5 | VMX_MISC_SAVE_LMA | VMX_MISC_ACTIVITY_HLT | VMX_MISC_ACTIVITY_SHUTDOWN | 4ull << 16 |
		 VMX_MISC_INJECT_LEN0;
	c.cr0_fixed0 = 0x80000021;
	c.cr0_fixed1 = 0xffffffff;
	c.cr4_fixed0 = 0x2000;
	c.cr4_fixed1 = 0x3767ff;
	c.ept_vpid = 0xf0106734141;
	c.vmcs_enum = 0x5e;
	c.vmfunc = 1;
	return c;
}

static inline void fixture_guest64(struct vmcs_image *v)
{
	for (unsigned i = 0; i < 6; i++) {
		v->v[F_GUEST_ES_SELECTOR + i] = i == 1 ? 0x08 : 0x10;
		v->v[F_GUEST_ES_LIMIT + i] = 0xffffffff;
		v->v[F_GUEST_ES_ACCESS_RIGHTS + i] = i == 1 ? 0xa09b : 0xc093;
	}
	v->v[F_GUEST_LDTR_ACCESS_RIGHTS] = 0x10000;
	v->v[F_GUEST_TR_SELECTOR] = 0x18;
	v->v[F_GUEST_TR_LIMIT] = 0x67;
	v->v[F_GUEST_TR_ACCESS_RIGHTS] = 0x8b;
	v->v[F_GUEST_GDTR_LIMIT] = v->v[F_GUEST_IDTR_LIMIT] = 0xfff;
	v->v[F_GUEST_CR0] = 0x80000031;
	v->v[F_GUEST_CR3] = 0x5000;
	v->v[F_GUEST_CR4] = 0x2020;
	v->v[F_GUEST_RFLAGS] = 2;
	v->v[F_GUEST_RIP] = 0x100000;
	v->v[F_GUEST_DR7] = 0x400;
	v->v[F_GUEST_EFER] = 0xd01;
	v->v[F_GUEST_PAT] = 0x0007040600070406;
	v->v[F_VMCS_LINK_POINTER] = ~0ull;
	v->v[F_ENTRY_CTLS] = 0x11fb | ENTRY_CTL_IA32E_GUEST | ENTRY_CTL_LOAD_EFER | ENTRY_CTL_LOAD_DEBUG;
}

static inline void fixture_host64(struct vmcs_image *v)
{
	v->v[F_HOST_CS_SELECTOR] = 0x08;
	v->v[F_HOST_SS_SELECTOR] = v->v[F_HOST_DS_SELECTOR] = v->v[F_HOST_ES_SELECTOR] = 0x10;
	v->v[F_HOST_TR_SELECTOR] = 0x18;
	v->v[F_HOST_CR0] = 0x80010033;
	v->v[F_HOST_CR3] = 0x1000;
	v->v[F_HOST_CR4] = 0x2020;
	v->v[F_HOST_EFER] = 0xd01;
	v->v[F_HOST_RIP] = 0xffff800000100000;
	v->v[F_EXIT_CTLS] = 0x36dfb | EXIT_CTL_HOST_64 | EXIT_CTL_LOAD_EFER | EXIT_CTL_SAVE_EFER;
}

static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->hardware = fixture_caps();
	caps_for_guest(&f->hardware, &f->offered);
	vmcs_existing_fields(&f->hardware, &f->exists);
	fixture_guest64(&f->vmcs12);
	fixture_host64(&f->vmcs12);
	f->vmcs12.v[F_PIN_CTLS] = 0x16 | PIN_EXT_INT_EXITING;
	f->vmcs12.v[F_CPU_CTLS] = 0x04006172 | CPU_ACTIVATE_CTLS2 | CPU_HLT_EXITING;
	f->vmcs12.v[F_CPU_CTLS2] = CTL2_EPT | CTL2_VPID;
	f->vmcs12.v[F_EPT_POINTER] = 0x701e;
	f->vmcs12.v[F_VPID] = 1;
	f->vmcs01 = f->vmcs12;
	f->vmcs01.v[F_PIN_CTLS] = 0x16 | PIN_EXT_INT_EXITING | PIN_NMI_EXITING;
	f->vmcs01.v[F_CPU_CTLS] = 0x04006172 | CPU_ACTIVATE_CTLS2 | CPU_IO_BITMAPS | CPU_MSR_BITMAPS;
	f->vmcs01.v[F_CPU_CTLS2] = CTL2_EPT | CTL2_VPID | CTL2_RDTSCP | CTL2_VMCS_SHADOWING;
	f->vmcs01.v[F_HOST_RIP] = 0xffff900000000000;
	f->policy.ctls[WORD_CPU].set = CPU_IO_BITMAPS | CPU_MSR_BITMAPS;
	f->in.vmcs12 = &f->vmcs12;
	f->in.vmcs01 = &f->vmcs01;
	f->in.caps = &f->hardware;
	f->in.exists = &f->exists;
	f->in.policy = &f->policy;
	f->in.computed.eptp = 0x9000 | 0x1e;
	f->in.computed.io_bitmap_a = 0xa000;
	f->in.computed.io_bitmap_b = 0xb000;
	f->in.computed.msr_bitmap = 0xc000;
	f->in.computed.link_pointer = ~0ull;
	f->in.computed.vpid = 2;
	f->in.l1 = (struct merge_l1_state){
		.efer = 0x501, .pat = 0x0606060606060606, .debugctl = 1, .dr7 = 0x455};
}

static inline struct check_env fixture_env(const struct fixture *f)
{
	return (struct check_env){.vmcs12 = &f->vmcs12,
				  .caps = &f->offered,
				  .physical_address_bits = 40,
				  .linear_address_bits = 48,
				  .l1_long_mode = true,
				  .debugctl_bits = 0x7fc3};
}

#endif
