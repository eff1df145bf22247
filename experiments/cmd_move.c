/* SPDX-License-Identifier: MIT */
/* nestbed move: one guest, and hosts between which it moves; what each move took, and what the guest wrote.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/agent.h"
#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/machine_choice.h"
#include "experiments/move.h"
#include "experiments/move_rows.h"
#include "experiments/policy_pool.h"
#include "experiments/printer.h"
#include "experiments/setting.h"

#define DEFAULT_RATE 1000000000u /* migrate.rate (docs/bundle.md) */

enum {
	OPT_FROM = 256,
	OPT_TO,
	OPT_NESTED,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_MODULE,
	OPT_POLICY,
	OPT_SET,
	OPT_AT,
	OPT_LINK,
	OPT_PCAP,
	OPT_CAPTURE,
	OPT_KEEP,
	OPT_KILL,
	OPT_CSV,
	OPT_TIMEOUT,
	OPT_BESIDE,
	OPT_AGENT,
};

static const struct argp_option options[] = {
	{"from",									 OPT_FROM, "MODEL", 0,
	 "Processor of host 0, where the guest starts (default " CLI_DEFAULT_CPU ")", 0},
	{"to",								       OPT_TO, "MODEL|HOST", 0,
	 "Where it goes: a host with that processor, numbered in order, or again to the host of that number. "
	 "Repeatable (default: " CLI_DEFAULT_CPU ")",
	 0},
	{"at",    OPT_AT, "WHEN", 0,
	 "When it leaves a host: mark, hypercall, 'tick N' or 'exit N' (default: mark)", 0},
	{"nested",									      OPT_NESTED, 0, 0, "The guest may use VT-x", 0},
	{"cpus",  OPT_CPUS, "N", 0, "The guest's processors, 1 to 8 (default 1)", 0},
	{"memory",									     OPT_MEMORY, "SIZE", 0, "The guest's memory (default 64M)", 0},
	{"module",									      OPT_MODULE, "FILE[:ARGS]", 0,
	 "A multiboot module; its command line is its name, then ARGS. Repeatable", 0},
	{"beside",									   OPT_BESIDE, "HOST:IMAGE[:ARGS]", 0,
	 "Another VM on that host, named 'other', which stays there; one a host", 0},
	{"agent",									OPT_AGENT, AGENT_WORD, 0,
	 "Hosts other than host 0 run at agents: at the one that COMMAND, such as 'ssh HOST nestbed agent', "
	 "starts, "
	 "or that is behind the socket N (docs/agent.md). Repeatable: for host 1, 2 ...; the last for all "
	 "further ones", 0},
	{"policy", OPT_POLICY, "FILE|" POLICY_POOL, 0,
	 "What the guest may see of the processor: a [cpu NAME] section, or " POLICY_POOL
	 ": what all the hosts have", 0},
	{"set",									      OPT_SET, "KEY=VALUE", 0,
	 "A line of the VM's configuration on each host (docs/bundle.md); l0.KEY=VALUE is a line of [l0], "
	 "host1.KEY=VALUE "
	 "one for host 1 alone. Repeatable", 0},
	{"link",OPT_LINK, "SCRIPT", 0,
	 "How the wire is (docs/link.md). In virtual time rate and delay become migrate.rate and "
	 "migrate.delay", 0},
	{"pcap",									     OPT_PCAP, "FILE", 0, "Write the frames to FILE as they are delivered", 0},
	{"capture",									     OPT_CAPTURE, "DIR", 0, "Write each move's stream to DIR, for nestbed stream", 0},
	{"keep",									 OPT_KEEP, "DIR", 0, "Leave the machines' files in DIR/0, DIR/1 ...", 0},
	{"kill",									   OPT_KILL, "HOST@[T:]N", 0,
	 "End that host's machine when message N of the first move begins on the wire: the source's, or with "
	 "T: the target's", 0},
	{"csv",				  OPT_CSV, 0, 0, "Print a table of the moves, and nothing else", 0},
	{"quiet",									      'q', 0, 0, "No records: rounds, what the moves took, and the guest's text", 0},
	{"timeout",OPT_TIMEOUT, "SECONDS", 0,
	 "End the machines after so many seconds (default 120; 0: never)", 0},
	{0									    },
};

struct arguments {
	struct move_spec spec;
	const char *agent[NB_LINK_HOSTS];
	unsigned agents;
	struct machine_choice machine;
	const char *station[MOVE_HOPS_MAX + 1]; /* as named; NULL: the machine's standard processor */
	unsigned stations;
	struct move_path path;
	struct text vm_lines, l0_lines, host_vm[NB_LINK_HOSTS], host_l0[NB_LINK_HOSTS];
	const char *from, *policy_name, *capture;
	bool real_time, csv, quiet;
	struct policy_file policy;
	struct printer guest, host;
	char *guest_text;
	size_t guest_size;
	struct move move;
};

static void add_module(struct launch *l, char *arg, struct argp_state *state)
{
	struct launch_module *m = &l->module[l->module_count];
	char *colon = strchr(arg, ':');

	if (l->module_count == sizeof(l->module) / sizeof(l->module[0]))
		argp_error(state, "too many modules");
	if (colon)
		*colon = '\0';
	if (guest_read(arg, &m->image))
		argp_failure(state, CLI_USAGE, 0, "no such module");
	m->name = guest_name(arg);
	m->args = colon ? colon + 1 : "";
	l->module_count++;
}

/* "1:spin", "0:idle:fill=1" */
static void add_beside(struct arguments *a, char *arg, const struct argp_state *state)
{
	char *image, *args;
	const unsigned long host = strtoul(arg, &image, 10);

	if (image == arg || *image++ != ':' || !*image || host >= NB_LINK_HOSTS)
		argp_error(state, "--beside: '%s' is not HOST:IMAGE or HOST:IMAGE:ARGS", arg);
	if (a->spec.beside[host].name)
		argp_error(state, "--beside: host %lu has one already", host);
	args = strchr(image, ':');
	if (args)
		*args++ = '\0';
	a->spec.beside[host] = (struct launch_beside){.name = "other", .cmdline = args ? args : ""};
	if (guest_read(image, &a->spec.beside[host].image))
		argp_failure(state, CLI_USAGE, 0, "no such image");
}

/* "host3.", of a key for one host: its number, *key behind it; else -1. */
static int host_of_key(const char **key)
{
	char *end;
	unsigned long host;

	if (strncmp(*key, "host", 4) != 0 || !isdigit((unsigned char)(*key)[4]))
		return -1;
	host = strtoul(*key + 4, &end, 10);
	if (*end != '.' || host >= NB_LINK_HOSTS)
		return -1;
	*key = end + 1;
	return (int)host;
}

static void add_setting(struct arguments *a, const char *arg, struct argp_state *state)
{
	struct setting s;
	const char *key;
	char *why;
	int host;

	if (setting_parse(arg, &s, &why))
		argp_error(state, "%s", why);
	key = s.key;
	host = host_of_key(&key);
	if (!strncmp(key, "l0.", 3))
		text_addf(host < 0 ? &a->l0_lines : &a->host_l0[host], "%s = %s\n", key + 3, s.value);
	else
		text_addf(host < 0 ? &a->vm_lines : &a->host_vm[host], "%s = %s\n", key, s.value);
	if (!strcmp(key, "migrate.virtual_time"))
		a->real_time = !strcmp(s.value, "off");
	setting_free(&s);
}

static void add_station(struct arguments *a, const char *word, const struct argp_state *state)
{
	if (a->stations == sizeof(a->station) / sizeof(a->station[0]))
		argp_error(state, "more than %u moves", MOVE_HOPS_MAX);
	a->station[a->stations++] = word;
}

/* Once it is known which machines they are. */
static void make_path(struct arguments *a, const struct argp_state *state)
{
	const struct machine_driver *driver = a->machine.driver;
	char *why;

	while (a->stations < 2) /* two, where none was named */
		add_station(a, NULL, state);
	a->path.any_model = !driver->cpu_lacks;
	for (unsigned i = 0; i < a->stations; i++)
		if (move_path_add(&a->path, a->station[i] ? a->station[i] : driver->standard_cpu, &why))
			argp_error(state, "%s", why);
	if (a->agents && driver != &machine_bochs)
		argp_error(state, "--agent and --machine %s exclude each other", driver->name);
	a->spec.driver = driver;
}

/* "1@7", "1@T:7" */
static void set_kill(struct move_kill *k, const char *arg, const struct argp_state *state)
{
	char *end;

	k->host = (unsigned)strtoul(arg, &end, 10);
	if (end == arg || *end++ != '@' || k->host >= NB_LINK_HOSTS)
		end = NULL;
	if (end) {
		k->by_target = !strncmp(end, "T:", 2);
		arg = end + (k->by_target ? 2 : 0);
		k->number = (uint32_t)strtoul(arg, &end, 10);
	}
	if (!end || end == arg || *end)
		argp_error(state, "--kill: '%s' is not HOST@N or HOST@T:N", arg);
	k->wanted = true;
}

static void add_agent(struct arguments *a, const char *arg, const struct argp_state *state)
{
	char *why;

	if (a->agents == NB_LINK_HOSTS)
		argp_error(state, "too many agents");
	if (agent_check(arg, &why))
		argp_error(state, "%s", why);
	a->agent[a->agents++] = arg;
}

/* The last one has all hosts that are left: where it is a socket, one. */
static void share_agents(struct arguments *a, const struct argp_state *state)
{
	if (a->agents >= a->path.hosts)
		argp_error(state, "--agent: there is no host %u", a->agents);
	for (unsigned i = 1; i < a->path.hosts && a->agents; i++) {
		a->spec.agent[i] = a->agent[i <= a->agents ? i - 1 : a->agents - 1];
		if (i > a->agents && agent_is_single(a->spec.agent[i]))
			argp_error(state, "--agent: %s serves one machine, and there are more",
				   a->spec.agent[i]);
	}
}

static void finish(struct arguments *a, const struct argp_state *state)
{
	if (!a->spec.guest.guest)
		argp_error(state, "which IMAGE?");
	make_path(a, state);
	share_agents(a, state);
	for (unsigned i = a->path.hosts; i < NB_LINK_HOSTS; i++)
		if (a->host_vm[i].size || a->host_l0[i].size || a->spec.beside[i].name ||
		    (a->spec.kill.wanted && a->spec.kill.host == i))
			argp_error(state, "there is no host %u", i);
}

static uint64_t number(const char *arg, uint64_t least, uint64_t most, const struct argp_state *state)
{
	uint64_t n = 0;
	char *why;

	if (number_parse(arg, least, most, &n, &why))
		argp_error(state, "%s", why);
	return n;
}

static error_t parse_guest(struct arguments *a, int key, char *arg, struct argp_state *state)
{
	struct launch *l = &a->spec.guest;
	char *why;

	switch (key) {
	case OPT_NESTED:
		l->nested = true;
		return 0;
	case OPT_CPUS:
		l->cpus = (unsigned)number(arg, 1, 8, state);
		return 0;
	case OPT_MEMORY:
		if (memory_parse(arg, &l->memory, &why))
			argp_error(state, "%s", why);
		return 0;
	case OPT_MODULE:
		add_module(l, arg, state);
		return 0;
	case OPT_BESIDE:
		add_beside(a, arg, state);
		return 0;
	case OPT_POLICY:
		a->policy_name = arg;
		return 0;
	case OPT_SET:
		add_setting(a, arg, state);
		return 0;
	case OPT_AT:
		if (strpbrk(arg, "\r\n"))
			argp_error(state, "--at takes one line");
		text_addf(&a->vm_lines, "migrate.at = %s\n", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1 || strpbrk(arg, "\r\n"))
			argp_error(state, "IMAGE, and one line CMDLINE");
		if (state->arg_num == 1) {
			l->cmdline = arg;
			return 0;
		}
		l->guest = guest_name(arg);
		return guest_read(arg, &l->image) ? EINVAL : 0;
	case ARGP_KEY_END:
		finish(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *why;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->machine;
		return 0;
	case OPT_FROM:
		if (a->stations)
			argp_error(state, "--from comes before --to, and once");
		add_station(a, arg, state);
		return 0;
	case OPT_TO:
		if (!a->stations)
			add_station(a, NULL, state);
		add_station(a, arg, state);
		return 0;
	case OPT_LINK:
		if (wire_script_parse(arg, &a->spec.script, &why))
			argp_error(state, "--link: %s", why);
		return 0;
	case OPT_AGENT:
		add_agent(a, arg, state);
		return 0;
	case OPT_PCAP:
		a->spec.pcap = arg;
		return 0;
	case OPT_CAPTURE:
		a->capture = arg;
		return 0;
	case OPT_KEEP:
		a->spec.keep_dir = arg;
		return 0;
	case OPT_KILL:
		set_kill(&a->spec.kill, arg, state);
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case OPT_CSV:
		a->csv = true;
		return 0;
	case OPT_TIMEOUT:
		a->spec.seconds = (unsigned)number(arg, 0, 1000000, state);
		return 0;
	default:
		return parse_guest(a, key, arg, state);
	}
}

/* ---- what is printed ---- */

static void on_record(void *ctx, unsigned host, int hop, const Nestbed__Record *record)
{
	struct arguments *a = ctx;
	struct decode_source from = {0};
	struct text line = {0};

	if (a->csv)
		return;
	if (hop >= 0 && record->body_case == NESTBED__RECORD__BODY_MOVE_ROUND) {
		const struct move_hop *h = &a->move.watch.hop[hop];

		move_round_text(&line, &a->path, (unsigned)hop, &h->round[h->rounds - 1]);
		printf("%s\n", line.data);
		fflush(stdout);
		text_free(&line);
		return;
	}
	if (a->quiet)
		return;
	snprintf(from.name, sizeof(from.name), "%u", host);
	printer_record(&a->host, &from, record);
}

static void on_text(void *ctx, unsigned host, const uint8_t *data, size_t size)
{
	struct arguments *a = ctx;
	struct decode_source from = {.depth = 1};

	snprintf(from.name, sizeof(from.name), "%u", host);
	if (!a->csv && !a->quiet)
		printer_text(&a->host, &from, data, size);
}

/* Of a guest's command line; 0 where it has no such word. */
static uint64_t asked_rate(const char *cmdline)
{
	const char *p = strstr(cmdline, "rate=");

	return p && (p == cmdline || p[-1] == ' ') ? strtoull(p + 5, NULL, 10) : 0;
}

static void print_table(const struct arguments *a, uint64_t rate)
{
	const struct launch *l = &a->spec.guest;
	const struct move_row row = {
		.workload = l->module_count ? l->module[0].name : l->guest,
		.level = l->nested && l->module_count ? "L2" : "L1",
		.tracker = "",
		.guest_mib = l->memory >> 20,
		.rate = rate,
		.dirty_pages = asked_rate(l->module_count ? l->module[0].args : l->cmdline),
	};
	struct move_tables t;

	move_tables_start(&t);
	move_tables_add(&t, &a->move.watch, &row);
	fwrite(t.moves.text.data, 1, t.moves.text.size, stdout);
	move_tables_free(&t);
}

static void print_outcome(const struct arguments *a)
{
	struct text out = {0};

	for (unsigned hop = 0; hop < a->path.hops; hop++) {
		move_outcome_text(&out, &a->move.watch, hop);
		text_addf(&out, "\n");
	}
	fputs(out.data, stdout);
	text_free(&out);
	fwrite(a->guest_text, 1, a->guest_size, stdout);
}

/* ---- running ---- */

static int read_policy(struct arguments *a)
{
	char *why;
	int err;

	if (!a->policy_name)
		return CLI_OK;
	if (!strcmp(a->policy_name, POLICY_POOL) && a->path.any_model)
		return cli_usage(text_copy("--policy " POLICY_POOL " knows Bochs' models alone"));
	if (!strcmp(a->policy_name, POLICY_POOL))
		err = policy_pool(&a->path, &a->policy, &why);
	else
		err = policy_file_read(a->policy_name, &a->policy, &why);
	if (err)
		return cli_usage(why);
	a->spec.guest.policy_name = a->policy.name;
	a->spec.guest.policy_text = a->policy.text;
	return CLI_OK;
}

static int run(struct arguments *a)
{
	struct move_spec *s = &a->spec;
	const uint64_t rate = s->script.rate ? s->script.rate : DEFAULT_RATE;
	int status, saved;

	move_link_lines(&s->script, a->real_time, &a->vm_lines);
	s->path = &a->path;
	s->name = s->guest.guest;
	s->vm_lines = a->vm_lines.size ? a->vm_lines.data : "";
	s->l0_lines = a->l0_lines.size ? a->l0_lines.data : "";
	for (unsigned i = 0; i < NB_LINK_HOSTS; i++) {
		s->host_vm_lines[i] = a->host_vm[i].data;
		s->host_l0_lines[i] = a->host_l0[i].data;
	}
	a->host.out = stdout;
	a->guest.out = open_memstream(&a->guest_text, &a->guest_size);
	s->guest_sink = (struct decode_sink){
		.text = printer_text, .record = a->quiet ? NULL : printer_record, .ctx = &a->guest};
	s->record = on_record;
	s->text = on_text;
	s->ctx = a;
	status = move_run(&a->move, s);
	printer_end(&a->host);
	printer_end(&a->guest);
	fclose(a->guest.out);
	if (a->move.why && a->csv)
		print_table(a, rate);
	else if (a->move.why)
		print_outcome(a);
	if (status && a->move.why)
		fprintf(stderr, "nestbed: %s: %s\n", s->guest.guest, a->move.why);
	saved = a->capture && a->move.why ? move_save_streams(&a->move, a->capture) : CLI_OK;
	return status ? status : saved;
}

static void arguments_free(struct arguments *a)
{
	struct launch *l = &a->spec.guest;

	for (unsigned i = 0; i < l->module_count; i++) {
		free((char *)l->module[i].name);
		free(l->module[i].image.data);
	}
	free((char *)l->guest);
	free(l->image.data);
	for (unsigned i = 0; i < NB_LINK_HOSTS; i++) {
		free(a->spec.beside[i].image.data);
		text_free(&a->host_vm[i]);
		text_free(&a->host_l0[i]);
	}
	text_free(&a->vm_lines);
	text_free(&a->l0_lines);
	policy_file_free(&a->policy);
	free(a->guest_text);
	free(a);
}

int cmd_move(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = machine_choice_child,
		.args_doc = "IMAGE [CMDLINE]",
		.doc = "Boots IMAGE on host 0, and moves it while it runs from host to host; prints a line a "
		       "round as it "
		       "happens, what each move took, and then what the guest wrote and reported, wherever "
		       "it was.\v"
		       "Lines '@N KIND ...' are records of host N's L0; others as of `nestbed "
		       "boot`.\n\n" CLI_EXIT_DOC,
	};
	struct arguments *a = zalloc(sizeof(*a));
	int status, err;

	a->spec.guest = (struct launch){.cmdline = "", .memory = 64ull << 20};
	a->machine.driver = &machine_bochs;
	a->spec.seconds = 120;
	a->spec.script.seed = 1;
	if (argp_parse(&argp, argc, argv, 0, NULL, a)) {
		arguments_free(a);
		return CLI_USAGE;
	}
	status = read_policy(a);
	if (!status)
		status = cli_machines(a->machine.driver);
	if (!status && a->machine.driver->namespaces)
		status = cli_namespaces();
	if (!status) {
		status = run(a);
		err = move_free(&a->move);
		if (err)
			fprintf(stderr, "nestbed: %s: %s\n", a->spec.pcap, strerror(-err));
		status = status || !err ? status : CLI_FAILED;
	}
	arguments_free(a);
	return status;
}
