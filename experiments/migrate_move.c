/* SPDX-License-Identifier: MIT */
#include "experiments/migrate_move.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/policy_pool.h"

/* What the guest reports of itself, at whatever depth it runs. */
struct self_check {
	bool told;
	uint64_t failed;
};

static void on_guest_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct self_check *check = ctx;

	(void)from;
	if (record->body_case != NESTBED__RECORD__BODY_VALUE || strcmp(record->value->name, "failed") != 0)
		return;
	check->told = true;
	check->failed += record->value->value;
}

/* What a tick is, as a host's L0 says in its Hello. */
static void on_l0_record(void *ctx, unsigned host, int hop, const Nestbed__Record *record)
{
	struct run *run = ctx;

	(void)host;
	(void)hop;
	if (record->body_case == NESTBED__RECORD__BODY_HELLO && *record->hello->unit)
		json_object_set_new(run->meta, "unit", json_string(record->hello->unit));
}

static void book(struct run *run, const struct move *m, int status)
{
	for (unsigned i = 0; i < m->watch.path->hosts; i++)
		if (m->job[i].ran)
			run_book(run, &m->machine[i].launch, &m->machine[i].raw, &m->job[i].result, status,
				 m->why ? m->why : "");
}

static const char line_format[] = "%-26s %-26s %-8s %-5s %5" PRIu64 " %7" PRIu64 " %8" PRIu64
				  " %-5s %6" PRIu32 " %12" PRIu64 " %11" PRIu64 " %11" PRIu64 "  %s\n";

void migrate_move_heading(void)
{
	printf("%-26s %-26s %-8s %-5s %5s %7s %8s %-5s %6s %12s %11s %11s  %s\n", "from", "to", "workload",
	       "level", "MiB", "Mbit/s", "pages/s", "by", "rounds", "ticks", "down ticks", "bytes",
	       "outcome");
}

static void print_line(const struct migrate_case *c, const struct move_watch *w)
{
	const struct move_hop *h = &w->hop[0];

	printf(line_format, c->word[MIGRATE_FROM], c->word[MIGRATE_TO], c->word[MIGRATE_WORKLOAD],
	       c->word[MIGRATE_LEVEL], c->guest_mib, c->link_mbit, c->dirty,
	       h->total.tracker && *h->total.tracker ? h->total.tracker : c->word[MIGRATE_TRACKER],
	       h->total.rounds, move_hop_total(h), move_hop_down(h), h->total.bytes,
	       move_watch_outcome(w, 0));
	fflush(stdout);
}

/* What a move must come to, whatever its outcome. */
static int judge(const struct move *m, const char *name, const struct self_check *check, int status)
{
	const char *outcome = move_watch_outcome(&m->watch, 0);

	if (status) {
		if (status < CLI_INTERRUPTED)
			fprintf(stderr, "nestbed: %s: %s\n", name, m->why ? m->why : "it did not run");
		return status;
	}
	if (!check->told || check->failed) {
		fprintf(stderr, "nestbed: %s: the guest %s\n", name,
			check->told ? "found its memory wrong" : "did not check its memory");
		return CLI_FAILED;
	}
	if (!strcmp(outcome, "none") || !strcmp(outcome, "ended")) {
		fprintf(stderr,
			"nestbed: %s: the guest ended %s; let it live longer (args=writes=N, or beats=, "
			"rounds=)\n",
			name, !strcmp(outcome, "none") ? "without a move" : "before its move was over");
		return CLI_FAILED;
	}
	return CLI_OK;
}

/* One move, and all that must live as long. */
struct one {
	struct migrate_setup *setup;
	const struct migrate_case *c;
	struct move move;
	struct move_path path;
	struct move_spec spec;
	struct policy_file policy;
	struct self_check check;
	struct text lines;
	struct blob image, l1hv;
	char *cmdline, *name, *keep;
};

/* The VM: the workload, or l1hv with the workload as its guest. */
static int make_guest(struct one *o)
{
	const char *workload = o->c->word[MIGRATE_WORKLOAD];
	struct launch *l = &o->spec.guest;

	if (guest_read(workload, &o->image))
		return CLI_REFUSED;
	l->memory = o->c->guest_mib << 20;
	l->guest = workload;
	l->image = o->image;
	l->cmdline = o->cmdline;
	if (!strcmp(o->c->word[MIGRATE_LEVEL], "L1"))
		return CLI_OK;
	if (guest_read("l1hv", &o->l1hv))
		return CLI_REFUSED;
	l->guest = "l1hv";
	l->image = o->l1hv;
	l->cmdline = "wbinvd=off"; /* L0 sees that of the guest, as it would of L1 */
	l->nested = true;
	l->module[0] = (struct launch_module){workload, o->cmdline, o->image};
	l->module_count = 1;
	return CLI_OK;
}

static int prepare(struct one *o)
{
	struct move_spec *s = &o->spec;
	struct wire_script script = o->setup->script;
	char *why;
	int status;

	if (move_path_add(&o->path, o->c->word[MIGRATE_FROM], &why) ||
	    move_path_add(&o->path, o->c->word[MIGRATE_TO], &why))
		return cli_usage(why);
	if (o->setup->pool && policy_pool(&o->path, &o->policy, &why))
		return cli_usage(why);
	script.rate = o->c->link_mbit * 1000000;
	text_addf(&o->lines, "migrate.track = %s\n%s", o->c->word[MIGRATE_TRACKER], o->setup->lines.data);
	move_link_lines(&script, o->setup->real_time, &o->lines);
	*s = (struct move_spec){
		.path = &o->path,
		.name = o->name,
		.vm_lines = o->lines.data,
		.l0_lines = "",
		.agent = {[1] = o->setup->run->agent},
		.keep_dir = o->keep,
		.seconds = o->setup->run->seconds,
		.script = script,
		.record = on_l0_record,
		.ctx = o->setup->run,
		.guest_sink = { .record = on_guest_record,          .ctx = &o->check},
	};
	status = make_guest(o);
	s->guest.policy_name = o->policy.name;
	s->guest.policy_text = o->policy.text;
	return status;
}

static void add_rows(const struct one *o, struct move_tables *tables)
{
	const struct migrate_case *c = o->c;
	const struct move_row row = {
		.workload = c->word[MIGRATE_WORKLOAD],
		.level = c->word[MIGRATE_LEVEL],
		.tracker = c->word[MIGRATE_TRACKER],
		.guest_mib = c->guest_mib,
		.rate = c->link_mbit * 1000000,
		.dirty_pages = c->dirty,
	};

	move_tables_add(tables, &o->move.watch, &row);
	print_line(c, &o->move.watch);
}

static int run_it(struct one *o, struct move_tables *tables)
{
	struct move *m = &o->move;
	int status = move_run(m, &o->spec);

	book(o->setup->run, m, status);
	if (m->why)
		add_rows(o, tables);
	status = judge(m, o->name, &o->check, status);
	return move_free(m) && !status ? CLI_FAILED : status;
}

int migrate_move(struct migrate_setup *setup, const struct migrate_case *c, unsigned number,
		 struct move_tables *tables)
{
	struct one *o = zalloc(sizeof(*o));
	int status;

	o->setup = setup;
	o->c = c;
	o->cmdline = migrate_cmdline(c, &setup->load);
	o->name = text_format("move-%u", number);
	o->keep = setup->run->keep ? text_format("%s/machines/%s", setup->run->partial, o->name) : NULL;
	status = prepare(o);
	if (!status)
		status = run_it(o, tables);
	policy_file_free(&o->policy);
	text_free(&o->lines);
	free(o->image.data);
	free(o->l1hv.data);
	free(o->keep);
	free(o->name);
	free(o->cmdline);
	free(o);
	return status;
}
