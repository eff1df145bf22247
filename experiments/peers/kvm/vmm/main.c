/* SPDX-License-Identifier: MIT */
/* kvm-run: one VM under Linux KVM, as L0 runs its own, with the same records (docs/kvm-peer.md). */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/peers/kvm/vmm/firmware.h"
#include "experiments/peers/kvm/vmm/host.h"
#include "experiments/peers/kvm/vmm/load.h"
#include "experiments/peers/kvm/vmm/run.h"
#include "experiments/peers/kvm/vmm/stats.h"
#include "experiments/peers/kvm/vmm/vm.h"
#include "experiments/setting.h"
#include "experiments/text.h"
#include "nestbed/multiboot.h"

#define MEMORY_MOST    (3ull << 30)
#define RING_LEAST     1024u
#define RING_MOST      65536u
#define DEFAULT_MEMORY (64ull << 20)
#define DEFAULT_RING   4096u
#define SECONDS_MOST   1000000u

enum {
	OPT_NAME = 256,
	OPT_MEMORY,
	OPT_CMDLINE,
	OPT_MODULE,
	OPT_NESTED,
	OPT_DEVICE,
	OPT_PORT,
	OPT_UNIT,
	OPT_TRACK,
	OPT_RING,
	OPT_TIMEOUT
};

static const struct argp_option options[] = {
	{"cmdline",				     OPT_CMDLINE, "TEXT", 0, "The guest's command line, behind its name", 0},
	{"device",				       OPT_DEVICE, "PATH", 0, "KVM's device (default /dev/kvm)", 0},
	{"memory",  OPT_MEMORY, "SIZE", 0, "The guest's memory, up to 3G (default 64M)", 0},
	{"module",					     OPT_MODULE, "FILE[:ARGS]", 0,
	 "A multiboot module; its command line is its name, then ARGS. Repeatable", 0},
	{"name",OPT_NAME, "NAME", 0, "The VM's name in records (default: the image's)", 0},
	{"nested",					    OPT_NESTED, 0, 0, "The guest may use VT-x", 0},
	{"port",					    OPT_PORT, 0, 0, "Write records to this computer's port 0xE9, not to standard output", 0},
	{"ring-pages",				      OPT_RING, "N", 0, "Pages that the dirty ring holds, a power of two (default 4096)", 0},
	{"timeout",				       OPT_TIMEOUT, "SECONDS", 0, "End the VM after so many seconds (default 0: never)", 0},
	{"track", OPT_TRACK, "MEANS", 0,
	 "Track the pages that the guest writes: off (default), bitmap (KVM_GET_DIRTY_LOG) or ring "
	 "(KVM_CAP_DIRTY_LOG_RING). A Log record tells of each round", 0},
	{"unit",					     OPT_UNIT, "UNIT", 0,
	 "What this computer's TSC counts: cycles (default) or insns, as on Bochs", 0},
	{0},
};

struct file {
	struct blob blob;
	char *name, *words;
};

struct program {
	struct vm_options options;
	bool port;
	const char *cmdline;
	struct file image, module[LOAD_MODULES_MAX];
	unsigned modules;
};

/* ---- options ---- */

static void open_file(struct file *f, const char *path, const char *args, struct argp_state *state)
{
	const int err = file_read(path, &f->blob);

	if (err)
		argp_failure(state, CLI_USAGE, -err, "%s", path);
	f->name = guest_name(path);
	f->words = text_format("%s%s%s", f->name, *args ? " " : "", args);
	if (strlen(f->words) >= LOAD_WORDS_MAX)
		argp_failure(state, CLI_USAGE, 0, "%s: the command line is longer than %u bytes", path,
			     LOAD_WORDS_MAX - 1);
}

static void add_module(struct program *p, char *arg, struct argp_state *state)
{
	char *colon = strchr(arg, ':');

	if (p->modules == LOAD_MODULES_MAX)
		argp_error(state, "more than %u modules", LOAD_MODULES_MAX);
	if (colon)
		*colon = '\0';
	open_file(&p->module[p->modules++], arg, colon ? colon + 1 : "", state);
}

static uint64_t number(const char *arg, uint64_t low, uint64_t high, struct argp_state *state)
{
	uint64_t value = 0;
	char *why;

	if (number_parse(arg, low, high, &value, &why))
		argp_error(state, "%s", why);
	return value;
}

static uint64_t memory(const char *arg, struct argp_state *state)
{
	uint64_t bytes = 0;
	char *why;

	if (memory_parse(arg, &bytes, &why))
		argp_error(state, "%s", why);
	if (bytes > MEMORY_MOST)
		argp_error(state, "%s: a VM has at most 3G", arg);
	return bytes;
}

static uint32_t ring_pages(const char *arg, struct argp_state *state)
{
	const uint32_t n = (uint32_t)number(arg, RING_LEAST, RING_MOST, state);

	if (n & (n - 1))
		argp_error(state, "%s is not a power of two", arg);
	return n;
}

/* Its place in words, which ends with NULL. */
static unsigned word(const char *arg, const char *const *words, struct argp_state *state)
{
	unsigned i = 0;

	while (words[i] && strcmp(arg, words[i]) != 0)
		i++;
	if (!words[i])
		argp_error(state, "'%s': no such word; see --help", arg);
	return i;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const means[] = {"off", "bitmap", "ring", NULL};
	static const char *const units[] = {"cycles", "insns", NULL};
	struct program *p = state->input;

	switch (key) {
	case OPT_NAME:
		p->options.name = arg;
		return 0;
	case OPT_MEMORY:
		p->options.memory = memory(arg, state);
		return 0;
	case OPT_CMDLINE:
		p->cmdline = arg;
		return 0;
	case OPT_MODULE:
		add_module(p, arg, state);
		return 0;
	case OPT_NESTED:
		p->options.nested = true;
		return 0;
	case OPT_DEVICE:
		p->options.device = arg;
		return 0;
	case OPT_PORT:
		p->port = true;
		return 0;
	case OPT_UNIT:
		p->options.unit = units[word(arg, units, state)];
		return 0;
	case OPT_TRACK:
		p->options.track = (enum track)word(arg, means, state);
		return 0;
	case OPT_RING:
		p->options.ring_pages = ring_pages(arg, state);
		return 0;
	case OPT_TIMEOUT:
		p->options.seconds = (unsigned)number(arg, 0, SECONDS_MOST, state);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one IMAGE is enough; more go in by --module");
		p->image.name = arg; /* read when all of its command line is known */
		return 0;
	case ARGP_KEY_END:
		if (!state->arg_num)
			argp_error(state, "which IMAGE?");
		open_file(&p->image, p->image.name, p->cmdline, state);
		if (!p->options.name)
			p->options.name = p->image.name;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the VM ---- */

static struct load_file load_file(const struct file *f)
{
	return (struct load_file){f->blob.data, f->blob.size, f->words};
}

/* An exit status. */
static int boot(struct vm *vm, const struct program *p)
{
	const struct load_file kernel = load_file(&p->image);
	struct load_file module[LOAD_MODULES_MAX];
	struct load_start start;
	const char *why;

	for (unsigned i = 0; i < p->modules; i++)
		module[i] = load_file(&p->module[i]);
	if (load_guest(vm->ram, p->options.memory, &kernel, module, p->modules, &start, &why))
		return records_refuse(vm->records, NULL, 0, "%s: %s", p->options.name, why);
	firmware_write(vm->ram, vm->signature, vm->features);
	return vcpu_start(vm, start.entry, MB_LOADER_MAGIC, start.info);
}

static void open_stats(struct vm *vm)
{
	const int err = stats_open(vm);

	if (err)
		records_log(vm->records, "KVM's statistics of the vCPU: %s: windows count no exits",
			    err == -ENOENT ? "there are none" : strerror(-err));
}

static void say_end(struct records *r)
{
	Nestbed__End end = NESTBED__END__INIT;

	end.vms = 1;
	end.ticks = __rdtsc();
	records_emit(r, NESTBED__RECORD__BODY_END, &end);
}

/* An exit status. */
static int run(struct vm *vm, const struct program *p)
{
	const int err = vm_open(vm);
	int status;

	host_hello(vm);
	errno = -err;
	if (err)
		return records_refuse_errno(vm->records, p->options.device);
	status = vm_make(vm);
	if (!status)
		status = boot(vm, p);
	if (status)
		return status;
	open_stats(vm);
	status = run_vm(vm);
	say_end(vm->records);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IMAGE",
		.doc = "Runs IMAGE, a multiboot-1 kernel, in a VM of Linux KVM with one vCPU, as L0 runs its "
		       "VMs, "
		       "and tells of it by the same records, for `nestbed records` to read.\v"
		       "Exit status:\n"
		       "  0  the VM shut down by itself\n"
		       "  1  a record could not be written\n"
		       "  2  wrong usage, or a file that can't be read\n"
		       "  3  the VM was stopped; its record says why\n"
		       "  4  refused: KVM can't do it; the record and standard error say why\n"
		       "  128+N  ended by signal N",
	};
	static struct records records;
	struct program p = {
		.options = {.device = "/dev/kvm",
			    .unit = "cycles",
			    .memory = DEFAULT_MEMORY,
			    .ring_pages = DEFAULT_RING},
		.cmdline = "",
	};
	struct vm vm = {.options = &p.options, .records = &records, .kvm = -1, .fd = -1, .vcpu = -1};
	int err, status;

	argp_err_exit_status = CLI_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &p))
		return CLI_USAGE;
	vm.stats_file.fd = -1;
	err = records_open(&records, p.options.name, p.port);
	if (err) {
		fprintf(stderr, "kvm-run: port 0xE9: %s\n", strerror(-err));
		return CLI_REFUSED;
	}
	status = run(&vm, &p);
	if (!records.error)
		return status;
	fprintf(stderr, "kvm-run: records: %s\n", strerror(-records.error));
	return CLI_FAILED;
}
