/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "l0hv/mm/gwalk.h"

#define CR0_PE 1ull
#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define PSE    (1ull << 4)
#define PAE    (1ull << 5)
#define LA57   (1ull << 12)
#define SMEP   (1ull << 20)
#define SMAP   (1ull << 21)
#define PKE    (1ull << 22)
#define LMA    (1ull << 10)
#define NXE    (1ull << 11)
#define AC     (1ull << 18)
#define NX     (1ull << 63)
#define P      1u
#define WR     2u
#define US     4u
#define RSVD   8u
#define ID     16u
#define PK     32u

/* Guest memory: eight pages. Entry of level n lies at index 0 of page n, so linear addresses below 4 KBytes
 * use all. */
static uint64_t memory[8][512];
static unsigned refused_updates;

static int read_entry(void *ctx, uint64_t gpa, unsigned bytes, uint64_t *entry)
{
	(void)ctx;
	if (gpa >= sizeof(memory) || gpa % bytes)
		return -1;
	*entry = 0;
	memcpy(entry, (char *)memory + gpa, bytes);
	return 0;
}

static int update_entry(void *ctx, uint64_t gpa, unsigned bytes, uint64_t old, uint64_t entry)
{
	uint64_t now;

	if (refused_updates) {
		refused_updates--;
		return -1;
	}
	if (read_entry(ctx, gpa, bytes, &now) || now != old)
		return -1;
	memcpy((char *)memory + gpa, &entry, bytes);
	return 0;
}

static const struct gwalk_mem mem = {.read = read_entry, .update = update_entry};

/* ---- 4-level paging: one row a rule; entries are 7 (present, writable, user) where not said ---- */

static const struct {
	const char *name;
	uint64_t cr0, cr4, efer, rflags;
	uint64_t e[5]; /* XORed into PTE [1], PDE [2], PDPTE [3], PML4E [4] */
	uint32_t pkru;
	unsigned access;
	enum gwalk_status want;
	uint32_t code;
} rows[] = {
	{"user read",					0,      0,    0,   0,  {0},                                0,        US,             GWALK_OK,         0               },
	{"user write",				       0,      0,    0,   0,  {0},                                0,        US | WR,        GWALK_OK,         0               },
	{"not present, read",				0,      0,    0,   0,  {0, 1},                             0,        0,              GWALK_PAGE_FAULT, 0               },
	{"not present, user write",                          0,      0,    0,   0,  {0, 1},                             0,        US | WR,        GWALK_PAGE_FAULT, US | WR         },
	{"PML4E not present",				0,      0,    0,   0,  {0, 0, 0, 0, 1},                    0,        0,              GWALK_PAGE_FAULT, 0               },
	{"not present, reserved bits don't count",
	 0,							  0,
	 0,								     0,
	 {0, 1 | 1ull << 51},
	 0,														       0,
	 GWALK_PAGE_FAULT,																	  0	       },
	{"not present, fetch, NXE",                          0,      0,    NXE, 0,  {0, 1},                             0,        ID,             GWALK_PAGE_FAULT, ID              },
	{"not present, fetch, no NXE, no SMEP",              0,      0,    0,   0,  {0, 1},                             0,        ID,             GWALK_PAGE_FAULT, 0               },
	{"not present, fetch, SMEP",                         0,      SMEP, 0,   0,  {0, 1},                             0,        ID,             GWALK_PAGE_FAULT, ID              },
	{"supervisor page, user",                            0,      0,    0,   0,  {0, 4},                             0,        US,             GWALK_PAGE_FAULT, US | P          },
	{"supervisor PDPTE, user",                           0,      0,    0,   0,  {0, 0, 0, 4},                       0,        US,             GWALK_PAGE_FAULT, US | P          },
	{"read-only, user write",                            0,      0,    0,   0,  {0, 2},                             0,        US | WR,        GWALK_PAGE_FAULT, US | WR | P     },
	{"read-only PDE, user write",                        0,      0,    0,   0,  {0, 0, 2},                          0,        US | WR,        GWALK_PAGE_FAULT, US | WR | P     },
	{"read-only, supervisor write, WP=0",                0,      0,    0,   0,  {0, 2},                             0,        WR,             GWALK_OK,         0               },
	{"read-only, supervisor write, WP=1",                CR0_WP, 0,    0,   0,  {0, 2},                             0,        WR,             GWALK_PAGE_FAULT, WR | P          },
	{"read-only, supervisor read, WP=1",                 CR0_WP, 0,    0,   0,  {0, 2},                             0,        0,              GWALK_OK,         0               },
	{"NX, fetch",					0,      0,    NXE, 0,  {0, NX},                            0,        US | ID,        GWALK_PAGE_FAULT, US | ID | P     },
	{"NX in PML4E, fetch",			       0,      0,    NXE, 0,  {0, 0, 0, 0, NX},                   0,        ID,             GWALK_PAGE_FAULT, ID | P          },
	{"NX, read",					 0,      0,    NXE, 0,  {0, NX},                            0,        US,             GWALK_OK,         0               },
	{"NX without NXE is reserved",                       0,      0,    0,   0,  {0, NX},                            0,        0,              GWALK_PAGE_FAULT, RSVD | P        },
	{"SMEP, supervisor fetch of a user page",            0,      SMEP, 0,   0,  {0},                                0,        ID,             GWALK_PAGE_FAULT, ID | P          },
	{"SMEP, supervisor fetch of a supervisor page",      0,      SMEP, 0,   0,  {0, 4},                             0,        ID,             GWALK_OK,         0               },
	{"SMEP, user fetch",				 0,      SMEP, 0,   0,  {0},                                0,        US | ID,        GWALK_OK,         0               },
	{"no SMEP, supervisor fetch of a user page",         0,      0,    0,   0,  {0},                                0,        ID,             GWALK_OK,         0               },
	{"SMAP, supervisor read of a user page",             0,      SMAP, 0,   0,  {0},                                0,        0,              GWALK_PAGE_FAULT, P               },
	{"SMAP with AC",				     0,      SMAP, 0,   AC, {0},                                0,        WR,             GWALK_OK,         0               },
	{"SMAP with AC, implicit",                           0,      SMAP, 0,   AC, {0},                                0,        GWALK_IMPLICIT, GWALK_PAGE_FAULT, P               },
	{"SMAP, supervisor page",                            0,      SMAP, 0,   0,  {0, 4},                             0,        WR,             GWALK_OK,         0               },
	{"SMAP, user access",				0,      SMAP, 0,   0,  {0},                                0,        US,             GWALK_OK,         0               },
	{"SMAP, supervisor fetch is SMEP's",                 0,      SMAP, 0,   0,  {0},                                0,        ID,             GWALK_OK,         0               },
	{"SMAP with AC, read-only, WP=1",                    CR0_WP, SMAP, 0,   AC, {0, 2},                             0,        WR,             GWALK_PAGE_FAULT, WR | P          },
	{"address beyond MAXPHYADDR",                        0,      0,    0,   0,  {0, 1ull << 40},                    0,        0,              GWALK_PAGE_FAULT, RSVD | P        },
	{"address bit 51 in PML4E",
	 0,							  0,
	 0,								     0,
	 {0, 0, 0, 0, 1ull << 51},
	 0,														       US,
	 GWALK_PAGE_FAULT,																	  US | RSVD | P   },
	{"bits 52 to 62 are ignored",                        0,      0,    0,   0,  {0, 0x7FFull << 52},                0,        US,             GWALK_OK,         0               },
	{"PML4E bit 7",				      0,      0,    0,   0,  {0, 0, 0, 0, 0x80},                 0,        0,              GWALK_PAGE_FAULT, RSVD | P        },
	{"PTE bit 7 is PAT",				 0,      0,    0,   0,  {0, 0x80},                          0,        0,              GWALK_OK,         0               },
	{"2M with bit 13",				   0,      0,    0,   0,  {0, 0, 0x80 | 1 << 13 | 0x1000},    0,        0,              GWALK_PAGE_FAULT, RSVD | P        },
	{"2M with bit 12 (PAT)",                             0,      0,    0,   0,  {0, 0, 0x80},                       0,        0,              GWALK_OK,         0               },
	{"1G with bit 29",				   0,      0,    0,   0,  {0, 0, 0, 0x80 | 1 << 29 | 0x2000}, 0,        0,              GWALK_PAGE_FAULT, RSVD | P        },
	{"protection key, access disabled",
	 0,							  PKE,
	 0,								     0,
	 {0, 5ull << 59},
	 1u << 10,
	 US,																      GWALK_PAGE_FAULT,
	 US | PK | P																				},
	{"protection key, other key",                        0,      PKE,  0,   0,  {0, 4ull << 59},                    1u << 10, US,             GWALK_OK,         0               },
	{"protection key, write disabled, read",             0,      PKE,  0,   0,  {0, 5ull << 59},                    2u << 10, US,             GWALK_OK,         0               },
	{"protection key, write disabled, user write",
	 0,							  PKE,
	 0,								     0,
	 {0, 5ull << 59},
	 2u << 10,
	 US | WR,
	 GWALK_PAGE_FAULT,																	  US | WR | PK | P},
	{"protection key, write disabled, supervisor, WP=0",
	 0,							  PKE,
	 0,								     0,
	 {0, 5ull << 59},
	 2u << 10,
	 WR,																      GWALK_OK,
	 0																					  },
	{"protection key, write disabled, supervisor, WP=1",
	 CR0_WP,						     PKE,
	 0,								     0,
	 {0, 5ull << 59},
	 2u << 10,
	 WR,																      GWALK_PAGE_FAULT,
	 WR | PK | P																				},
	{"protection key, fetch",                            0,      PKE,  NXE, 0,  {0, 5ull << 59},                    3u << 10, US | ID,        GWALK_OK,         0               },
	{"protection key, supervisor page",                  0,      PKE,  0,   0,  {0, 5ull << 59 | 4},                3u << 10, WR,             GWALK_OK,         0               },
	{"table outside memory",                             0,      0,    0,   0,  {0, 0, 1ull << 30},                 0,        0,              GWALK_NO_TABLE,   0               },
};

static struct gwalk_regs long_mode(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	memset(memory, 0, sizeof(memory));
	memory[1][0] = 0x5000 | 7;
	for (unsigned level = 2; level <= 5; level++)
		memory[level][0] = (level - 1) * 4096ull | 7;
	return (struct gwalk_regs){.cr0 = CR0_PE | CR0_PG | cr0,
				   .cr3 = 0x4000,
				   .cr4 = PAE | cr4,
				   .efer = LMA | efer,
				   .maxphyaddr = 40,
				   .page_1g = true};
}

static void rules_of_four_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gwalk_regs regs = long_mode(rows[i].cr0, rows[i].cr4, rows[i].efer);
		struct gwalk_result r;
		enum gwalk_status s;

		regs.rflags = rows[i].rflags;
		regs.pkru = rows[i].pkru;
		for (unsigned level = 1; level <= 4; level++)
			memory[level][0] ^= rows[i].e[level];
		s = gwalk(&regs, &mem, 0x123, rows[i].access, &r);
		if (s != rows[i].want || (s == GWALK_PAGE_FAULT && r.error_code != rows[i].code))
			fail_msg("%s: status %d, error code %#x", rows[i].name, (int)s, r.error_code);
	}
}

/* ---- shapes: every mode and page size ---- */

static const struct {
	const char *name;
	uint64_t cr0, cr4, efer;
	unsigned level; /* of the large leaf; 0: 4-KByte pages */
	uint64_t leaf;
	bool page_1g;
	uint64_t linear;
	enum gwalk_status want;
	uint64_t gpa, page;
	uint32_t code;
} shapes[] = {
	{"no paging",		      CR0_PE, 0,          0,   0, 0,                     0, 0x123456789ull,        GWALK_OK,            0x23456789,   1ull << 32, 0       },
	{"4-level 4K",                     CR0_PG, PAE,        LMA, 0, 0,                     1, 0xABC,                 GWALK_OK,            0x5ABC,       4096,       0       },
	{"4-level 2M",                     CR0_PG, PAE,        LMA, 2, 0x600087,              1, 0x12345,               GWALK_OK,            0x612345,     1 << 21,    0       },
	{"4-level 1G",                     CR0_PG, PAE,        LMA, 3, 0xC0000087,            1, 0x1234567,             GWALK_OK,            0xC1234567,   1 << 30,    0       },
	{"4-level 1G, guest has none",     CR0_PG, PAE,        LMA, 3, 0xC0000087,            0, 0,                     GWALK_PAGE_FAULT,    0,            0,
	 RSVD | P																			      },
	{"5-level 4K",                     CR0_PG, PAE | LA57, LMA, 0, 0,                     1, 0xABC,                 GWALK_OK,            0x5ABC,       4096,       0       },
	{"PAE 4K",			 CR0_PG, PAE,        0,   0, 0,                     1, 0xABC,                 GWALK_OK,            0x5ABC,       4096,       0       },
	{"PAE 2M",			 CR0_PG, PAE,        0,   2, 0x8000600087,          1, 0x12345,               GWALK_OK,            0x8000612345, 1 << 21,    0       },
	{"PAE, bit 52 is reserved",        CR0_PG, PAE,        0,   2, 1ull << 52 | 0x600087, 1, 0,                     GWALK_PAGE_FAULT,    0,            0,
	 RSVD | P																			      },
	{"PAE, second PDPTE not present",  CR0_PG, PAE,        0,   0, 0,                     1, 0x40000000,            GWALK_PAGE_FAULT,    0,            0,          0       },
	{"PAE, linear address is 32 bits", CR0_PG, PAE,        0,   0, 0,                     1, 0x700000ABCull,        GWALK_OK,            0x5ABC,       4096,
	 0																				     },
	{"32-bit 4K",		      CR0_PG, 0,          0,   0, 0,                     1, 0xABC,                 GWALK_OK,            0x5ABC,       4096,       0       },
	{"32-bit 4M",		      CR0_PG, PSE,        0,   2, 0xC00087,              1, 0x123456,              GWALK_OK,            0xD23456,     1 << 22,    0       },
	{"32-bit 4M above 4G (PSE-36)",    CR0_PG, PSE,        0,   2, 0xC00087 | 0x5 << 13,  1, 0x123456,              GWALK_OK,
	 0x500D23456ull,																   1 << 22,    0       },
	{"32-bit 4M, bit 21",              CR0_PG, PSE,        0,   2, 0xC00087 | 1 << 21,    1, 0,                     GWALK_PAGE_FAULT,    0,            0,          RSVD | P},
	{"32-bit, bit 7 without PSE",      CR0_PG, 0,          0,   2, 0x1087,                1, 0xABC,                 GWALK_OK,            0x5ABC,       4096,       0       },
	{"4-level, first non-canonical",   CR0_PG, PAE,        LMA, 0, 0,                     1, 1ull << 47,            GWALK_NOT_CANONICAL, 0,            0,          0       },
	{"4-level, last non-canonical",    CR0_PG, PAE,        LMA, 0, 0,                     1, 0xFFFF7FFFFFFFFFFFull, GWALK_NOT_CANONICAL,
	 0,																		0,          0       },
	{"4-level, canonical high",        CR0_PG, PAE,        LMA, 0, 0,                     1, 0xFFFF800000000000ull, GWALK_PAGE_FAULT,    0,            0,
	 0																				     },
	{"5-level, canonical there alone", CR0_PG, PAE | LA57, LMA, 0, 0,                     1, 1ull << 47,            GWALK_PAGE_FAULT,    0,
	 0,																			    0       },
	{"5-level, non-canonical",         CR0_PG, PAE | LA57, LMA, 0, 0,                     1, 1ull << 56,            GWALK_NOT_CANONICAL, 0,            0,
	 0																				     },
};

static void shapes_of_paging(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct gwalk_regs regs = long_mode(shapes[i].cr0, shapes[i].cr4, shapes[i].efer);
		struct gwalk_result r;
		enum gwalk_status s;

		regs.cr0 = shapes[i].cr0;
		regs.cr4 = shapes[i].cr4;
		regs.efer = shapes[i].efer;
		regs.page_1g = shapes[i].page_1g;
		if (shapes[i].cr4 & LA57)
			regs.cr3 = 0x5000;
		else if (!(shapes[i].efer & LMA))
			regs.cr3 = shapes[i].cr4 & PAE ? 0x3000 : 0x2000;
		regs.pdpte[0] = 0x2001; /* as memory[3] says, but without rights */
		if (shapes[i].level)
			memory[shapes[i].level][0] = shapes[i].leaf;
		s = gwalk(&regs, &mem, shapes[i].linear, 0, &r);
		if (s != shapes[i].want || r.gpa != shapes[i].gpa || r.page_bytes != shapes[i].page ||
		    r.error_code != shapes[i].code)
			fail_msg("%s: status %d, gpa %#llx, page %#llx, error code %#x", shapes[i].name,
				 (int)s, (unsigned long long)r.gpa, (unsigned long long)r.page_bytes,
				 r.error_code);
	}
}

/* 32-bit entries lie four bytes apart: the neighbour must not leak in. */
static void entries_of_four_bytes(void **state)
{
	struct gwalk_regs regs = long_mode(0, 0, 0);
	struct gwalk_result r;

	(void)state;
	regs.efer = regs.cr4 = 0;
	regs.cr3 = 0x2000;
	memory[1][0] = (0x6000ull | 7) << 32 | 0x5007;
	assert_int_equal(gwalk(&regs, &mem, 0x1234, GWALK_USER, &r), GWALK_OK);
	assert_int_equal(r.gpa, 0x6234);
	assert_int_equal(gwalk(&regs, &mem, 0x0234, GWALK_USER | GWALK_WRITE | GWALK_SET_AD, &r), GWALK_OK);
	assert_int_equal(memory[1][0], (0x6000ull | 7) << 32 | 0x5067);
}

static void flags(void **state)
{
	struct gwalk_regs regs = long_mode(0, 0, 0);
	struct gwalk_result r;

	(void)state;
	assert_int_equal(gwalk(&regs, &mem, 0, GWALK_WRITE, &r), GWALK_OK);
	assert_int_equal(memory[1][0], 0x5007); /* not unless asked */
	assert_int_equal(gwalk(&regs, &mem, 0, GWALK_SET_AD, &r), GWALK_OK);
	for (unsigned level = 1; level <= 4; level++)
		assert_int_equal(memory[level][0] & 0x60, 0x20);
	refused_updates = 2;
	assert_int_equal(gwalk(&regs, &mem, 0, GWALK_SET_AD | GWALK_WRITE, &r), GWALK_OK);
	assert_int_equal(refused_updates, 0);
	assert_int_equal(memory[1][0] & 0x60, 0x60);
	assert_int_equal(memory[2][0] & 0x60, 0x20);
	memory[1][0] = 0x5005;
	assert_int_equal(gwalk(&regs, &mem, 0, GWALK_SET_AD | GWALK_WRITE | GWALK_USER, &r),
			 GWALK_PAGE_FAULT);
	assert_int_equal(memory[1][0], 0x5005); /* a faulting access leaves none in the leaf */
	memory[1][0] = 0x5007;
	refused_updates = 1000;
	assert_int_equal(gwalk(&regs, &mem, 0, GWALK_SET_AD, &r), GWALK_NO_TABLE);
	assert_int_equal(r.table_gpa, 0x1000);
	refused_updates = 0;
}

static void missing_table_is_named(void **state)
{
	struct gwalk_regs regs = long_mode(0, 0, 0);
	struct gwalk_result r;

	(void)state;
	memory[3][0] = 0x7000000 | 7;
	assert_int_equal(gwalk(&regs, &mem, 3ull << 21, 0, &r), GWALK_NO_TABLE);
	assert_int_equal(r.table_gpa, 0x7000000 + 3 * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_four_levels),   cmocka_unit_test(shapes_of_paging),
		cmocka_unit_test(entries_of_four_bytes),  cmocka_unit_test(flags),
		cmocka_unit_test(missing_table_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
