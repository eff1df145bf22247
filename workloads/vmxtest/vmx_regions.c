// SPDX-License-Identifier: MIT
/*
 * VMCS regions: which is current, what each holds, its launch state, its fields. SDM "Software Use of
 * Virtual-Machine Control Structures", "VMREAD", "VMWRITE", "VMCLEAR", "VMPTRLD", "VMPTRST".
 */
#include "lab_impl.h"

L2_CODE(regions_code, "nop");

#define NONE          (~0ull)
#define MSR_VMCS_ENUM 0x48au
#define ARITHMETIC    0x8d5ull
#define OUTCOME_OK    0u
#define INVALID       0x100u
#define VALID(code)   (0x200u | (code))

static uint64_t region[3][512] __attribute__((aligned(4096)));

static uint64_t of(unsigned int n)
{
	return address_of(region[n]);
}

static uint64_t current(void)
{
	uint64_t pointer = 1;

	__asm__ volatile("vmptrst %0" : "=m"(pointer) : : "cc");
	return pointer;
}

/* With all arithmetic flags set before: what is left of them, and what the rest became. */
static uint64_t flags_of_vmread(uint64_t field, uint64_t *value)
{
	uint64_t flags = read_rflags() | ARITHMETIC;

	__asm__ volatile("pushq %0; popfq; vmread %2, %1; pushfq; popq %0"
			 : "+r"(flags), "=&r"(*value)
			 : "r"(field)
			 : "cc", "memory");
	return flags;
}

static uint64_t flags_of_vmwrite(uint64_t field, uint64_t value)
{
	uint64_t flags = read_rflags() | ARITHMETIC;

	__asm__ volatile("pushq %0; popfq; vmwrite %1, %2; pushfq; popq %0"
			 : "+r"(flags)
			 : "r"(value), "r"(field)
			 : "cc", "memory");
	return flags;
}

static uint32_t outcome(uint64_t flags)
{
	if (flags & RFLAGS_CF)
		return INVALID;
	return flags & RFLAGS_ZF ? VALID((uint32_t)get(VM_INSTRUCTION_ERROR)) : OUTCOME_OK;
}

static uint32_t reads(uint64_t field)
{
	uint64_t value;

	return outcome(flags_of_vmread(field, &value));
}

static void regions_reset(void)
{
	lab_reset(&code_regions_code, KERNEL64);
	for (unsigned int n = 0; n < 3; n++) {
		region[n][0] = lab_caps.basic & 0x7fffffff;
		vmclear(of(n));
	}
}

static void contents(void)
{
	if (!lab_group("VMCS regions: "))
		return;
	regions_reset();
	for (unsigned int n = 0; n < 3; n++) {
		vmptrld(of(n));
		put(GUEST_RIP, 0x1111ull * (n + 1));
		put(CPU_CTLS, n);
	}
	rt_check_u64("VMCS regions: VMPTRST tells the last", current(), of(2));
	vmptrld(of(0));
	rt_check("VMCS regions: the first kept its fields", get(GUEST_RIP) == 0x1111 && get(CPU_CTLS) == 0);
	vmptrld(of(1));
	rt_check("VMCS regions: the second kept its fields", get(GUEST_RIP) == 0x2222 && get(CPU_CTLS) == 1);
	vmptrld(of(1));
	rt_check("VMCS regions: VMPTRLD of the current one", get(GUEST_RIP) == 0x2222);
	vmclear(of(0));
	rt_check_u64("VMCS regions: VMCLEAR of another leaves the current", current(), of(1));
	rt_check_u64("VMCS regions: and its fields", get(GUEST_RIP), 0x2222);
	vmclear(of(1));
	rt_check_u64("VMCS regions: VMCLEAR of the current: none is", current(), NONE);
	rt_check_u64("VMCS regions: VMREAD without one: VMfailInvalid", reads(GUEST_RIP), INVALID);
	rt_check_u64("VMCS regions: VMWRITE without one: VMfailInvalid",
		     outcome(flags_of_vmwrite(GUEST_RIP, 0)), INVALID);
	vmclear(of(1));
	rt_check_u64("VMCS regions: VMCLEAR of a clear one", current(), NONE);
	vmptrld(of(1));
	rt_check_u64("VMCS regions: fields outlive VMCLEAR", get(GUEST_RIP), 0x2222);
	vmptrld(of(2));
	rt_check_u64("VMCS regions: the third kept its fields", get(GUEST_RIP), 0x3333);
	for (unsigned int n = 0; n < 3; n++)
		vmclear(of(n));
}

/* How VMLAUNCH or VMRESUME of the lab's VMCS fails; its L2 runs otherwise. */
static uint32_t enter(bool resume)
{
	switch (lab_enter(&lab_regs, resume)) {
	case FAIL_INVALID:
		return INVALID;
	case FAIL_VALID:
		return VALID((uint32_t)get(VM_INSTRUCTION_ERROR));
	default:
		return OUTCOME_OK;
	}
}

static void launch_state(void)
{
	if (!lab_group("launch state: "))
		return;
	regions_reset();
	rt_check_u64("launch state: VMRESUME of a clear VMCS", enter(true), VALID(5));
	put(CR3_TARGET_COUNT, 0x1000);
	rt_check_u64("launch state: VMLAUNCH that fails", enter(false), VALID(7));
	put(CR3_TARGET_COUNT, 0);
	put(GUEST_CR3, ~0ull);
	rt_check("launch state: VMLAUNCH whose entry fails",
		 enter(false) == OUTCOME_OK && get(EXIT_REASON) == (EXIT_ENTRY_FAILURE | EXIT_GUEST_STATE));
	put(GUEST_CR3, lab_l2_physical(l2.pml4));
	rt_check_u64("launch state: is clear after both", enter(true), VALID(5));
	rt_check_u64("launch state: VMLAUNCH", enter(false), OUTCOME_OK);
	put(GUEST_RIP, address_of(regions_code));
	rt_check_u64("launch state: VMLAUNCH of a launched VMCS", enter(false), VALID(4));
	vmptrld(of(0));
	rt_check_u64("launch state: of another VMCS", enter(true), VALID(5));
	vmptrld(lab_vmcs());
	rt_check_u64("launch state: VMRESUME after another was current", enter(true), OUTCOME_OK);
	put(GUEST_RIP, address_of(regions_code));
	vmclear(of(0));
	rt_check_u64("launch state: VMRESUME after VMCLEAR of another", enter(true), OUTCOME_OK);
	put(GUEST_RIP, address_of(regions_code));
	vmclear(lab_vmcs());
	vmptrld(lab_vmcs());
	rt_check_u64("launch state: VMRESUME after VMCLEAR", enter(true), VALID(5));
	rt_check_u64("launch state: VMLAUNCH after VMCLEAR", enter(false), OUTCOME_OK);
}

static void shadow_indicator(void)
{
	const bool shadowing = caps_allow(CPU_CTLS2, CPU2_VMCS_SHADOWING, 0);

	if (!lab_group("shadow VMCS: "))
		return;
	if (!shadowing) {
		rt_skip("shadow VMCS: all", "no VMCS shadowing");
		return;
	}
	regions_reset();
	region[0][0] |= 1ull << 31;
	vmptrld(of(0));
	rt_check_u64("shadow VMCS: can be current", current(), of(0));
	put(GUEST_RIP, 0x4444);
	rt_check_u64("shadow VMCS: VMREAD and VMWRITE", get(GUEST_RIP), 0x4444);
	if (lab_deviates(false)) {
		rt_skip("shadow VMCS: VMLAUNCH: VMfailInvalid", "Bochs enters it");
		rt_skip("shadow VMCS: VMRESUME: VMfailInvalid", "Bochs enters it");
	} else {
		rt_check_u64("shadow VMCS: VMLAUNCH: VMfailInvalid", enter(false), INVALID);
		rt_check_u64("shadow VMCS: VMRESUME: VMfailInvalid", enter(true), INVALID);
	}
	vmclear(of(0));
	region[0][0] &= ~(1ull << 31);
}

/* ---- fields ---- */

enum { WIDTH_16, WIDTH_64, WIDTH_32, WIDTH_NATURAL };

static uint64_t mask_of(uint32_t field)
{
	switch (field >> 13 & 3) {
	case WIDTH_16:
		return 0xffff;
	case WIDTH_32:
		return 0xffffffff;
	default:
		return ~0ull;
	}
}

static bool is_rights(uint32_t field)
{
	return field >= GUEST_ES_AR && field <= GUEST_TR_AR;
}

#define NUMBERS              64u /* of fields of a width and type */
#define FIELD(group, number) ((uint32_t)(group) >> 2 << 13 | ((uint32_t)(group)&3) << 10 | (number) << 1)
#define IS_READ_ONLY(field)  (((field) >> 10 & 3) == 1)

/* Every field keeps what is written, as wide as it is. */
static void round_trip(void)
{
	static const uint64_t patterns[] = {0x123456789abcdef0, 0xedcba9876543210f};
	const bool any = lab_caps.misc >> 29 & 1;
	uint32_t bad = 0, unwritable = 0, highest = 0, fields = 0;

	if (!lab_group("VMCS fields: "))
		return;
	regions_reset();
	vmptrld(of(0));
	for (unsigned int i = 0; i < 16 * NUMBERS; i++) {
		const uint32_t field = FIELD(i / NUMBERS, i % NUMBERS);

		if (reads(field) != OUTCOME_OK)
			continue;
		fields++;
		highest = field & 0x3fe && (field & 0x3fe) > highest ? field & 0x3fe : highest;
		if (IS_READ_ONLY(field) && !any) {
			if (outcome(flags_of_vmwrite(field, 0)) != VALID(13))
				unwritable = field;
			continue;
		}
		for (unsigned int p = 0; p < 2; p++) {
			/* reserved bits of access rights need not be kept */
			const uint64_t mask = is_rights(field) ? 0x1f0ff : mask_of(field);

			if (outcome(flags_of_vmwrite(field, patterns[p])) != OUTCOME_OK ||
			    (get(field) ^ patterns[p]) & mask || get(field) & ~mask_of(field))
				bad = field | 1u << 31;
		}
	}
	rt_check_u64("VMCS fields: keep what is written", bad, 0);
	rt_check_u64("VMCS fields: read-only ones: VMfailValid(13)", unwritable, 0);
	rt_check("VMCS fields: there are as many as the processor must have", fields >= 100);
	if (lab_deviates(false))
		rt_skip("VMCS fields: the highest number is that of IA32_VMX_VMCS_ENUM",
			"Bochs tells one too many");
	else
		rt_check_u64("VMCS fields: the highest number is that of IA32_VMX_VMCS_ENUM", highest,
			     rdmsr(MSR_VMCS_ENUM) & 0x3fe);
}

static void high(void)
{
	if (!lab_group("high access: "))
		return;
	regions_reset();
	vmptrld(of(0));
	put(TSC_OFFSET, 0x1122334455667788);
	rt_check_u64("high access: VMREAD", get(TSC_OFFSET | 1), 0x11223344);
	put(TSC_OFFSET | 1, 0xaaaaaaaa99aabbcc);
	rt_check_u64("high access: VMWRITE changes the upper half", get(TSC_OFFSET), 0x99aabbcc55667788);
	put(TSC_OFFSET, 0x5);
	rt_check_u64("high access: a full VMWRITE changes both", get(TSC_OFFSET | 1), 0);
	rt_check_u64("high access: of a 16-bit field: 12", reads(GUEST_ES_SEL | 1), VALID(12));
	rt_check_u64("high access: of a 32-bit field: 12", reads(PIN_CTLS | 1), VALID(12));
	rt_check_u64("high access: of a natural-width field: 12", reads(GUEST_RIP | 1), VALID(12));
	rt_check_u64("high access: VMWRITE of a 32-bit field: 12", outcome(flags_of_vmwrite(PIN_CTLS | 1, 0)),
		     VALID(12));
}

static void flags(void)
{
	const uint64_t others = read_rflags() & ~ARITHMETIC;
	uint64_t value = 0x5555;

	if (!lab_group("VMX flags: "))
		return;
	regions_reset();
	vmptrld(of(0));
	rt_check_u64("VMX flags: VMREAD clears them", flags_of_vmread(GUEST_RIP, &value), others);
	rt_check_u64("VMX flags: VMWRITE clears them", flags_of_vmwrite(GUEST_RIP, 0), others);
	rt_check_u64("VMX flags: VMfailValid sets ZF alone", flags_of_vmread(0x6ffe, &value),
		     others | RFLAGS_ZF);
	rt_check_u64("VMX flags: VMWRITE likewise", flags_of_vmwrite(0x6ffe, 0), others | RFLAGS_ZF);
	vmclear(of(0));
	rt_check_u64("VMX flags: VMfailInvalid sets CF alone", flags_of_vmread(GUEST_RIP, &value),
		     others | RFLAGS_CF);
	rt_check_u64("VMX flags: VMWRITE likewise, no VMCS", flags_of_vmwrite(GUEST_RIP, 0),
		     others | RFLAGS_CF);
}

/* Encodings with reserved bits, or of no field. */
static void no_fields(void)
{
	static const uint64_t reserved[] = {0x8000, 0x1000, 0x80000000, 1ull << 32, 1ull << 63};
	bool good = true;

	if (!lab_selected("VMCS encodings: reserved bits: 12"))
		return;
	regions_reset();
	vmptrld(of(0));
	for (unsigned int i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		good &= reads(GUEST_RIP | reserved[i]) == VALID(12) &&
			outcome(flags_of_vmwrite(GUEST_RIP | reserved[i], 0)) == VALID(12);
	rt_check("VMCS encodings: reserved bits: 12", good);
}

void test_vmx_regions(void)
{
	contents();
	launch_state();
	shadow_indicator();
	round_trip();
	high();
	flags();
	no_fields();
	vmptrld(lab_vmcs());
}
