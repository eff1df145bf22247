/* SPDX-License-Identifier: MIT */
/*
 * vmxfuzz: an L1 that makes a valid VMCS, spoils some of it, enters, and lets L2 run a random stream of
 * instructions. All of it is drawn from `seed=` and the entry's number, so that an entry can be run alone.
 * What came of it is told; the bare machine and L1 under L0 must tell the same.
 *
 * L2 lives in 16 pages, the arena. Their linear addresses, and their L2-physical ones if L2 has EPT, begin at
 * 0.
 */
#ifndef VMXFUZZ_FUZZ_H
#define VMXFUZZ_FUZZ_H

#include "workloads/rt/rt.h"
#include "workloads/vmx/vmx.h"

/* ---- draw.c: random numbers of the entry ---- */
void draw_seed(uint64_t seed, uint64_t entry);
uint64_t draw(void);
uint64_t draw_below(uint64_t n); /* 0 .. n - 1 */
bool one_in(uint64_t n);
/* A value near `valid`: a bit changed, one more or less; or 0, all ones, small, not canonical, anything. */
uint64_t draw_near(uint64_t valid);
#define DRAW_FROM(array) ((array)[draw_below(sizeof(array) / sizeof((array)[0]))])

/* ---- tell.c: what is compared ---- */
extern bool tell_verbose; /* each value in words; else one hash an entry */
void tell_begin(uint64_t entry);
void tell(const char *name, uint64_t value);
void tell_bytes(const char *name, const void *page, unsigned int words, uint64_t mask); /* 64-bit words */
void tell_end(void);

/* ---- offers.c: what both machines have ---- */
enum word { WORD_PIN, WORD_CPU, WORD_CPU2, WORD_EXIT, WORD_ENTRY, WORDS };
struct offers {
	struct {
		uint32_t must; /* bits that are always 1 */
		uint32_t may; /* bits that may be 1 and that L0 offers */
		uint32_t never; /* bits that no machine takes */
	} ctl[WORDS];
	uint64_t ept_vpid; /* IA32_VMX_EPT_VPID_CAP */
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	uint32_t revision;
	unsigned int physical_bits;
	unsigned int timer_rate;
	uint64_t efer_known;
};
extern struct offers offers;
const char *offers_probe(void); /* what is missing, or NULL */
static inline bool offers_can(enum word word, uint32_t bits)
{
	return (offers.ctl[word].may & bits) == bits;
}

/* ---- an entry ---- */

enum mode {
	LONG64,
	COMPAT32,
	PAE32,
	PAGED32,
	FLAT32, /* protected mode without paging: 'unrestricted guest' */
	REAL16, /* likewise */
	V8086,
	MODES
};

/* Values of VMCS fields, by encoding. */
struct image {
	uint64_t v[1024];
};
static inline unsigned int slot(uint32_t field)
{
	return (field >> 13 & 3) << 8 | (field >> 10 & 3) << 6 | (field >> 1 & 0x3f);
}
#define V(image, field) ((image)->v[slot(field)])

/* CD and NW, which no entry and no exit changes: one for all levels on the processor, each level's own under
 * L0 */
#define CR0_KEPT 0x60000000ull

struct registers {
	uint64_t r[16]; /* in the order of their encoding; RSP's is in the VMCS */
};

struct plan {
	enum mode mode;
	bool user;
	bool ept;
	unsigned int spoils;
	struct image want;
	struct registers regs;
};

/* ---- arena.c: L2's memory, and what its VMCS points to ---- */
enum {
	PAGE_DATA0,
	PAGE_DATA1,
	PAGE_DATA2,
	PAGE_DATA3,
	PAGE_STACK,
	PAGE_IDT,
	PAGE_GDT, /* and TSS */
	PAGE_PML4, /* the four tables are not in L2's linear memory: stale translations would be undefined */
	PAGE_PDPT,
	PAGE_PD,
	PAGE_PT,
	PAGE_CODE,
	PAGE_VECTORS,
	PAGE_HOLE, /* no such page in the EPT */
	PAGE_HIDDEN, /* no such page in L2's page tables */
	PAGE_SPARE,
	ARENA_PAGES
};
enum { MAP_IO_A, MAP_IO_B, MAP_MSR, MAP_PAGES };
enum { LIST_ENTRY_LOAD, LIST_EXIT_STORE, LIST_EXIT_LOAD, LISTS };
#define PAGE_ADDRESS(n) (4096ull * (n))
#define LARGE_LINEAR    0x200000ull /* 2 MiB page of L2's, of the EPT as well */
#define TSS_OFFSET      0x800u
#define NOWHERE         0x30000000ull /* where no machine here has memory */

extern uint64_t arena[ARENA_PAGES][512];
extern uint64_t bitmap_page[MAP_PAGES][512];
extern uint64_t virtual_apic[512];
extern uint64_t msr_list[LISTS][512];
static inline uint64_t address_of(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}
uint64_t arena_physical(const struct plan *p, unsigned int page); /* as L2 would name it */
uint64_t arena_eptp(bool flags);
void arena_build(struct plan *p);
void arena_spoil_ept(void);
void arena_tell(void);

enum {
	SEL_CODE = 0x08,
	SEL_DATA = 0x10,
	SEL_CODE32 = 0x18,
	SEL_ABSENT = 0x20,
	SEL_UDATA = 0x2b,
	SEL_UCODE = 0x33,
	SEL_UCODE32 = 0x3b,
	SEL_TSS = 0x40,
	SEL_CONFORMING = 0x50,
	SEL_CODE16 = 0x58,
	SEL_GATE = 0x60,
	SEL_LDT = 0x70,
	SEL_LIMIT = 0x80,
};

/* ---- fields.c, spoil.c: the VMCS ---- */
void fields_base(struct plan *p); /* a valid one for the plan's mode */
void fields_spoil(struct plan *p);
void lists_build(struct plan *p);

/* ---- stream.c: L2's instructions, into the code page ---- */
void stream_build(const struct plan *p);

/* ---- machine.c: VMCSs of this L1, and the way to L2 and back ---- */
enum entered { ENTERED, FAIL_INVALID, FAIL_VALID };
void machine_on(void);
void machine_host(struct image *want); /* the host state that fits this L1 */
void machine_prepare(struct plan *p); /* a VMCS is current and holds the plan's values */
/* wrong: VMLAUNCH for VMRESUME or the other way round; blocked: behind a MOV SS */
enum entered machine_enter(struct registers *regs, bool wrong, bool blocked);
uint64_t machine_region(unsigned int n); /* VMCS regions 0 to 2; 3: one with a wrong revision */
uint64_t machine_vmxon_region(void);
void machine_forget(void); /* the VMCSs are not what they were */
void machine_saved(uint32_t field, uint64_t value); /* found in the current VMCS */

/* ---- observe.c ---- */
void observe(struct plan *p, enum entered how);

/* ---- instructions.c: VMX instructions with bad operands ---- */
void instructions_run(void);

#endif
