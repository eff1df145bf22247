/* SPDX-License-Identifier: MIT */
/* Guest state that stays in vmcs02 until somebody asks for it: vmcs_merge/lazy.h. */
#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/checks_impl.h"
#include "vmcs_merge/lazy.h"
#include "vmcs_merge/unmerge.h"

static bool is_lazy(unsigned field)
{
	return vmcs_bitset_test(&vmcs_lazy_fields, field);
}

static void set_and_list_agree(void **state)
{
	unsigned members = 0, field = 0;

	(void)state;
	for (unsigned i = 0; i < vmcs_saved_count; i++)
		assert_int_equal(is_lazy(vmcs_saved_fields[i]), i >= vmcs_saved_often);
	for (VMCS_BITSET_EACH(field, &vmcs_lazy_fields))
		members++;
	assert_int_equal(members, vmcs_saved_count - vmcs_saved_often);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(vmcs_saved_fields[vmcs_saved_count_no_ept + i], F_GUEST_PDPTE0 + i);
}

/* "Saving Guest State": what every processor has is saved at every exit, but for these. */
static void every_field_is_saved(void **state)
{
	static const uint8_t not_always[] = {F_VMCS_LINK_POINTER, F_GUEST_DEBUGCTL, F_GUEST_DR7,
					     F_GUEST_SMBASE};
	const struct vmx_caps none = {0};
	struct vmcs_bitset saved = {{0}}, exists;

	(void)state;
	vmcs_existing_fields(&none, &exists);
	for (unsigned i = 0; i < vmcs_saved_count; i++) {
		assert_false(vmcs_bitset_test(&saved, vmcs_saved_fields[i]));
		vmcs_bitset_set(&saved, vmcs_saved_fields[i]);
	}
	for (unsigned i = 0; i < sizeof(not_always); i++)
		vmcs_bitset_set(&saved, not_always[i]);
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
		if (vmcs_field_type(i) == VMCS_GUEST && vmcs_bitset_test(&exists, i) &&
		    !vmcs_bitset_test(&saved, i))
			fail_msg("%s is not saved", vmcs_field_name(i));
}

/* L1 reads these without an exit, so that L0 could not look first. */
static void none_is_shadowed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shadow_count; i++)
		if (is_lazy(shadow_table[i].field))
			fail_msg("%s is in the shadow VMCS", vmcs_field_name(shadow_table[i].field));
}

/* A row of the merge reads a lazy field only if that field itself is dirty. */
static void merges_read_none_unasked(void **state)
{
	(void)state;
	for (unsigned dirty = 0; dirty < VMCS_FIELD_COUNT; dirty++) {
		struct vmcs_bitset one = {{0}}, sources;
		unsigned source = 0;

		vmcs_bitset_set(&one, dirty);
		vmcs_merge_sources(&one, &sources);
		for (VMCS_BITSET_EACH(source, &sources))
			if (is_lazy(source) && source != dirty)
				fail_msg("%s changes: %s is read", vmcs_field_name(dirty),
					 vmcs_field_name(source));
	}
}

static uint32_t groups_that_change(const struct check_row *table, unsigned count,
				   const struct check_env *before, const struct check_env *after)
{
	uint32_t groups = 0;

	for (unsigned i = 0; i < count; i++)
		if (table[i].holds(before) != table[i].holds(after))
			groups |= table[i].group;
	return groups;
}

/* Whatever lazy field is old: no clause outside VMCS_LAZY_CHECKS says something else for it. */
static void other_checks_read_none(void **state)
{
	uint64_t random = 0x6c617a79;
	uint32_t seen = 0;

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		static struct fixture f;
		struct vmcs_image changed;
		unsigned field = (unsigned)(fixture_random(&random) % VMCS_FIELD_COUNT);
		struct check_env before, after;

		if (n % 50 == 0) {
			fixture_init(&f);
			if (n / 50 % 2) /* PAE paging, for the PDPTEs */
				f.vmcs12.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
		}
		changed = f.vmcs12;
		changed.v[field] ^= 1ull << fixture_random(&random) % 64 & vmcs_field_width_mask(field);
		before = after = fixture_env(&f);
		after.vmcs12 = &changed;
		if (is_lazy(field)) {
			uint32_t groups =
				groups_that_change(check_controls_table, check_controls_count, &before,
						   &after) |
				groups_that_change(check_host_table, check_host_count, &before, &after) |
				groups_that_change(check_guest_table, check_guest_count, &before, &after);

			if (groups & ~(uint32_t)VMCS_LAZY_CHECKS)
				fail_msg("%s is read by groups %#x", vmcs_field_name(field), groups);
			seen |= groups;
		}
		f.vmcs12 = changed;
	}
	assert_int_equal(seen, VMCS_LAZY_CHECKS); /* and all of these do */
}

static void needs(void **state)
{
	static const struct {
		const char *name;
		int dirty; /* -1: nothing */
		uint32_t groups;
		bool full, ept, needed;
	} rows[] = {
		{"nothing changed",                 -1,                       0,						   false, true,  false},
		{"RIP alone",                       F_GUEST_RIP,              CHECK_RIP_RFLAGS,                                    false, true,  false},
		{"an injected event",               F_ENTRY_INTR_INFO,        CHECK_EVENT | CHECK_RIP_RFLAGS | CHECK_NON_REGISTER,
		 false,														   true,  false},
		{"every row is merged",             -1,                       0,						   true,  true,  true },
		{"segments are checked",            F_GUEST_CS_ACCESS_RIGHTS, CHECK_SEGMENTS,                                      false, true,  true },
		{"SYSENTER is checked",             -1,                       CHECK_CONTROL_REGISTERS,                             false, true,  true },
		{"GDTR is checked",                 -1,                       CHECK_TABLES,                                        false, true,  true },
		{"PDPTEs are checked",              -1,                       CHECK_PDPTES,                                        false, true,  true },
		{"L0 marked a PDPTE",               F_GUEST_PDPTE2,           0,                                                   false, true,  true },
		{"primary controls, EPT still on",  F_CPU_CTLS,               0,                                                   false, true,  false},
		{"secondary controls, EPT off now", F_CPU_CTLS2,              0,                                                   false, false, true },
		{"primary controls took EPT along", F_CPU_CTLS,               0,                                                   false, false, true },
		{"EPT off, as before",              F_GUEST_RIP,              0,                                                   false, false, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmcs_bitset dirty = {{0}};
		struct fixture f;

		fixture_init(&f);
		if (!rows[i].ept)
			f.vmcs12.v[F_CPU_CTLS] &= ~(uint64_t)CPU_ACTIVATE_CTLS2;
		if (rows[i].dirty >= 0)
			vmcs_bitset_set(&dirty, (unsigned)rows[i].dirty);
		if (vmcs_lazy_needed(&f.vmcs12, &dirty, rows[i].groups, rows[i].full) != rows[i].needed)
			fail_msg("%s", rows[i].name);
	}
}

/* ---- L0 in small, lazy and eager, with the same L1 and L2: what L1 reads and what L2 runs on is the same
 * ---- */

struct l0 {
	struct fixture f; /* vmcs12 is L0's copy, vmcs02 what the processor has */
	struct vmcs_image image; /* as last merged */
	struct vmcs_bitset dirty;
	bool lazy;
	unsigned lazy_end;
};

static unsigned saved_count(const struct l0 *l)
{
	return vmcs_effective_controls(&l->f.vmcs12, WORD_CPU2) & CTL2_EPT ? vmcs_saved_count
									   : vmcs_saved_count_no_ept;
}

static void sync(struct l0 *l)
{
	for (unsigned i = vmcs_saved_often; i < l->lazy_end; i++)
		l->f.vmcs12.v[vmcs_saved_fields[i]] = l->f.vmcs02.v[vmcs_saved_fields[i]];
	l->lazy_end = 0;
}

static void l1_writes(struct l0 *l, unsigned field, uint64_t value)
{
	if (is_lazy(field))
		sync(l);
	l->f.vmcs12.v[field] = value & vmcs_field_width_mask(field);
	vmcs_bitset_set(&l->dirty, field);
}

static uint64_t l1_reads(struct l0 *l, unsigned field)
{
	if (is_lazy(field))
		sync(l);
	return l->f.vmcs12.v[field];
}

static void l1_enters(struct l0 *l, const uint64_t *pdpte)
{
	const uint32_t groups = vmcs12_check_groups(&l->dirty);
	struct vmcs_bitset changed;
	unsigned field = 0;

	if (l->lazy_end && vmcs_lazy_needed(&l->f.vmcs12, &l->dirty, groups, false))
		sync(l);
	l->f.in.vmcs12 = &l->f.vmcs12;
	l->f.in.vmcs01 = &l->f.vmcs01;
	l->f.in.caps = &l->f.hardware;
	l->f.in.exists = &l->f.exists;
	l->f.in.policy = &l->f.policy;
	l->f.in.computed.pdpte_valid = saved_count(l) != vmcs_saved_count;
	for (unsigned i = 0; l->f.in.computed.pdpte_valid && i < 4; i++) {
		l->f.in.computed.pdpte[i] = pdpte[i];
		vmcs_bitset_set(&l->dirty, F_GUEST_PDPTE0 + i);
	}
	vmcs_merge_incremental(&l->f.in, &l->dirty, &l->image, &changed);
	for (VMCS_BITSET_EACH(field, &changed))
		l->f.vmcs02.v[field] = l->image.v[field];
	vmcs_bitset_clear_all(&l->dirty);
}

static void exits_to_l1(struct l0 *l)
{
	struct vmcs_image before = l->f.vmcs12;

	vmcs_unmerge(&l->f.policy, &l->f.vmcs02, &l->f.vmcs12);
	if (!l->lazy)
		return;
	l->lazy_end = saved_count(l);
	for (unsigned i = vmcs_saved_often; i < l->lazy_end; i++)
		l->f.vmcs12.v[vmcs_saved_fields[i]] = before.v[vmcs_saved_fields[i]];
}

static void start(struct l0 *l, bool lazy)
{
	memset(l, 0, sizeof(*l));
	fixture_init(&l->f);
	l->lazy = lazy;
	vmcs_merge_full(&l->f.in, &l->image);
	l->f.vmcs02 = l->image;
}

static void same_for_l2(const struct l0 *a, const struct l0 *b, unsigned step)
{
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
		if (a->f.vmcs02.v[i] != b->f.vmcs02.v[i])
			fail_msg("step %u: %s of vmcs02", step, vmcs_field_name(i));
}

static void l1_acts(struct l0 *a, struct l0 *b, uint64_t *random, unsigned step)
{
	uint64_t what = fixture_random(random) % 12;
	unsigned field = vmcs_saved_fields[fixture_random(random) % vmcs_saved_count];
	uint64_t value = fixture_random(random);

	switch (what) {
	case 0:
		field = fixture_random(random) % 2 ? F_CPU_CTLS2 : F_CPU_CTLS;
		value = a->f.vmcs12.v[field] ^ (field == F_CPU_CTLS ? CPU_ACTIVATE_CTLS2 : CTL2_EPT);
		/* fall through */
	case 1:
	case 2:
		l1_writes(a, field, value);
		l1_writes(b, field, value);
		break;
	case 3:
	case 4:
		if (l1_reads(a, field) != l1_reads(b, field))
			fail_msg("step %u: L1 reads another %s", step, vmcs_field_name(field));
		break;
	default:
		break;
	}
}

static void lazy_is_as_eager(void **state)
{
	static struct l0 a, b;
	uint64_t random = 0x65616765, pdpte[4];

	(void)state;
	start(&a, true);
	start(&b, false);
	for (unsigned step = 0; step < 100000; step++) {
		for (unsigned n = 0; n < 3; n++)
			l1_acts(&a, &b, &random, step);
		for (unsigned i = 0; i < 4; i++)
			pdpte[i] = fixture_random(&random);
		l1_enters(&a, pdpte);
		l1_enters(&b, pdpte);
		same_for_l2(&a, &b, step);
		for (unsigned n = 0; n < 4; n++) { /* L2 runs */
			unsigned field = vmcs_saved_fields[fixture_random(&random) % vmcs_saved_count];

			a.f.vmcs02.v[field] = b.f.vmcs02.v[field] =
				fixture_random(&random) & vmcs_field_width_mask(field);
		}
		exits_to_l1(&a);
		exits_to_l1(&b);
	}
	sync(&a);
	assert_memory_equal(&a.f.vmcs12, &b.f.vmcs12, sizeof(a.f.vmcs12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_list_agree),       cmocka_unit_test(none_is_shadowed),
		cmocka_unit_test(merges_read_none_unasked), cmocka_unit_test(other_checks_read_none),
		cmocka_unit_test(every_field_is_saved),     cmocka_unit_test(needs),
		cmocka_unit_test(lazy_is_as_eager),
	};

	return cmocka_run_group_tests_name("vmcs_merge_lazy", tests, NULL, NULL);
}
