/* SPDX-License-Identifier: MIT */
/* The field table against an independent list, capabilities, bitmaps. */
#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/bitmaps.h"

/*
 * Encodings by group, written down apart from fields.def: first encoding, last encoding, and those missing
 * between them (SDM, "Field Encoding in VMCS").
 */
/* clang-format off */
static const struct {
	const char *group;
	uint32_t first, last;
	uint32_t missing[6];
} encodings[] = {
	{"16-bit control",       0x0000, 0x0008, {0}},
	{"16-bit guest",         0x0800, 0x0814, {0}},
	{"16-bit host",          0x0c00, 0x0c0c, {0}},
	{"64-bit control",       0x2000, 0x2052, {0x2046, 0x2048, 0x204e, 0x2050}},
	{"64-bit read-only",     0x2400, 0x2404, {0x2402}},
	{"64-bit guest",         0x2800, 0x2828, {0}},
	{"64-bit host",          0x2c00, 0x2c16, {0}},
	{"32-bit control",       0x4000, 0x4024, {0}},
	{"32-bit read-only",     0x4400, 0x440e, {0}},
	{"32-bit guest",         0x4800, 0x482e, {0x482c}},
	{"32-bit host",          0x4c00, 0x4c00, {0}},
	{"natural control",      0x6000, 0x600e, {0}},
	{"natural read-only",    0x6400, 0x640a, {0}},
	{"natural guest",        0x6800, 0x682c, {0}},
	{"natural host",         0x6c00, 0x6c1c, {0}},
};
/* clang-format on */

static bool is_missing(size_t group, uint32_t encoding)
{
	for (size_t i = 0; i < 6; i++) {
		if (encodings[group].missing[i] == encoding && encoding != 0)
			return true;
	}
	return false;
}

static void every_field_once(void **state)
{
	unsigned expected = 0;

	(void)state;
	for (size_t g = 0; g < sizeof(encodings) / sizeof(encodings[0]); g++) {
		for (uint32_t e = encodings[g].first; e <= encodings[g].last; e += 2) {
			unsigned found = 0;

			for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
				found += vmcs_field_encoding[i] == e;
			if (found != !is_missing(g, e))
				fail_msg("%s: %#x appears %u times", encodings[g].group, e, found);
			expected += found;
		}
	}
	assert_int_equal(VMCS_FIELD_COUNT, expected);
	for (unsigned i = 1; i < VMCS_FIELD_COUNT; i++)
		assert_true(vmcs_field_encoding[i] > vmcs_field_encoding[i - 1]);
}

static void lookup_is_the_inverse(void **state)
{
	(void)state;
	for (uint32_t e = 0; e < 0x20000; e++) {
		int index = vmcs_field_index(e);
		bool high = e & 1 && vmcs_encoding_width(e) == VMCS_64;

		if (index >= 0)
			assert_int_equal(vmcs_field_encoding[index], high ? e - 1 : e);
	}
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
		assert_int_equal(vmcs_field_index(vmcs_field_encoding[i]), i);
	assert_int_equal(vmcs_field_index(0xffffffff), -1);
	assert_int_equal(vmcs_field_index(0x681e | 0x10000), -1);
	assert_int_equal(vmcs_field_index(0x681f), -1);
	assert_int_equal(vmcs_field_index(0x2011), F_TSC_OFFSET);
}

/* A table with a row a key has one for each encoding, and none of them for what is no encoding. */
static void keys_tell_encodings_apart(void **state)
{
	static uint32_t owner[VMCS_KEYS + 1];

	(void)state;
	for (uint32_t e = 0; e < 0x20000; e++) {
		uint32_t key = vmcs_encoding_key(e);

		assert_in_range(key, 0, VMCS_KEYS);
		if (vmcs_field_index(e) < 0)
			continue;
		assert_int_not_equal(key, VMCS_KEYS);
		assert_int_equal(owner[key], 0);
		owner[key] = e + 1;
	}
	for (uint32_t e = 0; e < 0x20000; e++) {
		uint32_t key = vmcs_encoding_key(e);

		if (vmcs_field_index(e) < 0 && key != VMCS_KEYS)
			assert_int_equal(owner[key], 0);
	}
	assert_int_equal(vmcs_encoding_key(0x10000681eull), VMCS_KEYS);
	assert_int_equal(vmcs_encoding_key(1ull << 63 | 0x681e), VMCS_KEYS);
}

static void known_names(void **state)
{
	(void)state;
	assert_int_equal(GUEST_RIP, 0x681e);
	assert_int_equal(HOST_RIP, 0x6c16);
	assert_int_equal(EXIT_REASON, 0x4402);
	assert_int_equal(EPT_POINTER, 0x201a);
	assert_int_equal(CPU_CTLS2, 0x401e);
	assert_string_equal(vmcs_field_name(F_TSC_OFFSET), "TSC_OFFSET");
	assert_true(vmcs_field_readonly(F_EXIT_QUALIFICATION));
	assert_int_equal(vmcs_field_type(F_HOST_CR3), VMCS_HOST);
	assert_true(vmcs_field_width_mask(F_VPID) == 0xffff);
	assert_true(vmcs_field_width_mask(F_PIN_CTLS) == 0xffffffff);
	assert_true(vmcs_field_width_mask(F_GUEST_RIP) == ~0ull);
}

static void image_access(void **state)
{
	struct vmcs_image image = {{0}};

	(void)state;
	vmcs_image_write(&image, TSC_OFFSET, F_TSC_OFFSET, 0x1122334455667788);
	vmcs_image_write(&image, TSC_OFFSET | 1, F_TSC_OFFSET, 0xaabbccdd);
	assert_true(image.v[F_TSC_OFFSET] == 0xaabbccdd55667788);
	assert_true(vmcs_image_read(&image, TSC_OFFSET | 1, F_TSC_OFFSET) == 0xaabbccdd);
	vmcs_image_write(&image, VPID, F_VPID, 0x12345);
	assert_int_equal(image.v[F_VPID], 0x2345);
}

static void sets(void **state)
{
	struct vmcs_bitset set = {{0}};
	unsigned index = 0, n = 0;
	static const unsigned members[] = {0, 63, 64, 130, VMCS_FIELD_COUNT - 1};

	(void)state;
	assert_true(vmcs_bitset_empty(&set));
	for (unsigned i = 0; i < 5; i++)
		vmcs_bitset_set(&set, members[i]);
	for (VMCS_BITSET_EACH(index, &set))
		assert_int_equal(index, members[n++]);
	assert_int_equal(n, 5);
	vmcs_bitset_set_all(&set);
	n = 0;
	for (VMCS_BITSET_EACH(index, &set))
		n++;
	assert_int_equal(n, VMCS_FIELD_COUNT);
}

static void volatile_set(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		bool expected =
			vmcs_field_type(i) == VMCS_GUEST || i == F_ENTRY_INTR_INFO || i == F_ENTRY_CTLS;

		assert_int_equal(vmcs_bitset_test(&vmcs_volatile_fields, i), expected);
	}
}

static void controls_once(void **state)
{
	static const unsigned bits[CONTROL_WORDS] = {5, 22, 32, 18, 15};
	unsigned count[CONTROL_WORDS] = {0};

	(void)state;
	for (unsigned i = 0; i < control_count; i++) {
		const struct control_row *row = &control_table[i];

		assert_ptr_equal(control_find((enum control_word)row->word, row->bit), row);
		assert_true(control_masks[row->word].known >> row->bit & 1);
		count[row->word]++;
	}
	for (unsigned w = 0; w < CONTROL_WORDS; w++) {
		const struct control_masks *m = &control_masks[w];

		assert_int_equal(count[w], bits[w]);
		/* each bit has one rule */
		assert_int_equal(m->from12 ^ m->from01 ^ m->either ^ m->both ^ m->on ^ m->off ^ m->policy,
				 m->known);
		assert_int_equal(m->from12 | m->from01 | m->either | m->both | m->on | m->off | m->policy,
				 m->known);
	}
	assert_null(control_find(WORD_PIN, 31));
}

static void adjusting(void **state)
{
	uint64_t cap = 0x16ull | 0x7full << 32;

	(void)state;
	assert_int_equal(vmx_adjust(cap, 0), 0x16);
	assert_int_equal(vmx_adjust(cap, 0xff), 0x7f);
	assert_true(vmx_allows(cap, 0x17));
	assert_false(vmx_allows(cap, 0x07));
	assert_false(vmx_allows(cap, 0x96));
}

/* clang-format off */
static const struct {
	const char *name;
	enum control_word word;
	uint32_t bit;
	bool offered;
} offer_rows[] = {
	{"external-interrupt exiting", WORD_PIN,   PIN_EXT_INT_EXITING,      true },
	{"virtual NMIs",               WORD_PIN,   PIN_VIRTUAL_NMIS,         true },
	{"preemption timer",           WORD_PIN,   PIN_PREEMPTION_TIMER,     true },
	{"MSR bitmaps",                WORD_CPU,   CPU_MSR_BITMAPS,          true },
	{"MTF",                        WORD_CPU,   CPU_MTF,                  true },
	{"TPR shadow",                 WORD_CPU,   CPU_TPR_SHADOW,           true },
	{"EPT",                        WORD_CPU2,  CTL2_EPT,                 true },
	{"unrestricted guest",         WORD_CPU2,  CTL2_UNRESTRICTED_GUEST,  true },
	{"VMCS shadowing",             WORD_CPU2,  CTL2_VMCS_SHADOWING,      true },
	{"PML",                        WORD_CPU2,  CTL2_PML,                 true },
	{"XSAVES",                     WORD_CPU2,  CTL2_XSAVES,              true },
	{"#VE",                        WORD_CPU2,  CTL2_VE,                  true },
	{"acknowledge interrupt",      WORD_EXIT,  EXIT_CTL_ACK_INTERRUPT,   true },
	{"saving of the timer",        WORD_EXIT,  EXIT_CTL_SAVE_TIMER,      true },
	{"load EFER",                  WORD_ENTRY, ENTRY_CTL_LOAD_EFER,      true },
	{"no entry to SMM",            WORD_ENTRY, ENTRY_CTL_ENTRY_TO_SMM,   false},
};
/* clang-format on */

static void offered_to_l1(void **state)
{
	struct fixture f;
	struct vmx_caps lesser;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < sizeof(offer_rows) / sizeof(offer_rows[0]); i++) {
		if (vmx_can(&f.offered, offer_rows[i].word, offer_rows[i].bit) != offer_rows[i].offered)
			fail_msg("%s", offer_rows[i].name);
	}
	assert_int_equal(VMX_BASIC_REVISION(f.offered.basic), NESTBED_VMCS_REVISION);
	assert_int_equal(VMX_BASIC_REGION_SIZE(f.offered.basic), 4096);
	assert_true(f.offered.ept_vpid & EPT_CAP_ACCESSED_DIRTY);
	assert_true(f.offered.ept_vpid & EPT_CAP_INVVPID_SINGLE);
	assert_int_equal(f.offered.vmcs_enum, 0x32); /* 2032H, TSC_MULTIPLIER */
	/* never more than the processor has */
	lesser = f.hardware;
	lesser.cpu2 &= ~((uint64_t)(CTL2_EPT | CTL2_VPID) << 32);
	caps_for_guest(&lesser, &f.offered);
	assert_false(vmx_can(&f.offered, WORD_CPU2, CTL2_EPT));
	assert_int_equal(f.offered.ept_vpid, 0);
	assert_false(vmcs_field_exists(F_EPT_POINTER, &f.offered));
}

static void which_fields_exist(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_true(vmcs_field_exists(F_GUEST_RIP, &f.offered));
	assert_true(vmcs_field_exists(F_EPT_POINTER, &f.offered));
	assert_true(vmcs_field_exists(F_GUEST_EFER, &f.offered));
	assert_true(vmcs_field_exists(F_PREEMPTION_TIMER, &f.offered));
	assert_false(vmcs_field_exists(F_SPP_TABLE, &f.offered));
	assert_true(vmcs_field_exists(F_PML_ADDRESS, &f.offered));
	assert_true(vmcs_field_exists(F_VIRTUAL_APIC_ADDR, &f.offered));
	assert_true(vmcs_field_exists(F_VE_INFO_ADDR, &f.hardware));
	/* secondary controls that cannot be activated do not count */
	f.hardware.cpu &= ~((uint64_t)CPU_ACTIVATE_CTLS2 << 32);
	assert_false(vmcs_field_exists(F_EPT_POINTER, &f.hardware));
	assert_false(vmcs_field_exists(VMCS_FIELD_COUNT, &f.hardware));
}

static void merged_bitmaps(void **state)
{
	static uint64_t l1[512], l0[512], out[512], b[512];

	(void)state;
	memset(l1, 0, sizeof(l1));
	memset(l0, 0, sizeof(l0));
	io_bitmap_set(l1, b, 0x60, 1, true);
	io_bitmap_set(l0, b, 0x3f8, 8, true);
	merge_io_bitmap(out, l1, false, l0);
	assert_true(io_bitmap_test(out, b, 0x60, 1) && io_bitmap_test(out, b, 0x3ff, 1));
	assert_false(io_bitmap_test(out, b, 0x61, 1));
	assert_true(io_bitmap_test(out, b, 0x5e, 4)); /* touches 0x60 */
	assert_true(io_bitmap_test(out, b, 0xffff, 2)); /* wraps around */
	merge_io_bitmap(out, NULL, true, l0);
	assert_true(io_bitmap_test(out, b, 0x61, 1));
	merge_io_bitmap(out, NULL, false, l0);
	assert_false(io_bitmap_test(out, b, 0x60, 1));
	assert_true(io_bitmap_test(out, b, 0x3f8, 1));
	memset(l1, 0, sizeof(l1));
	memset(l0, 0, sizeof(l0));
	assert_true(msr_bitmap_set(l1, 0xc0000080, false, true));
	assert_true(msr_bitmap_set(l0, 0x10, true, true));
	assert_false(msr_bitmap_set(l0, 0x40000000, true, true));
	assert_int_equal(((uint8_t *)l1)[1024 + 0x80 / 8],
			 1); /* SDM: read bitmap for high MSRs is the second KByte */
	assert_int_equal(((uint8_t *)l0)[2048 + 0x10 / 8], 1);
	merge_msr_bitmap(out, l1, l0);
	assert_true(msr_bitmap_test(out, 0xc0000080, false));
	assert_false(msr_bitmap_test(out, 0xc0000080, true));
	assert_true(msr_bitmap_test(out, 0x10, true));
	assert_true(msr_bitmap_test(out, 0x40000000, false)); /* out of both ranges */
	merge_msr_bitmap(out, NULL, l0);
	assert_true(msr_bitmap_test(out, 0x1b, false));
}

/* SDM "Virtualizing MSR-Based APIC Accesses": which accesses the processor virtualizes, by the controls */
static void x2apic_msrs(void **state)
{
	static const uint32_t controls[] = {CTL2_X2APIC_MODE, CTL2_APIC_REGISTERS,
					    CTL2_VIRTUAL_INTR_DELIVERY};
	static uint64_t l1[512], l0[512], out[512];

	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		const bool wanted = n & 8; /* L1 wants to see all of them */
		const uint32_t ctls2 =
			(n & 1 ? controls[0] : 0) | (n & 2 ? controls[1] : 0) | (n & 4 ? controls[2] : 0);

		memset(l1, wanted ? 0xFF : 0, sizeof(l1));
		memset(l0, 0xFF, sizeof(l0));
		merge_msr_bitmap(out, l1, l0);
		merge_x2apic_msrs(out, l1, ctls2);
		for (uint32_t msr = 0x7FF; msr <= 0x900; msr++) {
			const bool apic = msr >= 0x800 && msr <= 0x8FF && n & 1 && !wanted;
			const bool reads = apic && (msr == 0x808 || n & 2);
			const bool writes =
				apic && (msr == 0x808 || (n & 4 && (msr == 0x80B || msr == 0x83F)));

			if (msr_bitmap_test(out, msr, false) == reads)
				fail_msg("controls %u: RDMSR %x", n, msr);
			if (msr_bitmap_test(out, msr, true) == writes)
				fail_msg("controls %u: WRMSR %x", n, msr);
		}
	}
	merge_msr_bitmap(out, NULL, l0);
	merge_x2apic_msrs(out, NULL, CTL2_X2APIC_MODE);
	assert_true(msr_bitmap_test(out, 0x808, false)); /* L1 uses no bitmap: all exit to it */
}

static void shadowed_fields(void **state)
{
	static uint8_t read[4096], write[4096];
	struct fixture f;
	unsigned open_read = 0, open_write = 0;

	(void)state;
	fixture_init(&f);
	shadow_bitmaps(&f.hardware, read, write);
	for (uint32_t e = 0; e < 0x8000; e++) {
		bool r = !(read[e / 8] >> e % 8 & 1), w = !(write[e / 8] >> e % 8 & 1);

		assert_true(!r || vmcs_field_index(e) >= 0);
		assert_true(!w || (r && !vmcs_field_readonly((unsigned)vmcs_field_index(e))));
		open_read += r;
		open_write += w;
	}
	assert_int_equal(open_read,
			 shadow_count + 2); /* GUEST_PHYSICAL_ADDRESS and GUEST_EFER have high halves */
	assert_true(open_write > 0 && open_write < open_read);
	assert_false(read[EXIT_REASON / 8] >> EXIT_REASON % 8 & 1);
	assert_true(write[EXIT_REASON / 8] >> EXIT_REASON % 8 & 1);
	assert_false(write[GUEST_RIP / 8] >> GUEST_RIP % 8 & 1);
	assert_true(read[HOST_RIP / 8] >> HOST_RIP % 8 & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_once),
		cmocka_unit_test(lookup_is_the_inverse),
		cmocka_unit_test(keys_tell_encodings_apart),
		cmocka_unit_test(known_names),
		cmocka_unit_test(image_access),
		cmocka_unit_test(sets),
		cmocka_unit_test(volatile_set),
		cmocka_unit_test(controls_once),
		cmocka_unit_test(adjusting),
		cmocka_unit_test(offered_to_l1),
		cmocka_unit_test(which_fields_exist),
		cmocka_unit_test(merged_bitmaps),
		cmocka_unit_test(x2apic_msrs),
		cmocka_unit_test(shadowed_fields),
	};

	return cmocka_run_group_tests_name("vmcs_merge_fields", tests, NULL, NULL);
}
