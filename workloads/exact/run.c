// SPDX-License-Identifier: MIT
/* One instruction, from a known state to the trap that ends it. */
#include <nestbed/ports.h>

#include "exact_impl.h"
#include "rt_apic.h"
#include "rt_check.h"

#define MSR_DEBUGCTL 0x1d9u
#define SEL_CODE64   0x08u
#define SEL_DATA64   0x10u
#define SEL_UDATA64  0x23u
#define SEL_UCODE64  0x2bu
#define CR2_SENTINEL 0x5a5a5000ull
#define INT3         0xccu
#define VECTORS      256u
#define STACK_BELOW  48u

struct frame {
	uint64_t r[GPRS];
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

extern uint8_t exact_stubs[VECTORS][16];
void exact_enter(const struct entry *entry);
int exact_trap(struct frame *frame);

/* ---- segments: every one of 16- and 32-bit code has a base of its own ---- */

enum { ES, CS, SS_, DS, FS, GS, SEGMENTS };
static const uint32_t base32[SEGMENTS] = {0x00002000, 0xf0000000, 0x00000000,
					  0x00001000, 0x00003000, 0xfffff000};

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

enum { /* behind the runtime's descriptors */
       OWN_CODE32,
       OWN_UCODE32,
       OWN_CODE16,
       OWN_UCODE16,
       OWN_DATA32, /* ES, CS (not used), SS, DS, FS, GS; DPL 3 */
       OWN_STACK32 = OWN_DATA32 + SEGMENTS, /* DPL 0 */
       OWN_DATA16, /* DPL 3 */
       OWN_STACK16, /* DPL 0 */
       OWN_COUNT,
};
#define GDT_MAX 64u
static uint64_t gdt[GDT_MAX] __attribute__((aligned(16)));
static unsigned int own; /* index of OWN_CODE32 */

static uint64_t descriptor(uint32_t base, uint32_t limit, uint64_t access, uint64_t flags)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | access << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | flags << 52 | (uint64_t)(base >> 24) << 56;
}

static void gdt_init(void)
{
	struct table t;

	__asm__ volatile("sgdt %0" : "=m"(t));
	memcpy(gdt, (const void *)(uintptr_t)t.base, t.limit + 1u);
	own = (t.limit + 1u) / 8;
	gdt[own + OWN_CODE32] = descriptor(base32[CS], 0xfffff, 0x9b, 0xc);
	gdt[own + OWN_UCODE32] = descriptor(base32[CS], 0xfffff, 0xfb, 0xc);
	gdt[own + OWN_CODE16] = descriptor(WINDOW, 0xffff, 0x9b, 0);
	gdt[own + OWN_UCODE16] = descriptor(WINDOW, 0xffff, 0xfb, 0);
	for (unsigned int s = 0; s < SEGMENTS; s++)
		gdt[own + OWN_DATA32 + s] = descriptor(base32[s], 0xfffff, 0xf3, 0xc);
	gdt[own + OWN_STACK32] = descriptor(base32[SS_], 0xfffff, 0x93, 0xc);
	gdt[own + OWN_DATA16] = descriptor(WINDOW, 0xffff, 0xf3, 0);
	gdt[own + OWN_STACK16] = descriptor(WINDOW, 0xffff, 0x93, 0);
	t.base = (uint64_t)(uintptr_t)gdt;
	t.limit = (uint16_t)((own + OWN_COUNT) * 8 - 1);
	__asm__ volatile("lgdt %0" : : "m"(t));
}

static uint64_t selector(unsigned int which, bool user)
{
	return (own + which) * 8 | (user ? 3 : 0);
}

uint64_t run_segment_base(enum mode mode, unsigned int segment)
{
	if (IN_64(mode))
		return 0;
	return mode == KERNEL16 || mode == USER16 ? WINDOW : base32[segment];
}

void run_segments(struct setup *s)
{
	struct entry *e = &s->entry;
	const bool user = IN_USER(s->mode);

	e->fs = e->gs = ~0ull;
	if (IN_64(s->mode)) {
		e->cs = user ? SEL_UCODE64 : SEL_CODE64;
		e->ss = e->ds = e->es = user ? SEL_UDATA64 : SEL_DATA64;
		return;
	}
	if (s->mode == KERNEL16 || s->mode == USER16) {
		e->cs = selector(user ? OWN_UCODE16 : OWN_CODE16, user);
		e->ds = e->es = e->fs = e->gs = selector(OWN_DATA16, true);
		e->ss = selector(user ? OWN_DATA16 : OWN_STACK16, user);
		return;
	}
	e->cs = selector(user ? OWN_UCODE32 : OWN_CODE32, user);
	e->ss = selector(user ? OWN_DATA32 + SS_ : OWN_STACK32, user);
	e->ds = selector(OWN_DATA32 + DS, true);
	e->es = selector(OWN_DATA32 + ES, true);
	e->fs = selector(OWN_DATA32 + FS, true);
	e->gs = selector(OWN_DATA32 + GS, true);
}

/* ---- traps ---- */

static struct outcome *out;
static const struct setup *current;

static void note(const struct frame *f)
{
	struct event *e = &out->event[out->count++];

	e->vector = f->vector;
	e->error = f->error;
	e->rip = f->rip;
	e->cs = f->cs;
	e->rflags = f->rflags;
	e->ss = f->ss;
	e->cr2 = read_cr2();
	e->dr6 = read_dr6();
	e->dr7 = read_dr7();
	memcpy(e->r, f->r, sizeof(e->r));
}

/* A fault-class #DB comes again unless RF says that it has been seen. */
static bool is_code_breakpoint(const struct event *e)
{
	for (unsigned int i = 0; i < 4; i++)
		if (e->dr6 >> i & 1 && !(e->dr7 >> (16 + 4 * i) & 3) && e->dr7 >> 2 * i & 3)
			return true;
	return false;
}

int exact_trap(struct frame *f)
{
	if (!out && f->vector >= 32) { /* one that a run left pending */
		rt_apic_eoi();
		return 0;
	}
	if (!out)
		rt_panic("vector %lu at 0x%lx outside a run", f->vector, f->rip);
	note(f);
	write_dr6(DR6_CLEAR);
	if (f->vector >= 32)
		rt_apic_eoi();
	else if (f->vector != DB)
		return 1;
	if (f->vector == DB && is_code_breakpoint(&out->event[out->count - 1]))
		f->rflags |= FLAG_RF;
	return out->count == EVENTS_MAX;
}

static void gates_init(void)
{
	for (unsigned int v = 0; v < VECTORS; v++)
		if (v != NMI && v != DF && v != MC)
			rt_set_gate(v, (void (*)(void))(uintptr_t)exact_stubs[v]);
}

/* ---- memory ---- */

static const struct {
	enum page page;
	unsigned int offset;
} regions[REGIONS] = {
	{PAGE_BEFORE, 4096 - REGION     },
	{PAGE_DATA0,  0                 },
	{PAGE_DATA0,  0x100 - REGION / 2},
	{PAGE_DATA0,  4096 - REGION     },
	{PAGE_DATA1,  0                 },
	{PAGE_DATA1,  4096 - REGION     },
	{PAGE_AFTER,  0                 },
	{PAGE_OTHER,  0x100 - REGION / 2},
};

static bool takes(const struct setup *s, unsigned int region)
{
	return !s->regions || s->regions >> region & 1;
}

static void fill(const struct setup *s)
{
	static uint64_t words[REGION / 8];
	uint64_t x = s->seed * 0x9e3779b97f4a7c15ull | 1;

	for (unsigned int i = 0; i <= REGIONS; i++) {
		for (unsigned int w = 0; w < REGION / 8; w++) {
			x ^= x >> 12;
			x ^= x << 25;
			x ^= x >> 27;
			words[w] = x * 0x2545f4914f6cdd1dull;
		}
		if (i < REGIONS && !takes(s, i))
			continue;
		if (i < REGIONS)
			memory_copy(memory_bytes(regions[i].page) + regions[i].offset, words, REGION);
		else
			memory_copy(memory_bytes(PAGE_STACK) + (STACK_TOP & 4095) - STACK_BELOW, words,
				    REGION);
	}
	if (s->prepare)
		s->prepare(s);
}

static void put_code(const struct setup *s)
{
	volatile uint8_t *page = memory_bytes(PAGE_CODE); /* PAGE_CODE_NEXT lies behind it */

	for (unsigned int i = 0; i < 32; i++)
		page[s->code_offset + i] = s->code + i < s->code_end ? s->code[i] : INT3;
}

static void collect(const struct setup *s, struct outcome *o)
{
	for (unsigned int i = 0; i < REGIONS; i++)
		if (takes(s, i))
			memory_copy(o->memory[i], memory_bytes(regions[i].page) + regions[i].offset, REGION);
	memory_copy(o->stack, memory_bytes(PAGE_STACK) + (STACK_TOP & 4095) - STACK_BELOW, REGION);
	for (enum page p = 0; p < PAGES; p++)
		o->accessed[p] = memory_accessed(p);
}

/* ---- the run ---- */

static void load_registers(const struct setup *s)
{
	write_cr2(CR2_SENTINEL);
	write_dr6(DR6_CLEAR);
	write_dr0(s->dr[0]);
	write_dr1(s->dr[1]);
	write_dr2(s->dr[2]);
	write_dr3(s->dr[3]);
	__asm__ volatile("movups %0, %%xmm0; movups %1, %%xmm1; movups %2, %%xmm2; movups %3, %%xmm3"
			 :
			 : "m"(s->xmm[0]), "m"(s->xmm[1]), "m"(s->xmm[2]), "m"(s->xmm[3]));
	if (s->cr4_or)
		write_cr4(read_cr4() | s->cr4_or);
	if (s->cr0_or)
		write_cr0(read_cr0() | s->cr0_or);
	if (s->debugctl)
		wrmsr(MSR_DEBUGCTL, s->debugctl);
	if (IN_64(s->mode) && (s->fs_base | s->gs_base)) {
		wrmsr(MSR_FS_BASE, s->fs_base);
		wrmsr(MSR_GS_BASE, s->gs_base);
	}
	if (s->dr7)
		write_dr7(s->dr7);
}

static void save_registers(const struct setup *s, struct outcome *o, uint64_t cr0, uint64_t cr4)
{
	if (s->dr7)
		write_dr7(DR7_CLEAR);
	o->cr0 = read_cr0();
	o->cr4 = read_cr4();
	if (o->cr4 != cr4)
		write_cr4(cr4);
	if (o->cr0 != cr0) /* before XMM registers are used */
		write_cr0(cr0);
	o->base[0] = rdmsr(MSR_FS_BASE);
	o->base[1] = rdmsr(MSR_GS_BASE);
	__asm__ volatile("mov %%fs, %0; mov %%gs, %1" : "=r"(o->selector[0]), "=r"(o->selector[1]));
	__asm__ volatile("movups %%xmm0, %0; movups %%xmm1, %1; movups %%xmm2, %2; movups %%xmm3, %3"
			 : "=m"(o->xmm[0]), "=m"(o->xmm[1]), "=m"(o->xmm[2]), "=m"(o->xmm[3]));
	if (s->debugctl) {
		o->debugctl = rdmsr(MSR_DEBUGCTL);
		wrmsr(MSR_DEBUGCTL, 0);
	}
}

static void clear(struct outcome *o)
{
	uint64_t words = sizeof(*o) / 8;

	__asm__ volatile("rep stosq" : "+D"(o), "+c"(words) : "a"(0) : "memory");
}

void run(const struct setup *s, enum place place, struct outcome *o)
{
	const uint64_t cr0 = read_cr0(), cr4 = read_cr4(), fs_base = rdmsr(MSR_FS_BASE);
	struct entry e = s->entry;

	clear(o);
	memory_place(place);
	put_code(s);
	fill(s);
	if (s->pages)
		s->pages(s);
	e.rip = LINEAR(PAGE_CODE) + s->code_offset - run_segment_base(s->mode, CS);
	if (!IN_64(s->mode))
		e.rip = (uint32_t)e.rip;
	out = o;
	current = s;
	load_registers(s);
	exact_enter(&e);
	save_registers(s, o, cr0, cr4);
	out = NULL;
	interrupts_on();
	pause_cpu();
	interrupts_off();
	__asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0));
	wrmsr(MSR_FS_BASE, fs_base);
	collect(s, o);
}

void run_init(void)
{
	__asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0)); /* as each run leaves them */
	gdt_init();
	memory_init();
	gates_init();
}
