/* SPDX-License-Identifier: MIT */
/*
 * The input is a program that changes fields of vmcs12 and vmcs01 and L0's policy, and merges now and then. A
 * full and an incremental merge must agree, what 'changed' names must suffice, and the checks must take any
 * vmcs12. An instruction: a byte of operation, a byte of field, eight bytes of value.
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
	for (unsigned i = 1; i < VMX_CAPS_COUNT; i++) /* every half may be all, some or none */
		m.caps.msr[i] = (data[i % 8] & 0x7full) * 0x0101010101010101ull | 0xffffffffull << 32;
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
