/* SPDX-License-Identifier: MIT */
/* nestbed link: two L0s exchange bytes over the link; what it cost, as CSV. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/agent.h"
#include "experiments/cli.h"
#include "experiments/csv.h"
#include "experiments/decode.h"
#include "experiments/files.h"
#include "experiments/launch.h"
#include "experiments/machine_choice.h"
#include "experiments/pool.h"
#include "experiments/setting.h"
#include "experiments/text.h"
#include "experiments/verdict.h"
#include "experiments/wire.h"

#define GUEST      "hello" /* L0 runs a VM behind the trial; any will do */
#define MOST_BYTES (1ull << 32)

enum { OPT_FROM = 256, OPT_TO, OPT_BYTES, OPT_BACK, OPT_LINK, OPT_PCAP, OPT_TIMEOUT, OPT_KEEP, OPT_AGENT };

static const struct argp_option options[] = {
	{"from",							  OPT_FROM, "MODEL", 0, "Processor of the first machine (default " CLI_DEFAULT_CPU ")", 0},
	{"to",							OPT_TO, "MODEL", 0, "Processor of the second (default " CLI_DEFAULT_CPU ")", 0},
	{"bytes", OPT_BYTES, "N", 0, "Bytes that the first sends (default 1048576)", 0},
	{"back",							       OPT_BACK, "N", 0, "Bytes that the second sends (default 0)", 0},
	{"link",  OPT_LINK, "SCRIPT", 0,
	 "How the wire is: rate=1Gbit,delay=50us,loss=0.1%,dup=0.1%,reorder=0.1%,corrupt=0.1%,seed=1,"
	 "cut@round=0:500ms; any of these", 0},
	{"pcap",							      OPT_PCAP, "FILE", 0, "Write the frames to FILE as they are delivered", 0},
	{"agent",							      OPT_AGENT, AGENT_WORD, 0,
	 "The second runs at an agent: the one that COMMAND, such as 'ssh HOST nestbed agent', starts, or "
	 "that is behind "
	 "the socket N (docs/agent.md)", 0},
	{"keep",							 OPT_KEEP, "DIR", 0, "Leave the machines' files in DIR/0 and DIR/1", 0},
	{"timeout",							    OPT_TIMEOUT, "SECONDS", 0,
	 "End the machines after so many seconds (default 120; 0: never)", 0},
	{0		},
};

/* Values that L0 reports (l0hv/net/trial.c), in the table's order. */
static const char *const columns[] = {
	"bytes_sent",  "bytes_received", "ticks",        "frames",        "wire_bytes",
	"data_frames", "payload_bytes",  "again_frames", "again_bytes",   "ack_frames",
	"ack_bytes",   "probe_frames",   "come_frames",  "double_frames", "corrupt_frames",
	"bad_frames",  "foreign_frames", "nic_errors",   "digest_sent",   "digest_received",
};
#define COLUMNS  (sizeof(columns) / sizeof(columns[0]))
#define OWN_HEAD "host,cpu"

struct side {
	struct launch launch;
	struct machine_nic nic;
	struct text l0_lines;
	char *name, *keep_dir;
	struct verdict verdict;
	struct decode *decode;
	uint64_t value[COLUMNS];
	unsigned seen; /* bit i: value[i] */
};
_Static_assert(COLUMNS < 32, "a bit each");

struct link_run {
	struct machine_choice machine;
	struct side side[2];
	const char *cpu[2];
	uint64_t bytes[2];
	struct wire_script script;
	const char *pcap, *keep_dir, *agent;
	unsigned seconds;
};

static uint64_t number(const char *arg, uint64_t most, const struct argp_state *state)
{
	uint64_t n = 0;
	char *why;

	if (number_parse(arg, 0, most, &n, &why))
		argp_error(state, "%s", why);
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct link_run *r = state->input;
	char *why;

	switch (key) {
	case OPT_FROM:
		r->cpu[0] = arg;
		return 0;
	case OPT_TO:
		r->cpu[1] = arg;
		return 0;
	case OPT_BYTES:
		r->bytes[0] = number(arg, MOST_BYTES, state);
		return 0;
	case OPT_BACK:
		r->bytes[1] = number(arg, MOST_BYTES, state);
		return 0;
	case OPT_LINK:
		if (wire_script_parse(arg, &r->script, &why))
			argp_error(state, "--link: %s", why);
		return 0;
	case OPT_AGENT:
		if (agent_check(arg, &why))
			argp_error(state, "%s", why);
		r->agent = arg;
		return 0;
	case OPT_PCAP:
		r->pcap = arg;
		return 0;
	case OPT_KEEP:
		r->keep_dir = arg;
		return 0;
	case OPT_TIMEOUT:
		r->seconds = (unsigned)number(arg, 1000000, state);
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &r->machine;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void on_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct side *s = ctx;
	const Nestbed__Value *v = record->value;

	verdict_record(&s->verdict, from, record);
	if (from->depth || record->body_case != NESTBED__RECORD__BODY_VALUE ||
	    strncmp(v->name, "link.", 5) != 0)
		return;
	for (unsigned i = 0; i < COLUMNS; i++)
		if (!strcmp(v->name + 5, columns[i])) {
			s->value[i] = v->value;
			s->seen |= 1u << i;
		}
}

static void on_output(void *ctx, const uint8_t *data, size_t size)
{
	struct side *s = ctx;

	if (size)
		decode_feed(s->decode, data, size);
	else
		decode_end(s->decode);
}

static int side_prepare(struct link_run *r, unsigned i, struct wire *wire)
{
	const struct decode_sink sink = {.record = on_record, .ctx = &r->side[i]};
	struct side *s = &r->side[i];
	int err;

	s->name = text_format("link-%u", i);
	text_addf(&s->l0_lines, "host = %u\npeer = %u\nlink_test = %" PRIu64 "\n", i, !i, r->bytes[i]);
	s->keep_dir = r->keep_dir ? text_format("%s/%u", r->keep_dir, i) : NULL;
	err = s->keep_dir ? make_folders(s->keep_dir) : 0;
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", s->keep_dir, strerror(-err));
		return CLI_FAILED;
	}
	s->launch = (struct launch){
		.name = s->name,
		.cpu = r->cpu[i],
		.guest = GUEST,
		.cmdline = "",
		.memory = 16ull << 20,
		.vm_lines = "",
		.l0_lines = s->l0_lines.data,
		.seconds = r->seconds,
		.keep_dir = s->keep_dir,
	};
	s->decode = decode_new(&sink);
	if (guest_read(GUEST, &s->launch.image))
		return CLI_REFUSED;
	err = launch_prepare(&s->launch);
	s->nic = (struct machine_nic){wire, i};
	s->launch.spec.nic = &s->nic;
	return err;
}

static void side_free(struct side *s)
{
	void *image = s->launch.image.data;

	verdict_free(&s->verdict);
	if (s->decode)
		decode_free(s->decode);
	launch_free(&s->launch);
	free(image);
	text_free(&s->l0_lines);
	free(s->name);
	free(s->keep_dir);
}

static void print_table(const struct link_run *r)
{
	struct text head = {0};
	struct csv csv = {0};

	text_addf(&head, OWN_HEAD);
	for (size_t i = 0; i < COLUMNS; i++)
		text_addf(&head, ",%s", columns[i]);
	csv_start(&csv, head.data);
	for (unsigned i = 0; i < 2; i++) {
		csv_number(&csv, i);
		csv_word(&csv, r->cpu[i]);
		for (size_t c = 0; c < COLUMNS; c++)
			csv_number(&csv, r->side[i].value[c]);
		csv_end_row(&csv);
	}
	fwrite(csv.text.data, 1, csv.text.size, stdout);
	csv_free(&csv);
	text_free(&head);
}

static uint64_t value_of(const struct side *s, const char *name)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (!strcmp(columns[i], name))
			return s->value[i];
	return 0;
}

/* What one sent, the other must have received. */
static int compare(const struct link_run *r)
{
	static const char *const pairs[][2] = {
		{"bytes_sent",  "bytes_received" },
		{"digest_sent", "digest_received"},
	};

	for (unsigned i = 0; i < 2; i++)
		for (size_t p = 0; p < 2; p++) {
			const uint64_t sent = value_of(&r->side[i], pairs[p][0]);
			const uint64_t came = value_of(&r->side[!i], pairs[p][1]);

			if (sent == came)
				continue;
			fprintf(stderr,
				"nestbed: link: %s of host %u is %" PRIu64 ", %s of host %u is %" PRIu64 "\n",
				pairs[p][0], i, sent, pairs[p][1], !i, came);
			return CLI_FAILED;
		}
	return CLI_OK;
}

static int side_status(struct side *s, struct machine_result *result)
{
	char *why;
	int status = verdict_status(&s->verdict, result->end, &why);

	if (status == CLI_INTERRUPTED)
		status += pool_signal();
	if (!status && s->seen != (1u << COLUMNS) - 1) {
		fprintf(stderr, "nestbed: %s: its L0 did not report the trial\n", s->name);
		status = CLI_FAILED;
	} else if (status) {
		fprintf(stderr, "nestbed: %s: %s\n", s->name, why);
	}
	if (status == CLI_DIED && result->log_tail)
		fputs(result->log_tail, stderr);
	free(result->com1);
	free(result->log_tail);
	free(why);
	return status;
}

static int run(struct link_run *r, struct wire *wire)
{
	const struct progress progress = {.title = "nestbed link", .quiet = true};
	struct job job[2] = {0};
	int status = CLI_OK, err;

	for (unsigned i = 0; i < 2 && !status; i++) {
		status = side_prepare(r, i, wire);
		job[i] =
			(struct job){.spec = r->side[i].launch.spec, .output = on_output, .ctx = &r->side[i]};
	}
	if (status)
		return status;
	job[1].spec.agent = r->agent;
	job[1].driver = r->agent ? &machine_remote : NULL;
	err = pool_run(r->machine.driver, job, 2, 2, &progress);
	if (err && err != -EINTR)
		return err == -EOPNOTSUPP ? CLI_REFUSED : CLI_DIED;
	for (unsigned i = 0; i < 2; i++) {
		const int one = job[i].ran ? side_status(&r->side[i], &job[i].result)
					   : CLI_INTERRUPTED + pool_signal();

		status = status ? status : one;
	}
	if (status)
		return status;
	print_table(r);
	return compare(r);
}

/* An exit status. */
static int can_run(struct link_run *r)
{
	const struct machine_driver *driver = r->machine.driver;
	int status = CLI_OK;

	if (r->agent && driver != &machine_bochs)
		return cli_usage(text_format("--agent and --machine %s exclude each other", driver->name));
	for (unsigned i = 0; i < 2 && !status; i++)
		status = machine_cpu(driver, &r->cpu[i]);
	if (!status)
		status = cli_machines(driver);
	return status || !driver->namespaces ? status : cli_namespaces();
}

int cmd_link(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = machine_choice_child,
		.doc = "Boots two machines whose L0s exchange bytes over the link, and prints what that "
		       "cost, a row for "
		       "each (docs/link.md).\v" CLI_EXIT_DOC,
	};
	struct link_run r = {
		.machine = {.driver = &machine_bochs},
		.bytes = {1u << 20,                 0},
		.seconds = 120,
		.script = {.seed = 1                       }
        };
	struct wire *wire;
	int status, err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &r))
		return CLI_USAGE;
	status = can_run(&r);
	if (status)
		return status;
	wire = wire_new(&r.script, r.pcap);
	if (!wire) {
		fprintf(stderr, "nestbed: %s: %s\n", r.pcap, strerror(errno));
		return CLI_FAILED;
	}
	status = run(&r, wire);
	for (unsigned i = 0; i < 2; i++)
		side_free(&r.side[i]);
	err = wire_free(wire);
	if (!err)
		return status;
	fprintf(stderr, "nestbed: %s: %s\n", r.pcap, strerror(-err));
	return status ? status : CLI_FAILED;
}
