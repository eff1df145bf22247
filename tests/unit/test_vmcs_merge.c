/* SPDX-License-Identifier: MIT */
/* The merge: each rule by named rows, and full against incremental on random sequences. */
#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/unmerge.h"

#define DEFAULT1_CPU 0x04006172u

/* vmcs12 and vmcs01 get a value each, then one field of vmcs02 is looked at. */
/* clang-format off */
static const struct {
	const char *name;
	unsigned field;
	uint64_t in12, in01, expected;
} value_rows[] = {
	{"RIP is L2's own",                F_GUEST_RIP,              0x1234,     0x9999,             0x1234            },
	{"RSP is L2's own",                F_GUEST_RSP,              0x1234,     0x9999,             0x1234            },
	{"CS access rights are L2's own",  F_GUEST_CS_ACCESS_RIGHTS, 0xa09b,     0xc09b,             0xa09b            },
	{"L1 injects",                     F_ENTRY_INTR_INFO,        0x80000b0e, 0,                  0x80000b0e        },
	{"every exit lands in L0",         F_HOST_RIP,               0x1234,     0xffff900000000000, 0xffff900000000000},
	{"L0's CR3 at exit",               F_HOST_CR3,               0x1000,     0x2000,             0x2000            },
	{"no TSC scaling, a factor of 1",  F_TSC_MULTIPLIER,         7,          9,                  1ull << 48        },
	{"L0 walks L1's MSR list",         F_EXIT_MSR_LOAD_COUNT,    5,          3,                  0                 },
	{"no entry MSR list",              F_ENTRY_MSR_LOAD_COUNT,   5,          3,                  0                 },
	{"EPT02, neither 12 nor 01",       F_EPT_POINTER,            0x701e,     0x601e,             0x901e            },
	{"L2's own VPID",                  F_VPID,                   1,          3,                  2                 },
	{"merged MSR bitmap",              F_MSR_BITMAP,             0x1000,     0x2000,             0xc000            },
	{"merged I/O bitmap A",            F_IO_BITMAP_A,            0x1000,     0x2000,             0xa000            },
	{"merged I/O bitmap B",            F_IO_BITMAP_B,            0x1000,     0x2000,             0xb000            },
	{"no shadow VMCS below L2",        F_VMCS_LINK_POINTER,      0x1000,     0x2000,             ~0ull             },
	{"#BP by L1, #MC by L0",           F_EXCEPTION_BITMAP,       1u << 3,    1u << 18,           1u << 3 | 1u << 18},
	{"#PF wanted by L1, #MC by L0",    F_EXCEPTION_BITMAP,       1u << 14,   1u << 18,           0x44000           },
	{"#PF wanted by L0 only",          F_EXCEPTION_BITMAP,       0,          1u << 14,           0x4000            },
	{"CR3 targets are L1's",           F_CR3_TARGET0,            0x5000,     0x6000,             0x5000            },
	{"L2's PDPTEs are L1's with EPT",  F_GUEST_PDPTE2,           0x8001,     0x6001,             0x8001            },
	{"exit information is not merged", F_EXIT_REASON,            1,          2,                  0                 },
	{"no APIC virtualization in L2",   F_APIC_ACCESS_ADDR,       0x1000,     0x2000,             0                 },
	{"vmcs12 loads EFER",              F_GUEST_EFER,             0xd01,      0x500,              0xd01             },
	{"vmcs12 loads DR7",               F_GUEST_DR7,              0x700,      0x400,              0x700             },
};
/* clang-format on */

static void value_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(value_rows) / sizeof(value_rows[0]); i++) {
		struct fixture f;

		fixture_init(&f);
		f.vmcs12.v[value_rows[i].field] = value_rows[i].in12;
		f.vmcs01.v[value_rows[i].field] = value_rows[i].in01;
		vmcs_merge_full(&f.in, &f.vmcs02);
		if (f.vmcs02.v[value_rows[i].field] != value_rows[i].expected)
			fail_msg("%s: %#llx", value_rows[i].name,
				 (unsigned long long)f.vmcs02.v[value_rows[i].field]);
	}
}

/* One bit, set or not in vmcs12, vmcs01, and L0's policy. 'on' has a digit for each of 12 01: 00 01 10 11. */
/* clang-format off */
static const struct {
	const char *name;
	enum control_word word;
	uint32_t bit;
	bool on[4];
} bit_rows[] = {
	{"external interrupts: either",    WORD_PIN,   PIN_EXT_INT_EXITING,     {0, 1, 1, 1}},
	{"preemption timer is L0's",       WORD_PIN,   PIN_PREEMPTION_TIMER,    {0, 1, 0, 1}},
	{"no posted interrupts in L2",     WORD_PIN,   PIN_POSTED_INTERRUPTS,   {0, 0, 0, 0}},
	{"HLT: either",                    WORD_CPU,   CPU_HLT_EXITING,         {0, 1, 1, 1}},
	{"interrupt window is L1's",       WORD_CPU,   CPU_INTR_WINDOW,         {0, 0, 1, 1}},
	{"CR3 is L1's",                    WORD_CPU,   CPU_CR3_LOAD_EXITING,    {0, 0, 1, 1}},
	{"TPR shadow is L1's",             WORD_CPU,   CPU_TPR_SHADOW,          {0, 0, 1, 1}},
	{"MTF is L1's",                    WORD_CPU,   CPU_MTF,                 {0, 0, 1, 1}},
	{"APIC registers are L1's",         WORD_CPU2,  CTL2_APIC_REGISTERS,     {0, 0, 1, 1}},
	{"PML is the policy's",             WORD_CPU2,  CTL2_PML,                {0, 0, 0, 0}},
	{"XSAVES needs both",               WORD_CPU2,  CTL2_XSAVES,             {0, 0, 0, 1}},
	{"bitmaps are the policy's (set)", WORD_CPU,   CPU_IO_BITMAPS,          {1, 1, 1, 1}},
	{"EPT is L0's",                    WORD_CPU2,  CTL2_EPT,                {0, 1, 0, 1}},
	{"RDTSCP needs both",              WORD_CPU2,  CTL2_RDTSCP,             {0, 0, 0, 1}},
	{"INVPCID needs both",             WORD_CPU2,  CTL2_INVPCID,            {0, 0, 0, 1}},
	{"unrestricted guest is L1's",     WORD_CPU2,  CTL2_UNRESTRICTED_GUEST, {0, 0, 1, 1}},
	{"no VMCS shadowing in L2",        WORD_CPU2,  CTL2_VMCS_SHADOWING,     {0, 0, 0, 0}},
	{"WBINVD: either",                 WORD_CPU2,  CTL2_WBINVD_EXITING,     {0, 1, 1, 1}},
	{"host size is L0's",              WORD_EXIT,  EXIT_CTL_HOST_64,        {0, 1, 0, 1}},
	{"acknowledge is L0's",            WORD_EXIT,  EXIT_CTL_ACK_INTERRUPT,  {0, 1, 0, 1}},
	{"saving of EFER is L0's",         WORD_EXIT,  EXIT_CTL_SAVE_EFER,      {0, 1, 0, 1}},
	{"debug controls always saved",    WORD_EXIT,  EXIT_CTL_SAVE_DEBUG,     {1, 1, 1, 1}},
	{"IA-32e mode guest is L1's",      WORD_ENTRY, ENTRY_CTL_IA32E_GUEST,   {0, 0, 1, 1}},
	{"debug controls always loaded",   WORD_ENTRY, ENTRY_CTL_LOAD_DEBUG,    {1, 1, 1, 1}},
	{"EFER loaded for either",         WORD_ENTRY, ENTRY_CTL_LOAD_EFER,     {0, 1, 1, 1}},
	{"no entry to SMM",                WORD_ENTRY, ENTRY_CTL_ENTRY_TO_SMM,  {0, 0, 0, 0}},
};
/* clang-format on */

static const unsigned word_field[] = {F_PIN_CTLS, F_CPU_CTLS, F_CPU_CTLS2, F_EXIT_CTLS, F_ENTRY_CTLS};

static void bit_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bit_rows) / sizeof(bit_rows[0]); i++) {
		unsigned field = word_field[bit_rows[i].word];

		for (unsigned both = 0; both < 4; both++) {
			struct fixture f;

			fixture_init(&f);
			f.vmcs12.v[field] &= ~(uint64_t)bit_rows[i].bit;
			f.vmcs01.v[field] &= ~(uint64_t)bit_rows[i].bit;
			f.vmcs12.v[field] |= both & 2 ? bit_rows[i].bit : 0;
			f.vmcs01.v[field] |= both & 1 ? bit_rows[i].bit : 0;
			vmcs_merge_full(&f.in, &f.vmcs02);
			if (!!(f.vmcs02.v[field] & bit_rows[i].bit) != bit_rows[i].on[both])
				fail_msg("%s: vmcs12 %u, vmcs01 %u", bit_rows[i].name, both >> 1, both & 1);
			/* the policy has the last word */
			f.policy.ctls[bit_rows[i].word].set = bit_rows[i].bit;
			assert_true(vmcs_merge_controls(&f.in, bit_rows[i].word) & bit_rows[i].bit);
			f.policy.ctls[bit_rows[i].word].clear = bit_rows[i].bit;
			assert_false(vmcs_merge_controls(&f.in, bit_rows[i].word) & bit_rows[i].bit);
		}
	}
}

/* Every bit of the table behaves as its rule says: a second reading of the rules, bit by bit. */
static void every_control_bit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < control_count; i++) {
		const struct control_row *row = &control_table[i];
		uint32_t bit = 1u << row->bit;

		for (unsigned both = 0; both < 4; both++) {
			bool a = both & 2, b = both & 1, on;
			struct fixture f;

			fixture_init(&f);
			memset(&f.policy, 0, sizeof(f.policy));
			f.vmcs12.v[F_CPU_CTLS] = f.vmcs01.v[F_CPU_CTLS] = CPU_ACTIVATE_CTLS2;
			f.vmcs12.v[word_field[row->word]] &= ~(uint64_t)bit;
			f.vmcs01.v[word_field[row->word]] &= ~(uint64_t)bit;
			f.vmcs12.v[word_field[row->word]] |= a ? bit : 0;
			f.vmcs01.v[word_field[row->word]] |= b ? bit : 0;
			switch ((enum control_rule)row->rule) {
			case BIT_FROM12:
				on = a;
				break;
			case BIT_FROM01:
				on = b;
				break;
			case BIT_OR:
				on = a || b;
				break;
			case BIT_AND:
				on = a && b;
				break;
			case BIT_ON:
				on = true;
				break;
			case BIT_OFF:
			case BIT_POLICY:
			default:
				on = false;
				break;
			}
			if (!!(vmcs_merge_controls(&f.in, (enum control_word)row->word) & bit) != on)
				fail_msg("%s: vmcs12 %d, vmcs01 %d", row->name, a, b);
		}
	}
}

static void controls_obey_the_processor(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.hardware.true_cpu &= ~((uint64_t)CPU_HLT_EXITING << 32);
	f.vmcs12.v[F_CPU_CTLS] = CPU_HLT_EXITING;
	vmcs_merge_full(&f.in, &f.vmcs02);
	assert_false(f.vmcs02.v[F_CPU_CTLS] & CPU_HLT_EXITING);
	assert_int_equal(f.vmcs02.v[F_CPU_CTLS] & DEFAULT1_CPU, DEFAULT1_CPU);
	/* without activation in vmcs12 its secondary controls are nothing */
	f.vmcs12.v[F_CPU_CTLS2] = CTL2_WBINVD_EXITING;
	assert_false(vmcs_merge_controls(&f.in, WORD_CPU2) & CTL2_WBINVD_EXITING);
	/* an I/O bitmap L2 does not run on: all I/O exits */
	f.policy.ctls[WORD_CPU].set = 0;
	f.vmcs12.v[F_CPU_CTLS] |= CPU_IO_BITMAPS;
	assert_true(vmcs_merge_controls(&f.in, WORD_CPU) & CPU_UNCOND_IO_EXITING);
}

/* clang-format off */
static const struct {
	const char *name;
	bool uses12, uses01;
	uint64_t in12, in01, expected;
} tsc_rows[] = {
	{"both",               true,  true,  100,      1000, 1100   },
	{"modulo 2^64",        true,  true,  ~0ull,    3,    2      },
	{"L1 does not offset", false, true,  100,      1000, 1000   },
	{"L0 does not offset", true,  false, 100,      1000, 100    },
	{"neither",            false, false, 100,      1000, 0      },
	{"L1 goes back",       true,  true,  -1000ull, 400,  -600ull},
};
/* clang-format on */

static void tsc_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tsc_rows) / sizeof(tsc_rows[0]); i++) {
		struct fixture f;

		fixture_init(&f);
		f.vmcs12.v[F_CPU_CTLS] |= tsc_rows[i].uses12 ? CPU_TSC_OFFSETTING : 0;
		f.vmcs01.v[F_CPU_CTLS] |= tsc_rows[i].uses01 ? CPU_TSC_OFFSETTING : 0;
		f.vmcs12.v[F_TSC_OFFSET] = tsc_rows[i].in12;
		f.vmcs01.v[F_TSC_OFFSET] = tsc_rows[i].in01;
		vmcs_merge_full(&f.in, &f.vmcs02);
		if (f.vmcs02.v[F_TSC_OFFSET] != tsc_rows[i].expected)
			fail_msg("%s", tsc_rows[i].name);
	}
}

/* SDM "Time-Stamp Counter Offsetting and Scaling": L2's TSC is L1's times the factor, plus L1's offset */
static void tsc_scaling(void **state)
{
	static const uint64_t factors[] = {1ull << 48, 1ull << 47, 3ull << 48, 0x1555555555555ull};
	static const int64_t offsets[] = {0, 1000, -1000, -123456789012};
	const uint64_t host = 1ull << 40;

	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		uint64_t factor = factors[n % 4], l1 = host + (uint64_t)offsets[n / 4], l2;
		struct fixture f;

		fixture_init(&f);
		f.vmcs12.v[F_CPU_CTLS] |= CPU_TSC_OFFSETTING | CPU_ACTIVATE_CTLS2;
		f.vmcs01.v[F_CPU_CTLS] |= CPU_TSC_OFFSETTING;
		f.vmcs12.v[F_CPU_CTLS2] |= CTL2_TSC_SCALING;
		f.vmcs12.v[F_TSC_MULTIPLIER] = factor;
		f.vmcs12.v[F_TSC_OFFSET] = 77;
		f.vmcs01.v[F_TSC_OFFSET] = (uint64_t)offsets[n / 4];
		vmcs_merge_full(&f.in, &f.vmcs02);
		assert_int_equal(f.vmcs02.v[F_TSC_MULTIPLIER], factor);
		l2 = (uint64_t)((unsigned __int128)host * factor >> 48) + f.vmcs02.v[F_TSC_OFFSET];
		/* the two products are rounded each by itself */
		assert_in_range((uint64_t)((unsigned __int128)l1 * factor >> 48) + 77 - l2 + 1, 0, 2);
	}
}

/* For every error code: vmcs02 exits whenever L1 or L0 wants it; exactly then, if only one has wishes. */
static void page_faults(void **state)
{
	static const uint32_t masks[] = {0, 1, 2, 4, 0x1f}, bits[] = {0, 1u << 14};

	(void)state;
	for (unsigned n = 0; n < 5 * 5 * 2 * 5 * 5 * 2; n++) {
		struct fixture f;
		bool l0_silent;

		fixture_init(&f);
		f.vmcs12.v[F_PFEC_MASK] = masks[n % 5];
		f.vmcs12.v[F_PFEC_MATCH] = masks[n / 5 % 5];
		f.vmcs12.v[F_EXCEPTION_BITMAP] = bits[n / 25 % 2];
		f.vmcs01.v[F_PFEC_MASK] = masks[n / 50 % 5];
		f.vmcs01.v[F_PFEC_MATCH] = masks[n / 250 % 5];
		f.vmcs01.v[F_EXCEPTION_BITMAP] = bits[n / 1250 % 2];
		l0_silent = n / 50 == 0;
		vmcs_merge_full(&f.in, &f.vmcs02);
		for (uint32_t code = 0; code < 32; code++) {
			bool wants[3];
			const struct vmcs_image *images[] = {&f.vmcs12, &f.vmcs01, &f.vmcs02};

			for (unsigned i = 0; i < 3; i++) {
				const uint64_t *v = images[i]->v;
				bool match = (code & v[F_PFEC_MASK]) == v[F_PFEC_MATCH];

				wants[i] = v[F_EXCEPTION_BITMAP] & 1u << 14 ? match : !match;
			}
			if ((wants[0] || wants[1]) && !wants[2])
				fail_msg("combination %u, code %u: exit lost", n, code);
			if (l0_silent && wants[2] != wants[0])
				fail_msg("combination %u, code %u: exit nobody asked for", n, code);
		}
	}
}

/* clang-format off */
static const struct {
	const char *name;
	uint64_t guest, mask12, shadow12, owned, owned_value;
	uint64_t value, mask, shadow_where_masked;
} cr_rows[] = {
	{"nobody owns",               0x80000031, 0,    0,    0, 0, 0x80000031, 0,    0   },
	{"L1 owns TS",                0x80000039, 8,    0,    0, 0, 0x80000039, 8,    0   },
	{"L0 owns TS, sets it",       0x80000031, 0,    0,    8, 8, 0x80000039, 8,    0   },
	{"L0 owns TS, L2 has it set", 0x80000039, 0,    0,    8, 0, 0x80000031, 8,    8   },
	{"both own TS: L1's shadow",  0x80000031, 8,    8,    8, 8, 0x80000039, 8,    8   },
	{"both own TS, set for L1", 0x80000039, 8, 0, 8, 0, 0x80000031, 8, 0},
	{"L1 owns NE, L0 TS",         0x80000039, 0x20, 0x20, 8, 0, 0x80000031, 0x28, 0x28},
};
/* clang-format on */

static void control_registers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cr_rows) / sizeof(cr_rows[0]); i++) {
		for (unsigned cr4 = 0; cr4 < 2; cr4++) {
			struct fixture f;

			fixture_init(&f);
			f.vmcs12.v[cr4 ? F_GUEST_CR4 : F_GUEST_CR0] = cr_rows[i].guest;
			f.vmcs12.v[cr4 ? F_CR4_MASK : F_CR0_MASK] = cr_rows[i].mask12;
			f.vmcs12.v[cr4 ? F_CR4_SHADOW : F_CR0_SHADOW] = cr_rows[i].shadow12;
			*(cr4 ? &f.policy.cr4_owned : &f.policy.cr0_owned) = cr_rows[i].owned;
			*(cr4 ? &f.policy.cr4_value : &f.policy.cr0_value) = cr_rows[i].owned_value;
			vmcs_merge_full(&f.in, &f.vmcs02);
			if (f.vmcs02.v[cr4 ? F_GUEST_CR4 : F_GUEST_CR0] != cr_rows[i].value ||
			    f.vmcs02.v[cr4 ? F_CR4_MASK : F_CR0_MASK] != cr_rows[i].mask ||
			    (f.vmcs02.v[cr4 ? F_CR4_SHADOW : F_CR0_SHADOW] & cr_rows[i].mask) !=
				    cr_rows[i].shadow_where_masked)
				fail_msg("%s", cr_rows[i].name);
			/* and back: L1 finds what it put there */
			if (vmcs_unmerge_cr(&f.policy, &f.vmcs12, cr4 ? 4 : 0, cr_rows[i].value,
					    f.vmcs02.v[cr4 ? F_CR4_SHADOW : F_CR0_SHADOW]) !=
			    cr_rows[i].guest)
				fail_msg("%s: way back", cr_rows[i].name);
		}
	}
}

/* clang-format off */
static const struct {
	const char *name;
	uint64_t entry_ctls, cr0, l1_efer, expected;
} efer_rows[] = {
	{"loaded",		    ENTRY_CTL_LOAD_EFER | ENTRY_CTL_IA32E_GUEST, 0x80000031, 0,     0xd01},
	{"64-bit L2 below 64-bit L1", ENTRY_CTL_IA32E_GUEST,                       0x80000031, 0x501, 0x501},
	{"32-bit L2 below 64-bit L1", 0,					   0x80000031, 0xd01, 0x801},
	{"unpaged L2 keeps LME",      0,					   0x31,       0xd01, 0x901},
	{"64-bit L2 below 32-bit L1", ENTRY_CTL_IA32E_GUEST,                       0x80000031, 0x001, 0x501},
};
/* clang-format on */

static void inherited_state(void **state)
{
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(efer_rows) / sizeof(efer_rows[0]); i++) {
		fixture_init(&f);
		f.vmcs12.v[F_ENTRY_CTLS] = efer_rows[i].entry_ctls;
		f.vmcs12.v[F_GUEST_CR0] = efer_rows[i].cr0;
		f.in.l1.efer = efer_rows[i].l1_efer;
		vmcs_merge_full(&f.in, &f.vmcs02);
		if (f.vmcs02.v[F_GUEST_EFER] != efer_rows[i].expected)
			fail_msg("%s: %#llx", efer_rows[i].name,
				 (unsigned long long)f.vmcs02.v[F_GUEST_EFER]);
	}
	fixture_init(&f);
	f.vmcs12.v[F_ENTRY_CTLS] = 0;
	f.vmcs12.v[F_GUEST_DR7] = f.vmcs12.v[F_GUEST_DEBUGCTL] = f.vmcs12.v[F_GUEST_PAT] = 0x77;
	vmcs_merge_full(&f.in, &f.vmcs02);
	assert_int_equal(f.vmcs02.v[F_GUEST_DR7], f.in.l1.dr7);
	assert_int_equal(f.vmcs02.v[F_GUEST_DEBUGCTL], f.in.l1.debugctl);
	assert_true(f.vmcs02.v[F_GUEST_PAT] == f.in.l1.pat);
}

static void pdptes(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.in.computed.pdpte_valid = true;
	f.in.computed.pdpte[1] = 0x3001;
	f.vmcs12.v[F_GUEST_PDPTE1] = 0x4001;
	vmcs_merge_full(&f.in, &f.vmcs02);
	assert_int_equal(f.vmcs02.v[F_GUEST_PDPTE1], 0x3001);
}

static void fields_the_processor_lacks(void **state)
{
	struct fixture f;
	struct vmcs_bitset all, changed;

	(void)state;
	fixture_init(&f);
	f.hardware.true_entry &= ~((uint64_t)ENTRY_CTL_LOAD_EFER << 32);
	f.hardware.true_exit &= ~((uint64_t)EXIT_CTL_SAVE_EFER << 32);
	vmcs_existing_fields(&f.hardware, &f.exists);
	vmcs_bitset_set_all(&all);
	vmcs_merge_incremental(&f.in, &all, &f.vmcs02, &changed);
	assert_false(vmcs_bitset_test(&changed, F_GUEST_EFER));
	assert_true(vmcs_bitset_test(&changed, F_GUEST_RIP));
	assert_false(vmcs_bitset_test(&changed, F_EXIT_REASON));
}

static void dependencies(void **state)
{
	static const struct {
		unsigned source, row;
	} rows[] = {
		{F_ENTRY_CTLS,       F_GUEST_EFER      },
                {F_ENTRY_CTLS,       F_GUEST_DR7       },
		{F_CPU_CTLS,         F_CPU_CTLS2       },
                {F_CPU_CTLS,         F_TSC_MULTIPLIER  },
		{F_CPU_CTLS,         F_TSC_OFFSET      },
                {F_EXCEPTION_BITMAP, F_PFEC_MASK       },
		{F_CR0_MASK,         F_CR0_SHADOW      },
                {F_GUEST_CR0,        F_GUEST_EFER      },
		{F_PFEC_MATCH,       F_EXCEPTION_BITMAP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmcs_bitset dirty = {{0}}, out;

		vmcs_bitset_set(&dirty, rows[i].source);
		vmcs_merge_dependents(&dirty, &out);
		assert_true(vmcs_bitset_test(&out, rows[i].row));
		vmcs_merge_sources(&dirty, &out);
		assert_true(vmcs_bitset_test(&out, rows[i].source));
	}
}

static uint64_t interesting(uint64_t *random, unsigned field)
{
	uint64_t r = fixture_random(random);

	if (r % 4 == 0)
		return 0;
	if (r % 4 == 1)
		return 1ull << (r >> 8) % 64 & vmcs_field_width_mask(field);
	return fixture_random(random) & vmcs_field_width_mask(field);
}

/* One change to an input, and the mark that an incremental merge needs of it. */
static void change(struct fixture *f, uint64_t *random, struct vmcs_bitset *dirty)
{
	static const uint8_t often[] = {F_CPU_CTLS,  F_CPU_CTLS2,  F_ENTRY_CTLS, F_EXCEPTION_BITMAP,
					F_PFEC_MASK, F_PFEC_MATCH, F_GUEST_CR0,  F_CR0_MASK,
					F_CR4_MASK,  F_CR0_SHADOW, F_TSC_OFFSET, F_GUEST_EFER};
	uint64_t r = fixture_random(random);
	unsigned field = r & 1 ? often[(r >> 8) % sizeof(often)] : (unsigned)((r >> 8) % VMCS_FIELD_COUNT);

	switch (r >> 32 & 7) {
	case 0:
		f->vmcs01.v[field] = interesting(random, field);
		break;
	case 1:
		f->in.l1.efer = interesting(random, F_GUEST_EFER);
		field = F_GUEST_EFER;
		break;
	case 2:
		f->in.computed.eptp = interesting(random, F_EPT_POINTER);
		field = F_EPT_POINTER;
		break;
	default:
		f->vmcs12.v[field] = interesting(random, field);
		break;
	}
	vmcs_bitset_set(dirty, field);
}

static void incremental_equals_full(void **state)
{
	uint64_t random = 0x6e6573746264;

	(void)state;
	for (unsigned sequence = 0; sequence < 300; sequence++) {
		struct fixture f;
		struct vmcs_image hardware = {{0}}, full = {{0}};
		struct vmcs_bitset all, changed;
		unsigned index = 0;

		fixture_init(&f);
		f.policy.cr0_owned = sequence & 1 ? 8 : 0;
		f.policy.exception_bitmap = sequence & 2 ? 1u << 18 : 0;
		vmcs_bitset_set_all(&all);
		vmcs_merge_incremental(&f.in, &all, &f.vmcs02, &changed);
		hardware = f.vmcs02;
		for (unsigned step = 0; step < 60; step++) {
			struct vmcs_bitset dirty = {{0}}, diff, rows;

			for (uint64_t n = fixture_random(&random) % 4; n-- > 0;)
				change(&f, &random, &dirty);
			full = f.vmcs02;
			vmcs_merge_incremental(&f.in, &dirty, &f.vmcs02, &changed);
			vmcs_merge_full_diff(&f.in, &full, &diff);
			if (memcmp(&full, &f.vmcs02, sizeof(full)))
				fail_msg("sequence %u step %u", sequence, step);
			/* VMWRITE of 'changed' alone brings the processor's VMCS up to date */
			for (VMCS_BITSET_EACH(index, &changed))
				hardware.v[index] = f.vmcs02.v[index];
			assert_memory_equal(&hardware, &f.vmcs02, sizeof(hardware));
			vmcs_merge_rows(&f.in, &dirty, &rows);
			for (VMCS_BITSET_EACH(index, &diff))
				assert_true(vmcs_bitset_test(&changed, index));
			for (VMCS_BITSET_EACH(index, &changed))
				assert_true(vmcs_bitset_test(&rows, index));
			for (VMCS_BITSET_EACH(index, &rows))
				assert_int_not_equal(merge_table[index].rule, NOT_MERGED);
		}
	}
}

/* A volatile field that L1 writes must reach the processor though the image already holds the value. */
static void volatile_fields_are_rewritten(void **state)
{
	struct fixture f;
	struct vmcs_bitset dirty = {{0}}, changed;

	(void)state;
	fixture_init(&f);
	vmcs_merge_full(&f.in, &f.vmcs02);
	vmcs_bitset_set(&dirty, F_GUEST_RIP);
	vmcs_bitset_set(&dirty, F_EXCEPTION_BITMAP);
	vmcs_merge_incremental(&f.in, &dirty, &f.vmcs02, &changed);
	assert_true(vmcs_bitset_test(&changed, F_GUEST_RIP));
	assert_false(vmcs_bitset_test(&changed, F_EXCEPTION_BITMAP));
}

static void way_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_ENTRY_INTR_INFO] = 0x80000b0e;
	vmcs_merge_full(&f.in, &f.vmcs02);
	f.vmcs02.v[F_GUEST_RIP] = 0x4242;
	f.vmcs02.v[F_GUEST_EFER] = 0x800;
	f.vmcs02.v[F_GUEST_DR7] = 0x401;
	f.vmcs02.v[F_GUEST_PAT] = 0x6;
	f.vmcs02.v[F_GUEST_PDPTE3] = 0x1001;
	f.vmcs02.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	f.vmcs12.v[F_EXIT_CTLS] &= ~(uint64_t)EXIT_CTL_SAVE_DEBUG;
	vmcs_unmerge(&f.policy, &f.vmcs02, &f.vmcs12);
	assert_int_equal(f.vmcs12.v[F_GUEST_RIP], 0x4242);
	assert_int_equal(f.vmcs12.v[F_GUEST_EFER], 0x800); /* 'save IA32_EFER' is on */
	assert_int_equal(f.vmcs12.v[F_GUEST_DR7], 0x400); /* 'save debug controls' is off */
	assert_true(f.vmcs12.v[F_GUEST_PAT] == 0x0007040600070406);
	assert_int_equal(f.vmcs12.v[F_GUEST_PDPTE3], 0x1001);
	assert_int_equal(f.vmcs12.v[F_ENTRY_INTR_INFO], 0x00000b0e);
	assert_false(f.vmcs12.v[F_ENTRY_CTLS] & ENTRY_CTL_IA32E_GUEST);
	f.vmcs12.v[F_CPU_CTLS2] = 0; /* no EPT: PDPTEs are not saved */
	f.vmcs02.v[F_GUEST_PDPTE3] = 0x2001;
	vmcs_unmerge(&f.policy, &f.vmcs02, &f.vmcs12);
	assert_int_equal(f.vmcs12.v[F_GUEST_PDPTE3], 0x1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_rules),
		cmocka_unit_test(bit_rules),
		cmocka_unit_test(every_control_bit),
		cmocka_unit_test(controls_obey_the_processor),
		cmocka_unit_test(tsc_offsets),
		cmocka_unit_test(tsc_scaling),
		cmocka_unit_test(page_faults),
		cmocka_unit_test(control_registers),
		cmocka_unit_test(inherited_state),
		cmocka_unit_test(pdptes),
		cmocka_unit_test(fields_the_processor_lacks),
		cmocka_unit_test(dependencies),
		cmocka_unit_test(incremental_equals_full),
		cmocka_unit_test(volatile_fields_are_rewritten),
		cmocka_unit_test(way_back),
	};

	return cmocka_run_group_tests_name("vmcs_merge", tests, NULL, NULL);
}
