// SPDX-License-Identifier: MIT
/*
 * What is done to a valid VMCS: a few fields at a time, so that no mistake hides another. A row that may be
 * taken by the processor must leave L1 and its memory alone: addresses lead to the arena, to nowhere, or are
 * refused.
 */
#include "fuzz.h"

#define PAT_USUAL 0x0007040600070406ull

typedef uint64_t draw_fn(const struct plan *p, uint64_t valid);

static uint64_t any(const struct plan *p, uint64_t valid)
{
	(void)p;
	return draw_near(valid);
}

static uint64_t low32(const struct plan *p, uint64_t valid)
{
	(void)p;
	return (uint32_t)draw_near(valid);
}

static uint64_t low16(const struct plan *p, uint64_t valid)
{
	(void)p;
	return (uint16_t)draw_near(valid);
}

static uint64_t selector(const struct plan *p, uint64_t valid)
{
	static const uint16_t known[] = {0,         SEL_CODE,   SEL_DATA,     SEL_CODE32, SEL_ABSENT,
					 SEL_UDATA, SEL_UCODE,  SEL_TSS,      SEL_LDT,    SEL_UCODE32,
					 SEL_GATE,  SEL_CODE16, SEL_DATA | 4, 3,          SEL_CODE | 1};

	return one_in(2) ? DRAW_FROM(known) : low16(p, valid);
}

static uint64_t rights(const struct plan *p, uint64_t valid)
{
	static const uint32_t known[] = {0,      0x9b,   0x93,   0xf3, 0xf7, 0x97, 0x9f,   0xa09b,
					 0xc09b, 0xa0fb, 0xc0f3, 0x8b, 0x82, 0x83, 0x10000};

	(void)p;
	return one_in(3)   ? DRAW_FROM(known)
	       : one_in(3) ? (uint32_t)draw_near(valid)
			   : valid ^ 1u << draw_below(18);
}

static uint64_t limit(const struct plan *p, uint64_t valid)
{
	static const uint32_t known[] = {0, 0xfff, 0xffff, 0xfffff, 0x100000, 0xffffffff, 0x67, 0x10000};

	return one_in(2) ? DRAW_FROM(known) : low32(p, valid);
}

static uint64_t no_page(const struct plan *p, uint64_t valid)
{
	(void)p;
	switch (draw_below(3)) {
	case 0:
		return valid | 1ull << draw_below(12);
	case 1:
		return valid | 1ull << (offers.physical_bits + draw_below(64 - offers.physical_bits));
	default:
		return ~0ull;
	}
}

/* A 4 KiB page that the processor may read. */
static uint64_t page(const struct plan *p, uint64_t valid)
{
	return one_in(4) ? NOWHERE : no_page(p, valid);
}

static uint64_t bitmap(const struct plan *p, uint64_t valid)
{
	return one_in(3) ? address_of(DRAW_FROM(bitmap_page)) : page(p, valid);
}

static uint64_t msr_address(const struct plan *p, uint64_t valid)
{
	(void)p;
	/* not where no memory is: what is read there is a VMX abort */
	if (one_in(2))
		return valid | 1ull << draw_below(4);
	return valid | 1ull << (offers.physical_bits + draw_below(64 - offers.physical_bits));
}

static uint64_t link_pointer(const struct plan *p, uint64_t valid)
{
	(void)valid;
	return one_in(4) ? machine_region(3) : page(p, 0);
}

static uint64_t ept_pointer(const struct plan *p, uint64_t valid)
{
	(void)p;
	switch (draw_below(4)) {
	case 0:
		return valid ^ 1ull << draw_below(12);
	case 1:
		return valid | 1ull << (offers.physical_bits + draw_below(64 - offers.physical_bits));
	case 2: /* tables without a mapping */
		return address_of(arena[PAGE_HOLE]) | 3 << 3 | 6;
	default:
		return valid ^ draw_below(0x80);
	}
}

static uint64_t cr3(const struct plan *p, uint64_t valid)
{
	return one_in(2) ? arena_physical(p, (unsigned int)draw_below(ARENA_PAGES)) : draw_near(valid);
}

static uint64_t cr0(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {0, 1, 2, 3, 4, 5, 16, 18, 31, 8, 32};

	uint64_t value =
		one_in(6) ? draw_near(valid) : valid ^ 1ull << DRAW_FROM(bits) ^ (one_in(3) ? 1ull << 31 : 0);

	value &= ~CR0_KEPT;

	/* Bochs takes an IA-32e mode guest without CR0.PG (docs/bochs-differences.md). */
	return V(&p->want, ENTRY_CTLS) & ENTRY_IA32E ? value | 1ull << 31 : value;
}

/* The bits of CR4 that L0 leaves to its guests on each processor, and some that none has. */
static uint64_t cr4(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 15, 19, 24, 32, 63};

	(void)p;
	return valid ^ 1ull << DRAW_FROM(bits) ^ (one_in(3) ? 1ull << DRAW_FROM(bits) : 0);
}

static uint64_t efer(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {0, 8, 10, 11, 1, 9, 16, 63};

	(void)p;
	return valid ^ 1ull << DRAW_FROM(bits) ^ (one_in(2) ? 1ull << DRAW_FROM(bits) : 0);
}

static uint64_t pat(const struct plan *p, uint64_t valid)
{
	const unsigned int byte = 8 * (unsigned int)draw_below(8);

	(void)p;
	return (valid & ~(0xffull << byte)) | draw_below(16) << byte;
}

static uint64_t rflags(const struct plan *p, uint64_t valid)
{
	(void)p;
	return valid ^ 1ull << draw_below(one_in(6) ? 64 : 22);
}

/* Bochs takes an RIP that is not canonical (docs/bochs-differences.md). */
static uint64_t rip(const struct plan *p, uint64_t valid)
{
	(void)p;
	return one_in(2) ? valid + draw_below(64) : draw_below(0x20000);
}

/* Frames are looked at by the word (arena_tell). */
static uint64_t rsp(const struct plan *p, uint64_t valid)
{
	(void)p;
	return draw_near(valid) & ~3ull;
}

static uint64_t interruptibility(const struct plan *p, uint64_t valid)
{
	(void)p;
	return one_in(6) ? (uint32_t)draw_near(valid) : draw_below(32);
}

/* Shutdown and wait-for-SIPI are not offered to L1. */
static uint64_t activity(const struct plan *p, uint64_t valid)
{
	(void)p;
	(void)valid;
	return one_in(3) ? 4 + draw_below(100) : 1;
}

static uint64_t pending_debug(const struct plan *p, uint64_t valid)
{
	(void)p;
	return one_in(3) ? (uint32_t)draw_near(valid)
			 : (draw() & 0x500f); /* Bochs takes bits of the upper half */
}

static uint64_t count(const struct plan *p, uint64_t valid)
{
	(void)p;
	(void)valid;
	return draw_below(5);
}

/* Bochs hangs on type 7, which no processor without the monitor trap flag takes (docs/bochs-differences.md).
 */
static uint64_t event(const struct plan *p, uint64_t valid)
{
	static const uint8_t vectors[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  10,   11,
					  12, 13, 14, 16, 17, 18, 19, 20, 32, 0x80, 255};
	uint64_t info = INTR_VALID | draw_below(7) << 8 | DRAW_FROM(vectors);
	const uint64_t vector = info & 0xff;

	(void)p;
	(void)valid;
	if (INTR_TYPE(info) == INTR_NMI && !one_in(8))
		info = (info & ~0xffull) | 2;
	if (INTR_TYPE(info) == INTR_HARDWARE &&
	    (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17))
		info |= INTR_ERROR_CODE;
	return one_in(8) ? info ^ 1ull << (11 + draw_below(20)) : info;
}

static uint64_t length(const struct plan *p, uint64_t valid)
{
	(void)p;
	(void)valid;
	return 1 + draw_below(16);
}

/* ---- host state: what is taken must be harmless ---- */

static uint64_t never_canonical(const struct plan *p, uint64_t valid)
{
	(void)p;
	(void)valid;
	return 0x8000000000000000ull >> draw_below(16) | draw_below(256);
}

static uint64_t harmless_address(const struct plan *p, uint64_t valid)
{
	return one_in(2) ? draw() >> 17 : never_canonical(p, valid);
}

static uint64_t host_selector(const struct plan *p, uint64_t valid)
{
	(void)p;
	return valid | 1ull << draw_below(3); /* TI or RPL */
}

static uint64_t host_data(const struct plan *p, uint64_t valid)
{
	return one_in(2) ? 0 : host_selector(p, valid);
}

static uint64_t beyond(const struct plan *p, uint64_t valid)
{
	(void)p;
	return valid | 1ull << (offers.physical_bits + draw_below(64 - offers.physical_bits));
}

static uint64_t host_cr0(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {0, 5, 31, 32, 63};

	(void)p;
	return valid ^ 1ull << DRAW_FROM(bits);
}

static uint64_t host_cr4(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {5, 13, 32, 63, 2, 8, 3};

	(void)p;
	return valid ^ 1ull << DRAW_FROM(bits);
}

static uint64_t host_efer(const struct plan *p, uint64_t valid)
{
	static const uint8_t bits[] = {8, 10, 1, 9, 16, 63};

	(void)p;
	return valid ^ 1ull << DRAW_FROM(bits);
}

/* ---- controls ---- */

static uint64_t control(enum word word, uint64_t valid)
{
	const uint32_t must = offers.ctl[word].must, never = offers.ctl[word].never;
	const uint32_t from = one_in(2) && must ? must : never;
	const uint32_t bit = 1u << draw_below(32);

	/* a bit that must be 1 cleared, or one that may not be set; or else one that is allowed */
	if (from & bit)
		return valid ^ bit;
	return offers.ctl[word].may & bit ? valid ^ bit : valid;
}

static uint64_t pin_ctls(const struct plan *p, uint64_t valid)
{
	(void)p;
	return control(WORD_PIN, valid) | PIN_PREEMPTION_TIMER;
}

/* With or without EPT is the plan's to say, and so is what L2 could reach without. */
static uint64_t cpu_ctls(const struct plan *p, uint64_t valid)
{
	(void)p;
	return control(WORD_CPU, valid) | CPU_SECONDARY;
}

static uint64_t cpu_ctls2(const struct plan *p, uint64_t valid)
{
	const uint64_t kept = p->ept ? CPU2_EPT : CPU2_EPT | CPU2_UNRESTRICTED_GUEST;

	return (control(WORD_CPU2, valid) & ~kept) | (valid & kept);
}

static uint64_t exit_ctls(const struct plan *p, uint64_t valid)
{
	(void)p;
	return control(WORD_EXIT, valid);
}

/* "Entry to SMM" outside SMM: Bochs differs (docs/bochs-differences.md); offers.c leaves it out. */
static uint64_t entry_ctls(const struct plan *p, uint64_t valid)
{
	const uint64_t kept = p->ept ? 0 : ENTRY_IA32E;

	return (control(WORD_ENTRY, valid) & ~kept) | (valid & kept);
}

enum where {
	EVERYWHERE,
	WITH_EPT, /* without, L2's page tables alone keep it off L1's memory: these fields stay as they are */
};

static const struct {
	uint16_t first, last;
	uint8_t where;
	draw_fn *fn;
} rows[] = {
	{GUEST_ES_SEL,           GUEST_TR_SEL,           EVERYWHERE, selector        },
	{GUEST_ES_SEL,           GUEST_TR_SEL,           EVERYWHERE, selector        },
	{GUEST_ES_AR,            GUEST_TR_AR,            EVERYWHERE, rights          },
	{GUEST_ES_AR,            GUEST_TR_AR,            EVERYWHERE, rights          },
	{GUEST_ES_LIMIT,         GUEST_TR_LIMIT,         EVERYWHERE, limit           },
	{GUEST_ES_BASE,          GUEST_TR_BASE,          EVERYWHERE, any             },
	{GUEST_GDTR_LIMIT,       GUEST_IDTR_LIMIT,       EVERYWHERE, limit           },
	{GUEST_GDTR_BASE,        GUEST_IDTR_BASE,        EVERYWHERE, any             },
	{GUEST_CR0,              GUEST_CR0,              WITH_EPT,   cr0             },
	{GUEST_CR3,              GUEST_CR3,              WITH_EPT,   cr3             },
	{GUEST_CR4,              GUEST_CR4,              WITH_EPT,   cr4             },
	{GUEST_EFER,             GUEST_EFER,             WITH_EPT,   efer            },
	{GUEST_PAT,              GUEST_PAT,              EVERYWHERE, pat             },
	{GUEST_PDPTE0,           GUEST_PDPTE0 + 6,       WITH_EPT,   any             },
	{GUEST_DR7,              GUEST_DR7,              EVERYWHERE, any             },
	{GUEST_RSP,              GUEST_RSP,              EVERYWHERE, rsp             },
	{GUEST_RIP,              GUEST_RIP,              EVERYWHERE, rip             },
	{GUEST_RFLAGS,           GUEST_RFLAGS,           EVERYWHERE, rflags          },
	{GUEST_RFLAGS,           GUEST_RFLAGS,           EVERYWHERE, rflags          },
	{GUEST_PENDING_DEBUG,    GUEST_PENDING_DEBUG,    EVERYWHERE, pending_debug   },
	{GUEST_INTERRUPTIBILITY, GUEST_INTERRUPTIBILITY, EVERYWHERE, interruptibility},
	{GUEST_ACTIVITY,         GUEST_ACTIVITY,         EVERYWHERE, activity        },
	{GUEST_SYSENTER_CS,      GUEST_SYSENTER_CS,      EVERYWHERE, low16           }, /* Bochs keeps 16 bits */
	{GUEST_SYSENTER_ESP,     GUEST_SYSENTER_EIP,     EVERYWHERE, any             },
	{VMCS_LINK_POINTER,      VMCS_LINK_POINTER,      EVERYWHERE, link_pointer    },
	{ENTRY_INTR_INFO,        ENTRY_INTR_INFO,        EVERYWHERE, event           },
	{ENTRY_INTR_INFO,        ENTRY_INTR_INFO,        EVERYWHERE, event           },
	{ENTRY_INTR_INFO,        ENTRY_INTR_INFO,        EVERYWHERE, event           },
	{ENTRY_ERROR_CODE,       ENTRY_ERROR_CODE,       EVERYWHERE, low32           },
	{ENTRY_INSTR_LEN,        ENTRY_INSTR_LEN,        EVERYWHERE, length          },
	{PIN_CTLS,               PIN_CTLS,               EVERYWHERE, pin_ctls        },
	{CPU_CTLS,               CPU_CTLS,               EVERYWHERE, cpu_ctls        },
	{CPU_CTLS2,              CPU_CTLS2,              EVERYWHERE, cpu_ctls2       },
	{EXIT_CTLS,              EXIT_CTLS,              EVERYWHERE, exit_ctls       },
	{ENTRY_CTLS,             ENTRY_CTLS,             EVERYWHERE, entry_ctls      },
	{EXCEPTION_BITMAP,       EXCEPTION_BITMAP,       EVERYWHERE, low32           },
	{PFEC_MASK,              PFEC_MATCH,             EVERYWHERE, low32           },
	{CR3_TARGET_COUNT,       CR3_TARGET_COUNT,       EVERYWHERE, low32           },
	{TPR_THRESHOLD,          TPR_THRESHOLD,          EVERYWHERE, low32           },
	{VPID,		   VPID,                   EVERYWHERE, low16           },
	{CR0_MASK,               CR4_SHADOW,             WITH_EPT,   any             },
	{IO_BITMAP_A,            MSR_BITMAP,             EVERYWHERE, bitmap          },
	{VIRTUAL_APIC_PAGE,      VIRTUAL_APIC_PAGE,      EVERYWHERE, no_page         },
	{EPT_POINTER,            EPT_POINTER,            EVERYWHERE, ept_pointer     },
	{EXIT_MSR_STORE_COUNT,   EXIT_MSR_LOAD_COUNT,    EVERYWHERE, count           },
	{ENTRY_MSR_LOAD_COUNT,   ENTRY_MSR_LOAD_COUNT,   EVERYWHERE, count           },
	{EXIT_MSR_STORE_ADDRESS, ENTRY_MSR_LOAD_ADDRESS, EVERYWHERE, msr_address     },
	{HOST_SYSENTER_ESP,      HOST_SYSENTER_EIP,      EVERYWHERE, harmless_address},
	{HOST_SYSENTER_CS,       HOST_SYSENTER_CS,       EVERYWHERE, low16           },
	{HOST_GS_BASE,           HOST_GS_BASE,           EVERYWHERE, harmless_address},
	{HOST_FS_BASE,           HOST_FS_BASE,           EVERYWHERE, never_canonical },
	{HOST_TR_BASE,           HOST_IDTR_BASE,         EVERYWHERE, never_canonical },
	{HOST_RIP,               HOST_RIP,               EVERYWHERE, never_canonical },
	{HOST_ES_SEL,            HOST_ES_SEL,            EVERYWHERE, host_data       },
	{HOST_DS_SEL,            HOST_GS_SEL,            EVERYWHERE, host_data       },
	{HOST_CS_SEL,            HOST_SS_SEL,            EVERYWHERE, host_selector   },
	{HOST_TR_SEL,            HOST_TR_SEL,            EVERYWHERE, host_selector   },
	{HOST_CR0,               HOST_CR0,               EVERYWHERE, host_cr0        },
	{HOST_CR3,               HOST_CR3,               EVERYWHERE, beyond          },
	{HOST_CR4,               HOST_CR4,               EVERYWHERE, host_cr4        },
	{HOST_PAT,               HOST_PAT,               EVERYWHERE, pat             },
	{HOST_EFER,              HOST_EFER,              EVERYWHERE, host_efer       },
};

/* Combinations in which Bochs differs from the SDM: docs/bochs-differences.md. IA32_DEBUGCTL is another one.
 */
static void leave_out(struct plan *p)
{
	struct image *w = &p->want;
	const uint32_t type = INTR_TYPE((uint32_t)V(w, ENTRY_INTR_INFO));

	if (V(w, GUEST_ACTIVITY) == ACTIVITY_HLT) /* windows do not wake it */
		V(w, CPU_CTLS) &= ~(uint64_t)(CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW);
	if (V(w, GUEST_ACTIVITY) == ACTIVITY_HLT && type != INTR_EXTERNAL &&
	    type != INTR_NMI) /* any event does */
		V(w, ENTRY_INTR_INFO) = 0;
	/* Blocking of virtual NMIs outlasts the guest; NMI exiting without them: L0 has virtual NMIs in any
	 * case */
	if (V(w, PIN_CTLS) & PIN_NMI) {
		V(w, GUEST_INTERRUPTIBILITY) &= ~(uint64_t)BLOCKED_BY_NMI;
		if (type == INTR_NMI)
			V(w, ENTRY_INTR_INFO) = 0;
	}
	if (V(w, CPU_CTLS2) & CPU2_UNRESTRICTED_GUEST) { /* CS's RPL must be its DPL, and SS's DPL need not */
		const uint64_t dpl = V(w, GUEST_CS_AR) >> 5 & 3;

		V(w, GUEST_CS_SEL) = (V(w, GUEST_CS_SEL) & ~3ull) | dpl;
		V(w, GUEST_SS_AR) = (V(w, GUEST_SS_AR) & ~0x60ull) | dpl << 5;
	}
	for (uint32_t i = 0; i <= 10; i += 2) /* a readable code segment in DS may have any RPL */
		if ((V(w, GUEST_ES_AR + i) & 15) == 11 && i != 2)
			V(w, GUEST_ES_SEL + i) &= ~3ull;
}

void fields_spoil(struct plan *p)
{
	p->spoils = one_in(3) ? 0 : one_in(4) ? 2 + (unsigned int)draw_below(3) : 1;

	for (unsigned int n = 0; n < p->spoils; n++) {
		const unsigned int row = (unsigned int)draw_below(sizeof(rows) / sizeof(rows[0]));
		const uint32_t field = rows[row].first +
				       2u * (uint32_t)draw_below((rows[row].last - rows[row].first) / 2u + 1);

		if (rows[row].where == WITH_EPT && !p->ept)
			continue;
		V(&p->want, field) = rows[row].fn(p, V(&p->want, field));
		tell("spoils", (uint64_t)field << 48 ^ V(&p->want, field));
	}
	if (p->ept && one_in(6))
		arena_spoil_ept();
	leave_out(p);
}

/* ---- MSR lists ---- */

uint64_t msr_list[LISTS][512] __attribute__((aligned(4096)));

/* MSRs that L1 has no use for; observe.c restores those that its own code needs. */
static const struct {
	uint32_t msr;
	bool address;
} harmless[] = {
	{0xc0000081, false}, /* STAR */
	{0xc0000082, true }, /* LSTAR */
	{0xc0000083, true }, /* CSTAR */
	{0xc0000102, true }, /* KERNEL_GS_BASE */
	{0x174,      false}, /* SYSENTER_CS */
	{0x175,      true }, /* SYSENTER_ESP */
	{0x176,      true }, /* SYSENTER_EIP */
};

static void entry(uint64_t *e, bool may_fail)
{
	const unsigned int n = (unsigned int)draw_below(sizeof(harmless) / sizeof(harmless[0]));

	e[0] = harmless[n].msr;
	e[1] = harmless[n].address ? draw() >> 17 : (uint16_t)draw();
	if (!may_fail || !one_in(4))
		return;
	switch (draw_below(5)) {
	case 0:
		e[0] |= 1ull << (32 + draw_below(32));
		break;
	case 1:
		e[0] = one_in(2) ? IA32_FS_BASE : IA32_GS_BASE;
		break;
	case 2:
		e[1] = 0x0000800000000000ull;
		break;
	case 3:
		e[0] = IA32_PAT;
		e[1] = pat(NULL, PAT_USUAL);
		break;
	default:
		e[0] = IA32_EFER;
		e[1] = efer(NULL, rdmsr(IA32_EFER));
		break;
	}
}

void lists_build(struct plan *p)
{
	struct image *w = &p->want;

	for (uint64_t i = 0; i < 4; i++) {
		entry(&msr_list[LIST_ENTRY_LOAD][2 * i], true);
		entry(&msr_list[LIST_EXIT_LOAD][2 * i], false);
		entry(&msr_list[LIST_EXIT_STORE][2 * i], false);
	}
	V(w, ENTRY_MSR_LOAD_COUNT) = one_in(6) ? draw_below(5) : 0;
	V(w, EXIT_MSR_STORE_COUNT) = one_in(8) ? draw_below(5) : 0;
	V(w, EXIT_MSR_LOAD_COUNT) = one_in(8) ? draw_below(5) : 0;
}
