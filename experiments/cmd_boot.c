/* SPDX-License-Identifier: MIT */
/* nestbed boot: one guest, bare or under L0, its output and records printed as they come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/launch.h"
#include "experiments/machine_choice.h"
#include "experiments/policy_file.h"
#include "experiments/pool.h"
#include "experiments/printer.h"
#include "experiments/setting.h"
#include "experiments/text.h"
#include "experiments/verdict.h"

enum {
	OPT_CMDLINE = 256,
	OPT_BESIDE,
	OPT_MODULE,
	OPT_L0,
	OPT_BARE,
	OPT_NESTED,
	OPT_POLICY,
	OPT_MEMORY,
	OPT_CPU,
	OPT_CPUS,
	OPT_BUNDLE,
	OPT_SET,
	OPT_JSON,
	OPT_TIMEOUT,
	OPT_KEEP,
	OPT_RECORDS
};

static const struct argp_option options[] = {
	{"bare",									OPT_BARE, 0, 0, "The guest is all that runs on the machine", 0},
	{"beside",									    OPT_BESIDE, "IMAGE[:ARGS]", 0,
	 "Another VM beside the first, under the same L0; ARGS are its command line. Repeatable", 0},
	{"bundle",				  OPT_BUNDLE, "FILE", 0,
	 "Write the boot bundle to FILE, for a loader to give to L0, and boot nothing", 0},
	{"cmdline",									     OPT_CMDLINE, "TEXT", 0, "The guest's command line", 0},
	{"cpu",OPT_CPU, "MODEL", 0, "The machine's processor (default " CLI_DEFAULT_CPU ")", 0},
	{"cpus",									    OPT_CPUS, "N", 0, "The guest's processors, 1 to 8 (default 1)", 0},
	{"json",									    OPT_JSON, 0, 0, "Print JSON, an object a line", 0},
	{"keep",								      OPT_KEEP, "DIR", 0, "Leave the machine's files and log in DIR", 0},
	{"l0",								       OPT_L0, 0, 0, "The guest is a VM of L0 (default)", 0},
	{"memory", OPT_MEMORY, "SIZE", 0, "The guest's memory (default 64M)", 0},
	{"module",									     OPT_MODULE, "FILE[:ARGS]", 0,
	 "A multiboot module; its command line is its name, then ARGS. Repeatable", 0},
	{"nested",OPT_NESTED, 0, 0, "The guest may use VT-x", 0},
	{"policy",									    OPT_POLICY, "FILE", 0,
	 "What the VM may see of the processor: a [cpu NAME] section (docs/bundle.md), as cpu-baseline "
	 "--format=bundle prints it", 0},
	{"records",									    OPT_RECORDS, "FILE", 0, "Write the raw records to FILE", 0},
	{"set",									 OPT_SET, "KEY=VALUE", 0,
	 "A line of the VM's configuration (docs/bundle.md), such as "
	 "nested.shadow_vmcs=off; l0.KEY=VALUE is a line of [l0]. Repeatable", 0},
	{"timeout",								      OPT_TIMEOUT, "SECONDS", 0,
	 "End the machine after so many seconds (default 120; 0: never)", 0},
	{0		     },
};

struct boot {
	struct launch launch;
	struct machine_choice machine;
	struct text vm_lines, l0_lines;
	char *beside_path[LAUNCH_BESIDE_MAX];
	unsigned beside_count;
	const char *records_path, *bundle_path;
	struct policy_file policy;
	struct text raw;
	struct printer printer;
	struct verdict verdict;
	struct decode *decode;
	bool l0;
};

static int add_module(struct boot *b, char *arg, struct argp_state *state)
{
	struct launch *l = &b->launch;
	struct launch_module *m = &l->module[l->module_count];
	char *colon = strchr(arg, ':');

	if (l->module_count == sizeof(l->module) / sizeof(l->module[0]))
		argp_error(state, "too many modules");
	if (colon)
		*colon = '\0';
	if (guest_read(arg, &m->image))
		return EINVAL;
	m->name = guest_name(arg);
	m->args = colon ? colon + 1 : "";
	l->module_count++;
	return 0;
}

static bool name_taken(const struct launch *l, const char *name)
{
	bool taken = l->guest && !strcmp(l->guest, name);

	for (unsigned i = 0; i < l->module_count; i++)
		taken = taken || !strcmp(l->module[i].name, name);
	for (unsigned i = 0; i < l->beside_count; i++)
		taken = taken || !strcmp(l->beside[i].name, name);
	return taken;
}

/* Named in the end, when all other names are known. */
static int add_beside(struct boot *b, char *arg, struct argp_state *state)
{
	struct launch *l = &b->launch;
	char *colon = strchr(arg, ':');

	if (b->beside_count == LAUNCH_BESIDE_MAX)
		argp_error(state, "too many VMs");
	if (colon)
		*colon = '\0';
	l->beside[b->beside_count].cmdline = colon ? colon + 1 : "";
	b->beside_path[b->beside_count] = arg;
	return guest_read(arg, &l->beside[b->beside_count++].image) ? EINVAL : 0;
}

static void name_beside(struct boot *b)
{
	struct launch *l = &b->launch;

	while (l->beside_count < b->beside_count) {
		char *name = guest_name(b->beside_path[l->beside_count]);

		for (unsigned n = 2; name_taken(l, name); n++) {
			char *plain = guest_name(b->beside_path[l->beside_count]);

			free(name);
			name = text_format("%s-%u", plain, n);
			free(plain);
		}
		l->beside[l->beside_count++].name = name;
	}
}

static void add_setting(struct boot *b, const char *arg, struct argp_state *state)
{
	struct setting s;
	char *why;

	if (setting_parse(arg, &s, &why))
		argp_error(state, "%s", why);
	else if (!strncmp(s.key, "l0.", 3))
		text_addf(&b->l0_lines, "%s = %s\n", s.key + 3, s.value);
	else
		text_addf(&b->vm_lines, "%s = %s\n", s.key, s.value);
	setting_free(&s);
}

static int add_policy(struct boot *b, const char *path, struct argp_state *state)
{
	char *why;

	if (b->policy.name)
		argp_error(state, "one --policy is enough");
	if (!policy_file_read(path, &b->policy, &why))
		return 0;
	argp_failure(state, 0, 0, "%s", why);
	free(why);
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct boot *b = state->input;
	struct launch *l = &b->launch;
	uint64_t number;
	char *why;

	switch (key) {
	case OPT_CMDLINE:
		l->cmdline = arg;
		if (strpbrk(arg, "\r\n"))
			argp_error(state, "a command line is one line");
		return 0;
	case OPT_MODULE:
		return add_module(b, arg, state);
	case OPT_BESIDE:
		return add_beside(b, arg, state);
	case OPT_L0:
		b->l0 = true;
		return 0;
	case OPT_BARE:
		l->bare = true;
		return 0;
	case OPT_NESTED:
		l->nested = true;
		return 0;
	case OPT_MEMORY:
		if (memory_parse(arg, &l->memory, &why))
			argp_error(state, "%s", why);
		return 0;
	case OPT_CPU:
		l->cpu = arg;
		return 0;
	case OPT_CPUS:
		if (number_parse(arg, 1, 8, &number, &why))
			argp_error(state, "%s", why);
		l->cpus = (unsigned)number;
		return 0;
	case OPT_POLICY:
		return add_policy(b, arg, state);
	case OPT_SET:
		add_setting(b, arg, state);
		return 0;
	case OPT_JSON:
		b->printer.json = true;
		return 0;
	case OPT_TIMEOUT:
		if (number_parse(arg, 0, 1000000, &number, &why))
			argp_error(state, "%s", why);
		l->seconds = (unsigned)number;
		return 0;
	case OPT_KEEP:
		l->keep_dir = arg;
		return 0;
	case OPT_BUNDLE:
		b->bundle_path = arg;
		return 0;
	case OPT_RECORDS:
		b->records_path = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->machine;
		return 0;
	case ARGP_KEY_ARG:
		if (l->guest)
			argp_error(state, "one IMAGE is enough; more go in by --module");
		l->guest = guest_name(arg);
		return guest_read(arg, &l->image) ? EINVAL : 0;
	case ARGP_KEY_END:
		if (!l->guest)
			argp_error(state, "which IMAGE?");
		if (l->bare && b->l0)
			argp_error(state, "--bare and --l0 exclude each other");
		if (l->bare &&
		    (b->vm_lines.size || b->l0_lines.size || l->nested || b->beside_count || b->policy.name))
			argp_error(state, "--set, --nested, --policy and --beside tell L0; --bare has none");
		if (l->bare && b->bundle_path)
			argp_error(state, "--bundle is for L0; --bare has none");
		name_beside(b);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void on_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct boot *b = ctx;

	verdict_record(&b->verdict, from, record);
	printer_record(&b->printer, from, record);
}

static void on_text(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size)
{
	printer_text(&((struct boot *)ctx)->printer, from, data, size);
}

static void on_bad(void *ctx, const struct decode_source *from, size_t size)
{
	printer_bad(&((struct boot *)ctx)->printer, from, size);
}

static void on_raw(void *ctx, const uint8_t *frame, size_t size)
{
	struct boot *b = ctx;

	if (b->records_path)
		text_add(&b->raw, frame, size);
}

static void on_output(void *ctx, const uint8_t *data, size_t size)
{
	struct boot *b = ctx;

	if (size)
		decode_feed(b->decode, data, size);
	else
		decode_end(b->decode);
}

/* Told by the machine when it has ended: what its kernel wrote to COM1. */
static void put_com1(struct boot *b, const struct machine_result *result)
{
	const struct decode_source from = {.channel = NESTBED__OUTPUT__CHANNEL__COM1};
	const char *text = result->com1;

	if (text && *text)
		printer_text(&b->printer, &from, (const uint8_t *)text, strlen(text));
}

/* Runs the machine; an exit status. */
static int run(struct boot *b)
{
	const struct decode_sink sink = {on_text, on_record, on_bad, on_raw, b};
	const struct progress progress = {.title = "nestbed boot", .quiet = true};
	struct job job = {.spec = b->launch.spec, .output = on_output, .ctx = b};
	char *why;
	int err, status;

	b->decode = decode_new(&sink);
	b->verdict.bare = b->launch.bare;
	b->printer.out = stdout;
	err = pool_run(b->machine.driver, &job, 1, 1, &progress);
	put_com1(b, &job.result);
	printer_end(&b->printer);
	decode_free(b->decode);
	if (err && !job.ran)
		return pool_signal() ? CLI_INTERRUPTED + pool_signal() : CLI_DIED;
	status = verdict_status(&b->verdict, job.result.end, &why);
	if (status == CLI_INTERRUPTED)
		status += pool_signal();
	if (status)
		fprintf(stderr, "nestbed: %s: %s\n", b->launch.guest, why);
	if (status == CLI_DIED && job.result.log_tail)
		fputs(job.result.log_tail, stderr);
	free(job.result.com1);
	free(job.result.log_tail);
	free(why);
	return status;
}

static int save(const char *path, const void *data, size_t size)
{
	int err = path ? file_write(path, data ? data : "", size) : 0;

	if (!err)
		return CLI_OK;
	fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
	return CLI_FAILED;
}

static int make_keep_dir(const char *dir)
{
	int err = dir ? make_folders(dir) : 0;

	if (!err)
		return CLI_OK;
	fprintf(stderr, "nestbed: %s: %s\n", dir, strerror(-err));
	return CLI_FAILED;
}

static void boot_free(struct boot *b)
{
	struct launch *l = &b->launch;

	verdict_free(&b->verdict);
	for (unsigned i = 0; i < l->module_count; i++) {
		free((char *)l->module[i].name);
		free(l->module[i].image.data);
	}
	for (unsigned i = 0; i < b->beside_count; i++) {
		free((char *)l->beside[i].name);
		free(l->beside[i].image.data);
	}
	free((char *)l->guest);
	free(l->image.data);
	launch_free(l);
	text_free(&b->vm_lines);
	text_free(&b->l0_lines);
	text_free(&b->raw);
	policy_file_free(&b->policy);
}

int cmd_boot(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = machine_choice_child,
		.args_doc = "IMAGE",
		.doc = "Boots IMAGE, a multiboot-1 kernel (a file, or the name of a guest that the build "
		       "makes), and "
		       "prints what it writes and reports until the machine ends.\v"
		       "Lines 'NAME> ...' are what VM NAME wrote, 'NAME:com1> ...' that to its COM1, '@NAME "
		       "KIND ...' its records, '@ KIND ...' "
		       "the records of "
		       "what runs on the machine itself.\n\n" CLI_EXIT_DOC,
	};
	struct boot b = {
		.machine = {.driver = &machine_bochs},
		.launch = { .cmdline = "", .memory = 64ull << 20, .seconds = 120}
        };
	int status, saved;

	if (argp_parse(&argp, argc, argv, 0, NULL, &b))
		return CLI_USAGE;
	b.launch.name = b.launch.guest;
	b.launch.policy_name = b.policy.name;
	b.launch.policy_text = b.policy.text;
	b.launch.vm_lines = b.vm_lines.size ? b.vm_lines.data : "";
	b.launch.l0_lines = b.l0_lines.size ? b.l0_lines.data : "";
	status = machine_cpu(b.machine.driver, &b.launch.cpu);
	if (!status)
		status = launch_prepare(&b.launch);
	if (!status && b.bundle_path) {
		status = save(b.bundle_path, b.launch.bundle.data, b.launch.bundle.size);
		boot_free(&b);
		return status;
	}
	if (!status)
		status = cli_machines(b.machine.driver);
	if (!status)
		status = make_keep_dir(b.launch.keep_dir);
	if (!status) {
		status = run(&b);
		saved = save(b.records_path, b.raw.data, b.raw.size);
		status = status ? status : saved;
	}
	boot_free(&b);
	return status;
}
