// SPDX-License-Identifier: MIT
/* A valid VMCS for each mode of L2, with random controls. */
#include "fuzz.h"

#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull
#define CR0_PE   0x1ull
#define CR0_PG   0x80000000ull
#define CR4_VME  0x1ull
#define CR4_PSE  0x10ull
#define CR4_PAE  0x20ull

static bool has_paging(enum mode mode)
{
	return mode != FLAT32 && mode != REAL16;
}

static bool has_long_mode(enum mode mode)
{
	return mode == LONG64 || mode == COMPAT32;
}

/* Bits of `from`, each with a chance of 1 : n. */
static uint32_t some_bits(uint32_t from, uint64_t n)
{
	uint32_t bits = 0;

	for (uint32_t left = from; left; left &= left - 1)
		if (one_in(n))
			bits |= left & -left;
	return bits;
}

/* ---- controls ---- */

static void controls(struct plan *p)
{
	struct image *w = &p->want;
	const uint64_t rarity = DRAW_FROM(((const uint64_t[]){2, 5, 20}));
	uint32_t ctl[WORDS];

	for (unsigned int i = 0; i < WORDS; i++)
		ctl[i] = offers.ctl[i].must | some_bits(offers.ctl[i].may & ~offers.ctl[i].must, rarity);
	ctl[WORD_PIN] |= PIN_PREEMPTION_TIMER;
	ctl[WORD_CPU] |= CPU_SECONDARY;
	ctl[WORD_CPU2] &= ~(CPU2_EPT | CPU2_UNRESTRICTED_GUEST);
	if (p->ept)
		ctl[WORD_CPU2] |= CPU2_EPT;
	if (p->ept && (!has_paging(p->mode) || one_in(2)))
		ctl[WORD_CPU2] |= CPU2_UNRESTRICTED_GUEST & offers.ctl[WORD_CPU2].may;
	ctl[WORD_EXIT] |= EXIT_HOST_64;
	ctl[WORD_ENTRY] &= ~ENTRY_IA32E;
	if (has_long_mode(p->mode))
		ctl[WORD_ENTRY] |= ENTRY_IA32E;
	if (one_in(8))
		goto done; /* what depends on what is left to chance */
	if (ctl[WORD_CPU] & CPU_NMI_WINDOW)
		ctl[WORD_PIN] |= PIN_VIRTUAL_NMIS;
	if (ctl[WORD_PIN] & PIN_VIRTUAL_NMIS)
		ctl[WORD_PIN] |= PIN_NMI;
done:
	V(w, PIN_CTLS) = ctl[WORD_PIN];
	V(w, CPU_CTLS) = ctl[WORD_CPU];
	V(w, CPU_CTLS2) = ctl[WORD_CPU2];
	V(w, EXIT_CTLS) = ctl[WORD_EXIT];
	V(w, ENTRY_CTLS) = ctl[WORD_ENTRY];
}

static void control_fields(struct plan *p)
{
	struct image *w = &p->want;

	V(w, EXCEPTION_BITMAP) = one_in(3) ? 0 : one_in(3) ? 0xffffffff : (uint32_t)(draw() & draw());
	V(w, PFEC_MASK) = one_in(2) ? 0 : draw_below(32);
	V(w, PFEC_MATCH) = one_in(2) ? 0 : draw_below(32);
	V(w, CR3_TARGET_COUNT) = draw_below(5);
	for (unsigned int i = 0; i < 4; i++)
		V(w, CR3_TARGET0 + 2 * i) = one_in(2) ? arena_physical(p, PAGE_PML4) : draw();
	V(w, IO_BITMAP_A) = address_of(bitmap_page[MAP_IO_A]);
	V(w, IO_BITMAP_B) = address_of(bitmap_page[MAP_IO_B]);
	V(w, MSR_BITMAP) = address_of(bitmap_page[MAP_MSR]);
	V(w, VIRTUAL_APIC_PAGE) = address_of(virtual_apic);
	V(w, TPR_THRESHOLD) = one_in(4) ? draw_below(1 + (((uint8_t *)virtual_apic)[0x80] >> 4)) : 0;
	V(w, TSC_OFFSET) = one_in(2) ? 0 : draw();
	V(w, EPT_POINTER) = arena_eptp(offers.ept_vpid & EPT_CAP_FLAGS && one_in(2));
	V(w, VPID) = 1 + draw_below(3);
	V(w, CR0_MASK) = one_in(3) ? 0 : draw() & draw();
	V(w, CR4_MASK) = one_in(3) ? 0 : draw() & draw();
	V(w, CR0_SHADOW) = one_in(2) ? V(w, GUEST_CR0) : draw_near(V(w, GUEST_CR0));
	V(w, CR4_SHADOW) = one_in(2) ? V(w, GUEST_CR4) : draw_near(V(w, GUEST_CR4));
	V(w, ENTRY_MSR_LOAD_ADDRESS) = address_of(msr_list[LIST_ENTRY_LOAD]);
	V(w, EXIT_MSR_STORE_ADDRESS) = address_of(msr_list[LIST_EXIT_STORE]);
	V(w, EXIT_MSR_LOAD_ADDRESS) = address_of(msr_list[LIST_EXIT_LOAD]);
	V(w, VMCS_LINK_POINTER) = ~0ull;
}

/* ---- guest state ---- */

static void segment(struct image *w, unsigned int which, uint64_t selector, uint64_t base, uint64_t limit,
		    uint64_t rights)
{
	V(w, GUEST_ES_SEL + 2 * which) = selector;
	V(w, GUEST_ES_BASE + 2 * which) = base;
	V(w, GUEST_ES_LIMIT + 2 * which) = limit;
	V(w, GUEST_ES_AR + 2 * which) = rights;
}

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

static void segments_16(struct image *w, bool virtual_8086)
{
	const uint64_t code = PAGE_ADDRESS(PAGE_CODE);

	for (unsigned int i = ES; i <= GS; i++)
		segment(w, i, 0, 0, 0xffff, virtual_8086 ? 0xf3 : 0x93);
	segment(w, CS, code >> 4, code, 0xffff, virtual_8086 ? 0xf3 : 0x9b);
}

static void segments_wide(struct image *w, bool wide, bool user)
{
	const uint64_t code = user ? (wide ? SEL_UCODE : SEL_UCODE32) : (wide ? SEL_CODE : SEL_CODE32);

	for (unsigned int i = ES; i <= GS; i++)
		segment(w, i, user ? SEL_UDATA : SEL_DATA, 0, 0xffffffff, user ? 0xc0f3 : 0xc093);
	segment(w, CS, code, 0, 0xffffffff, (wide ? 0xa09bu : 0xc09bu) | (user ? 0x60u : 0));
	if (one_in(8))
		segment(w, FS, 0, 0x1000, 0, AR_UNUSABLE);
}

static void segments(const struct plan *p, struct image *w)
{
	if (p->mode == REAL16 || p->mode == V8086)
		segments_16(w, p->mode == V8086);
	else
		segments_wide(w, p->mode == LONG64, p->user);
	segment(w, LDTR, SEL_LDT, PAGE_ADDRESS(PAGE_SPARE), 0xfff, one_in(2) ? AR_UNUSABLE : 0x82);
	segment(w, TR, SEL_TSS, PAGE_ADDRESS(PAGE_GDT) + TSS_OFFSET, 0x67, 0x8b);
	V(w, GUEST_GDTR_BASE) = PAGE_ADDRESS(PAGE_GDT);
	V(w, GUEST_GDTR_LIMIT) = SEL_LIMIT - 1;
	V(w, GUEST_IDTR_BASE) = PAGE_ADDRESS(PAGE_IDT);
	V(w, GUEST_IDTR_LIMIT) = p->mode == REAL16 ? 0x3ff : 0xfff;
}

static void control_registers(const struct plan *p, struct image *w)
{
	const bool paging = has_paging(p->mode), wide = has_long_mode(p->mode);

	V(w, GUEST_CR0) = read_cr0() & ~(CR0_PE | CR0_PG);
	if (p->mode != REAL16)
		V(w, GUEST_CR0) |= CR0_PE;
	if (paging)
		V(w, GUEST_CR0) |= CR0_PG;
	V(w, GUEST_CR3) = arena_physical(p, wide ? PAGE_PML4 : p->mode == PAE32 ? PAGE_PDPT : PAGE_PD);
	V(w, GUEST_CR4) = (read_cr4() & ~(CR4_PAE | CR4_PSE)) | (wide || p->mode == PAE32 ? CR4_PAE : 0) |
			  (p->mode == PAGED32 ? CR4_PSE : 0);
	V(w, GUEST_EFER) = (rdmsr(IA32_EFER) & ~(EFER_LMA | EFER_LME)) | (wide ? EFER_LMA | EFER_LME : 0ull);
	V(w, GUEST_PAT) = 0x0007040600070406;
	if (p->mode == PAE32)
		V(w, GUEST_PDPTE0) = arena_physical(p, PAGE_PD) | RT_PRESENT;
}

static void registers(struct plan *p, struct image *w)
{
	const bool flat = p->mode != REAL16 && p->mode != V8086;

	V(w, GUEST_DR7) = 0x400;
	V(w, GUEST_RIP) = flat ? PAGE_ADDRESS(PAGE_CODE) : 0;
	V(w, GUEST_RSP) = PAGE_ADDRESS(PAGE_STACK) + 0xf00;
	V(w, GUEST_RFLAGS) = 2 | (one_in(3) ? RFLAGS_IF : 0) | (one_in(2) ? draw() & 0x8d5 : 0);
	if (p->mode == V8086)
		V(w, GUEST_RFLAGS) |= 0x20000 | (one_in(2) ? 0x3000 : 0);
	else if (p->user && one_in(2))
		V(w, GUEST_RFLAGS) |= 0x3000;
	V(w, GUEST_SYSENTER_CS) = one_in(4) ? 0 : SEL_CODE;
	V(w, GUEST_SYSENTER_ESP) = PAGE_ADDRESS(PAGE_STACK) + 0x600;
	V(w, GUEST_SYSENTER_EIP) = PAGE_ADDRESS(PAGE_VECTORS) + 0x200;
	for (unsigned int i = 0; i < 16; i++)
		p->regs.r[i] = one_in(3) ? draw() : draw_below(4096ull * ARENA_PAGES);
}

void fields_base(struct plan *p)
{
	struct image *w = &p->want;

	memset(w, 0, sizeof(*w));
	control_registers(p, w);
	segments(p, w);
	registers(p, w);
	controls(p);
	control_fields(p);
	V(w, PREEMPTION_TIMER) = 0; /* machine.c */
}
