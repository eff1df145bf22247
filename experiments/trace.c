/* SPDX-License-Identifier: MIT */
#include "experiments/trace.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"

#define NAME(symbol, name, what) [TRACE_##symbol] = name,
#define WHAT(symbol, name, what) [TRACE_##symbol] = what,
const char *const trace_class_names[TRACE_CLASS_COUNT] = {TRACE_CLASSES(NAME)};
const char *const trace_class_whats[TRACE_CLASS_COUNT] = {TRACE_CLASSES(WHAT)};

/* What tells apart instructions of one mnemonic. */
enum operands {
	ANY,
	MEMORY, /* one of them is in memory */
	INDIRECT, /* the target is not in the instruction */
	REGISTERS, /* control, debug or segment registers: other classes */
};

/* As Bochs spells them, sorted. */
/* clang-format off */
static const struct mnemonic {
	const char *name;
	enum trace_class class;
	enum operands operands;
} mnemonics[] = {
	{"call",       TRACE_BRANCH,   INDIRECT},
	{"clac",       TRACE_SMAP,     ANY},
	{"clflush",    TRACE_CACHE,    ANY},
	{"clflushopt", TRACE_CACHE,    ANY},
	{"cli",        TRACE_CLI,      ANY},
	{"clts",       TRACE_CLTS,     ANY},
	{"clwb",       TRACE_CACHE,    ANY},
	{"cpuid",      TRACE_CPUID,    ANY},
	{"div",        TRACE_DIV,      ANY},
	{"fxrstor",    TRACE_XRSTOR,   ANY},
	{"fxsave",     TRACE_XSAVE,    ANY},
	{"hlt",        TRACE_HLT,      ANY},
	{"idiv",       TRACE_DIV,      ANY},
	{"in",         TRACE_IO,       ANY},
	{"insb",       TRACE_IO,       ANY},
	{"insd",       TRACE_IO,       ANY},
	{"insw",       TRACE_IO,       ANY},
	{"int",        TRACE_INT,      ANY},
	{"int1",       TRACE_INT,      ANY},
	{"int3",       TRACE_INT,      ANY},
	{"invd",       TRACE_CACHE,    ANY},
	{"invept",     TRACE_INVEPT,   ANY},
	{"invlpg",     TRACE_INVLPG,   ANY},
	{"invpcid",    TRACE_INVLPG,   ANY},
	{"invvpid",    TRACE_INVVPID,  ANY},
	{"iret",       TRACE_IRET,     ANY},
	{"jmp",        TRACE_BRANCH,   INDIRECT},
	{"lfence",     TRACE_LFENCE,   ANY},
	{"lfs",        TRACE_SEGMENT,  ANY},
	{"lgdt",       TRACE_DT_LOAD,  ANY},
	{"lgs",        TRACE_SEGMENT,  ANY},
	{"lidt",       TRACE_DT_LOAD,  ANY},
	{"lldt",       TRACE_DT_LOAD,  ANY},
	{"lmsw",       TRACE_TO_CR,    ANY},
	{"lss",        TRACE_SEGMENT,  ANY},
	{"ltr",        TRACE_DT_LOAD,  ANY},
	{"mfence",     TRACE_MFENCE,   ANY},
	{"mov",        TRACE_OTHER,    REGISTERS},
	{"mwait",      TRACE_HLT,      ANY},
	{"out",        TRACE_IO,       ANY},
	{"outsb",      TRACE_IO,       ANY},
	{"outsd",      TRACE_IO,       ANY},
	{"outsw",      TRACE_IO,       ANY},
	{"pause",      TRACE_PAUSE,    ANY},
	{"pop",        TRACE_OTHER,    REGISTERS},
	{"popf",       TRACE_POPF,     ANY},
	{"pushf",      TRACE_PUSHF,    ANY},
	{"rdfsbase",   TRACE_FSGSBASE, ANY},
	{"rdgsbase",   TRACE_FSGSBASE, ANY},
	{"rdmsr",      TRACE_RDMSR,    ANY},
	{"rdtsc",      TRACE_RDTSC,    ANY},
	{"rdtscp",     TRACE_RDTSC,    ANY},
	{"sfence",     TRACE_MFENCE,   ANY},
	{"sgdt",       TRACE_DT_STORE, ANY},
	{"sidt",       TRACE_DT_STORE, ANY},
	{"sldt",       TRACE_DT_STORE, ANY},
	{"smsw",       TRACE_FROM_CR,  ANY},
	{"stac",       TRACE_SMAP,     ANY},
	{"sti",        TRACE_STI,      ANY},
	{"str",        TRACE_DT_STORE, ANY},
	{"swapgs",     TRACE_SWAPGS,   ANY},
	{"syscall",    TRACE_SYSCALL,  ANY},
	{"sysenter",   TRACE_SYSCALL,  ANY},
	{"sysexit",    TRACE_SYSRET,   ANY},
	{"sysret",     TRACE_SYSRET,   ANY},
	{"verr",       TRACE_VERW,     ANY},
	{"verw",       TRACE_VERW,     ANY},
	{"vmcall",     TRACE_VMCALL,   ANY},
	{"vmclear",    TRACE_VMCLEAR,  ANY},
	{"vmfunc",     TRACE_VMCALL,   ANY},
	{"vmlaunch",   TRACE_ENTRY,    ANY},
	{"vmptrld",    TRACE_VMPTRLD,  ANY},
	{"vmptrst",    TRACE_VMPTRST,  ANY},
	{"vmread",     TRACE_VMREAD,   ANY},
	{"vmresume",   TRACE_ENTRY,    ANY},
	{"vmwrite",    TRACE_VMWRITE,  ANY},
	{"vmxoff",     TRACE_VMXON,    ANY},
	{"vmxon",      TRACE_VMXON,    ANY},
	{"wbinvd",     TRACE_CACHE,    ANY},
	{"wrfsbase",   TRACE_FSGSBASE, ANY},
	{"wrgsbase",   TRACE_FSGSBASE, ANY},
	{"wrmsr",      TRACE_WRMSR,    ANY},
	{"xchg",       TRACE_ATOMIC,   MEMORY},
	{"xgetbv",     TRACE_XGETBV,   ANY},
	{"xrstor",     TRACE_XRSTOR,   ANY},
	{"xrstors",    TRACE_XRSTOR,   ANY},
	{"xsave",      TRACE_XSAVE,    ANY},
	{"xsavec",     TRACE_XSAVE,    ANY},
	{"xsaveopt",   TRACE_XSAVE,    ANY},
	{"xsaves",     TRACE_XSAVE,    ANY},
	{"xsetbv",     TRACE_XSETBV,   ANY},
};
/* clang-format on */

enum trace_class trace_class_find(const char *name)
{
	enum trace_class class = 0;

	while (class < TRACE_CLASS_COUNT && strcmp(name, trace_class_names[class]))
		class ++;
	return class;
}

uint64_t trace_sum(const struct trace_counts *counts, enum trace_who who)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TRACE_CLASS_COUNT; i++)
		sum += counts->of[who][i];
	return sum;
}

/* What is left of a line. Nothing is read behind its end. */
struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->at) < n || memcmp(c->at, text, n) != 0)
		return false;
	c->at += n;
	return true;
}

static bool skip_past(struct cursor *c, const char *text)
{
	const char *found = memmem(c->at, (size_t)(c->end - c->at), text, strlen(text));

	c->at = found ? found + strlen(text) : c->end;
	return found;
}

static bool take_decimal(struct cursor *c, uint64_t *number)
{
	const char *from = c->at;

	for (*number = 0; c->at < c->end && c->at - from < 19 && isdigit((unsigned char)*c->at); c->at++)
		*number = *number * 10 + (uint64_t)(*c->at - '0');
	return c->at > from;
}

static bool take_hex(struct cursor *c, uint64_t *number)
{
	const char *from = c->at;

	for (*number = 0; c->at < c->end && c->at - from < 16; c->at++) {
		char d = *c->at;

		if (d >= '0' && d <= '9')
			*number = *number << 4 | (uint64_t)(d - '0');
		else if (d >= 'a' && d <= 'f')
			*number = *number << 4 | (uint64_t)(d - 'a' + 10);
		else
			break;
	}
	return c->at > from;
}

/* A word of letters and digits; what follows it is no blank. */
static struct cursor take_word(struct cursor *c)
{
	struct cursor word = {c->at, c->at};

	while (c->at < c->end && isalnum((unsigned char)*c->at))
		c->at++;
	word.end = c->at;
	while (c->at < c->end && *c->at == ' ')
		c->at++;
	return word;
}

static int compare(const void *key, const void *element)
{
	const struct cursor *word = key;
	const struct mnemonic *m = element;
	size_t n = (size_t)(word->end - word->at);
	int order = strncmp(word->at, m->name, n);

	return order ? order : m->name[n] ? -1 : 0;
}

/* "ds", "fs" and so on, alone or before a comma: the register that is written. */
static bool writes_segment(const struct cursor *operands)
{
	size_t n = (size_t)(operands->end - operands->at);

	return n >= 2 && strchr("cdefgs", operands->at[0]) && operands->at[1] == 's' &&
	       (n == 2 || operands->at[2] == ',' || operands->at[2] == ' ');
}

/* MOV and POP. */
static enum trace_class class_of_registers(struct cursor operands)
{
	if (writes_segment(&operands))
		return TRACE_SEGMENT;
	if (take(&operands, "cr"))
		return TRACE_TO_CR;
	if (take(&operands, "dr"))
		return TRACE_TO_DR;
	if (!skip_past(&operands, ", "))
		return TRACE_OTHER;
	return take(&operands, "cr") ? TRACE_FROM_CR : take(&operands, "dr") ? TRACE_FROM_DR : TRACE_OTHER;
}

static bool apply(const struct mnemonic *m, const struct cursor *operands)
{
	switch (m->operands) {
	case MEMORY:
		return memchr(operands->at, '[', (size_t)(operands->end - operands->at));
	case INDIRECT:
		return operands->at < operands->end && *operands->at != '.';
	case ANY:
	case REGISTERS:
		return true;
	}
	return true;
}

/* Of an instruction as the debugger spells it: "lock xadd qword ptr ds:[rbx], rax   ; f0480fc103". */
static enum trace_class class_of(struct cursor c)
{
	bool repeated = take(&c, "rep ") || take(&c, "repne ");
	const struct mnemonic *m;
	struct cursor word;

	if (take(&c, "lock "))
		return TRACE_ATOMIC;
	word = take_word(&c);
	m = bsearch(&word, mnemonics, sizeof(mnemonics) / sizeof(mnemonics[0]), sizeof(mnemonics[0]),
		    compare);
	if (m && m->operands == REGISTERS)
		return class_of_registers(c);
	if (m && apply(m, &c))
		return m->class;
	return repeated ? TRACE_STRING : TRACE_OTHER;
}

static bool is_l0(const struct trace_l0 *l0, uint64_t address, uint64_t selector)
{
	for (unsigned i = 0; i < l0->ranges; i++)
		if (address >= l0->range[i].begin && address < l0->range[i].end)
			return true;
	for (unsigned i = 0; i < l0->selectors; i++)
		if (selector == l0->selector[i])
			return true;
	return false;
}

/* Ticks that passed between two lines are instructions that are not there, unless the processor stood still.
 */
static void count_missing(struct trace *t, uint64_t tick)
{
	if (t->running && tick > t->next_tick)
		t->now.unreadable += tick - t->next_tick;
	t->next_tick = tick + 1;
}

/* (0).[24793738] [0x0000001286bd] 0008:00000000001286bd (unk. ctxt): vmread rdx, rdx           ; 0f78d2 */
static bool count_line(struct trace *t, struct cursor c)
{
	uint64_t tick, address, selector;
	enum trace_class class;

	if (!take(&c, "(0).[") || !take_decimal(&c, &tick) || !take(&c, "] [0x") || !take_hex(&c, &address) ||
	    !take(&c, "] ") || !take_hex(&c, &selector) || !take(&c, ":") || !skip_past(&c, "): "))
		return false;
	count_missing(t, tick);
	class = class_of(c);
	t->running = class != TRACE_HLT && class != TRACE_ENTRY;
	t->now.of[is_l0(&t->l0, address, selector) ? TRACE_L0 : TRACE_GUESTS][class]++;
	return true;
}

static void on_line(void *ctx, const char *line, size_t size)
{
	struct trace *t = ctx;

	if (line && count_line(t, (struct cursor){line, line + size}))
		return;
	t->running = false;
	if (line) {
		t->now.unreadable++;
		return;
	}
	t->section = array_grow(t->section, t->sections, sizeof(*t->section));
	t->section[t->sections++] = t->now;
	t->now = (struct trace_counts){0};
}

void trace_init(struct trace *t, const struct trace_l0 *l0)
{
	*t = (struct trace){.l0 = *l0};
}

struct machine_trace trace_sink(struct trace *t)
{
	return (struct machine_trace){.line = on_line, .ctx = t};
}

void trace_free(struct trace *t)
{
	free(t->section);
	*t = (struct trace){0};
}
