/* SPDX-License-Identifier: MIT */
/* MTRRs: what can be written and what cannot, and what firmware leaves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "l0hv/devices/mtrr.h"

#define BITS 40u

static const struct {
	const char *name;
	uint32_t msr;
	uint64_t value;
	int error;
} writes[] = {
	{"the capabilities are read-only",  0xFE,  0x508,              -EPERM },
	{"a base, write-back",              0x202, 0x80000006,         0      },
	{"a base, type 2",                  0x202, 0x80000002,         -EPERM },
	{"a base, type 3",                  0x202, 0x80000003,         -EPERM },
	{"a base, type 7",                  0x202, 0x80000007,         -EPERM },
	{"a base, bit 8",                   0x202, 0x80000106,         -EPERM },
	{"a base, the highest address bit", 0x204, 1ull << 39,         0      },
	{"a base behind the addresses",     0x204, 1ull << 40,         -EPERM },
	{"a mask",			  0x20F, 0xFF80000800,       0      },
	{"a mask, bit 10",                  0x20F, 0xFF80000C00,       -EPERM },
	{"a mask behind the addresses",     0x20F, 1ull << 40 | 0x800, -EPERM },
	{"there is no ninth range",         0x210, 0,                  -ENOENT},
	{"fixed ranges",                    0x250, 0x0605040100060606, 0      },
	{"fixed ranges, one of type 2",     0x26F, 0x0602060606060606, -EPERM },
	{"no fixed ranges there",           0x251, 0,                  -ENOENT},
	{"default type",                    0x2FF, 0xC06,              0      },
	{"default type, all off",           0x2FF, 0,                  0      },
	{"default type, bit 9",             0x2FF, 0xE06,              -EPERM },
	{"default type 7",                  0x2FF, 0xC07,              -EPERM },
};

static void test_writes(void **state)
{
	struct mtrr mtrr;

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		uint64_t before = 0, after = 0;

		mtrr_init(&mtrr, BITS);
		if (mtrr_read(&mtrr, writes[i].msr, &before) != (writes[i].error == -ENOENT ? -ENOENT : 0))
			fail_msg("%s: read", writes[i].name);
		if (mtrr_write(&mtrr, writes[i].msr, writes[i].value) != writes[i].error)
			fail_msg("%s: write", writes[i].name);
		(void)!mtrr_read(&mtrr, writes[i].msr, &after);
		if (after != (writes[i].error ? before : writes[i].value))
			fail_msg("%s: holds 0x%llx", writes[i].name, (unsigned long long)after);
	}
}

static const struct {
	uint32_t msr;
	uint64_t value;
} firmware[] = {
	{0xFE,  0x508             },
        {0x2FF, 0xC06             },
	{0x200, 0xC0000000        },
        {0x201, 0xFFC0000800      },
	{0x203, 0		 },
        {0x250, 0x0606060606060606},
	{0x259, 0		 },
        {0x268, 0x0606060606060606},
};

static void test_firmware(void **state)
{
	struct mtrr mtrr;
	uint64_t value;

	(void)state;
	mtrr_init(&mtrr, BITS);
	for (size_t i = 0; i < sizeof(firmware) / sizeof(firmware[0]); i++) {
		assert_int_equal(mtrr_read(&mtrr, firmware[i].msr, &value), 0);
		assert_int_equal(value, firmware[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_writes), cmocka_unit_test(test_firmware)};

	return cmocka_run_group_tests_name("devices: MTRRs", tests, NULL, NULL);
}
