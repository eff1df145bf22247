/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm: random MSRs, ports, control registers and MMIO from `seed=`, `rounds=` times each,
 * then the end that `end=` names: shutdown, idt (no handler any more), gdt, cr3 (page tables outside memory),
 * jump (non-canonical, with nobody to tell), repio. `only=NAME` runs one row. Faults are its own to catch;
 * only the hypervisor may not be harmed.
 */
#include <nestbed/ports.h>

#include "rt.h"
#include "random.h"

static uint64_t value(void)
{
	switch (next() % 6) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return 1ull << next() % 64;
	case 3:
		return 0x8000000000000000ull | next();
	case 4:
		return next() & 0xffff;
	default:
		return next();
	}
}

struct access {
	uint64_t where, value;
	unsigned int how;
};

static void msr(struct access *a)
{
	static const uint32_t known[] = {
		MSR_APIC_BASE,
		MSR_FEATURE_CONTROL,
		MSR_SYSENTER_CS,
		MSR_SYSENTER_ESP,
		MSR_SYSENTER_EIP,
		MSR_MISC_ENABLE,
		MSR_PAT,
		MSR_VMX_BASIC,
		MSR_TSC_DEADLINE,
		MSR_EFER,
		MSR_STAR,
		MSR_LSTAR,
		MSR_CSTAR,
		MSR_FMASK,
		MSR_GS_BASE,
		MSR_TSC_AUX,
		MSR_KERNEL_GS_BASE,
		0x10,
		0x1d9,
		0xfe,
	};
	static const uint32_t base[] = {0,          0x200,      0x400,      0x480,
					MSR_X2APIC, 0xc0000000, 0xc0000080, 0x40000000};

	if (next() % 2)
		a->where = known[next() % (sizeof(known) / sizeof(known[0]))];
	else if (next() % 8)
		a->where = base[next() % (sizeof(base) / sizeof(base[0]))] + next() % 0x120;
	else
		a->where = next() & 0xffffffff;
	if (a->where == MSR_FS_BASE) /* the runtime's */
		a->where = MSR_GS_BASE;
	a->value = value();
	a->how = next() % 2;
}

/* What could be written is put back; a write of what cannot be read is tried all the same. */
static void do_msr(void *p)
{
	const struct access *a = p;
	uint64_t was;

	if (rt_rdmsr_safe((uint32_t)a->where, &was) && a->how) {
		wrmsr((uint32_t)a->where, a->value);
		wrmsr((uint32_t)a->where, was);
	} else {
		wrmsr((uint32_t)a->where, a->how ? a->value : was);
	}
}

static bool spared(uint64_t port)
{
	return (port >= 0x3f8 - 3 && port <= 0x3ff) ||
	       (port >= NB_PORT_CONSOLE - 3 && port <= NB_PORT_CONSOLE) ||
	       (port >= NB_PORT_SHUTDOWN - 3 && port <= NB_PORT_SHUTDOWN) || (port & ~7ull) == NB_PORT_MARK;
}

static void port(struct access *a)
{
	do
		a->where = next() % 4 ? next() % 0x500 : next() & 0xffff;
	while (spared(a->where));
	a->value = value();
	a->how = (unsigned int)(next() % 12);
}

static uint8_t buffer[8192] __attribute__((aligned(4096)));

static void do_port(void *p)
{
	struct access *a = p;
	const uint16_t at = (uint16_t)a->where;
	void *memory = buffer;
	uint64_t count = a->value % 5000;

	switch (a->how) {
	case 0:
		outb(at, (uint8_t)a->value);
		break;
	case 1:
		outw(at, (uint16_t)a->value);
		break;
	case 2:
		outl(at, (uint32_t)a->value);
		break;
	case 3:
		inb(at);
		break;
	case 4:
		inw(at);
		break;
	case 5:
		inl(at);
		break;
	case 6:
		__asm__ volatile("rep insb" : "+D"(memory), "+c"(count) : "d"(at) : "memory");
		break;
	case 7:
		count = count % 32;
		__asm__ volatile("rep outsl" : "+S"(memory), "+c"(count) : "d"(at) : "memory");
		break;
	case 8:
		memory = (void *)(uintptr_t)RT_WINDOW; /* unmapped */
		__asm__ volatile("insl" : "+D"(memory) : "d"(at) : "memory");
		break;
	case 9:
		memory = (void *)(uintptr_t)0x8000000000000000ull;
		__asm__ volatile("outsw" : "+S"(memory) : "d"(at) : "memory");
		break;
	case 10:
		memory = buffer + 4094; /* an element across two pages */
		__asm__ volatile("outsl" : "+S"(memory) : "d"(at) : "memory");
		break;
	default:
		memory = buffer + 4093;
		__asm__ volatile("std; insl; cld" : "+D"(memory) : "d"(at) : "memory");
		break;
	}
}

static void control(struct access *a)
{
	static const uint64_t harmless0 = 0x80010033, harmless4 = 0x6a0;

	a->how = (unsigned int)(next() % 6);
	a->value = value();
	if (a->how == 0)
		a->value = harmless0 ^ (1ull << next() % 64);
	else if (a->how == 2)
		a->value = harmless4 ^ (1ull << next() % 64);
}

/* What survives is put back at once: paging stays as it is. */
static void do_control(void *p)
{
	struct access *a = p;
	const uint64_t cr0 = read_cr0(), cr4 = read_cr4();

	switch (a->how) {
	case 0:
		if (!(a->value & 1) || !(a->value >> 31 & 1))
			a->value |= 0x80000001;
		write_cr0(a->value);
		write_cr0(cr0);
		break;
	case 1:
		write_cr8(a->value);
		write_cr8(0);
		break;
	case 2:
		write_cr4((a->value | 0x20) &
			  ~0x300000ull); /* SMEP and SMAP are harmless but cost a page table */
		write_cr4(cr4);
		break;
	case 3:
		xsetbv((uint32_t)(a->value >> 60), a->value);
		break;
	case 4:
		write_dr7(a->value & ~0xffull);
		write_dr7(0x400);
		break;
	default:
		write_cr3(read_cr3() | 1ull << (52 + a->value % 11));
		break;
	}
}

static void mmio(struct access *a)
{
	static const uint64_t base[] = {0xfee00000, 0xfee00ff8, 0xfeb00000, 0xfeb00ffc,
					0xfec00000, 0xd0000ffc, 0xfffffff0, 0xbffffffa};

	a->where = base[next() % (sizeof(base) / sizeof(base[0]))] + next() % 16;
	if ((a->where & ~0xffull) == 0xfee00300) /* no INIT to ourselves */
		a->where = 0xfee00020;
	a->value = value();
	a->how = (unsigned int)(next() % 12);
}

static void do_mmio(void *p)
{
	struct access *a = p;
	uint64_t to = a->where, count = a->value % 70, v = a->value;

	switch (a->how) {
	case 0:
		__asm__ volatile("movb %b1, (%0)" : : "r"(to), "q"(v) : "memory");
		break;
	case 1:
		__asm__ volatile("movw %w1, (%0)" : : "r"(to), "r"(v) : "memory");
		break;
	case 2:
		__asm__ volatile("movq %1, (%0)" : : "r"(to), "r"(v) : "memory");
		break;
	case 3:
		__asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(to) : "memory");
		break;
	case 4:
		__asm__ volatile("rep stosw" : "+D"(to), "+c"(count) : "a"(v) : "memory");
		break;
	case 5:
		__asm__ volatile("lock; addl %k1, (%0)" : : "r"(to), "r"(v) : "memory", "cc");
		break;
	case 6:
		__asm__ volatile("xchgl %k1, (%0)" : "+r"(to), "+r"(v) : : "memory");
		break;
	case 7:
		__asm__ volatile("movdqu (%0), %%xmm0" : : "r"(to) : "memory");
		break;
	case 8:
		__asm__ volatile("movdqu %%xmm0, (%0)" : : "r"(to) : "memory");
		break;
	case 9:
		__asm__ volatile("fldt (%0); fstpt (%0)" : : "r"(to) : "memory");
		break;
	case 10:
		__asm__ volatile("fxsave (%0)" : : "r"(to & ~15ull) : "memory");
		break;
	default:
		__asm__ volatile("cmpxchg8b (%0)" : : "r"(to) : "rax", "rdx", "memory", "cc");
		break;
	}
}

static const struct {
	const char *name;
	void (*draw)(struct access *a);
	void (*run)(void *p);
} rows[] = {
	{"msr",     msr,     do_msr    },
	{"port",    port,    do_port   },
	{"control", control, do_control},
	{"mmio",    mmio,    do_mmio   },
};

static void end(const char *how)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) garbage = {0xffff, 0xd0000000};

	if (!strcmp(how, "idt"))
		__asm__ volatile("lidt %0; ud2" : : "m"(garbage));
	else if (!strcmp(how, "gdt"))
		__asm__ volatile("lgdt %0; mov %1, %%ds; ud2" : : "m"(garbage), "r"(0x38) : "memory");
	else if (!strcmp(how, "cr3"))
		write_cr3(0xd0000000);
	else if (!strcmp(how, "jump"))
		__asm__ volatile("lidt %0; jmp *%1" : : "m"(garbage), "r"(0x8000000000000000ull));
	else if (!strcmp(how, "repio"))
		__asm__ volatile("rep insb" : : "D"(0xc0000000ull), "c"(~0ull), "d"(0x80) : "memory");
}

/* rt_arg() gives the same memory each time. */
static void word(const char *name, char *out, size_t size)
{
	const char *said = rt_arg(name);

	rt_snprintf(out, size, "%s", said ? said : "");
}

void rt_main(void)
{
	const uint64_t rounds = rt_arg_u64("rounds", 500);
	char only[16], how[16];
	struct rt_fault fault;
	unsigned int faults;

	word("only", only, sizeof(only));
	word("end", how, sizeof(how));
	random_seed();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (*only && strcmp(only, rows[i].name))
			continue;
		faults = 0;
		for (uint64_t n = 0; n < rounds; n++) {
			struct access a = {0, 0, 0};

			rows[i].draw(&a);
			faults += !rt_try(rows[i].run, &a, &fault);
			__asm__ volatile("cld");
		}
		rt_printf("hostile: %s: %lu tried, %u faulted\n", rows[i].name, rounds, faults);
	}
	rt_printf("hostile: ends by %s\n", *how ? how : "shutdown");
	end(how);
}
