// SPDX-License-Identifier: MIT
/* L2's memory: data, stack, descriptor tables, page tables, the EPT under it; and the pages its VMCS points
 * to. */
#include "fuzz.h"

#define ALL     (RT_PRESENT | RT_WRITABLE | RT_USER)
#define LARGE   0x80ull
#define EPT_RWX 7ull
#define EPT_WB  (6ull << 3)

uint64_t arena[ARENA_PAGES][512] __attribute__((aligned(4096)));
uint64_t bitmap_page[MAP_PAGES][512] __attribute__((aligned(4096)));
uint64_t virtual_apic[512] __attribute__((aligned(4096)));
static uint64_t large[0x200000 / 8] __attribute__((aligned(0x200000))); /* L2 sees the first page changed */
static struct {
	uint64_t pml4[512], pdpt[512], pd[512], pt[512];
} ept __attribute__((aligned(4096)));

uint64_t arena_physical(const struct plan *p, unsigned int page)
{
	return p->ept ? PAGE_ADDRESS(page) : address_of(arena[page]);
}

uint64_t arena_eptp(bool flags)
{
	return address_of(ept.pml4) | (flags ? 1u << 6 : 0) | 3 << 3 | 6;
}

static void fill(uint64_t *page, uint64_t word)
{
	uint64_t words = 512;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(word) : "memory");
}

/*
 * ---- page tables ----
 * L0 stops a VM that keeps page tables where no memory is, or reaches there by an instruction that it can't
 * complete: where L2's pages are absent, they are so in the page tables or in the EPT.
 */

static bool hidden(unsigned int page)
{
	return (page >= PAGE_PML4 && page <= PAGE_PT) || page == PAGE_HIDDEN;
}

static uint64_t leaf(const struct plan *p, unsigned int page)
{
	if (hidden(page) || (page == PAGE_HOLE && !p->ept))
		return 0;
	return arena_physical(p, page) | ALL;
}

static void paging_32(const struct plan *p)
{
	uint32_t *pd = (uint32_t *)arena[PAGE_PD], *pt = (uint32_t *)arena[PAGE_PT];

	pd[0] = (uint32_t)(arena_physical(p, PAGE_PT) | ALL);
	pd[1] = (uint32_t)(0x400000 | ALL | LARGE); /* nothing there */
	for (unsigned int i = 0; i < ARENA_PAGES; i++)
		pt[i] = (uint32_t)leaf(p, i);
}

static void paging_64(const struct plan *p)
{
	arena[PAGE_PML4][0] = arena_physical(p, PAGE_PDPT) | ALL;
	arena[PAGE_PDPT][0] = arena_physical(p, PAGE_PD) | (p->mode == PAE32 ? RT_PRESENT : ALL);
	arena[PAGE_PD][0] = arena_physical(p, PAGE_PT) | ALL;
	arena[PAGE_PD][1] = (p->ept ? LARGE_LINEAR : address_of(large)) | ALL | LARGE;
	arena[PAGE_PD][3] = p->ept ? NOWHERE | ALL | LARGE : 0;
	for (unsigned int i = 0; i < ARENA_PAGES; i++)
		arena[PAGE_PT][i] = leaf(p, i);
}

/* ---- descriptor tables ---- */

static void idt_build(enum mode mode)
{
	const uint64_t vectors = PAGE_ADDRESS(PAGE_VECTORS);
	uint64_t *idt = arena[PAGE_IDT];

	for (uint64_t v = 0; v < 256; v++) {
		const uint64_t to = vectors + 16 * v, type = v >= 0x80 || v == 3 || v == 4 ? 0xee : 0x8e;

		if (mode == LONG64 || mode == COMPAT32)
			idt[2 * v] = to | (uint64_t)SEL_CODE << 16 | type << 40;
		else if (mode == REAL16)
			((uint32_t *)idt)[v] = (uint32_t)(vectors >> 4 << 16 | 16 * v);
		else
			idt[v] = to | (uint64_t)SEL_CODE32 << 16 | type << 40;
	}
}

static void gdt_build(enum mode mode)
{
	static const uint64_t segments[] = {
		0,
		0x00af9b000000ffff, /* SEL_CODE */
		0x00cf93000000ffff, /* SEL_DATA */
		0x00cf9b000000ffff, /* SEL_CODE32 */
		0x00cf13000000ffff, /* SEL_ABSENT */
		0x00cff3000000ffff, /* SEL_UDATA */
		0x00affb000000ffff, /* SEL_UCODE */
		0x00cffb000000ffff, /* SEL_UCODE32 */
	};
	const bool wide = mode == LONG64 || mode == COMPAT32;
	const uint64_t tss = PAGE_ADDRESS(PAGE_GDT) + TSS_OFFSET, ldt = PAGE_ADDRESS(PAGE_SPARE);
	uint64_t *gdt = arena[PAGE_GDT];
	uint8_t *t = (uint8_t *)gdt + TSS_OFFSET;
	const uint64_t stack = PAGE_ADDRESS(PAGE_STACK) + 0x800;
	const uint32_t ss0 = SEL_DATA;

	memcpy(gdt, segments, sizeof(segments));
	gdt[SEL_TSS / 8] = 0x67 | tss << 16 | 0x89ull << 40;
	gdt[SEL_CONFORMING / 8] = 0x00af9f000000ffff;
	gdt[SEL_CODE16 / 8] = 0x00009b000000ffff;
	gdt[SEL_GATE / 8] = (PAGE_ADDRESS(PAGE_VECTORS) + 0x30) |
			    (uint64_t)(wide ? SEL_CODE : SEL_CODE32) << 16 | 0xecull << 40;
	gdt[SEL_LDT / 8] = 0xfff | ldt << 16 | 0x82ull << 40;
	memcpy(t + 4, &stack, 8); /* RSP0; ESP0 */
	if (wide)
		memcpy(t + 36, &stack, 8); /* IST1 */
	else
		memcpy(t + 8, &ss0, 4);
	t[102] = 0x68; /* no I/O permission bitmap */
}

static void vectors_build(void)
{
	/* nop; vmcall; iretq. The NOP: docs/bochs-differences.md, first instruction of an NMI handler */
	static const uint8_t handler[] = {0x90, 0x0f, 0x01, 0xc1, 0x48, 0xcf, 0xf4, 0xf4};
	uint64_t word;

	memcpy(&word, handler, 8);
	for (uint64_t v = 0; v < 256; v++)
		arena[PAGE_VECTORS][2 * v] = word;
}

/* ---- data: operands that L2's instructions find there ---- */

static uint64_t data_word(void)
{
	static const uint32_t selector[] = {SEL_CODE, SEL_CODE32, SEL_DATA,   SEL_UCODE, SEL_UDATA, SEL_GATE,
					    SEL_TSS,  SEL_ABSENT, SEL_CODE16, 0,         SEL_LIMIT};
	const uint64_t to = PAGE_ADDRESS(PAGE_VECTORS) + 0x20;

	switch (draw_below(5)) {
	case 0: /* a far pointer of 4 + 2 bytes */
		return to | (uint64_t)DRAW_FROM(selector) << 32;
	case 1: /* a limit and a base */
		return 0x7f | PAGE_ADDRESS(one_in(2) ? PAGE_GDT : PAGE_IDT) << 16;
	case 2:
		return to;
	case 3:
		return draw_near(0);
	default:
		return draw();
	}
}

static void data_build(void)
{
	for (unsigned int page = PAGE_DATA0; page <= PAGE_DATA3; page++)
		for (unsigned int i = 0; i < 8; i++)
			arena[page][i] = data_word();
	for (unsigned int i = 480; i < 512; i++)
		arena[PAGE_STACK][i] = data_word();
}

/* ---- what the VMCS points to ---- */

static void bitmaps_build(void)
{
	for (unsigned int i = 0; i < MAP_PAGES; i++) {
		const uint64_t word = one_in(4) ? ~0ull : 0;

		fill(bitmap_page[i], word);
		for (unsigned int n = (unsigned int)draw_below(6); n; n--)
			((uint8_t *)bitmap_page[i])[draw_below(4096)] ^= (uint8_t)draw();
		/* the MSRs and ports that streams use lie in few bytes */
		for (unsigned int n = (unsigned int)draw_below(4); n; n--)
			((uint8_t *)bitmap_page[i])[1024 * draw_below(4) + 0x10 + draw_below(0x20)] ^= 0xff;
	}
	fill(virtual_apic, 0);
	((uint8_t *)virtual_apic)[0x80] = (uint8_t)(draw_below(16) << 4);
}

static void ept_build(void)
{
	fill(ept.pml4, 0);
	fill(ept.pdpt, 0);
	fill(ept.pd, 0);
	fill(ept.pt, 0);
	ept.pml4[0] = address_of(ept.pdpt) | EPT_RWX;
	ept.pdpt[0] = address_of(ept.pd) | EPT_RWX;
	ept.pd[0] = address_of(ept.pt) | EPT_RWX;
	ept.pd[1] = address_of(large) | EPT_RWX | EPT_WB | LARGE;
	for (unsigned int i = 0; i < ARENA_PAGES; i++)
		if (i != PAGE_HOLE)
			ept.pt[i] = address_of(arena[i]) | EPT_RWX | EPT_WB;
}

void arena_build(struct plan *p)
{
	for (unsigned int i = 0; i < ARENA_PAGES; i++)
		fill(arena[i], 0);
	fill(large, 0);
	if (p->mode == PAGED32)
		paging_32(p);
	else
		paging_64(p);
	idt_build(p->mode);
	gdt_build(p->mode);
	vectors_build();
	data_build();
	bitmaps_build();
	ept_build();
}

/*
 * Bochs sets accessed and dirty bits in page tables that the EPT maps read-only, where the SDM wants an EPT
 * violation (docs/bochs-differences.md): pages of tables keep R and W or lose both.
 */
static uint64_t spoilt_leaf(unsigned int page, uint64_t entry)
{
	const bool table = page >= PAGE_PML4 && page <= PAGE_PT;

	switch (draw_below(8)) {
	case 0:
		return table ? entry & ~3ull : entry & ~2ull;
	case 1:
		return entry & ~(table ? 3ull : 7ull);
	case 2:
		return entry & ~4ull;
	case 3: /* memory type */
		return (entry & ~0x38ull) | draw_below(8) << 3;
	case 4:
		return entry | 1ull << (offers.physical_bits + draw_below(52 - offers.physical_bits));
	case 5:
		return table ? 0 : (address_of(arena[draw_below(4)]) | (entry & 0xfff));
	case 6:
		return 0;
	default:
		return table ? entry ^ 4 : entry ^ draw_below(8);
	}
}

static uint64_t spoilt_table(uint64_t entry)
{
	switch (draw_below(5)) {
	case 0:
		return entry & ~7ull;
	case 1:
		return entry & ~4ull;
	case 2:
		return entry ^ 1ull << (3 + draw_below(5)); /* reserved, or a large page where none is */
	case 3:
		return entry | 1ull << (offers.physical_bits + draw_below(52 - offers.physical_bits));
	default:
		return entry & ~3ull;
	}
}

void arena_spoil_ept(void)
{
	if (one_in(5)) {
		uint64_t *const entry[] = {&ept.pml4[0], &ept.pdpt[0], &ept.pd[0], &ept.pd[1]};
		uint64_t *e = DRAW_FROM(entry);

		*e = spoilt_table(*e);
		return;
	}
	for (unsigned int n = 1 + (unsigned int)draw_below(3); n; n--) {
		const unsigned int page = (unsigned int)draw_below(ARENA_PAGES);

		ept.pt[page] = spoilt_leaf(page, ept.pt[page]);
	}
}

/* RFLAGS.RF of a fault that exits is lost on Bochs (docs/bochs-differences.md), so in frames on the stack as
 * well. */
#define RF 0x10000ull

void arena_tell(void)
{
	static const char *const names[ARENA_PAGES] = {"data0",   "data1", "data2",  "data3", "stack", "IDT",
						       "GDT",     "PML4",  "PDPT",   "PD",    "PT",    "code",
						       "vectors", "hole",  "hidden", "spare"};

	for (unsigned int i = 0; i < ARENA_PAGES; i++)
		tell_bytes(names[i], arena[i], 512, ~(RF | RF << 32));
	tell_bytes("large", large, 64, ~0ull);
	tell_bytes("EPT PT", ept.pt, 16, ~0ull);
	tell_bytes("EPT PD", ept.pd, 4, ~0ull);
	tell_bytes("EPT PDPT", ept.pdpt, 4, ~0ull);
	tell_bytes("EPT PML4", ept.pml4, 4, ~0ull);
	tell_bytes("virtual APIC", virtual_apic, 32, ~0ull);
	tell_bytes("stored MSRs", msr_list[LIST_EXIT_STORE], 16, ~0ull);
}
