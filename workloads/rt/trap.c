/* SPDX-License-Identifier: MIT */
/* IDT, handlers, expected faults, and the last words of an unexpected one. */
#include "internal.h"
#include "rt.h"
#include "rt_apic.h"

/* SDM "64-Bit Mode IDT" */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "IDT layout");

#define GATE_INTERRUPT      0x8e /* present, DPL 0 */
#define GATE_INTERRUPT_USER 0xee /* DPL 3: INT3 and INTO at CPL 3 */

enum { DB = 1, NMI = 2, BP = 3, OF = 4, DF = 8, PF = 14, MC = 18, EXCEPTIONS = 32 };

struct catch
{
	uint64_t rsp; /* first: rt_try_enter writes it */
	uint64_t rflags;
	struct catch *outer;
	struct rt_fault fault;
};

static struct gate idt[256];
static rt_handler *handlers[256];
static struct catch *catches[RT_CPUS_MAX];

static const char *const names[EXCEPTIONS] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
					      "#DF", "",    "#TS", "#NP", "#SS", "#GP", "#PF", "",
					      "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};

static uint8_t ist_of(unsigned int vector)
{
	switch (vector) {
	case DF:
		return RT_IST_DF;
	case NMI:
		return RT_IST_NMI;
	case MC:
		return RT_IST_MC;
	case DB:
		return RT_IST_DB;
	default:
		return vector < EXCEPTIONS ? RT_IST_EXCEPTION : RT_IST_INTERRUPT;
	}
}

void rt_set_gate(unsigned int vector, void (*entry)(void))
{
	uint64_t to = entry ? (uint64_t)(uintptr_t)entry : (uint64_t)(uintptr_t)rt_trap_stubs[vector];

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)to,
		.selector = RT_SEL_CODE,
		.ist = ist_of(vector),
		.type = vector == BP || vector == OF ? GATE_INTERRUPT_USER : GATE_INTERRUPT,
		.offset_mid = (uint16_t)(to >> 16),
		.offset_high = (uint32_t)(to >> 32),
	};
}

/* SDM "Spurious Interrupt": raising TPR over a vector that is on its way makes one; no EOI. */
static void on_spurious(struct rt_regs *regs)
{
	(void)regs;
}

void rt_traps_init(void)
{
	rt_on(RT_VECTOR_SPURIOUS, on_spurious);
	for (unsigned int v = 0; v < 256; v++)
		rt_set_gate(v, NULL);
}

void rt_idt_load(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void rt_on(unsigned int vector, rt_handler *handler)
{
	handlers[vector] = handler;
}

static void die(const struct rt_regs *r)
{
	static unsigned int deaths;

	if (__atomic_fetch_add(&deaths, 1, __ATOMIC_SEQ_CST)) /* printing faults as well */
		rt_shutdown();
	rt_printf("unexpected vector %lu %s, error code 0x%lx, CR2 0x%lx, CPU %u\n", r->vector,
		  r->vector < EXCEPTIONS && names[r->vector] ? names[r->vector] : "", r->error_code,
		  read_cr2(), rt_cpu());
	rt_printf("rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx\n", r->rip, r->cs, r->rflags, r->rsp,
		  r->ss);
	rt_printf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
	rt_printf("rsi %016lx rdi %016lx rbp %016lx\n", r->rsi, r->rdi, r->rbp);
	rt_printf("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", r->r8, r->r9, r->r10, r->r11);
	rt_printf("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", r->r12, r->r13, r->r14, r->r15);
	rt_printf("cr0 %08lx cr3 %016lx cr4 %08lx efer %04lx\n", read_cr0(), read_cr3(), read_cr4(),
		  rdmsr(MSR_EFER));
	rt_shutdown();
}

void rt_trap(struct rt_regs *regs)
{
	struct catch *c = catches[rt_cpu()];

	if (c && regs->vector < EXCEPTIONS && regs->vector != NMI) {
		c->fault = (struct rt_fault){(uint32_t)regs->vector, regs->error_code, read_cr2(), regs->rip};
		catches[rt_cpu()] = c->outer;
		regs->rip = (uint64_t)(uintptr_t)rt_try_recover;
		regs->rsp = c->rsp;
		regs->rflags = c->rflags;
		regs->cs = RT_SEL_CODE;
		regs->ss = RT_SEL_DATA;
		return;
	}
	if (handlers[regs->vector])
		handlers[regs->vector](regs);
	else
		die(regs);
}

bool rt_try(void (*fn)(void *), void *arg, struct rt_fault *fault)
{
	struct catch c = {
		0, read_rflags(), catches[rt_cpu()], {RT_NO_FAULT, 0, 0, 0}
        };
	bool whole;

	catches[rt_cpu()] = &c;
	whole = rt_try_enter(fn, arg, &c.rsp) == 0;
	catches[rt_cpu()] = c.outer;
	if (fault)
		*fault = c.fault;
	return whole;
}

struct msr_access {
	uint32_t msr;
	uint64_t v;
};

static void try_rdmsr(void *p)
{
	struct msr_access *a = p;

	a->v = rdmsr(a->msr);
}

static void try_wrmsr(void *p)
{
	const struct msr_access *a = p;

	wrmsr(a->msr, a->v);
}

bool rt_rdmsr_safe(uint32_t msr, uint64_t *v)
{
	struct msr_access a = {msr, 0};
	bool ok = rt_try(try_rdmsr, &a, NULL);

	*v = a.v;
	return ok;
}

bool rt_wrmsr_safe(uint32_t msr, uint64_t v)
{
	struct msr_access a = {msr, v};

	return rt_try(try_wrmsr, &a, NULL);
}
