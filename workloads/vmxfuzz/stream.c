// SPDX-License-Identifier: MIT
/*
 * L2's code: straight on, without a branch back, to a VMCALL. What an instruction could find by accident (an
 * MSR, a port) is loaded into its registers just before, so that every run finds the same. Code that lands in
 * the middle of an instruction, or runs in a mode it was not made for, may loop: the preemption timer ends
 * that.
 */
#include "fuzz.h"

enum needs {
	ANY = 0,
	ONLY64 = 1,
	NOT64 = 2,
	MEMORY = 4, /* 32-bit addressing */
	MSR = 8, /* ECX */
	PORT = 0x10, /* DX */
	REPEAT = 0x20, /* ECX small */
	CR = 0x40, /* RAX near the register's value: `what` */
	SELECTOR = 0x80, /* AX */
	STRING = 0x100, /* ESI, EDI */
	TIME = 0x200, /* RAX and RDX are not compared: cleared behind it */
	TRAPPED = 0x400, /* only if `what` of CPU_CTLS is set in the VMCS: L0 and Bochs differ in what it does
			  */
	TRAPPED2 = 0x800, /* likewise of CPU_CTLS2 */
	PAGED = 0x1000, /* only if L2 has EPT: it could leave its page tables */
	FREE = 0x2000, /* EAX drawn */
	RARE = 0x4000,
};

struct instruction {
	uint8_t n, bytes[7];
	uint16_t needs;
	uint32_t what;
};

static const struct instruction table[] = {
	{2, {0x01, 0x07},                   MEMORY,                          0          }, /* add %eax, (%edi) */
	{2, {0x8b, 0x06},                   MEMORY,                          0          }, /* mov (%esi), %eax */
	{2, {0x87, 0x1f},                   MEMORY,                          0          }, /* xchg %ebx, (%edi) */
	{3, {0xf0, 0xff, 0x07},             MEMORY,                          0          }, /* lock incl (%edi) */
	{3, {0x48, 0x89, 0x07},             MEMORY | ONLY64,                 0          },
	{3, {0x64, 0x8b, 0x06},             MEMORY,                          0          }, /* %fs: */
	{3, {0x65, 0x89, 0x07},             MEMORY,                          0          }, /* %gs: */
	{3, {0x2e, 0x8b, 0x06},             MEMORY,                          0          }, /* %cs: */
	{3, {0x0f, 0xc7, 0x0f},             MEMORY,                          0          }, /* cmpxchg8b */
	{4, {0x48, 0x0f, 0xc7, 0x0f},       MEMORY | ONLY64 | RARE,          0          }, /* cmpxchg16b */
	{3, {0x0f, 0xab, 0x07},             MEMORY,                          0          }, /* bts %eax, (%edi): anywhere */
	{2, {0x31, 0xd8},                   ANY,                             0          },
	{2, {0xf7, 0xf3},                   ANY,                             0          }, /* div %ebx */
	{2, {0xf7, 0xe1},                   ANY,                             0          }, /* mul %ecx */
	{1, {0x50},			 ANY,			     0          }, /* push, pop */
	{1, {0x5a},			 ANY,			     0          },
	{1, {0x9c},			 ANY,			     0          }, /* pushf, popf */
	{1, {0x9d},			 ANY,			     0          },
	{2, {0x50, 0x9d},                   FREE,                            0          }, /* popf of anything */
	{1, {0xfa},			 ANY,			     0          }, /* cli, sti, cld, std */
	{1, {0xfb},			 ANY,			     0          },
	{1, {0xfc},			 ANY,			     0          },
	{1, {0xfd},			 ANY,			     0          },
	{2, {0x0f, 0xa2},                   ANY,                             0          }, /* cpuid */
	{2, {0x0f, 0x32},                   MSR,                             0          }, /* rdmsr, wrmsr */
	{2, {0x0f, 0x30},                   MSR | FREE,                      0          },
	{1, {0xec},			 PORT,			    0          }, /* in, out */
	{1, {0xed},			 PORT,			    0          },
	{2, {0x66, 0xed},                   PORT,                            0          },
	{1, {0xee},			 PORT,			    0          },
	{1, {0xef},			 PORT,			    0          },
	{1, {0x6c},			 PORT | STRING | MEMORY,          0          }, /* ins, outs */
	{1, {0x6f},			 PORT | STRING | MEMORY,          0          },
	{2, {0xf3, 0x6d},                   PORT | STRING | REPEAT | MEMORY, 0          },
	{2, {0xf3, 0x6e},                   PORT | STRING | REPEAT | MEMORY, 0          },
	{2, {0xf3, 0xa4},                   STRING | REPEAT | MEMORY,        0          }, /* movs, stos, lods, cmps, scas */
	{2, {0xf3, 0xa5},                   STRING | REPEAT | MEMORY,        0          },
	{2, {0xf3, 0xab},                   STRING | REPEAT | MEMORY,        0          },
	{1, {0xac},			 STRING | MEMORY,                 0          },
	{2, {0xf3, 0xa6},                   STRING | REPEAT | MEMORY,        0          },
	{3, {0x0f, 0x20, 0xc0},             ANY,                             0          }, /* mov from CR0, 2, 3, 4 */
	{3, {0x0f, 0x20, 0xd3},             ANY,                             0          },
	{3, {0x0f, 0x20, 0xd9},             ANY,                             0          },
	{3, {0x0f, 0x20, 0xe2},             ANY,                             0          },
	{3, {0x0f, 0x22, 0xc0},             CR | PAGED,                      GUEST_CR0  }, /* and to them, from RAX */
	{3, {0x0f, 0x22, 0xd0},             FREE,                            0          },
	{3, {0x0f, 0x22, 0xd8},             CR | PAGED,                      GUEST_CR3  },
	{3, {0x0f, 0x22, 0xe0},             CR | PAGED,                      GUEST_CR4  },
	{4, {0x44, 0x0f, 0x20, 0xc0},       ONLY64,                          0          }, /* CR8 */
	{4, {0x44, 0x0f, 0x22, 0xc0},       ONLY64 | FREE,                   0          },
	{3, {0x0f, 0x22, 0xc8},             RARE,                            0          }, /* CR1 */
	{2, {0x0f, 0x06},                   ANY,                             0          }, /* clts */
	{3, {0x0f, 0x01, 0xf0},             CR,                              GUEST_CR0  }, /* lmsw, smsw */
	{3, {0x0f, 0x01, 0xe1},             ANY,                             0          },
	{3, {0x0f, 0x01, 0x36},             MEMORY,                          0          }, /* lmsw (%esi) */
	{3, {0x0f, 0x21, 0xc0},             ANY,                             0          }, /* mov from DR0, DR6, DR7; to them */
	{3, {0x0f, 0x21, 0xf3},             ANY,                             0          },
	{3, {0x0f, 0x21, 0xfb},             ANY,                             0          },
	{3, {0x0f, 0x23, 0xc0},             FREE,                            0          },
	{3, {0x0f, 0x23, 0xdf},             ANY,                             0          },
	{3, {0x0f, 0x23, 0xf0},             FREE,                            0          },
	{3, {0x0f, 0x23, 0xf8},             FREE | RARE,                     0          },
	{3, {0x0f, 0x01, 0x3f},             MEMORY,                          0          }, /* invlpg */
	{1, {0xf4},			 RARE,			    0          }, /* hlt */
	{2, {0xf3, 0x90},                   ANY,                             0          }, /* pause */
	{1, {0xcc},			 RARE,			    0          }, /* int3, int n, into, int1, ud2 */
	{2, {0xcd, 0x80},                   RARE,                            0          },
	{2, {0xcd, 0x0d},                   RARE,                            0          },
	{1, {0xce},			 NOT64,			   0          },
	{1, {0xf1},			 RARE,			    0          },
	{2, {0x0f, 0x0b},                   RARE,                            0          },
	{3, {0x0f, 0x01, 0xc2},             RARE,                            0          }, /* vmlaunch, vmresume, vmxoff */
	{3, {0x0f, 0x01, 0xc3},             RARE,                            0          },
	{3, {0x0f, 0x01, 0xc4},             RARE,                            0          },
	{3, {0x0f, 0x78, 0xc3},             ANY,                             0          }, /* vmread, vmwrite */
	{3, {0x0f, 0x78, 0x07},             MEMORY,                          0          },
	{3, {0x0f, 0x79, 0xc3},             ANY,                             0          },
	{3, {0x0f, 0x79, 0x06},             MEMORY,                          0          },
	{3, {0x0f, 0xc7, 0x36},             MEMORY,                          0          }, /* vmptrld, vmptrst, vmclear, vmxon */
	{3, {0x0f, 0xc7, 0x3f},             MEMORY,                          0          },
	{4, {0x66, 0x0f, 0xc7, 0x36},       MEMORY,                          0          },
	{4, {0xf3, 0x0f, 0xc7, 0x36},       MEMORY,                          0          },
	{5, {0x66, 0x0f, 0x38, 0x80, 0x06}, MEMORY,                          0          }, /* invept, invvpid, invpcid */
	{5, {0x66, 0x0f, 0x38, 0x81, 0x06}, MEMORY,                          0          },
	{5, {0x66, 0x0f, 0x38, 0x82, 0x06}, MEMORY,                          0          },
	{3, {0x0f, 0x01, 0xd4},             RARE,                            0          }, /* vmfunc */
	{2, {0x8e, 0xd8},                   SELECTOR,                        0          }, /* mov to %ds, %es, %fs, %gs, %ss */
	{2, {0x8e, 0xc0},                   SELECTOR,                        0          },
	{2, {0x8e, 0xe0},                   SELECTOR,                        0          },
	{2, {0x8e, 0xe8},                   SELECTOR,                        0          },
	{2, {0x8e, 0xd0},                   SELECTOR,                        0          },
	{2, {0x8c, 0xd0},                   ANY,                             0          }, /* mov from %ss */
	{3, {0x0f, 0x00, 0xd0},             SELECTOR,                        0          }, /* lldt, ltr, sldt, str, verr, verw, lar, lsl */
	{3, {0x0f, 0x00, 0xd8},             SELECTOR,                        0          },
	{3, {0x0f, 0x00, 0xc3},             ANY,                             0          },
	{3, {0x0f, 0x00, 0xcb},             ANY,                             0          },
	{3, {0x0f, 0x00, 0x0f},             MEMORY,                          0          },
	{3, {0x0f, 0x00, 0xe0},             SELECTOR,                        0          },
	{3, {0x0f, 0x00, 0xe8},             SELECTOR,                        0          },
	{3, {0x0f, 0x02, 0xd8},             SELECTOR,                        0          },
	{3, {0x0f, 0x03, 0xd8},             SELECTOR,                        0          },
	{3, {0x0f, 0x01, 0x16},             MEMORY,                          0          }, /* lgdt, lidt, sgdt, sidt */
	{3, {0x0f, 0x01, 0x1e},             MEMORY,                          0          },
	{3, {0x0f, 0x01, 0x07},             MEMORY,                          0          },
	{3, {0x0f, 0x01, 0x0f},             MEMORY,                          0          },
	{2, {0xff, 0x2e},                   MEMORY | RARE,                   0          }, /* ljmp, lcall (%esi); lret, iret */
	{2, {0xff, 0x1e},                   MEMORY | RARE,                   0          },
	{1, {0xcb},			 RARE,			    0          },
	{1, {0xcf},			 RARE,			    0          },
	{2, {0x48, 0xcf},                   ONLY64 | RARE,                   0          },
	{2, {0x0f, 0x31},                   TIME,                            0          }, /* rdtsc, rdtscp */
	{3, {0x0f, 0x01, 0xf9},             TIME,                            0          },
	{2, {0x0f, 0x33},                   TRAPPED,                         CPU_RDPMC  },
	{3, {0x0f, 0x01, 0xc8},             TRAPPED,                         CPU_MONITOR},
	{3, {0x0f, 0x01, 0xc9},             TRAPPED,                         CPU_MWAIT  },
	{3, {0x0f, 0xc7, 0xf0},             TRAPPED2,                        CPU2_RDRAND},
	{3, {0x0f, 0xc7, 0xf8},             TRAPPED2,                        CPU2_RDSEED},
	{3, {0x0f, 0x01, 0xd1},             FREE,                            0          }, /* xsetbv, xgetbv */
	{3, {0x0f, 0x01, 0xd0},             REPEAT,                          0          },
	{2, {0x0f, 0x09},                   ANY,                             0          }, /* wbinvd, invd */
	{2, {0x0f, 0x08},                   ANY,                             0          },
	{3, {0x0f, 0x01, 0xf8},             ONLY64,                          0          }, /* swapgs */
	{2, {0x0f, 0x05},                   RARE,                            0          }, /* syscall, sysret, sysenter, sysexit */
	{2, {0x0f, 0x07},                   RARE,                            0          },
	{2, {0x0f, 0x34},                   RARE,                            0          },
	{2, {0x0f, 0x35},                   RARE,                            0          },
	{3, {0x0f, 0x6f, 0x06},             MEMORY,                          0          }, /* movq, %mm0 */
	{4, {0xf3, 0x0f, 0x6f, 0x06},       MEMORY,                          0          }, /* movdqu, movaps */
	{3, {0x0f, 0x29, 0x07},             MEMORY,                          0          },
	{2, {0xdb, 0xe3},                   ANY,                             0          }, /* fninit, fld1, fstp, emms */
	{2, {0xd9, 0xe8},                   ANY,                             0          },
	{2, {0xdd, 0x1f},                   MEMORY,                          0          },
	{2, {0x0f, 0x77},                   ANY,                             0          },
	{1, {0x9b},			 ANY,			     0          }, /* fwait */
	{1, {0x60},			 NOT64,			   0          }, /* pusha, popa, bound */
	{1, {0x61},			 NOT64 | RARE,                    0          },
	{2, {0x62, 0x06},                   NOT64 | MEMORY | RARE,           0          },
	{4, {0xc8, 0x10, 0x00, 0x01},       RARE,                            0          }, /* enter, leave */
	{1, {0xc9},			 RARE,			    0          },
	{2, {0x0f, 0xa1},                   RARE,                            0          }, /* pop %fs */
	{2, {0x0f, 0xaa},                   RARE,                            0          }, /* rsm */
	{2, {0x0f, 0x37},                   RARE,                            0          }, /* getsec */
};

#define CODE_END 3000u
static uint8_t *const code = (uint8_t *)arena[PAGE_CODE];
static unsigned int at;

static void byte(uint64_t b)
{
	if (at < CODE_END)
		code[at++] = (uint8_t)b;
}

static bool short_mode(const struct plan *p)
{
	return p->mode == REAL16 || p->mode == V8086;
}

/* mov $value, %e?? */
static void load32(const struct plan *p, unsigned int reg, uint64_t value)
{
	if (short_mode(p))
		byte(0x66);
	byte(0xb8 + reg);
	for (unsigned int i = 0; i < 4; i++)
		byte(value >> 8 * i);
}

static void load(const struct plan *p, unsigned int reg, uint64_t value)
{
	if (p->mode != LONG64) {
		load32(p, reg, value);
		return;
	}
	byte(0x48);
	byte(0xb8 + reg);
	for (unsigned int i = 0; i < 8; i++)
		byte(value >> 8 * i);
}

/* ---- operands ---- */

static uint64_t address(const struct plan *p)
{
	const uint64_t page = PAGE_ADDRESS(draw_below(ARENA_PAGES));

	switch (draw_below(16)) {
	case 0:
		return LARGE_LINEAR + 8 * draw_below(64);
	case 1:
		return 3 * LARGE_LINEAR + draw_below(4096); /* nowhere */
	case 2:
		return 2 * LARGE_LINEAR + draw_below(4096); /* no page table */
	case 3:
		return p->mode == LONG64 ? draw_near(page) : (uint32_t)draw_near(page);
	case 4:
		return page + 4096 - draw_below(8); /* across two pages */
	default:
		return PAGE_ADDRESS(draw_below(4)) + 8 * draw_below(8);
	}
}

static uint64_t msr(const struct plan *p)
{
	static const uint32_t known[] = {0x174,      0x175,      0x176,      0x277,
					 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
					 0xc0000100, 0xc0000101, 0xc0000102};
	static const uint32_t outside[] = {0x2000, 0x80000000, 0xbfffffff, 0xc0002000, 0xffffffff};

	/* EFER's bits change what L2's memory is; others L0 has and Bochs hasn't, or the other way round */
	if (p->ept && one_in(12))
		return IA32_EFER;
	if (one_in(12))
		return DRAW_FROM(outside);
	return DRAW_FROM(known);
}

/* Nothing answers there, on the bare machine or at L0. */
static uint64_t port(void)
{
	static const uint16_t ports[] = {0x180,  0x250,  0x254,  0x7ffc, 0x7ffd, 0x7ffe, 0x7fff,
					 0x8000, 0x9000, 0xfff0, 0xfffc, 0xfffe, 0xffff};

	return DRAW_FROM(ports);
}

static uint64_t selector(void)
{
	static const uint16_t known[] = {
		0,       SEL_CODE, SEL_DATA,  SEL_CODE32,     SEL_ABSENT, SEL_UDATA,    SEL_UCODE,    SEL_TSS,
		SEL_LDT, SEL_GATE, SEL_LIMIT, SEL_CONFORMING, SEL_CODE16, SEL_DATA | 3, SEL_DATA | 4, 0x1238};

	return DRAW_FROM(known);
}

static uint64_t register_value(const struct plan *p, uint32_t field)
{
	static const uint8_t cr0[] = {1, 2, 3, 4, 5, 16, 18, 0, 31, 8};
	static const uint8_t cr4[] = {0, 1, 2, 3, 7, 8, 9, 10, 4, 5, 13, 15, 24};
	const uint64_t value = V(&p->want, field);

	if (field == GUEST_CR3)
		return one_in(4) ? draw_near(value) : one_in(4) ? arena_physical(p, PAGE_DATA0) : value;
	return value ^ 1ull << (field == GUEST_CR0 ? DRAW_FROM(cr0) : DRAW_FROM(cr4)) ^
	       (one_in(3) ? 1ull << (field == GUEST_CR0 ? DRAW_FROM(cr0) : DRAW_FROM(cr4)) : 0);
}

static void operands(const struct plan *p, const struct instruction *i)
{
	if (i->needs & (MEMORY | STRING)) {
		if (one_in(2))
			load(p, 7, address(p));
		if (one_in(2))
			load(p, 6, address(p));
	}
	if (i->needs & MSR)
		load32(p, 1, msr(p));
	if (i->needs & REPEAT)
		load32(p, 1, draw_below(8));
	if (i->needs & FREE) {
		load32(p, 0, one_in(2) ? draw_near(0) : draw() & draw());
		load32(p, 2, one_in(2) ? 0 : draw() & 0x7fff);
	}
	if (i->needs & PORT)
		load32(p, 2, port());
	if (i->needs & SELECTOR)
		load32(p, 0, selector());
	if (i->needs & CR)
		load(p, 0, register_value(p, i->what));
}

/* Bochs sleeps on in HLT when a window opens (docs/bochs-differences.md). */
static bool halts_alone(const struct plan *p)
{
	return V(&p->want, CPU_CTLS) & CPU_HLT ||
	       !(V(&p->want, CPU_CTLS) & (CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW));
}

static bool fits(const struct plan *p, const struct instruction *i)
{
	if ((i->needs & ONLY64 && p->mode != LONG64) || (i->needs & NOT64 && p->mode == LONG64) ||
	    (i->needs & PAGED && !p->ept))
		return false;
	/* L0 neither sets accessed flags nor makes EPT violations of the operands of string I/O that it
	 * completes */
	if (i->needs & PORT && i->needs & STRING &&
	    (V(&p->want, CPU_CTLS) & (CPU_IO_BITMAPS | CPU_UNCONDITIONAL_IO)) != CPU_UNCONDITIONAL_IO)
		return false;
	if (i->needs & TRAPPED && !(V(&p->want, CPU_CTLS) & i->what))
		return false;
	if (i->needs & TRAPPED2 && !(V(&p->want, CPU_CTLS2) & i->what))
		return false;
	if (i->bytes[0] == 0xf4 && !halts_alone(p))
		return false;
	return !(i->needs & RARE) || one_in(5);
}

void stream_build(const struct plan *p)
{
	const unsigned int length = 1 + (unsigned int)draw_below(one_in(3) ? 40 : 12);

	at = 0;
	for (unsigned int n = 0; n < length; n++) {
		const struct instruction *i = &DRAW_FROM(table);

		if (!fits(p, i))
			continue;
		operands(p, i);
		if (i->needs & MEMORY && short_mode(p))
			byte(0x67);
		for (unsigned int b = 0; b < i->n; b++)
			byte(i->bytes[b]);
		if (i->needs & TIME) {
			load32(p, 0, 0);
			load32(p, 2, 0);
		}
	}
	byte(0x0f);
	byte(0x01);
	byte(0xc1);
	byte(0xf4);
}
