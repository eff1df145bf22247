/* SPDX-License-Identifier: MIT */
/* The table: each field once, in order, at the bit where others know it. */
#include <stdlib.h>

#include "cpu_baseline/rows.h"
#include "tests/unit/cpu_fixture.h"
#include "vmcs_merge/controls_list.h"

#define LIBVIRT_MAP "/usr/share/libvirt/cpu_map/x86_features.xml"

/* CPUID, then MSRs; each by place, then lowest bit. */
static bool in_order(const struct cpu_field *a, const struct cpu_field *b)
{
	if (a->msr != b->msr)
		return a->msr < b->msr;
	if (a->leaf != b->leaf)
		return a->leaf < b->leaf;
	if (a->subleaf != b->subleaf)
		return a->subleaf < b->subleaf;
	if (a->reg != b->reg)
		return a->reg < b->reg;
	return a->low + a->width <= b->low;
}

static void ordered_without_overlap(void **state)
{
	(void)state;
	for (size_t i = 1; i < cpu_field_count; i++)
		if (!in_order(&cpu_fields[i - 1], &cpu_fields[i]))
			fail_msg("%s stands before %s", cpu_fields[i - 1].name, cpu_fields[i].name);
	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];

		if (!field->width || field->low + field->width > (field->msr ? 64 : 32))
			fail_msg("%s does not lie in its register", field->name);
		if (!field->reason || strlen(field->reason) < 10 || field->rule >= CPU_RULES)
			fail_msg("%s has no reason or no rule", field->name);
	}
}

static void found_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < cpu_field_count; i++)
		if (cpu_field_find(cpu_fields[i].name) != &cpu_fields[i])
			fail_msg("%s is there twice", cpu_fields[i].name);
	assert_ptr_equal(cpu_field_find("sse4-1"), cpu_field_find("sse4.1"));
	assert_ptr_equal(cpu_field_find("lahf-lm"), cpu_field_find("lahf_lm"));
	assert_ptr_equal(cpu_field_find("pclmulqdq"), cpu_field_find("pclmuldq"));
	assert_null(cpu_field_find("avx3"));
	assert_null(cpu_field_find("avx"
				   "2-"));
	assert_null(cpu_field_find(""));
}

static void rows_of_a_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];
		const uint32_t subleaf = field->subleaf == CPU_ANY_SUBLEAF ? 2 : field->subleaf;
		const struct cpu_rows rows =
			field->msr ? cpu_rows_of_msr(field->msr) : cpu_rows_of_leaf(field->leaf, subleaf);

		if (i < rows.first || i >= rows.end)
			fail_msg("%s is not among the rows of its place", field->name);
	}
	assert_int_equal(cpu_rows_of_leaf(0x8, 0).first, cpu_rows_of_leaf(0x8, 0).end);
	assert_int_equal(cpu_rows_of_leaf(0x7, 3).first, cpu_rows_of_leaf(0x7, 3).end);
	assert_int_equal(cpu_rows_of_msr(0x494).first, cpu_rows_of_msr(0x494).end);
	assert_int_equal(cpu_rows_of_msr(0x1).first, cpu_rows_of_msr(0x1).end);
}

/* A prerequisite is a field that a guest is told; nothing hangs on itself alone. */
static void prerequisites(void **state)
{
	(void)state;
	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *need;

		for (unsigned n = 0; (need = cpu_field_needs(&cpu_fields[i], n)); n++) {
			assert_true(n < 8);
			if (need == &cpu_fields[i] || need->rule == CPU_HIDE || need->rule == CPU_SHAPE)
				fail_msg("%s needs %s", cpu_fields[i].name, need->name);
		}
	}
	assert_string_equal(cpu_field_needs(cpu_field_find("avx2"), 0)->name, "avx");
	assert_null(cpu_field_needs(cpu_field_find("avx2"), 1));
	assert_string_equal(cpu_field_needs(cpu_field_find("avx"), 1)->name, "xcr0-avx");
	assert_null(cpu_field_needs(cpu_field_find("fpu"), 0));
}

/* Each control that the merge knows of has a row: its list is a second one, made apart from this one. */
static void controls_of_the_merge(void **state)
{
	static const struct {
		const char *name;
		char word;
		unsigned bit;
	} controls[] = {
#define CONTROL(a, b, word, name, bit, rule, offered, reason) {#name, #word[0], bit},
		VMX_CONTROLS(CONTROL, 0, 0)
#undef CONTROL
	};
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		const char *name = controls[i].name;
		const uint32_t msr = !strncmp(name, "PIN_", 4)          ? 0x481
				     : !strncmp(name, "CPU_", 4)        ? 0x482
				     : !strncmp(name, "EXIT_CTL_", 9)   ? 0x483
				     : !strncmp(name, "ENTRY_CTL_", 10) ? 0x484
				     : !strncmp(name, "CTL2_", 5)       ? 0x48B
									: 0;
		const struct cpu_rows rows = cpu_rows_of_msr(msr);
		bool found = false;

		if (!msr)
			fail_msg("%s: of no word that is known here", name);
		for (unsigned row = rows.first; row < rows.end; row++)
			found |= cpu_fields[row].low == controls[i].bit + 32 && cpu_fields[row].width == 1;
		if (!found)
			fail_msg("%s: no row", name);
		seen++;
	}
	assert_true(seen > 80);
}

/* ---- libvirt's map ---- */

/* Features of its map that have no row, and why. */
static const struct {
	uint32_t leaf;
	const char *reason;
} left_out[] = {
	{0x8000000A, "SVM: the table knows of no AMD virtualization, and hides \"svm\" itself"},
};

static bool is_left_out(uint32_t leaf)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (left_out[i].leaf == leaf)
			return true;
	return false;
}

static bool attribute(const char *element, const char *name, uint32_t *value)
{
	char key[32];
	const char *at, *end = strchr(element, '>');

	snprintf(key, sizeof(key), " %s='", name);
	at = strstr(element, key);
	if (!at || at > end)
		return false;
	*value = (uint32_t)strtoul(at + strlen(key), NULL, 16);
	return true;
}

/* A row of this name covers this bit. */
static void expect_row(const char *name, uint32_t msr, uint32_t leaf, uint32_t subleaf, unsigned reg,
		       uint64_t bit)
{
	const struct cpu_field *field = row_named(name);

	if (strcmp(field->name, name) != 0)
		fail_msg("libvirt's feature %s has another name: %s", name, field->name);
	if (field->msr != msr || field->leaf != leaf || field->subleaf != subleaf || field->reg != reg ||
	    cpu_row_mask(field) != bit)
		fail_msg("libvirt's feature %s is at another place", name);
}

/* The TRUE words' controls stand in the plain ones here. */
static uint32_t plain_word(uint32_t msr)
{
	return msr >= 0x48D && msr <= 0x490 ? msr - 0xC : msr;
}

static bool check_feature(const char *name, const char *element, const char *end)
{
	static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};
	const char *cpuid = strstr(element, "<cpuid "), *rdmsr = strstr(element, "<msr ");
	uint32_t leaf = 0, subleaf = 0, low = 0, high = 0, value;

	if (cpuid && cpuid < end) {
		assert_true(attribute(cpuid, "eax_in", &leaf));
		(void)!attribute(cpuid, "ecx_in", &subleaf);
		if (is_left_out(leaf))
			return false;
		for (unsigned r = 0; r < CPU_REGS; r++)
			if (attribute(cpuid, regs[r], &value) && value)
				expect_row(name, 0, leaf, subleaf, r, value);
	} else if (rdmsr && rdmsr < end) {
		assert_true(attribute(rdmsr, "index", &leaf));
		(void)!attribute(rdmsr, "eax", &low);
		(void)!attribute(rdmsr, "edx", &high);
		expect_row(name, plain_word(leaf), 0, 0, CPU_EAX, (uint64_t)high << 32 | low);
	} else {
		return false;
	}
	return true;
}

static void libvirts_features(void **state)
{
	static char map[1 << 20];
	FILE *file = fopen(LIBVIRT_MAP, "r");
	unsigned checked = 0;
	size_t size;

	(void)state;
	if (!file) {
		print_message("no " LIBVIRT_MAP ": libvirt is not installed\n");
		skip();
	}
	size = fread(map, 1, sizeof(map) - 1, file);
	fclose(file);
	map[size] = 0;
	for (const char *at = strstr(map, "<feature name='"); at; at = strstr(at + 1, "<feature name='")) {
		const char *end = strstr(at, "</feature>");
		char name[64];

		if (end && sscanf(at, "<feature name='%63[^']'", name) == 1)
			checked += check_feature(name, at, end);
	}
	print_message("%u features\n", checked);
	assert_true(checked > 190);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordered_without_overlap), cmocka_unit_test(found_by_name),
		cmocka_unit_test(rows_of_a_place),         cmocka_unit_test(prerequisites),
		cmocka_unit_test(controls_of_the_merge),   cmocka_unit_test(libvirts_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
