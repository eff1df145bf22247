/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/vmx.h"
#include "cpu_baseline/meet.h"
#include "cpu_baseline/needs.h"
#include "cpu_baseline/rows.h"

enum {
#define X(number, name) I_##name = number - NB_VMX_MSR_FIRST,
	NB_VMX_MSRS(X)
#undef X
};

#define BASIC_TRUE_CTLS (1ull << 55)
#define MUST(value)     ((uint32_t)(value))
#define MAY(value)      ((uint32_t)((value) >> 32))

/* Control words of two halves: bits that must be 1, and bits that may be. The second MSR, 0 where there is
 * none, tells of default1 bits that may be 0 too. */
static const struct {
	uint8_t plain, exact;
} words[] = {
	{I_IA32_VMX_PINBASED_CTLS,   I_IA32_VMX_TRUE_PINBASED_CTLS },
	{I_IA32_VMX_PROCBASED_CTLS,  I_IA32_VMX_TRUE_PROCBASED_CTLS},
	{I_IA32_VMX_EXIT_CTLS,       I_IA32_VMX_TRUE_EXIT_CTLS     },
	{I_IA32_VMX_ENTRY_CTLS,      I_IA32_VMX_TRUE_ENTRY_CTLS    },
	{I_IA32_VMX_PROCBASED_CTLS2, 0                             },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* Bits of an MSR that rows of the table show to guests. */
static uint64_t known_bits(unsigned index)
{
	const struct cpu_rows rows = cpu_rows_of_msr(NB_VMX_MSR_FIRST + index);
	uint64_t known = 0;

	for (unsigned row = rows.first; row < rows.end; row++)
		if (cpu_fields[row].rule != CPU_HIDE && cpu_fields[row].rule != CPU_COMPUTED)
			known |= cpu_row_mask(&cpu_fields[row]);
	return known;
}

/* Both MSRs of a word allow the same controls to be 1: those with a row, and those that must be. */
static void align(uint64_t msr[NB_VMX_MSR_COUNT], unsigned plain, unsigned exact)
{
	const bool has_exact = exact && msr[I_IA32_VMX_BASIC] & BASIC_TRUE_CTLS;
	const uint32_t must = MUST(msr[plain]) | (has_exact ? MUST(msr[exact]) : 0);
	uint32_t may = MAY(msr[plain]) & (MAY(known_bits(plain)) | must);

	if (has_exact) {
		may &= MAY(msr[exact]);
		msr[exact] = (uint64_t)may << 32 | MUST(msr[exact]);
	}
	msr[plain] = (uint64_t)may << 32 | MUST(msr[plain]);
}

static void hide_unknown(uint64_t msr[NB_VMX_MSR_COUNT])
{
	if (!(msr[I_IA32_VMX_BASIC] & BASIC_TRUE_CTLS))
		for (unsigned w = 0; w < WORDS; w++)
			if (words[w].exact)
				msr[words[w].exact] = 0;
	for (unsigned w = 0; w < WORDS; w++)
		align(msr, words[w].plain, words[w].exact);
	for (unsigned i = 0; i < NB_VMX_MSR_COUNT; i++) {
		bool is_word = false;

		for (unsigned w = 0; w < WORDS; w++)
			is_word |= words[w].plain == i || (words[w].exact && words[w].exact == i);
		if (!is_word)
			msr[i] &= known_bits(i);
	}
}

void cpu_vmx_forced(const uint64_t msr[NB_VMX_MSR_COUNT], struct cpu_have *have)
{
	for (unsigned w = 0; w < WORDS; w++) {
		const struct cpu_rows rows = cpu_rows_of_msr(NB_VMX_MSR_FIRST + words[w].plain);
		const uint32_t exact = words[w].exact ? MUST(msr[words[w].exact]) : 0;
		const uint64_t must = (uint64_t)(MUST(msr[words[w].plain]) | exact) << 32;

		for (unsigned row = rows.first; row < rows.end; row++)
			if (must & cpu_row_mask(&cpu_fields[row]))
				cpu_bit_put(have->forced, row, true);
	}
}

void cpu_vmx_close(uint64_t msr[NB_VMX_MSR_COUNT])
{
	struct cpu_have have = {{0}, {0}};

	hide_unknown(msr);
	/* nothing is known here of CPUID: as if all of it were there */
	for (unsigned row = 0; row < F_FIRST_VMX; row++)
		cpu_bit_put(have.bit, row, true);
	for (unsigned row = F_FIRST_VMX; row < F_ROWS; row++) {
		const struct cpu_field *field = &cpu_fields[row];

		cpu_bit_put(have.bit, row, cpu_row_get(field, msr[field->msr - NB_VMX_MSR_FIRST]) != 0);
	}
	cpu_vmx_forced(msr, &have);
	cpu_needs_fix(&have, false);
	for (unsigned row = F_FIRST_VMX; row < F_ROWS; row++) {
		const struct cpu_field *field = &cpu_fields[row];

		if (!cpu_bit_test(have.bit, row))
			msr[field->msr - NB_VMX_MSR_FIRST] &= ~cpu_row_mask(field);
	}
	hide_unknown(msr);
}

/* A control that must be 1 has no row where it is a reserved default1 bit. The TRUE word allows as much as
 * the plain one. */
static void fill_words(const uint64_t a[NB_VMX_MSR_COUNT], const uint64_t b[NB_VMX_MSR_COUNT],
		       uint64_t out[NB_VMX_MSR_COUNT])
{
	for (unsigned w = 0; w < WORDS; w++) {
		const unsigned plain = words[w].plain, exact = words[w].exact;
		const uint32_t must = MUST(out[plain]) | (exact ? MUST(out[exact]) : 0);

		out[plain] |= (uint64_t)(MAY(a[plain]) & MAY(b[plain]) & must) << 32;
		if (exact)
			out[exact] = (uint64_t)MAY(out[plain]) << 32 | MUST(out[exact]);
	}
}

/* A host that demands the timer contradicts one that counts at another rate. */
static void drop_timer(uint64_t out[NB_VMX_MSR_COUNT])
{
	const uint64_t timer = cpu_row_mask(&cpu_fields[F_VMX_PREEMPTION_TIMER]);

	out[I_IA32_VMX_PINBASED_CTLS] &= ~timer;
	out[I_IA32_VMX_TRUE_PINBASED_CTLS] &= ~timer;
}

void cpu_vmx_meet(const uint64_t a[NB_VMX_MSR_COUNT], const uint64_t b[NB_VMX_MSR_COUNT],
		  uint64_t out[NB_VMX_MSR_COUNT])
{
	const uint64_t rate = cpu_row_mask(&cpu_fields[F_VMX_TIMER_RATE]);
	uint64_t met[NB_VMX_MSR_COUNT] = {0};

	for (unsigned row = F_FIRST_VMX; row < F_ROWS; row++) {
		const struct cpu_field *field = &cpu_fields[row];
		const unsigned i = field->msr - NB_VMX_MSR_FIRST;
		const uint64_t value =
			cpu_row_meet(field->rule, cpu_row_get(field, a[i]), cpu_row_get(field, b[i]));

		met[i] = cpu_row_put(field, met[i], value);
	}
	fill_words(a, b, met);
	if ((a[I_IA32_VMX_MISC] ^ b[I_IA32_VMX_MISC]) & rate)
		drop_timer(met);
	for (unsigned i = 0; i < NB_VMX_MSR_COUNT; i++)
		out[i] = met[i];
}

uint64_t cpu_vmx_contradiction(const uint64_t msr[NB_VMX_MSR_COUNT], unsigned index)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (index == words[w].plain || (words[w].exact && index == words[w].exact))
			return MUST(msr[index]) & ~MAY(msr[index]);
	if (index == I_IA32_VMX_CR0_FIXED0 || index == I_IA32_VMX_CR4_FIXED0)
		return msr[index] & ~msr[index + 1];
	return 0;
}

void cpu_vmx_from_policy(const struct cpu_policy *policy, uint64_t msr[NB_VMX_MSR_COUNT])
{
	for (unsigned i = 0; i < NB_VMX_MSR_COUNT; i++)
		msr[i] = 0;
	for (uint32_t i = 0; i < policy->msr_count; i++)
		if (policy->msr[i].number - NB_VMX_MSR_FIRST < NB_VMX_MSR_COUNT)
			msr[policy->msr[i].number - NB_VMX_MSR_FIRST] = policy->msr[i].value;
}

int cpu_vmx_to_policy(const uint64_t msr[NB_VMX_MSR_COUNT], struct cpu_policy *policy)
{
	for (unsigned i = 0; i < NB_VMX_MSR_COUNT; i++) {
		const uint32_t number = NB_VMX_MSR_FIRST + i;
		int rc = 0;

		if (msr[i] || i <= I_IA32_VMX_VMCS_ENUM || cpu_policy_msr(policy, number))
			rc = cpu_policy_set_msr(policy, number, msr[i]);
		if (rc)
			return rc;
	}
	return 0;
}

uint64_t cpu_vmx_allowed(const struct cpu_policy *host, const struct cpu_field *must)
{
	const struct cpu_msr *msr = cpu_policy_msr(host, must->width == 64 ? must->msr + 1 : must->msr);

	if (!msr)
		return 0;
	return must->width == 64 ? msr->value : msr->value >> 32;
}
