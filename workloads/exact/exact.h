/* SPDX-License-Identifier: MIT */
/*
 * Runs one instruction from a known state and records everything that it left: registers, flags, segments,
 * memory, page-table flags, and each trap on the way with its frame, DR6 and CR2. Two such records are
 * compared, or one is told as a number that must be the same on every machine.
 */
#ifndef EXACT_H
#define EXACT_H

#include "rt.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R15 = 15, GPRS };
enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC, MC, XM };

#define FLAGS_STATUS 0x8d5ull
#define FLAG_TF      0x100ull
#define FLAG_IF      0x200ull
#define FLAG_DF      0x400ull
#define FLAG_IOPL3   0x3000ull
#define FLAG_NT      0x4000ull
#define FLAG_RF      0x10000ull
#define FLAG_AC      0x40000ull

#define DR6_CLEAR 0xffff0ff0ull
#define DR7_CLEAR 0x400ull

/* ---- memory of the instruction: linear pages below 4 GiB, so that 32-bit code reaches them ---- */

#define WINDOW 0x10000000ull
enum page {
	PAGE_BEFORE, /* RAM */
	PAGE_DATA0, /* RAM, or the scratch device: the operand */
	PAGE_DATA1, /* the same, its second page */
	PAGE_AFTER, /* RAM */
	PAGE_ABSENT,
	PAGE_OTHER, /* RAM: the second operand */
	PAGE_READ_ONLY,
	PAGE_SUPERVISOR,
	PAGE_STACK,
	PAGE_CODE,
	PAGE_CODE_NEXT, /* where code crosses a page */
	PAGES,
};
#define LINEAR(page) (WINDOW + 4096ull * (page))
#define STACK_TOP    (LINEAR(PAGE_STACK) + 0x800)

/* Shows PAGE_DATA0 and PAGE_DATA1 as RAM, where the processor executes, or as the device, where L0 does. */
enum place { ON_RAM, ON_DEVICE };
void memory_init(void);
bool memory_has_device(void);
void memory_place(enum place place);
/* Shows a page with these RT_* flags until memory_place() is next called; 0: absent. */
void memory_flags(enum page page, uint64_t flags);
/* A page's bytes, wherever they lie now. */
volatile uint8_t *memory_bytes(enum page page);

/* ---- a run ---- */

enum segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };
enum mode { KERNEL64, USER64, KERNEL32, USER32, KERNEL16, USER16, MODES };
#define IN_64(mode)   ((mode) == KERNEL64 || (mode) == USER64)
#define IN_USER(mode) ((mode) == USER64 || (mode) == USER32 || (mode) == USER16)

#define IN_MODE(mode) (1u << (mode))
#define MODES_64      (IN_MODE(KERNEL64) | IN_MODE(USER64))
#define MODES_32      (IN_MODE(KERNEL32) | IN_MODE(USER32))
#define MODES_16      (IN_MODE(KERNEL16) | IN_MODE(USER16))

/* exact_enter() reads it */
struct entry {
	uint64_t r[GPRS];
	uint64_t rip, cs, rflags, ss, ds, es, fs, gs; /* fs = ~0: FS and GS stay */
};
_Static_assert(sizeof(struct entry) == 24 * 8, "run.S");

struct event {
	uint64_t vector, error, rip, cs, rflags, ss, cr2, dr6, dr7;
	uint64_t r[GPRS];
};
#define EVENTS_MAX 24u
#define REGION     64u /* bytes of each boundary of memory that are compared */
#define REGIONS    8u
struct outcome {
	uint64_t count;
	struct event event[EVENTS_MAX];
	uint64_t selector[2]; /* FS GS */
	uint64_t base[2]; /* FS GS */
	uint64_t cr0, cr4, debugctl;
	uint64_t accessed[PAGES]; /* A and D of each page */
	uint64_t xmm[4][2];
	uint8_t memory[REGIONS][REGION];
	uint8_t stack[REGION];
};

struct setup {
	struct entry entry;
	enum mode mode;
	const uint8_t *code, *code_end;
	unsigned int code_offset; /* in PAGE_CODE */
	uint64_t fs_base, gs_base; /* 64-bit modes */
	uint64_t dr[4], dr7, debugctl, cr0_or, cr4_or;
	uint64_t xmm[4][2];
	uint64_t seed; /* of memory's contents */
	unsigned int regions; /* bit n: region n is filled and compared; 0: all of them */
	void (*prepare)(const struct setup *s); /* after the filling; may be NULL */
	void (*pages)(const struct setup *s); /* last change of the page table; may be NULL */
};

void run_init(void);
void run(const struct setup *setup, enum place place, struct outcome *outcome);
/* Selectors for a mode, and bases of its segments: ES CS SS DS FS GS. */
void run_segments(struct setup *setup);
uint64_t run_segment_base(enum mode mode, unsigned int segment);

/* Prints what differs under `name`; true: nothing. */
bool outcome_same(const char *name, const struct outcome *processor, const struct outcome *other);
uint64_t outcome_digest(const struct outcome *o, uint64_t digest);
void outcome_print(const char *name, const struct outcome *o);

/* Random registers, flags, code's place; stack and segments of the mode. */
void setup_init(struct setup *s, enum mode mode, const uint8_t *code, const uint8_t *end);
/* A register that points to `linear` through a segment; what the address size leaves is random in 64-bit
 * mode. */
void setup_pointer(struct setup *s, unsigned int reg, unsigned int segment, unsigned int address_bits,
		   uint64_t linear);

/* ---- random inputs ---- */
uint64_t random_word(void);
uint64_t random_edge(void); /* often near the values where flags change */

/* ---- snippets ---- */
#define CODE_BITS(bits, id, text)                                                                            \
	__asm__(".pushsection .rodata.exact, \"a\"\n" bits "\n" #id ":\n" text "\n" #id                      \
		"_end:\n.code64\n.popsection\n");                                                            \
	extern const uint8_t id[], id##_end[];
#define CODE64(id, text) CODE_BITS(".code64", id, text)
#define CODE32(id, text) CODE_BITS(".code32", id, text)
#define CODE16(id, text) CODE_BITS(".code16", id, text)

/* Is the row selected by only=? Its random numbers begin: they hang on its name and seed= alone. */
bool selected(const char *name);
bool verbose(const char *name); /* by verbose=, likewise: each outcome is printed */
/* A row is done: its name, cases, digest. Fails when a case did. */
void row_end(const char *name, unsigned int cases, unsigned int bad, uint64_t digest);

/* ---- subjects, a file each ---- */
void test_operands(void);
void test_strings(void);
void test_system(void);
void test_steps(void);
void test_sensitive(void);

#endif
