/* SPDX-License-Identifier: MIT */
/*
 * The input is a program that changes fields of vmcs12 and vmcs01 and L0's policy, and merges now and then. A
 * full and an incremental merge must agree, what 'changed' names must suffice, and the checks must take any
 * vmcs12. Whatever L1 and L0 ask for, vmcs02 stays within the processor's capabilities and traps at least
 * what L0's policy wants. An instruction: a byte of operation, a byte of field, eight bytes of value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"
#include "vmcs_merge/ownership.h"
#include "vmcs_merge/unmerge.h"

#define INSTRUCTION 10

struct machine {
	struct vmcs_image vmcs12, vmcs01, vmcs02, processor;
	struct vmx_caps caps, offered;
	struct vmcs_bitset dirty, exists;
	struct merge_policy policy;
	struct merge_input in;
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* SDM "VMX Capability Reporting Facility": the low half must be 1, what is 0 in the high half must be 0. */
static void within_capabilities(const struct machine *m)
{
	const bool exact = m->caps.basic >> 55 & 1;
	const struct {
		unsigned field;
		uint64_t cap;
	} words[] = {
		{F_PIN_CTLS,   exact ? m->caps.true_pin : m->caps.pin    },
		{F_CPU_CTLS,   exact ? m->caps.true_cpu : m->caps.cpu    },
		{F_CPU_CTLS2,  m->caps.cpu >> 63 ? m->caps.cpu2 : 0      },
		{F_EXIT_CTLS,  exact ? m->caps.true_exit : m->caps.exit  },
		{F_ENTRY_CTLS, exact ? m->caps.true_entry : m->caps.entry},
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const uint64_t value = m->vmcs02.v[words[i].field], cap = words[i].cap;

		if (!vmcs_bitset_test(&m->exists, words[i].field))
			continue;
		expect((value & (uint32_t)cap) == (uint32_t)cap);
		expect(!(value & ~(cap >> 32)));
	}
}

static void policy_holds(const struct machine *m)
{
	static const struct {
		enum control_word word;
		unsigned field;
	} words[] = {
		{WORD_PIN,  F_PIN_CTLS },
		{WORD_CPU,  F_CPU_CTLS },
		{WORD_CPU2, F_CPU_CTLS2},
	};
	const struct merge_policy *p = &m->policy;

	for (unsigned i = 0; i < 3; i++) {
		const uint64_t cap = vmx_controls_cap(&m->caps, words[i].word);
		const uint32_t set = p->ctls[words[i].word].set & ~p->ctls[words[i].word].clear;

		if (vmcs_bitset_test(&m->exists, words[i].field))
			expect(!(set & (uint32_t)(cap >> 32) & ~m->vmcs02.v[words[i].field]));
	}
	/* L0's exceptions, and L1's */
	for (unsigned vector = 0; vector < 32; vector++)
		for (uint32_t code = 0; code < (vector == 14 ? 64 : 1); code++) {
			const bool wanted = p->exception_bitmap >> vector & 1 ||
					    vmcs_wants_exception(&m->vmcs12, vector, code) ||
					    vmcs_wants_exception(&m->vmcs01, vector, code);

			expect(!wanted || vmcs_wants_exception(&m->vmcs02, vector, code));
		}
	expect(!(p->cr0_owned & ~m->vmcs02.v[F_CR0_MASK]) && !(p->cr4_owned & ~m->vmcs02.v[F_CR4_MASK]));
	expect(!(m->vmcs12.v[F_CR0_MASK] & ~m->vmcs02.v[F_CR0_MASK]));
	expect(!(m->vmcs12.v[F_CR4_MASK] & ~m->vmcs02.v[F_CR4_MASK]));
	expect(!((m->vmcs02.v[F_GUEST_CR0] ^ p->cr0_value) & p->cr0_owned));
	expect(!((m->vmcs02.v[F_GUEST_CR4] ^ p->cr4_value) & p->cr4_owned));
}

/* L1 never says where an exit lands, what EPT the processor walks, or which MSRs it loads by itself. */
static void l0_alone_decides(const struct machine *m)
{
	for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
		if (vmcs_field_type(field) == VMCS_HOST && vmcs_bitset_test(&m->exists, field))
			expect(m->vmcs02.v[field] == m->vmcs01.v[field]);
	expect(!m->vmcs02.v[F_EXIT_MSR_LOAD_COUNT] && !m->vmcs02.v[F_EXIT_MSR_STORE_COUNT] &&
	       !m->vmcs02.v[F_ENTRY_MSR_LOAD_COUNT]);
	if (vmcs_bitset_test(&m->exists, F_EPT_POINTER))
		expect(m->vmcs02.v[F_EPT_POINTER] == m->in.computed.eptp);
}

static void merge(struct machine *m)
{
	struct vmcs_image full = m->vmcs02;
	struct vmcs_bitset changed;
	unsigned index = 0;

	vmcs_merge_full(&m->in, &full);
	vmcs_merge_incremental(&m->in, &m->dirty, &m->vmcs02, &changed);
	expect(memcmp(&full, &m->vmcs02, sizeof(full)) == 0);
	for (VMCS_BITSET_EACH(index, &changed)) {
		expect(vmcs_bitset_test(&m->exists, index) && !vmcs_field_readonly(index));
		m->processor.v[index] = m->vmcs02.v[index];
	}
	expect(memcmp(&m->processor, &m->vmcs02, sizeof(full)) == 0);
	vmcs_bitset_clear_all(&m->dirty);
	within_capabilities(m);
	policy_holds(m);
	l0_alone_decides(m);
}

static void check(const struct machine *m, uint64_t value)
{
	struct check_env env = {.vmcs12 = &m->vmcs12,
				.caps = &m->offered,
				.physical_address_bits = 39 + value % 14,
				.linear_address_bits = 48,
				.l1_long_mode = value >> 8 & 1};
	struct exit_query query = {
		.vmcs12 = &m->vmcs12, .reason = (uint32_t)value % 128, .qualification = value >> 7};
	struct check_result result;

	expect(vmcs12_check(&env, CHECK_ALL, &result) == (result.failure == CHECK_PASSED));
	expect(result.failure == CHECK_PASSED || (result.clause && result.section));
	(void)vmcs12_wants_exit(&query);
}

static void step(struct machine *m, uint8_t operation, unsigned field, uint64_t value)
{
	value &= vmcs_field_width_mask(field);
	switch (operation % 8) {
	case 0:
		merge(m);
		return;
	case 1:
		m->vmcs01.v[field] = value;
		break;
	case 2:
		m->in.computed.eptp = value;
		field = F_EPT_POINTER;
		break;
	case 3:
		m->in.l1.efer = value;
		field = F_GUEST_EFER;
		break;
	case 4:
		check(m, value);
		return;
	default:
		m->vmcs12.v[field] = value;
		break;
	}
	vmcs_bitset_set(&m->dirty, field);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;

	memset(&m, 0, sizeof(m));
	if (size < sizeof(m.policy) + 8)
		return 0;
	memcpy(&m.policy, data, sizeof(m.policy));
	data += sizeof(m.policy);
	size -= sizeof(m.policy);
	m.caps.basic = data[0] & 1 ? VMX_BASIC_TRUE_CTLS : 0;
	for (unsigned i = 1; i < VMX_CAPS_COUNT; i++) { /* what must be 1, and what may be besides */
		const uint64_t must = (data[i % 8] & 0x55ull) * 0x01010101ull;
		const uint64_t may = must | (data[i % 8] & 0x80 ? ~0u : data[(i + 3) % 8] * 0x01010101ull);

		m.caps.msr[i] = must | may << 32;
	}
	vmcs_existing_fields(&m.caps, &m.exists);
	caps_for_guest(&m.caps, &m.offered);
	m.in = (struct merge_input){&m.vmcs12, &m.vmcs01, &m.caps, &m.exists, &m.policy, {0}, {0}};
	vmcs_bitset_set_all(&m.dirty);
	merge(&m);
	for (data += 8, size -= 8; size >= INSTRUCTION; data += INSTRUCTION, size -= INSTRUCTION) {
		uint64_t value;

		memcpy(&value, data + 2, sizeof(value));
		step(&m, data[0], data[1] % VMCS_FIELD_COUNT, value);
	}
	merge(&m);
	vmcs_unmerge(&m.policy, &m.vmcs02, &m.vmcs12);
	return 0;
}
