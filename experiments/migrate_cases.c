/* SPDX-License-Identifier: MIT */
#include "experiments/migrate_cases.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cpu_models.h"
#include "experiments/setting.h"
#include "experiments/text.h"

#define SECOND       1000000000u /* ticks */
#define PAGE_ON_LINK 4144u /* bytes of a page with its share of headers */
#define OWN_PAGES    256u /* of code, stacks and page tables */
#define L1HV_PAGES   512u
#define GUEST_LEAST  20000000u /* ticks: to boot, and to be seen to run at its target */

/* ---- words ---- */

static int check_model(const char *word, char **why)
{
	if (cpu_model_find(word))
		return 0;
	*why = cpu_model_unknown(word);
	return -EINVAL;
}

/* One of a few words. */
static int check_word(const char *word, const char *const *known, char **why)
{
	struct text t = {0};

	for (const char *const *k = known; *k; k++)
		if (!strcmp(*k, word))
			return 0;
	text_addf(&t, "'%s' is none of", word);
	for (const char *const *k = known; *k; k++)
		text_addf(&t, "%s %s", k == known ? "" : ",", *k);
	*why = t.data;
	return -EINVAL;
}

static int check_level(const char *word, char **why)
{
	static const char *const levels[] = {"L1", "L2", NULL};

	return check_word(word, levels, why);
}

static int check_tracker(const char *word, char **why)
{
	static const char *const trackers[] = {"auto", "wp", "ad", "pml", NULL};

	return check_word(word, trackers, why);
}

static int check_mib(const char *word, char **why)
{
	uint64_t n;

	return number_parse(word, 1, 4096, &n, why);
}

static int check_mbit(const char *word, char **why)
{
	uint64_t n;

	return number_parse(word, 1, 1000000, &n, why);
}

static int check_dirty(const char *word, char **why)
{
	uint64_t n;

	return number_parse(word, 1, 10000000, &n, why);
}

/* ---- workloads: what they do beside the load, so that they live for so many ticks ---- */

static void dirtier_args(struct text *t, const struct migrate_case *c, const struct migrate_load *load,
			 uint64_t life)
{
	text_addf(t, "rate=%" PRIu64 " writes=%" PRIu64 " pages=%" PRIu64 " pattern=%s move=1", c->dirty,
		  c->dirty * life / SECOND + 1, load->pages, load->pattern);
}

static void idle_args(struct text *t, const struct migrate_case *c, const struct migrate_load *load,
		      uint64_t life)
{
	(void)c;
	(void)load;
	text_addf(t, "beats=%" PRIu64, life / 1000000 + 1);
}

/* A round is some 16,000 ticks. */
static void avx2_args(struct text *t, const struct migrate_case *c, const struct migrate_load *load,
		      uint64_t life)
{
	(void)c;
	(void)load;
	text_addf(t, "rounds=%" PRIu64 " move=1", life / 16000 + 1);
}

static void wbinvd_args(struct text *t, const struct migrate_case *c, const struct migrate_load *load,
			uint64_t life)
{
	(void)c;
	text_addf(t, "rounds=%" PRIu64 " pause=1000000 pages=%" PRIu64 " only=wbinvd move=1",
		  life / 1000000 + 1, load->pages);
}

static const struct workload {
	const char *name;
	bool has_rate, has_fill, has_pages;
	void (*args)(struct text *t, const struct migrate_case *c, const struct migrate_load *load,
		     uint64_t life);
} workloads[] = {
	{"dirtier", true,  true,  true,  dirtier_args},
	{"idle",    false, true,  false, idle_args   },
	{"avx2",    false, false, false, avx2_args   },
	{"wbinvd",  false, true,  true,  wbinvd_args },
};
#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

static const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < WORKLOADS; i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

static int check_workload(const char *word, char **why)
{
	const char *names[WORKLOADS + 1] = {NULL};

	for (size_t i = 0; i < WORKLOADS; i++)
		names[i] = workloads[i].name;
	return check_word(word, names, why);
}

/* ---- axes ---- */

static const struct {
	const char *name;
	int (*check)(const char *word, char **why);
} axes[MIGRATE_AXES] = {
	[MIGRATE_FROM] = {"from",              check_model   },
	[MIGRATE_TO] = {"to",                check_model   },
	[MIGRATE_WORKLOAD] = {"workload",          check_workload},
	[MIGRATE_LEVEL] = {"level",             check_level   },
	[MIGRATE_GUEST_MIB] = {"guest_mib",         check_mib     },
	[MIGRATE_LINK_MBIT] = {"link_mbit",         check_mbit    },
	[MIGRATE_DIRTY] = {"dirty_pages_per_s", check_dirty   },
	[MIGRATE_TRACKER] = {"tracker",           check_tracker },
};

const char *migrate_axis_name(enum migrate_axis axis)
{
	return axes[axis].name;
}

static void add_word(struct migrate_cases *cases, enum migrate_axis axis, char *word)
{
	cases->word[axis] = array_grow(cases->word[axis], cases->words[axis], sizeof(*cases->word[axis]));
	cases->word[axis][cases->words[axis]++] = word;
}

static void split(struct migrate_cases *cases, enum migrate_axis axis, const char *list)
{
	for (;;) {
		const size_t n = strcspn(list, ",");

		add_word(cases, axis, text_format("%.*s", (int)n, list));
		if (!list[n])
			return;
		list += n + 1;
	}
}

int migrate_axis_check(enum migrate_axis axis, const char *list, char **why)
{
	struct migrate_cases one = {0};
	int err = 0;

	split(&one, axis, list);
	if (one.words[axis] > MIGRATE_WORDS_MAX) {
		*why = text_format("more than %u values", MIGRATE_WORDS_MAX);
		err = -EINVAL;
	}
	for (unsigned i = 0; i < one.words[axis] && !err; i++)
		err = axes[axis].check(one.word[axis][i], why);
	for (unsigned i = 0; i < one.words[axis] && !err; i++)
		for (unsigned k = 0; k < i && !err; k++) {
			if (strcmp(one.word[axis][i], one.word[axis][k]) != 0)
				continue;
			*why = text_format("'%s' is there twice", one.word[axis][i]);
			err = -EINVAL;
		}
	migrate_cases_free(&one);
	return err;
}

/* Rates mean nothing to workloads without one. */
static int rates_make_sense(const struct migrate_cases *cases, char **why)
{
	for (unsigned i = 0; i < cases->words[MIGRATE_WORKLOAD]; i++) {
		const char *name = cases->word[MIGRATE_WORKLOAD][i];

		if (cases->words[MIGRATE_DIRTY] == 1 || workload_find(name)->has_rate)
			continue;
		*why = text_format(
			"workload %s has no rate at which it writes: give one dirty_pages_per_s, which "
			"it ignores, or run it by itself",
			name);
		return -EINVAL;
	}
	return 0;
}

int migrate_cases_make(const char *const list[MIGRATE_AXES], struct migrate_cases *cases, char **why)
{
	uint64_t count = 1;

	*cases = (struct migrate_cases){0};
	for (unsigned i = 0; i < MIGRATE_AXES; i++) {
		split(cases, i, list[i]);
		count *= cases->words[i];
	}
	if (count > MIGRATE_CASES_MAX) {
		*why = text_format("%llu moves; at most %u in one run", (unsigned long long)count,
				   MIGRATE_CASES_MAX);
		return -EINVAL;
	}
	cases->count = (unsigned)count;
	return rates_make_sense(cases, why);
}

struct migrate_case migrate_case(const struct migrate_cases *cases, unsigned number)
{
	struct migrate_case c = {0};

	for (unsigned i = MIGRATE_AXES; i--;) {
		c.word[i] = cases->word[i][number % cases->words[i]];
		number /= cases->words[i];
	}
	c.guest_mib = strtoull(c.word[MIGRATE_GUEST_MIB], NULL, 10);
	c.link_mbit = strtoull(c.word[MIGRATE_LINK_MBIT], NULL, 10);
	if (workload_find(c.word[MIGRATE_WORKLOAD])->has_rate)
		c.dirty = strtoull(c.word[MIGRATE_DIRTY], NULL, 10);
	return c;
}

void migrate_cases_free(struct migrate_cases *cases)
{
	for (unsigned i = 0; i < MIGRATE_AXES; i++) {
		for (unsigned k = 0; k < cases->words[i]; k++)
			free(cases->word[i][k]);
		free(cases->word[i]);
	}
	*cases = (struct migrate_cases){0};
}

/* ---- the guest ---- */

/*
 * All of its memory once, and what it writes anew meanwhile: all of it once more at most in each of the
 * rounds without progress, of which there are two and the stop.
 */
uint64_t migrate_life(const struct migrate_case *c, const struct migrate_load *load)
{
	const struct workload *w = workload_find(c->word[MIGRATE_WORKLOAD]);
	const uint64_t anew = w->has_pages ? load->pages : 0;
	const uint64_t once = OWN_PAGES + anew + (w->has_fill ? load->fill_mib * 256 : 0) +
			      (strcmp(c->word[MIGRATE_LEVEL], "L2") ? 0 : L1HV_PAGES);

	return GUEST_LEAST + (once + 3 * anew) * PAGE_ON_LINK * 8 * 1000 / c->link_mbit;
}

char *migrate_cmdline(const struct migrate_case *c, const struct migrate_load *load)
{
	const struct workload *w = workload_find(c->word[MIGRATE_WORKLOAD]);
	struct text t = {0};

	text_addf(&t, "%s%s", load->args, *load->args ? " " : "");
	w->args(&t, c, load, migrate_life(c, load));
	if (w->has_fill)
		text_addf(&t, " fill=%llu", (unsigned long long)load->fill_mib);
	text_addf(&t, " seed=%llu", (unsigned long long)load->seed);
	return t.data;
}
