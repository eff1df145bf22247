/* SPDX-License-Identifier: MIT */
#include "experiments/migrate_track.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/csv.h"
#include "experiments/files.h"
#include "experiments/peer_kvm.h"
#include "experiments/setting.h"

#define GUEST      "dirtier"
#define MEMORY     (64ull << 20)
#define ROUNDS     8u
#define WINDOW     1u /* the guest's mark around its rounds */
#define POINTS_MAX 8u

/* Means of tracking, and where the processor says that it has them: SDM, "VMX Capability Reporting Facility".
 */
static const struct means {
	const char *name, *capability; /* NULL: every processor has it */
	unsigned bit;
} means[] = {
	{"off", NULL,		       0      },
	{"wp",  NULL,		       0      },
	{"ad",  "IA32_VMX_EPT_VPID_CAP",    21     }, /* accessed and dirty flags for EPT */
	{"pml", "IA32_VMX_PROCBASED_CTLS2", 32 + 17}, /* enable PML may be 1 */
};
#define MEANS (sizeof(means) / sizeof(means[0]))

/* KVM's: its dirty log, as a bitmap that is read and cleared or as a ring of pages. */
static const struct {
	const char *name, *options; /* of kvm-run */
} peer_means[] = {
	{"kvm-off",    "--track off"   },
	{"kvm-bitmap", "--track bitmap"},
	{"kvm-ring",   "--track ring"  },
};
#define PEER_MEANS (sizeof(peer_means) / sizeof(peer_means[0]))
/* KVM complains of each page that Bochs logs (docs/bochs-differences.md), and tracks without the log as well.
 */
#define PEER_PARAMETERS "pml=0"

struct point {
	uint64_t pages; /* in a round */
	char *cmdline, *name[MEANS], *lines[MEANS];
	struct launch launch[MEANS];
	struct capture capture[MEANS];
	bool ran[MEANS];
	char *peer_name[PEER_MEANS];
	struct capture peer[PEER_MEANS];
};
_Static_assert(POINTS_MAX *PEER_MEANS <= PEER_VMS_MAX, "all points on one machine");

struct points {
	struct point point[POINTS_MAX];
	unsigned count;
	struct blob image;
	bool peer; /* asked: on KVM as well */
};

int migrate_track_check(const char *value, char **why)
{
	unsigned count = 0;

	for (const char *p = value; *value; p++, count++) {
		const size_t n = strcspn(p, ",");
		char *word = text_format("%.*s", (int)n, p);
		uint64_t pages;
		const int err = number_parse(word, 2, 4096, &pages, why);

		free(word);
		if (err)
			return err;
		p += n;
		if (!*p)
			break;
	}
	if (count < POINTS_MAX)
		return 0;
	*why = text_format("more than %u values", POINTS_MAX);
	return -EINVAL;
}

/* ---- running ---- */

static void make_points(struct points *p, const char *list)
{
	while (*list) {
		struct point *point = &p->point[p->count++];
		char *end;

		point->pages = strtoull(list, &end, 10);
		point->cmdline = text_format("pattern=sequential rounds=%u pages=%" PRIu64 " round=%" PRIu64,
					     ROUNDS, point->pages, point->pages);
		for (unsigned k = 0; k < MEANS; k++) {
			point->name[k] = text_format("track-%" PRIu64 "-%s", point->pages, means[k].name);
			point->lines[k] = text_format("migrate.track = %s\n", means[k].name);
			point->launch[k] = (struct launch){.name = point->name[k],
							   .guest = GUEST,
							   .image = p->image,
							   .cmdline = point->cmdline,
							   .memory = MEMORY,
							   .vm_lines = point->lines[k],
							   .l0_lines = ""};
			capture_init(&point->capture[k], 1);
		}
		for (unsigned k = 0; k < PEER_MEANS; k++) {
			point->peer_name[k] =
				text_format("track-%" PRIu64 "-%s", point->pages, peer_means[k].name);
			capture_init(&point->peer[k], 1);
		}
		list = *end ? end + 1 : end;
	}
}

static void free_points(struct points *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct point *point = &p->point[i];

		free(point->cmdline);
		for (unsigned k = 0; k < MEANS; k++) {
			launch_free(&point->launch[k]);
			capture_free(&point->capture[k]);
			free(point->name[k]);
			free(point->lines[k]);
		}
		for (unsigned k = 0; k < PEER_MEANS; k++) {
			capture_free(&point->peer[k]);
			free(point->peer_name[k]);
		}
	}
	free(p->image.data);
}

static int run_points(struct run *run, struct points *p)
{
	int status = CLI_OK;

	for (unsigned i = 0; i < p->count && !status; i++) {
		struct point *point = &p->point[i];
		unsigned last = 0;

		/* The first says what the processor has; then all that it has together. */
		status = run_machines(run, point->launch, point->capture, 1);
		for (unsigned k = 0; k < MEANS; k++)
			point->ran[k] =
				!means[k].capability ||
				capture_capability(&point->capture[0], means[k].capability) >> means[k].bit &
					1;
		while (last + 1 < MEANS && point->ran[last + 1])
			last++;
		if (!status && last)
			status = run_machines(run, point->launch + 1, point->capture + 1, last);
	}
	return status;
}

/* All points by all of KVM's means, one after another on one machine. */
static int run_peer(struct run *run, struct points *p)
{
	struct peer_machine *m = zalloc(sizeof(*m));
	int status;

	m->name = "kvm-track";
	for (unsigned i = 0; i < p->count; i++) {
		struct point *point = &p->point[i];

		for (unsigned k = 0; k < PEER_MEANS; k++)
			m->vm[m->vm_count++] = (struct peer_vm){
				.launch = {.name = point->peer_name[k],
					   .guest = GUEST,
					   .image = p->image,
					   .cmdline = point->cmdline,
					   .memory = MEMORY,
					   .vm_lines = "",
					   .l0_lines = ""},
				.parameters = PEER_PARAMETERS,
				.options = peer_means[k].options,
				.capture = &point->peer[k],
			};
	}
	status = peer_kvm_run(run, m, 1);
	peer_kvm_free(m, 1);
	free(m);
	return status;
}

/* ---- what they found ---- */

/* The sets of all rounds, as L0 tells them (docs/bundle.md, migrate.track). */
static void sets_of(const struct capture *c, struct text *sets)
{
	text_add(sets, "", 0);
	for (unsigned i = 0; i < c->record_count; i++) {
		const Nestbed__Record *r = c->record[i];
		const char *at =
			r->body_case == NESTBED__RECORD__BODY_LOG ? strstr(r->log->text, ": round ") : NULL;
		const char *found = at ? strstr(at + 2, ": ") : NULL;

		if (found)
			text_addf(sets, "%s\n", found + 2);
	}
}

/* Whether `c` has the sets `first`. */
static bool has_sets(const struct capture *c, const struct text *first)
{
	struct text sets = {0};
	bool same;

	sets_of(c, &sets);
	same = first->size == sets.size && !memcmp(first->data, sets.data, first->size);
	text_free(&sets);
	return same;
}

static int same_sets(const struct points *p, const struct point *point)
{
	struct text first = {0};
	int status = CLI_OK;

	sets_of(&point->capture[1], &first);
	if (!first.size) {
		fprintf(stderr, "nestbed: %s: L0 told of no round\n", point->name[1]);
		status = CLI_FAILED;
	}
	for (unsigned k = 2; k < MEANS; k++)
		if (point->ran[k] && !has_sets(&point->capture[k], &first)) {
			fprintf(stderr, "nestbed: %s and %s found different pages\n", point->name[1],
				point->name[k]);
			status = CLI_FAILED;
		}
	for (unsigned k = 1; k < PEER_MEANS && p->peer; k++)
		if (!has_sets(&point->peer[k], &first)) {
			fprintf(stderr, "nestbed: %s and %s found different pages\n", point->name[1],
				point->peer_name[k]);
			status = CLI_FAILED;
		}
	text_free(&first);
	return status;
}

static uint64_t exits_of(const Nestbed__Window *w)
{
	uint64_t exits = 0;

	for (size_t i = 0; i < w->n_exit; i++)
		exits += w->exit[i]->count;
	return exits;
}

static const Nestbed__Window *window_of(const struct capture *c)
{
	unsigned at = 0;

	return capture_window(c, WINDOW, &at);
}

/* All ticks of the guest's window, whoever took them. */
static uint64_t ticks_of(const Nestbed__Window *w)
{
	return w->ticks_l0 + w->ticks_l1;
}

/* One means at one point, against the guest that nobody tracks. An exit status. */
static int add_row(struct csv *csv, const struct run *run, const struct point *point, const char *tracker,
		   const struct capture *untracked, const struct capture *tracked)
{
	const Nestbed__Window *off = window_of(untracked), *w = window_of(tracked);
	const char *unit = capture_unit(tracked);
	uint64_t cost, exits;

	if (!off || !w) {
		fprintf(stderr, "nestbed: track-%" PRIu64 "-%s: the guest reported nothing\n", point->pages,
			tracker);
		return CLI_FAILED;
	}
	cost = ticks_of(w) - ticks_of(off);
	exits = exits_of(w) - exits_of(off);
	csv_word(csv, run->cpu);
	csv_word(csv, GUEST);
	csv_number(csv, MEMORY >> 20);
	csv_word(csv, tracker);
	csv_number(csv, point->pages);
	csv_number(csv, ROUNDS);
	csv_mean(csv, cost, ROUNDS);
	csv_mean(csv, cost, ROUNDS * point->pages);
	csv_mean(csv, exits, ROUNDS);
	csv_mean(csv, 100 * ticks_of(w), ticks_of(off));
	csv_word(csv, unit ? unit : "ticks");
	csv_end_row(csv);
	printf("%-26s %-10s %8" PRIu64 " %14.1f %14.1f %14.1f\n", run->cpu, tracker, point->pages,
	       (double)cost / ROUNDS, (double)cost / (double)(ROUNDS * point->pages), (double)exits / ROUNDS);
	return CLI_OK;
}

static int add_point(struct csv *csv, const struct run *run, const struct points *p,
		     const struct point *point)
{
	int status = CLI_OK;

	for (unsigned k = 0; k < MEANS && !status; k++)
		if (point->ran[k])
			status = add_row(csv, run, point, means[k].name, &point->capture[0],
					 &point->capture[k]);
	for (unsigned k = 0; k < PEER_MEANS && p->peer && !status; k++)
		status = add_row(csv, run, point, peer_means[k].name, &point->peer[0], &point->peer[k]);
	return status;
}

static int make_table(struct run *run, const struct points *p)
{
	struct csv csv;
	int status = CLI_OK;

	csv_start(&csv, "host_cpu,workload,guest_mib,tracker,pages_per_round,rounds,ticks_per_round,"
			"ticks_per_page,exits_per_round,percent_of_untracked,unit");
	printf("\n%-26s %-10s %8s %14s %14s %14s\n", "what tracking costs", "means", "pages", "ticks/round",
	       "ticks/page", "exits/round");
	for (unsigned i = 0; i < p->count && !status; i++)
		status = add_point(&csv, run, p, &p->point[i]);
	if (!status)
		status = run_file(run, "tracker.csv", &csv.text);
	csv_free(&csv);
	for (unsigned i = 0; i < p->count && !status; i++)
		status = same_sets(p, &p->point[i]);
	if (!status)
		printf("All means found the same pages in every round.\n");
	return status;
}

int migrate_track(struct run *run)
{
	struct points *p = zalloc(sizeof(*p));
	int status = CLI_REFUSED;

	p->peer = !strcmp(run_value(run, "peer"), "kvm");
	if (!guest_read(GUEST, &p->image)) {
		make_points(p, run_value(run, "track_pages"));
		status = run_points(run, p);
	}
	if (!status && p->peer && p->count)
		status = run_peer(run, p);
	if (!status)
		status = make_table(run, p);
	free_points(p);
	free(p);
	return status;
}
