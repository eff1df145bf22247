// SPDX-License-Identifier: MIT
/* What a run left: compared, told as a number, printed. */
#include "exact_impl.h"
#include "rt_check.h"

#define SHOWN_MAX 6u /* differences of a case; the rest is as wrong */

static uint64_t random_state;

static void random_init(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
}

uint64_t random_word(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

uint64_t random_edge(void)
{
	static const uint64_t edges[] = {0,      1,      ~0ull,      0x7f,       0x80,       0xff,
					 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63};
	const uint64_t word = random_word();

	return word & 3 ? random_word() : edges[(word >> 32) % (sizeof(edges) / sizeof(edges[0]))];
}

static const struct {
	const char *name;
	size_t offset;
} event_fields[] = {
#define FIELD(f)                                                                                             \
	{                                                                                                    \
#f, offsetof(struct event, f)                                                                \
	}
	FIELD(vector), FIELD(error), FIELD(rip),   FIELD(cs),    FIELD(rflags), FIELD(ss),    FIELD(cr2),
	FIELD(dr6),    FIELD(dr7),   FIELD(r[0]),  FIELD(r[1]),  FIELD(r[2]),   FIELD(r[3]),  FIELD(r[4]),
	FIELD(r[5]),   FIELD(r[6]),  FIELD(r[7]),  FIELD(r[8]),  FIELD(r[9]),   FIELD(r[10]), FIELD(r[11]),
	FIELD(r[12]),  FIELD(r[13]), FIELD(r[14]), FIELD(r[15]),
};
#define EVENT_FIELDS (sizeof(event_fields) / sizeof(event_fields[0]))

static uint64_t field_of(const struct event *e, unsigned int i)
{
	return *(const uint64_t *)(const void *)((const uint8_t *)e + event_fields[i].offset);
}

struct difference {
	const char *name;
	unsigned int count;
};

static void differs(struct difference *d, const char *what, unsigned int index, uint64_t wanted, uint64_t got)
{
	if (d->count++ < SHOWN_MAX)
		rt_printf("# %s: %s of %u is 0x%lx, the processor's 0x%lx\n", d->name, what, index, got,
			  wanted);
}

static void compare_words(struct difference *d, const char *what, const void *wanted, const void *got,
			  size_t bytes)
{
	const uint64_t *a = wanted, *b = got;

	for (unsigned int i = 0; i < bytes / 8; i++)
		if (a[i] != b[i])
			differs(d, what, i, a[i], b[i]);
}

#define EVENTS_AT offsetof(struct outcome, event)

static bool words_equal(const void *a, const void *b, size_t bytes)
{
	bool equal;

	bytes /= 8;
	__asm__ volatile("cmpq %%rcx, %%rcx; repe cmpsq"
			 : "=@cce"(equal), "+S"(a), "+D"(b), "+c"(bytes)
			 :
			 : "memory");
	return equal;
}

bool outcome_same(const char *name, const struct outcome *p, const struct outcome *o)
{
	struct difference d = {name, 0};

	if (words_equal(p, o, EVENTS_AT + p->count * sizeof(p->event[0])) &&
	    words_equal(p->selector, o->selector, sizeof(*p) - offsetof(struct outcome, selector)))
		return true;
	if (p->count != o->count)
		differs(&d, "events", 0, p->count, o->count);
	for (unsigned int i = 0; i < p->count && i < o->count; i++)
		for (unsigned int f = 0; f < EVENT_FIELDS; f++)
			if (field_of(&p->event[i], f) != field_of(&o->event[i], f))
				differs(&d, event_fields[f].name, i, field_of(&p->event[i], f),
					field_of(&o->event[i], f));
	compare_words(&d, "FS, GS", p->selector, o->selector, sizeof(p->selector));
	compare_words(&d, "segment base", p->base, o->base, sizeof(p->base));
	compare_words(&d, "CR0, CR4, DEBUGCTL", &p->cr0, &o->cr0, 24);
	compare_words(&d, "A and D of page", p->accessed, o->accessed, sizeof(p->accessed));
	compare_words(&d, "XMM half", p->xmm, o->xmm, sizeof(p->xmm));
	compare_words(&d, "memory word", p->memory, o->memory, sizeof(p->memory));
	compare_words(&d, "stack word", p->stack, o->stack, sizeof(p->stack));
	return false;
}

/* FNV-1a over words */
static uint64_t hash(const void *from, size_t bytes, uint64_t digest)
{
	const uint64_t *word = from;

	for (; bytes; bytes -= 8)
		digest = (digest ^ *word++) * 0x100000001b3ull;
	return digest;
}

uint64_t outcome_digest(const struct outcome *o, uint64_t digest)
{
	digest = hash(o, EVENTS_AT + o->count * sizeof(o->event[0]), digest);
	return hash(o->selector, sizeof(*o) - offsetof(struct outcome, selector), digest);
}

void outcome_print(const char *name, const struct outcome *o)
{
	for (unsigned int i = 0; i < o->count; i++) {
		rt_printf("# %s:", name);
		for (unsigned int f = 0; f < EVENT_FIELDS; f++)
			rt_printf(" %s=%lx", event_fields[f].name, field_of(&o->event[i], f));
		rt_printf("\n");
	}
	rt_printf("# %s: cr0=%lx cr4=%lx debugctl=%lx fs=%lx gs=%lx fsbase=%lx gsbase=%lx\n", name, o->cr0,
		  o->cr4, o->debugctl, o->selector[0], o->selector[1], o->base[0], o->base[1]);
	rt_printf("# %s: A and D", name);
	for (enum page p = 0; p < PAGES; p++)
		rt_printf(" %lx", o->accessed[p]);
	rt_printf("\n");
	for (unsigned int i = 0; i < REGIONS; i++) {
		rt_printf("# %s: memory", name);
		for (unsigned int w = 0; w < REGION / 8; w++)
			rt_printf(" %lx", ((const uint64_t *)(const void *)o->memory[i])[w]);
		rt_printf("\n");
	}
}

static bool contains(const char *name, const char *text)
{
	const size_t n = strlen(text);

	for (; *name; name++)
		if (!strncmp(name, text, n))
			return true;
	return false;
}

static uint64_t hash_name(const char *name)
{
	uint64_t h = 1;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 0x100000001b3ull;
	return h;
}

bool selected(const char *name)
{
	const char *only = rt_arg("only");

	random_init(hash_name(name) ^ rt_arg_u64("seed", 1));
	return !only || contains(name, only);
}

bool verbose(const char *name)
{
	const char *text = rt_arg("verbose");

	return text && contains(name, text);
}

void row_end(const char *name, unsigned int cases, unsigned int bad, uint64_t digest)
{
	char text[120];

	rt_snprintf(text, sizeof(text), "%s, %u cases, 0x%lx", name, cases, digest);
	if (bad)
		rt_fail(text, "%u of them differ", bad);
	else
		rt_pass(text);
}
