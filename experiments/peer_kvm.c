/* SPDX-License-Identifier: MIT */
#include "experiments/peer_kvm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/cpio.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/peer_split.h"
#include "experiments/pool.h"
#include "experiments/setting.h"

#define LINUX_MEMORY (224ull << 20) /* for Linux and what it is given, beside the largest VM */
/*
 * A nanosecond of Linux's time is an instruction, as a tick of a guest's local APIC is under L0: KVM makes
 * that tick a nanosecond. Linux's timer comes every 4 million instructions then, so that little of its work
 * falls into what is measured. The kernel is told, for CPUID tells it another frequency of the TSC
 * (docs/kvm-peer.md).
 */
#define IPS       1000000000u
#define TELL_KHZ  (IPS / 1000)
#define COM1_TOLD 2000 /* bytes of what Linux said last */

/* ---- the kernel ---- */

int peer_check(const char *value, char **why)
{
	if (!strcmp(value, "none") || !strcmp(value, "kvm"))
		return 0;
	*why = text_format("'%s' is neither kvm nor none", value);
	return -EINVAL;
}

static char *peer_file(const char *name)
{
	return text_format("%s/peers/%s", build_dir(), name);
}

static void ignore_signals(bool ignore)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], ignore ? SIG_IGN : SIG_DFL);
}

int peer_kvm_get(void)
{
	char *there = peer_file("kvm/packages"), *script = peer_file("prepare"), *dir = peer_file("kvm");
	int status = CLI_OK, how = 0;
	pid_t pid;

	if (access(there, R_OK) || getenv("NESTBED_KERNEL_DEB")) {
		printf("getting the kernel package that has KVM\n");
		fflush(NULL);
		ignore_signals(true); /* they are the script's, which leaves nothing behind */
		pid = fork();
		if (!pid) {
			ignore_signals(false);
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			execl(script, script, dir, (char *)NULL);
			fprintf(stderr, "nestbed: %s: %s\n", script, strerror(errno));
			_exit(1);
		}
		while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
			;
		ignore_signals(false);
		if (pid < 0 || !WIFEXITED(how) || WEXITSTATUS(how)) {
			fprintf(stderr, "nestbed: there is no KVM to run here: its kernel can't be had\n");
			status = CLI_REFUSED;
		}
	}
	free(there);
	free(script);
	free(dir);
	return status;
}

/* "linux-image-… 6.1.…", and busybox's: one string. */
static void note_packages(struct run *run)
{
	json_t *versions = json_object_get(run->meta, "versions");
	struct blob packages;

	if (build_file_read("peers/kvm/packages", &packages))
		return;
	for (char *p = packages.data; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ',' : '\0';
	json_object_set_new(versions, "packages", json_string(packages.data));
	free(packages.data);
}

/* ---- the initramfs ---- */

/* A word for the shell, whatever is in it. */
static void add_quoted(struct text *job, const char *word)
{
	text_addf(job, " '");
	for (; *word; word++)
		text_addf(job, *word == '\'' ? "'\\''" : "%c", *word);
	text_addf(job, "'");
}

static void add_option(struct text *job, const char *option, const char *value)
{
	text_addf(job, " %s", option);
	add_quoted(job, value);
}

static void add_vm(struct text *job, const struct peer_vm *vm)
{
	const struct launch *l = &vm->launch;
	char *image = text_format("/images/%s", l->guest);

	text_addf(job, "vm --memory %lluM%s %s", (unsigned long long)(l->memory >> 20),
		  l->nested ? " --nested" : "", vm->options);
	add_option(job, "--name", l->guest);
	if (*l->cmdline)
		add_option(job, "--cmdline", l->cmdline);
	for (unsigned i = 0; i < l->module_count; i++) {
		const struct launch_module *m = &l->module[i];
		char *module = text_format("/images/%s%s%s", m->name, *m->args ? ":" : "", m->args);

		add_option(job, "--module", module);
		free(module);
	}
	add_quoted(job, image);
	text_addf(job, "\n");
	free(image);
}

/* kvm-intel is loaded anew where its parameters change. */
static char *write_job(const struct peer_machine *m)
{
	const char *loaded = NULL;
	struct text job = {0};

	for (unsigned i = 0; i < m->vm_count; i++) {
		if (!loaded || strcmp(loaded, m->vm[i].parameters) != 0)
			text_addf(&job, "load nested=1 %s\n", m->vm[i].parameters);
		loaded = m->vm[i].parameters;
		add_vm(&job, &m->vm[i]);
	}
	return job.data;
}

/* Images of one name are the same image. */
static void add_image(struct text *archive, struct text *names, const char *name, struct blob image)
{
	char *path;

	if (names->size && list_holds(names->data, name))
		return;
	text_addf(names, "%s%s", names->size ? "," : "", name);
	path = text_format("images/%s", name);
	cpio_add_file(archive, path, 0644, image.data, image.size);
	free(path);
}

static int add_built(struct text *archive, const char *name, unsigned permissions, const char *file)
{
	struct blob blob;

	if (build_file_read(file, &blob))
		return CLI_REFUSED;
	cpio_add_file(archive, name, permissions, blob.data, blob.size);
	free(blob.data);
	return CLI_OK;
}

static int make_archive(struct peer_machine *m)
{
	static const char *const folders[] = {"bin", "dev", "images", "modules", "proc", "sys"};
	static const struct {
		const char *name;
		unsigned permissions;
		const char *file;
	} files[] = {
		{"init",                 0755, "peers/init"            },
		{"bin/busybox",          0755, "peers/kvm/busybox"     },
		{"bin/machine-end",      0755, "peers/machine-end"     },
		{"bin/kvm-run",          0755, "peers/kvm-run"         },
		{"modules/irqbypass.ko", 0644, "peers/kvm/irqbypass.ko"},
		{"modules/kvm.ko",       0644, "peers/kvm/kvm.ko"      },
		{"modules/kvm-intel.ko", 0644, "peers/kvm/kvm-intel.ko"},
	};
	struct text names = {0};
	int status = CLI_OK;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		cpio_add_folder(&m->archive, folders[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !status; i++)
		status = add_built(&m->archive, files[i].name, files[i].permissions, files[i].file);
	for (unsigned i = 0; i < m->vm_count; i++) {
		const struct launch *l = &m->vm[i].launch;

		add_image(&m->archive, &names, l->guest, l->image);
		for (unsigned k = 0; k < l->module_count; k++)
			add_image(&m->archive, &names, l->module[k].name, l->module[k].image);
	}
	cpio_add_file(&m->archive, "job", 0644, m->job, strlen(m->job));
	cpio_end(&m->archive);
	text_free(&names);
	return status;
}

/* ---- the machine ---- */

static uint64_t largest_vm(const struct peer_machine *m)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < m->vm_count; i++)
		most = m->vm[i].launch.memory > most ? m->vm[i].launch.memory : most;
	return most;
}

static int prepare(struct run *run, struct peer_machine *m, struct blob kernel)
{
	struct capture *captures[PEER_VMS_MAX];
	int status;

	m->job = write_job(m);
	m->cmdline =
		text_format("console=ttyS0,115200 quiet nokaslr no_timer_check tsc=reliable tsc_early_khz=%u "
			    "cryptomgr.notests initcall_blacklist=load_system_certificate_list "
			    "clearcpuid=xsaves,xsavec,rdrand,rdseed%s",
			    TELL_KHZ, m->mitigations ? "" : " mitigations=off");
	status = make_archive(m);
	if (status)
		return status;
	m->launch = (struct launch){
		.name = m->name,
		.bare = true,
		.guest = "linux",
		.image = m->launch.image, /* the loader */
		.cmdline = m->cmdline,
		.memory = largest_vm(m) + LINUX_MEMORY,
		.module = {{"vmlinuz", "", kernel}, {"initramfs", "", {m->archive.data, m->archive.size}}},
		.module_count = 2,
		.trace = m->trace,
	};
	for (unsigned i = 0; i < m->vm_count; i++) {
		m->vm[i].launch.spec.memory = m->vm[i].launch.memory; /* for meta.json */
		captures[i] = m->vm[i].capture;
	}
	m->split = peer_split_new(captures, m->vm_count);
	return run_prepare(run, &m->launch);
}

/* Books each VM as a run of its own on that machine. */
static int book(struct run *run, struct peer_machine *m, struct job *job)
{
	const char *com1 = job->result.com1 ? job->result.com1 : "";
	const size_t said = strlen(com1);
	int status = CLI_OK;

	for (unsigned i = 0; i < m->vm_count; i++) {
		const struct capture *c = m->vm[i].capture;
		char *why;
		const bool ended = c->verdict.vms_shut_down || c->verdict.stopped.count;
		int one = verdict_status(&c->verdict, ended ? MACHINE_SHUT_DOWN : job->result.end, &why);

		run_book(run, &m->vm[i].launch, &c->raw, &job->result, one, why);
		if (one && one < CLI_INTERRUPTED)
			fprintf(stderr, "nestbed: %s: %s\n", m->vm[i].launch.name, why);
		status = status ? status : one;
		free(why);
	}
	if (status && status < CLI_INTERRUPTED) {
		fprintf(stderr, "nestbed: %s: %u of its %u VMs began; Linux said last:\n%s\n", m->name,
			peer_split_begun(m->split), m->vm_count,
			com1 + (said > COM1_TOLD ? said - COM1_TOLD : 0));
		if (job->result.log_tail && job->result.end == MACHINE_DIED)
			fputs(job->result.log_tail, stderr);
	}
	free(job->result.com1);
	free(job->result.log_tail);
	return status;
}

static int run_prepared(struct run *run, struct peer_machine *machines, unsigned count)
{
	const struct progress progress = {.title = run->experiment->name};
	struct job *jobs = zalloc(count * sizeof(*jobs));
	int status = CLI_OK;

	for (unsigned i = 0; i < count; i++) {
		jobs[i] = (struct job){.spec = machines[i].launch.spec,
				       .output = peer_split_output,
				       .ctx = machines[i].split};
		jobs[i].spec.ips = IPS;
		jobs[i].spec.seconds *=
			machines[i].vm_count + 1; /* the limit is of one VM, or of Linux's boot */
	}
	if (pool_run(&machine_bochs, jobs, count, run->jobs, &progress))
		status = pool_signal() ? CLI_INTERRUPTED + pool_signal() : CLI_DIED;
	for (unsigned i = 0; i < count; i++) {
		int one = jobs[i].ran ? book(run, &machines[i], &jobs[i]) : CLI_OK;

		status = status ? status : one;
	}
	free(jobs);
	return status;
}

int peer_kvm_run(struct run *run, struct peer_machine *machines, unsigned count)
{
	struct blob loader = {0}, kernel = {0};
	int status = peer_kvm_get();

	if (!status &&
	    (build_file_read("peers/linux.elf", &loader) || build_file_read("peers/kvm/vmlinuz", &kernel)))
		status = CLI_REFUSED;
	if (!status)
		note_packages(run);
	for (unsigned i = 0; i < count && !status; i++) {
		machines[i].launch.image = loader;
		status = prepare(run, &machines[i], kernel);
	}
	if (!status)
		status = run_prepared(run, machines, count);
	free(loader.data);
	free(kernel.data);
	return status;
}

void peer_kvm_free(struct peer_machine *machines, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		free((char *)machines[i].launch.keep_dir);
		launch_free(&machines[i].launch);
		peer_split_free(machines[i].split);
		text_free(&machines[i].archive);
		free(machines[i].cmdline);
		free(machines[i].job);
		machines[i] = (struct peer_machine){0};
	}
}
