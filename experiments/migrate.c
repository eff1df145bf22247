/* SPDX-License-Identifier: MIT */
/*
 * Experiment migrate: what moving a VM costs, over processors, workloads, link rates, dirty rates and means
 * of dirty tracking; and what each of these means costs the guest. Claims M1, M2, M4.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/agent.h"
#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/migrate_move.h"
#include "experiments/migrate_track.h"
#include "experiments/peer_kvm.h"
#include "experiments/setting.h"

#define MEGABIT 1000000u

/* ---- settings ---- */

#define CHECK_AXIS(name, axis)                                                                               \
	static int check_##name(const char *value, char **why)                                               \
	{                                                                                                    \
		return migrate_axis_check(axis, value, why);                                                 \
	}
CHECK_AXIS(from, MIGRATE_FROM)
CHECK_AXIS(to, MIGRATE_TO)
CHECK_AXIS(workload, MIGRATE_WORKLOAD)
CHECK_AXIS(level, MIGRATE_LEVEL)
CHECK_AXIS(guest_mib, MIGRATE_GUEST_MIB)
CHECK_AXIS(link_mbit, MIGRATE_LINK_MBIT)
CHECK_AXIS(dirty, MIGRATE_DIRTY)
CHECK_AXIS(tracker, MIGRATE_TRACKER)

static int number_up_to(const char *value, uint64_t low, uint64_t high, char **why)
{
	uint64_t n;

	return number_parse(value, low, high, &n, why);
}

static int check_pages(const char *value, char **why)
{
	return number_up_to(value, 2, 1u << 18, why);
}

static int check_fill(const char *value, char **why)
{
	return number_up_to(value, 0, 4096, why);
}

static int check_seed(const char *value, char **why)
{
	return number_up_to(value, 0, UINT32_MAX, why);
}

static int check_ticks(const char *value, char **why)
{
	return number_up_to(value, 0, 1000000000000, why);
}

static int one_of(const char *value, const char *a, const char *b, char **why)
{
	if (!strcmp(value, a) || !strcmp(value, b))
		return 0;
	*why = text_format("'%s' is neither %s nor %s", value, a, b);
	return -1;
}

static int check_policy(const char *value, char **why)
{
	return one_of(value, "pool", "none", why);
}

static int check_time(const char *value, char **why)
{
	return one_of(value, "virtual", "real", why);
}

static int check_link(const char *value, char **why)
{
	struct wire_script script = {0};

	if (wire_script_parse(value, &script, why))
		return -1;
	if (!(script.rate % MEGABIT))
		return 0;
	*why = text_format("rate: %" PRIu64 " bits are no whole 10^6 of them", script.rate);
	return -1;
}

#define LINK_MBIT "500,1000,4000"
static const struct experiment_key keys[] = {
	{"from",              "",
	 "processor of the first host (empty: that of --cpu); it and those with (list) may be lists: all "
	 "combinations run",														   check_from         },
	{"to",		"",				  "processor of the other host (list; empty: that of --cpu)",                 check_to           },
	{"workload",          "dirtier",                           "dirtier, idle, avx2, wbinvd (list)",                                       check_workload     },
	{"level",             "L1",				"L1: the guest is moved; L2: l1hv is, and the guest is its guest (list)",
	 check_level																	      },
	{"guest_mib",         "64",				"memory of the VM (list)",                                                  check_guest_mib    },
	{"link_mbit",         LINK_MBIT,                           "rate of the link, 10^6 bits in 10^9 ticks (list)",                         check_link_mbit    },
	{"dirty_pages_per_s", "2000,5000,10000,20000,40000,80000",
	 "pages that a dirtier writes in 10^9 ticks (list)",										   check_dirty        },
	{"tracker",           "auto",			      "auto, wp, ad, pml: how written pages are found (list)",                    check_tracker      },
	{"pages",             "1024",			      "pages that a dirtier or wbinvd writes",                                    check_pages        },
	{"pattern",           "sequential",                        "order in which a dirtier does",                                            NULL               },
	{"fill",              "2",				 "MiB that the guest writes once",                                           check_fill         },
	{"args",              "",				  "more of the workload's command line, before what the settings make of it", NULL               },
	{"policy",            "pool",			      "pool: the guest sees what both processors have; none: what the first has",
	 check_policy																	     },
	{"down_ticks",        "10000000",                          "the guest is to stand still no longer, if that can be had",                check_ticks        },
	{"link",              "",				  "the wire, as `nestbed move --link`; its rate in place of link_mbit",       check_link         },
	{"time",              "virtual",                           "virtual: the guest's clock and the link are one model; real",              check_time         },
	{"track_pages",       "50,100,200,400,800",
	 "what tracking costs: pages written in a round (list; empty: not measured)",                                                          migrate_track_check},
	{"peer",              "none",			      "what tracking costs another L0, too: kvm, or none",                        peer_check         },
	{"seed",              "1",				 "of what the guest writes",                                                 check_seed         },
};

static uint64_t number(const struct run *run, const char *key)
{
	return strtoull(run_value(run, key), NULL, 10);
}

/* ---- the sweep ---- */

static int make_setup(struct run *run, struct migrate_setup *setup)
{
	char *why;

	*setup = (struct migrate_setup){
		.run = run,
		.load = {.pages = number(run, "pages"),
			 .fill_mib = number(run, "fill"),
			 .seed = number(run, "seed"),
			 .pattern = run_value(run, "pattern"),
			 .args = run_value(run, "args")},
		.script = {.seed = number(run,            "seed")           },
		.pool = !strcmp(run_value(run, "policy"), "pool"),
		.real_time = !strcmp(run_value(run, "time"), "real"),
	};
	if (wire_script_parse(run_value(run, "link"), &setup->script, &why))
		return cli_usage(why);
	text_addf(&setup->lines, "migrate.down_time = %s\n", run_value(run, "down_ticks"));
	if (setup->real_time)
		text_addf(&setup->lines, "migrate.virtual_time = off\n");
	return CLI_OK;
}

/* A rate in `link` is short for a link_mbit of one value. NULL: there are both; told on stderr. */
static char *link_list(const struct run *run, uint64_t rate)
{
	const char *list = run_value(run, migrate_axis_name(MIGRATE_LINK_MBIT));

	if (!rate)
		return text_copy(list);
	if (!strcmp(list, LINK_MBIT))
		return text_format("%" PRIu64, rate / MEGABIT);
	(void)cli_usage(text_copy("link has a rate, and link_mbit has others"));
	return NULL;
}

static int make_cases(const struct run *run, uint64_t rate, struct migrate_cases *cases)
{
	const char *list[MIGRATE_AXES];
	char *why, *mbit = link_list(run, rate);
	int status;

	if (!mbit)
		return CLI_USAGE;
	for (unsigned i = 0; i < MIGRATE_AXES; i++)
		list[i] = run_value(run, migrate_axis_name(i));
	if (!*list[MIGRATE_FROM])
		list[MIGRATE_FROM] = run->cpu;
	if (!*list[MIGRATE_TO])
		list[MIGRATE_TO] = run->cpu;
	list[MIGRATE_LINK_MBIT] = mbit;
	status = migrate_cases_make(list, cases, &why) ? cli_usage(why) : CLI_OK;
	free(mbit);
	if (!status && run->agent && agent_is_single(run->agent) && cases->count > 1)
		status = cli_usage(text_format("--agent: %s serves one move, and there are %u", run->agent,
					       cases->count));
	return status;
}

/* A move that fails does not keep the others from being made; a signal, or a computer that can't, does. */
static bool goes_on(int status)
{
	return status == CLI_OK || status == CLI_FAILED;
}

static int move_all(struct migrate_setup *setup, const struct migrate_cases *cases,
		    struct move_tables *tables)
{
	int status = CLI_OK;

	if (cases->count)
		migrate_move_heading();
	for (unsigned i = 0; i < cases->count && goes_on(status); i++) {
		const struct migrate_case c = migrate_case(cases, i);
		const int one = migrate_move(setup, &c, i, tables);

		status = status && goes_on(one) ? status : one;
	}
	return status;
}

static int write_tables(struct run *run, const struct move_tables *t)
{
	const struct {
		const char *name;
		const struct csv *csv;
	} files[] = {
		{"migrate.csv",  &t->moves   },
		{"rounds.csv",   &t->rounds  },
		{"down.csv",     &t->down    },
		{"barriers.csv", &t->barriers},
	};
	int status = CLI_OK;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !status; i++)
		status = run_file(run, files[i].name, &files[i].csv->text);
	return status;
}

static int run_migrate(struct run *run)
{
	struct migrate_setup setup;
	struct migrate_cases cases = {0};
	struct move_tables tables;
	int status, written;

	status = make_setup(run, &setup);
	if (!status)
		status = make_cases(run, setup.script.rate, &cases);
	if (!status)
		status = cli_namespaces();
	if (!status && !strcmp(run_value(run, "peer"), "kvm"))
		status = peer_kvm_get();
	move_tables_start(&tables);
	json_object_set_new(run->meta, "unit", json_string("ticks")); /* until an L0 says what these are */
	if (!status)
		status = move_all(&setup, &cases, &tables);
	if (goes_on(status)) {
		written = write_tables(run, &tables);
		status = status ? status : written;
	}
	if (goes_on(status) && *run_value(run, "track_pages")) {
		const int tracked = migrate_track(run);

		status = status ? status : tracked;
	}
	move_tables_free(&tables);
	migrate_cases_free(&cases);
	text_free(&setup.lines);
	return status;
}

static const struct figure figures[] = {
	{"migrate.gp", "migrate.csv", "migrate"},
	{"rounds.gp",  "rounds.csv",  "rounds" },
	{"down.gp",    "down.csv",    "down"   },
	{"tracker.gp", "tracker.csv", "tracker"},
};

const struct experiment migrate = {
	.name = "migrate",
	.what = "what it costs to move a running VM, and to track what it writes",
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.agents = true,
	.run = run_migrate,
};
