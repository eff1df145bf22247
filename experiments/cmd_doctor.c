/* SPDX-License-Identifier: MIT */
/* nestbed doctor: what this computer has and lacks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/cpu_models.h"
#include "experiments/files.h"
#include "experiments/isolate.h"
#include "experiments/libvirt.h"
#include "experiments/meta.h"

enum need { NEEDED, USEFUL };

struct finding {
	enum need need;
	const char *what;
	const char *command; /* prints one line when it is there */
	const char *package;
	const char *why;
};

/* clang-format off */
static const struct finding programs[] = {
	{NEEDED, "Bochs",         "bochs-bin --help 2>&1 </dev/null | sed -n 's/^ *Bochs x86 Emulator //p'",      "bochs",                 "the machine"},
	{NEEDED, "Bochs display", "ls /usr/lib/*/bochs/plugins/libbx_rfb_gui.so 2>/dev/null | sed s,.*/,,",       "bochs",                 "plugin rfb; it is kept off the network"},
	{USEFUL, "gnuplot",       "gnuplot --version 2>/dev/null",                                                "gnuplot-nox",           "figures"},
	{USEFUL, "C compiler",    "cc --version 2>/dev/null",                                                     "gcc",                   "to build"},
	{USEFUL, "protoc-c",      "protoc-c --version 2>/dev/null",                                               "protobuf-c-compiler",   "to build"},
	{USEFUL, "clang",         "clang --version 2>/dev/null",                                                  "clang",                 "fuzzers and lint"},
	{USEFUL, "QEMU",          "qemu-system-x86_64 --version 2>/dev/null",                                     "qemu-system-x86",       "multiboot tests, libvirt's machines"},
	{USEFUL, "libvirtd",      "PATH=$PATH:/usr/sbin; libvirtd --version 2>/dev/null",                         "libvirt-daemon-system", "libvirt's machines"},
};
/* clang-format on */

static const char *const built[] = {"rom.bin", "l0.elf", "guests/exits.elf", "guests/l1hv.elf"};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == ARGP_KEY_ARG)
		argp_usage(state);
	return key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

static void row(const char *mark, const char *what, const char *found, const char *why)
{
	printf("%-8s %-16s %-36.36s %s\n", mark, what, found, why);
}

/* Packages that lack, by how much they are needed. */
struct packages {
	struct text needed, useful;
};

static void add_package(struct text *list, const char *package)
{
	if (!(list->data && strstr(list->data, package)))
		text_addf(list, " %s", package);
}

/* Whether something needed lacks. */
static bool look_for_programs(struct packages *lacking)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const struct finding *f = &programs[i];
		char *line = first_line_of(f->command);

		row(line ? "ok" : f->need == NEEDED ? "MISSING" : "no", f->what, line ? line : "-", f->why);
		if (!line)
			add_package(f->need == NEEDED ? &lacking->needed : &lacking->useful, f->package);
		free(line);
	}
	return lacking->needed.size > 0;
}

static void tell_packages(const char *what, const struct text *packages)
{
	if (packages->size)
		printf("%s:\n  %sapt-get install%s\n", what, geteuid() ? "sudo " : "", packages->data);
}

static bool look_for_isolation(void)
{
	enum isolation isolation = isolate_probe();

	row(isolation == ISOLATE_NONE ? "MISSING" : "ok", "isolation", isolation_name(isolation),
	    "keeps machines off the network");
	return isolation == ISOLATE_NONE;
}

static bool look_for_built(void)
{
	bool lacking = false;

	for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++) {
		char *path = text_format("%s/%s", build_dir(), built[i]);
		bool there = !access(path, R_OK);

		row(there ? "ok" : "MISSING", built[i], there ? path : "-", "built by make");
		lacking |= !there;
		free(path);
	}
	return lacking;
}

static void look_at_computer(void)
{
	char *nested = first_line_of("cat /sys/module/kvm_intel/parameters/nested 2>/dev/null");
	bool kvm = !access("/dev/kvm", R_OK | W_OK);
	char cores[64];

	snprintf(cores, sizeof(cores), "%ld processors, %ld MiB of memory", sysconf(_SC_NPROCESSORS_ONLN),
		 sysconf(_SC_PHYS_PAGES) / 256);
	row("ok", "computer", cores, "a machine takes one, and 256 MiB");
	row(kvm ? "ok" : "no", "/dev/kvm", kvm ? "usable" : "-", "machines at hardware speed");
	row(nested && strchr("Y1", *nested) ? "ok" : "no", "nested VT-x", nested ? nested : "-",
	    "L0 under KVM");
	free(nested);
}

/* What of libvirt's machines can be had by its standard connection. */
static void look_at_libvirt(void)
{
	static const char *const whats[] = {"libvirt", "libvirt-tcg"};

	for (unsigned tcg = 0; tcg < 2; tcg++) {
		const struct machine_driver *driver = libvirt_machine(LIBVIRT_STANDARD_URI, tcg);
		const char *lack = driver->lacks();

		row(lack ? "no" : "ok", whats[tcg], lack ? "-" : driver->version(),
		    lack  ? lack
		    : tcg ? "machines without VT-x, to try the way"
			  : "machines at hardware speed");
	}
}

static void look_at_models(void)
{
	char *known = machine_bochs.lacks()
			      ? NULL
			      : first_line_of("bochs-bin --help cpu 2>&1 </dev/null | tr '\\n' ' '");

	if (!known) {
		row("no", "CPU models", "-", "they are Bochs'");
		return;
	}
	for (size_t i = 0; i < cpu_model_count; i++) {
		char *name = text_format(" %s ", cpu_models[i].name);

		if (cpu_models[i].vtx)
			row(strstr(known, name) ? "ok" : "no", "CPU model", cpu_models[i].name,
			    cpu_models[i].vtx);
		free(name);
	}
	free(known);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.doc = "Says what this computer has and lacks, and how to install what lacks. Exit status 4 "
		       "when "
		       "experiments can't run here.\v" CLI_EXIT_DOC,
	};
	struct packages lacking = {0};
	bool unable;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return CLI_USAGE;
	unable = look_for_programs(&lacking);
	unable |= look_for_isolation();
	unable |= look_for_built();
	look_at_computer();
	look_at_libvirt();
	look_at_models();
	printf("\n%s\n", unable ? "Experiments can't run here: what is MISSING above is needed."
				: "Experiments can run here.");
	tell_packages("Needed", &lacking.needed);
	tell_packages("Useful", &lacking.useful);
	text_free(&lacking.needed);
	text_free(&lacking.useful);
	return unable ? CLI_REFUSED : CLI_OK;
}
