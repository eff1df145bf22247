// SPDX-License-Identifier: MIT
/* VM entry: "Checks on Host Control Registers, MSRs, and SSP" to "Checks Related to Address-Space Size". */
#include "tries.h"

#define SOME_HIGH 0x80000001ffffffffull /* all of the low half */

static const uint64_t non_canonical[] = {1ull << 47, 1ull << 63, 0x7fffffffffffffff, 0xffff7fffffffffff};

static void control_registers(void)
{
	if (tries_begin("entry host: CR0, each fixed bit", KERNEL64, NULL)) {
		try_bits(HOST_CR0, lab_caps.cr0_fixed0, TRY_HOST);
		try_bits(HOST_CR0, ~lab_caps.cr0_fixed1 & SOME_HIGH, TRY_HOST);
		tries_end();
	}
	if (tries_begin("entry host: CR4, each fixed bit", KERNEL64, NULL)) {
		try_bits(HOST_CR4, lab_caps.cr4_fixed0, TRY_HOST);
		try_bits(HOST_CR4, ~lab_caps.cr4_fixed1 & SOME_HIGH, TRY_HOST);
		tries_end();
	}
	if (tries_begin("entry host: CR3, each bit beyond the physical-address width", KERNEL64, NULL)) {
		try_bits(HOST_CR3, beyond_width(), TRY_HOST);
		tries_end();
	}
}

static void msrs(void)
{
	static const uint32_t addresses[] = {HOST_SYSENTER_ESP, HOST_SYSENTER_EIP};

	if (tries_begin("entry host: SYSENTER addresses", KERNEL64, NULL)) {
		for (unsigned int i = 0; i < 2; i++)
			for (unsigned int n = 0; n < 4; n++)
				try_value(addresses[i], non_canonical[n], TRY_HOST);
		try_value(HOST_SYSENTER_EIP, 0xffff800000000000, TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry host: PAT, each byte", KERNEL64,
			TRY_SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_PAT)))) {
		const uint64_t pat = get(HOST_PAT);

		for (unsigned int byte = 0; byte < 64; byte += 8)
			for (unsigned int type = 0; type < 256; type++)
				if (type == 2 || type == 3 || type == 8 || type == 128)
					try_value(HOST_PAT,
						  (pat & ~(0xffull << byte)) | (uint64_t)type << byte,
						  TRY_HOST);
		try_value(HOST_PAT, 0x0007050106040706, TRY_RUNS);
		wrmsr(IA32_PAT, pat);
		tries_end();
	}
	if (lab_caps.pat && tries_begin("entry host: PAT not loaded", KERNEL64,
					TRY_SETS(PUT(CLEAR(EXIT_CTLS), EXIT_LOAD_PAT)))) {
		try_value(HOST_PAT, ~0ull, TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry host: EFER", KERNEL64, TRY_SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_EFER)))) {
		try_bits(HOST_EFER, 0x500, TRY_HOST);
		try_value(HOST_EFER, get(HOST_EFER) & ~0x500ull, TRY_HOST);
		try_bits(HOST_EFER, efer_reserved(), TRY_HOST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry host: PERF_GLOBAL_CTRL, reserved bits", KERNEL64,
				  TRY_SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_PERF_GLOBAL)),
				  "Bochs does not check it")) {
		try_bits(HOST_PERF_GLOBAL, 0xfff0000000000000, TRY_HOST);
		tries_end();
	}
}

static void segments(void)
{
	static const uint32_t selectors[] = {HOST_ES_SEL, HOST_CS_SEL, HOST_SS_SEL, HOST_DS_SEL,
					     HOST_FS_SEL, HOST_GS_SEL, HOST_TR_SEL};
	static const uint32_t bases[] = {HOST_FS_BASE, HOST_GS_BASE, HOST_TR_BASE, HOST_GDTR_BASE,
					 HOST_IDTR_BASE};

	if (tries_begin("entry host: RPL and TI of each selector", KERNEL64, NULL)) {
		for (unsigned int i = 0; i < 7; i++)
			try_bits(selectors[i], 7, TRY_HOST);
		tries_end();
	}
	if (tries_begin("entry host: null selectors", KERNEL64, NULL)) {
		for (unsigned int i = 0; i < 7; i++)
			if (selectors[i] == HOST_CS_SEL || selectors[i] == HOST_TR_SEL)
				try_value(selectors[i], 0, TRY_HOST);
		try_value(HOST_DS_SEL, 0, TRY_RUNS);
		try_value(HOST_SS_SEL, 0, TRY_RUNS);
		tries_end();
		__asm__ volatile("movl %0, %%ss; movl %0, %%ds" : : "r"(0x10));
	}
	if (tries_begin("entry host: bases", KERNEL64, NULL)) {
		for (unsigned int i = 0; i < 5; i++)
			for (unsigned int n = 0; n < 4; n++)
				try_value(bases[i], non_canonical[n], TRY_HOST);
		tries_end();
	}
}

static void address_space(void)
{
	if (tries_begin("entry host: address-space size", KERNEL64, NULL)) {
		for (unsigned int n = 0; n < 4; n++)
			try_value(HOST_RIP, non_canonical[n], TRY_HOST);
		try_bits(HOST_CR4, 0x20, TRY_HOST);
		try_bits(EXIT_CTLS, EXIT_HOST_64, TRY_HOST);
		tries_end();
	}
	if (tries_begin("entry host: 32 bits below a 64-bit hypervisor", PAE, NULL)) {
		put(HOST_EFER, get(HOST_EFER) & ~0x500ull);
		try_bits(EXIT_CTLS, EXIT_HOST_64, TRY_HOST);
		tries_end();
	}
	if (tries_begin("entry: host before guest state", KERNEL64, NULL)) {
		put(GUEST_CR3, ~0ull);
		put(VMCS_LINK_POINTER, 1);
		try_value(HOST_CR3, ~0ull, TRY_HOST);
		put(GUEST_CR3, 0);
		try_now(TRY_LINK);
		tries_end();
	}
}

void test_entry_host(void)
{
	control_registers();
	msrs();
	segments();
	address_space();
}
