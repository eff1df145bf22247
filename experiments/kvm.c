/* SPDX-License-Identifier: MIT */
/*
 * Machine driver for this computer's own KVM: the machine is a VM by kvm-run (experiments/peers/kvm/vmm),
 * which writes its guest's stream to standard output. It has neither modules nor a NIC nor a choice of
 * processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cpu_models.h"
#include "experiments/files.h"
#include "experiments/machine.h"
#include "experiments/scratch.h"
#include "experiments/text.h"

#define DEVICE     "/dev/kvm"
#define ERROR_TAIL 4096
#define NO_KVM_RUN 121 /* exit status of the child: there is no such program */

struct machine {
	pid_t pid;
	int out;
	struct scratch_file image, errors;
	struct timespec started;
};

static void close_files(struct machine *m)
{
	scratch_close(&m->image);
	scratch_close(&m->errors);
	if (m->out >= 0)
		close(m->out);
}

/* "NAME WORDS", as a kernel gets it, into kvm-run's two options. In the child: nothing is freed. */
__attribute__((noreturn)) static void become_kvm_run(const struct machine *m, const struct machine_spec *spec,
						     int out, pid_t parent)
{
	const size_t name = strcspn(spec->cmdline, " ");
	char *program = text_format("%s/peers/kvm-run", build_dir());
	char *memory = text_format("--memory=%lluM", (unsigned long long)(spec->memory >> 20));
	char *named = text_format("--name=%.*s", (int)name, spec->cmdline);
	char *words = text_format("--cmdline=%s", spec->cmdline + name + (spec->cmdline[name] == ' '));

	child_begin(parent, out, m->errors.fd);
	scratch_inherit(&m->image);
	execl(program, program, memory, named, words, m->image.path, (char *)NULL);
	_exit(NO_KVM_RUN);
}

static int spawn(struct machine *m, const struct machine_spec *spec)
{
	const pid_t self = getpid();
	int pipes[2], err;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &m->started);
	fflush(NULL);
	m->pid = fork();
	if (!m->pid)
		become_kvm_run(m, spec, pipes[1], self);
	err = m->pid < 0 ? -errno : 0;
	close(pipes[1]);
	m->out = pipes[0];
	return err;
}

static int kvm_start(const struct machine_spec *spec, struct machine **machine, char **why)
{
	struct machine *m = zalloc(sizeof(*m));
	int err;

	*why = NULL;
	m->out = m->image.fd = m->errors.fd = -1;
	err = scratch_make(&m->image, NULL, "image", spec->kernel.data, spec->kernel.size);
	if (!err)
		err = scratch_make(&m->errors, NULL, "stderr", "", 0);
	if (!err)
		err = spawn(m, spec);
	if (!err) {
		*machine = m;
		return 0;
	}
	*why = text_format("can't start kvm-run: %s", strerror(-err));
	close_files(m);
	free(m);
	return err;
}

static int kvm_fd(const struct machine *m)
{
	return m->out;
}

static ssize_t kvm_read(struct machine *m, uint8_t *data, size_t room)
{
	const ssize_t n = read(m->out, data, room);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return n;
}

static void kvm_kill(struct machine *m)
{
	child_kill(m->pid);
}

/* How its VM ended is in its records; here is whether it could say so. */
static void kvm_finish(struct machine *m, enum machine_end asked, struct machine_result *r)
{
	r->wait_status = child_wait(m->pid);
	r->wall_seconds = seconds_since(&m->started);
	r->end = asked;
	if (asked == MACHINE_SHUT_DOWN &&
	    (!WIFEXITED(r->wait_status) || WEXITSTATUS(r->wait_status) == NO_KVM_RUN))
		r->end = MACHINE_DIED;
	r->log_tail = r->end == MACHINE_DIED && WIFEXITED(r->wait_status)
			      ? text_format("no %s/peers/kvm-run (build it: make)\n", build_dir())
			      : scratch_tail(&m->errors, ERROR_TAIL, UINT_MAX);
	close_files(m);
	free(m);
}

static const char *kvm_lacks(void)
{
	static char *why;
	const int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return NULL;
	}
	free(why);
	why = text_format("this computer's KVM can't be used: " DEVICE ": %s%s", strerror(errno),
			  errno == ENOENT
				  ? " (is VT-x there and enabled, and kvm_intel loaded? modprobe kvm_intel)"
			  : errno == EACCES ? " (whoever is in the group kvm may open it)"
					    : "");
	return why;
}

const struct machine_driver machine_kvm = {
	.name = "kvm",
	.standard_cpu = CLI_DEFAULT_CPU,
	.cpu_lacks = cpu_model_lacks,
	.lacks = kvm_lacks,
	.start = kvm_start,
	.fd = kvm_fd,
	.read = kvm_read,
	.kill = kvm_kill,
	.finish = kvm_finish,
};
