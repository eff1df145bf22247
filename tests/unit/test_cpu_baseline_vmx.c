/* SPDX-License-Identifier: MIT */
/* VMX capability MSRs: by array, and in policies. */
#include <errno.h>

#include "cpu_baseline/vmx.h"
#include "tests/unit/cpu_fixture.h"

enum {
#define X(number, name) name = number - NB_VMX_MSR_FIRST,
	NB_VMX_MSRS(X)
#undef X
};

#define MAY(bit) (1ull << (32 + (bit)))

/* A processor that has nearly everything, with a timer that counts every 2^7 ticks and MSR lists of 1536. */
static void rich(uint64_t msr[NB_VMX_MSR_COUNT])
{
	cpu_vmx_from_policy(model(TIGERLAKE), msr);
	msr[IA32_VMX_MISC] |= 7 | 2u << 25;
	cpu_vmx_close(msr);
}

static void closed_alone(void **state)
{
	uint64_t once[NB_VMX_MSR_COUNT], twice[NB_VMX_MSR_COUNT];

	(void)state;
	for (unsigned m = 0; m < MODELS; m++) {
		cpu_vmx_from_policy(model((enum model)m), once);
		cpu_vmx_close(once);
		memcpy(twice, once, sizeof(once));
		cpu_vmx_close(twice);
		assert_memory_equal(once, twice, sizeof(once));
		cpu_vmx_meet(once, once, twice);
		once[IA32_VMX_BASIC] &= ~0x1fff7fffffffull;
		assert_memory_equal(once, twice, sizeof(once));
		for (unsigned i = 0; i < NB_VMX_MSR_COUNT; i++)
			assert_int_equal(cpu_vmx_contradiction(once, i), 0);
		/* what must be 1 is what hardware said */
		assert_int_equal((uint32_t)once[IA32_VMX_PROCBASED_CTLS], 0x0401e172);
	}
}

/* A change to one of two rich processors, and a bit that goes or comes with it. */
static const struct {
	const char *name;
	unsigned msr;
	uint64_t clear, set;
	unsigned met_msr;
	uint64_t mask, value;
} changes[] = {
	{"a control that one lacks",            IA32_VMX_PROCBASED_CTLS,  MAY(27),    0,          IA32_VMX_PROCBASED_CTLS,      MAY(27),
	 0																			},
	{"and in the TRUE word",                IA32_VMX_PROCBASED_CTLS,  MAY(27),    0,          IA32_VMX_TRUE_PROCBASED_CTLS, MAY(27),
	 0																			},
	{"only the TRUE word lacks it",         IA32_VMX_TRUE_EXIT_CTLS,  MAY(20),    0,          IA32_VMX_EXIT_CTLS,           MAY(20),          0               },
	{"a control that must be 1",            IA32_VMX_PROCBASED_CTLS,  0,          1u << 7,    IA32_VMX_PROCBASED_CTLS,      1u << 7,
	 1u << 7																		  },
	{"no secondary controls, none of them", IA32_VMX_PROCBASED_CTLS,  MAY(31),    0,          IA32_VMX_PROCBASED_CTLS2,
	 ~0ull,																   0               },
	{"nor EPT's capabilities",              IA32_VMX_PROCBASED_CTLS,  MAY(31),    0,          IA32_VMX_EPT_VPID_CAP,        ~0ull,            0               },
	{"no EPT, no unrestricted guest",       IA32_VMX_PROCBASED_CTLS2, MAY(1),     0,          IA32_VMX_PROCBASED_CTLS2,
	 MAY(7) | MAY(17) | MAY(13),													      0               },
	{"no EPT, still VPID",                  IA32_VMX_PROCBASED_CTLS2, MAY(1),     0,          IA32_VMX_EPT_VPID_CAP,
	 0xf0100000000ull | 0x4000,													       0xf0100000000ull},
	{"no write-back EPT, no EPT",           IA32_VMX_EPT_VPID_CAP,    1u << 14,   0,          IA32_VMX_PROCBASED_CTLS2,     MAY(1),
	 0																			},
	{"no accessed bits, no PML",            IA32_VMX_EPT_VPID_CAP,    1u << 21,   0,          IA32_VMX_PROCBASED_CTLS2,
	 MAY(1) | MAY(17),															MAY(1)          },
	{"no function, no VMFUNC",              IA32_VMX_VMFUNC,          1,          0,          IA32_VMX_PROCBASED_CTLS2,     MAY(13),          0               },
	{"no VMFUNC, no function",              IA32_VMX_PROCBASED_CTLS2, MAY(13),    0,          IA32_VMX_VMFUNC,              ~0ull,            0               },
	{"no NMI exiting, no virtual NMIs",     IA32_VMX_PINBASED_CTLS,   MAY(3),     0,          IA32_VMX_PINBASED_CTLS,       MAY(5),
	 0																			},
	{"nor windows for them",                IA32_VMX_PINBASED_CTLS,   MAY(3),     0,          IA32_VMX_PROCBASED_CTLS,      MAY(22) | MAY(2),
	 MAY(2)																		   },
	{"no timer, nothing to save",           IA32_VMX_PINBASED_CTLS,   MAY(6),     0,          IA32_VMX_EXIT_CTLS,           MAY(22),          0               },
	{"timers of two rates",                 IA32_VMX_MISC,            0x1f,       5,          IA32_VMX_PINBASED_CTLS,       MAY(6),           0               },
	{"and no rate",			 IA32_VMX_MISC,            0x1f,       5,          IA32_VMX_MISC,                0x1f,             0               },
	{"fewer CR3 targets",                   IA32_VMX_MISC,            0x1ff0000,  0x20000,    IA32_VMX_MISC,                0x1ff0000,        0x20000         },
	{"shorter MSR lists",                   IA32_VMX_MISC,            7u << 25,   1u << 25,   IA32_VMX_MISC,                7u << 25,         1u << 25        },
	{"32-bit addresses",                    IA32_VMX_BASIC,           0,          1ull << 48, IA32_VMX_BASIC,               1ull << 48,       1ull << 48      },
	{"no TRUE words",                       IA32_VMX_BASIC,           1ull << 55, 0,          IA32_VMX_TRUE_PINBASED_CTLS,  ~0ull,            0               },
	{"a bit of CR4 that must be 1",         IA32_VMX_CR4_FIXED0,      0,          0x20,       IA32_VMX_CR4_FIXED0,          0x2020,           0x2020          },
	{"a bit of CR4 that cannot be",         IA32_VMX_CR4_FIXED1,      0x800,      0,          IA32_VMX_CR4_FIXED1,          0x800,            0               },
	{"the lower highest field",             IA32_VMX_VMCS_ENUM,       0x3fe,      0x2e,       IA32_VMX_VMCS_ENUM,           ~0ull,            0x2e            },
};

static void met_with_a_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint64_t a[NB_VMX_MSR_COUNT], b[NB_VMX_MSR_COUNT], met[NB_VMX_MSR_COUNT];

		rich(a);
		rich(b);
		if (((a[changes[i].met_msr] ^ changes[i].value) & changes[i].mask) == 0)
			fail_msg("%s: as before", changes[i].name);
		b[changes[i].msr] = (b[changes[i].msr] & ~changes[i].clear) | changes[i].set;
		cpu_vmx_close(b);
		for (unsigned order = 0; order < 2; order++) {
			cpu_vmx_meet(order ? b : a, order ? a : b, met);
			cpu_vmx_close(met);
			if ((met[changes[i].met_msr] & changes[i].mask) != changes[i].value)
				fail_msg("%s: %llx", changes[i].name,
					 (unsigned long long)met[changes[i].met_msr]);
			for (unsigned m = 0; m < NB_VMX_MSR_COUNT; m++)
				if (cpu_vmx_contradiction(met, m))
					fail_msg("%s: contradiction", changes[i].name);
		}
	}
}

/* A reserved control may be 1 on both: nobody is told. One that must be 1 has to be told. */
static void without_a_row(void **state)
{
	uint64_t a[NB_VMX_MSR_COUNT];

	(void)state;
	rich(a);
	a[IA32_VMX_PINBASED_CTLS] |= MAY(31) | MAY(30) | 1u << 30;
	a[IA32_VMX_TRUE_PINBASED_CTLS] |= MAY(31) | MAY(30);
	a[IA32_VMX_EPT_VPID_CAP] |= 1ull << 60;
	cpu_vmx_close(a);
	assert_int_equal(a[IA32_VMX_PINBASED_CTLS] >> 32 & 0xc0000000, 0x40000000);
	assert_int_equal(a[IA32_VMX_TRUE_PINBASED_CTLS] >> 32 & 0xc0000000, 0x40000000);
	assert_int_equal(a[IA32_VMX_EPT_VPID_CAP] >> 60, 0);
}

/* What must be 1 stays without what it needs; a control that need not be goes. */
static void forced_without_what_it_needs(void **state)
{
	uint64_t a[NB_VMX_MSR_COUNT];

	(void)state;
	rich(a);
	a[IA32_VMX_PROCBASED_CTLS2] &= ~MAY(1);
	a[IA32_VMX_PROCBASED_CTLS2] |= 1u << 7;
	cpu_vmx_close(a);
	assert_int_equal(a[IA32_VMX_PROCBASED_CTLS2] & (MAY(7) | MAY(17)), MAY(7));
	assert_int_equal(cpu_vmx_contradiction(a, IA32_VMX_PROCBASED_CTLS2), 0);
}

static struct findings told;

/* Policies: what one demands and another forbids. */
static void contradictions(void **state)
{
	static const struct {
		const char *name, *demands, *forbids;
		uint64_t demanded, allowed;
	} pairs[] = {
		{"HLT exiting",         "vmx-proc-must",     "vmx-hlt-exit",   0x0401e172 | 1u << 7, 0         },
		{"a TRUE word",         "vmx-true-pin-must", "vmx-vnmi",       0x16 | 1u << 5,       0         },
		{"a secondary control", "vmx-proc2-must",    "vmx-ept",        1u << 1,              0         },
		{"CR0",                 "vmx-cr0-fixed0",    "vmx-cr0-fixed1", 0x80000021,           0x7fffffff},
	};
	static struct cpu_policy a, b, out;
	const struct cpu_policy *const hosts[] = {&a, &b};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		a = b = *model(SKYLAKE_X);
		set_value(&a, pairs[i].demands, pairs[i].demanded);
		set_value(&b, pairs[i].forbids, pairs[i].allowed);
		told.count = 0;
		if (cpu_baseline(hosts, 2, NULL, &out, collect, &told) != -EPERM)
			fail_msg("%s: not refused", pairs[i].name);
		if (!finding_of(&told, pairs[i].demands) ||
		    finding_of(&told, pairs[i].demands)->verdict != CPU_REFUSED ||
		    finding_of(&told, pairs[i].demands)->host != 0 ||
		    finding_of(&told, pairs[i].demands)->other != 1)
			fail_msg("%s: not told", pairs[i].name);
		/* without VMX nobody cares */
		set_value(&b, "vmx", 0);
		if (cpu_baseline(hosts, 2, NULL, &out, NULL, NULL) != 0 || cpu_policy_msr(&out, 0x480))
			fail_msg("%s: VMX is not gone", pairs[i].name);
	}
}

static void memory_type(void **state)
{
	static struct cpu_policy b, out;
	const struct cpu_policy *const hosts[] = {model(SKYLAKE_X), &b};

	(void)state;
	b = *model(SKYLAKE_X);
	set_value(&b, "vmx-memory-type", 0);
	assert_int_equal(cpu_baseline(hosts, 2, NULL, &out, NULL, NULL), -EPERM);
}

/* A dump of CPUID alone. */
static void untold(void **state)
{
	static struct cpu_policy b, out;
	const struct cpu_policy *const hosts[] = {model(SKYLAKE_X), &b};

	(void)state;
	b = *model(SKYLAKE_X);
	b.msr_count = 0;
	told.count = 0;
	assert_int_equal(cpu_baseline(hosts, 2, NULL, &out, collect, &told), 0);
	assert_int_equal(value_of(&out, "vmx"), 0);
	assert_int_equal(out.msr_count, 0);
	assert_int_equal(finding_of(&told, "vmx")->verdict, CPU_UNTOLD);
	assert_int_equal(finding_of(&told, "vmx")->host, 1);
	assert_int_equal(finding_of(&told, "vmx-ept")->verdict, CPU_UNTOLD);
}

static void follow_cpuid(void **state)
{
	static const char *const pairs[][2] = {
		{"xsaves",  "vmx-xsaves"      },
		{"invpcid", "vmx-invpcid-exit"},
		{"rdrand",  "vmx-rdrand-exit" },
		{"rdseed",  "vmx-rdseed-exit" }
        };
	static struct cpu_policy a, out;
	const struct cpu_policy *const hosts[] = {&a};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		a = *model(SKYLAKE_X);
		assert_int_equal(value_of(&a, pairs[i][1]), 1);
		set_value(&a, pairs[i][0], 0);
		assert_int_equal(cpu_baseline(hosts, 1, NULL, &out, NULL, NULL), 0);
		if (value_of(&out, pairs[i][1]))
			fail_msg("%s without %s", pairs[i][1], pairs[i][0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_alone),   cmocka_unit_test(met_with_a_change),
		cmocka_unit_test(without_a_row),  cmocka_unit_test(forced_without_what_it_needs),
		cmocka_unit_test(contradictions), cmocka_unit_test(memory_type),
		cmocka_unit_test(untold),         cmocka_unit_test(follow_cpuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
