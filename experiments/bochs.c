/* SPDX-License-Identifier: MIT */
/*
 * Machine driver for Bochs. No BIOS: the boot ROM finds the boot table and the images in RAM.
 * Debian's Bochs starts in its debugger and writes the debug console (port 0xE9) to standard output
 * between the debugger's own lines, which are taken off here (bochs_output.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiments/bochs_output.h"
#include "experiments/bochsrc.h"
#include "experiments/boot_image.h"
#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cpu_models.h"
#include "experiments/isolate.h"
#include "experiments/machine.h"
#include "experiments/scratch.h"
#include "experiments/wire.h"

#define BOCHS         "bochs-bin"
#define LOG_TAIL      65536
#define LOG_LINES     12
#define COM1_MOST     (16u << 20)
#define SHUTDOWN_SAID "Shutdown port: shutdown requested"
/* What the child says by its exit status before Bochs has begun. Bochs itself ends with 0, 1 or a signal. */
#define EXIT_NO_ISOLATION 120
#define EXIT_NO_BOCHS     121
#define EXIT_NO_WIRE      122
#define EXIT_NO_NAMESPACE 123

enum {
	FILE_RC,
	FILE_DEBUGGER,
	FILE_ROM,
	FILE_TABLE,
	FILE_PACK,
	FILE_COM1,
	FILE_LOG,
	FILE_ERRORS,
	FILE_COUNT
};

struct machine {
	pid_t pid;
	int out;
	struct scratch_file file[FILE_COUNT];
	struct bochs_output filter;
	struct timespec started;
	const struct machine_nic *nic; /* or NULL */
};

static void close_files(struct machine *m)
{
	for (int i = 0; i < FILE_COUNT; i++)
		scratch_close(&m->file[i]);
	if (m->out >= 0)
		close(m->out);
}

static int make_files(struct machine *m, const struct machine_spec *spec, const struct boot_image *image)
{
	const char *dir = spec->keep_dir;
	struct bochsrc rc = {
		.cpu = spec->cpu,
		.cpus = spec->cpus,
		.nic = spec->nic,
		.host = spec->nic ? spec->nic->host : 0,
		.memory = spec->memory,
		.ips = spec->ips,
		.rom_size = spec->rom.size,
		.table_address = NB_BOOT_TABLE,
		.pack_address = image->address,
		.traced = spec->trace,
	};
	struct text text = {0}, commands = {0};
	int err = scratch_make(&m->file[FILE_ROM], dir, "rom.bin", spec->rom.data, spec->rom.size);

	if (!err)
		err = scratch_make(&m->file[FILE_TABLE], dir, "table.bin", image->table,
				   sizeof(image->table));
	if (!err)
		err = scratch_make(&m->file[FILE_PACK], dir, "pack.bin", image->pack.data, image->pack.size);
	if (!err)
		err = scratch_make(&m->file[FILE_COM1], dir, "com1", "", 0);
	if (!err)
		err = scratch_make(&m->file[FILE_LOG], dir, "bochs.log", "", 0);
	if (!err)
		err = scratch_make(&m->file[FILE_ERRORS], dir, "stderr", "", 0);
	bochsrc_debugger(&commands, rc.traced);
	if (!err)
		err = scratch_make(&m->file[FILE_DEBUGGER], dir, "debugger", commands.data, commands.size);
	text_free(&commands);
	if (err)
		return err;
	rc.rom = m->file[FILE_ROM].path;
	rc.table = m->file[FILE_TABLE].path;
	rc.pack = m->file[FILE_PACK].path;
	rc.com1 = m->file[FILE_COM1].path;
	rc.log = m->file[FILE_LOG].path;
	bochsrc_write(&text, &rc);
	err = scratch_make(&m->file[FILE_RC], dir, "bochsrc", text.data, text.size);
	text_free(&text);
	return err;
}

/* In the child. Never returns. */
__attribute__((noreturn)) static void become_bochs(const struct machine *m, const char *dir, int out,
						   int channel, pid_t parent)
{
	enum isolation isolation;

	child_begin(parent, out, m->file[FILE_ERRORS].fd);
	for (int i = 0; i < FILE_COUNT; i++)
		scratch_inherit(&m->file[i]);
	setenv("TZ", "UTC", 1); /* the CMOS clock starts at local time */
	/* The machine's memory in huge pages: fewer page faults. Only how fast it is hangs on that. */
	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0);
	if (dir && chdir(dir))
		_exit(EXIT_NO_BOCHS);
	isolation = isolate();
	if (isolation == ISOLATE_NONE)
		_exit(EXIT_NO_ISOLATION);
	if (m->nic && isolation != ISOLATE_NAMESPACE && isolation != ISOLATE_USER_NAMESPACE)
		_exit(EXIT_NO_NAMESPACE);
	if (m->nic && wire_end_give(channel))
		_exit(EXIT_NO_WIRE);
	execlp(BOCHS, BOCHS, "-q", "-f", m->file[FILE_RC].path, "-rc", m->file[FILE_DEBUGGER].path,
	       (char *)NULL);
	_exit(EXIT_NO_BOCHS);
}

static int spawn(struct machine *m, const char *dir)
{
	pid_t self = getpid();
	int pipes[2], channel[2] = {-1, -1};
	int err, end;

	if (m->nic && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		return -errno;
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &m->started);
	fflush(NULL);
	m->pid = fork();
	if (!m->pid)
		become_bochs(m, dir, pipes[1], channel[1], self);
	err = m->pid < 0 ? -errno : 0;
	close(pipes[1]);
	m->out = pipes[0];
	if (!m->nic)
		return err;
	close(channel[1]);
	end = err ? err : wire_end_take(channel[0]);
	close(channel[0]);
	/* Without an end the machine has ended before it began; its exit status says why. */
	if (end >= 0)
		wire_attach(m->nic->wire, m->nic->host, end);
	return err;
}

static int bochs_start(const struct machine_spec *spec, struct machine **machine, char **why)
{
	struct machine *m = zalloc(sizeof(*m));
	struct boot_image image;
	int err;

	m->out = -1;
	m->nic = spec->nic;
	for (int i = 0; i < FILE_COUNT; i++)
		m->file[i].fd = -1;
	*why = NULL;
	err = boot_image_make(&image, spec, why);
	if (!err)
		err = make_files(m, spec, &image);
	boot_image_free(&image);
	if (!err)
		err = spawn(m, spec->keep_dir);
	if (err) {
		if (!*why)
			*why = text_format("can't start %s: %s", BOCHS, strerror(-err));
		close_files(m);
		free(m);
		return err;
	}
	bochs_output_init(&m->filter, spec->trace);
	*machine = m;
	return 0;
}

static int bochs_fd(const struct machine *m)
{
	return m->out;
}

static ssize_t bochs_read(struct machine *m, uint8_t *data, size_t room)
{
	uint8_t raw[16384];
	ssize_t n = (ssize_t)bochs_output_take(&m->filter, data, room);

	if (n)
		return n;
	n = read(m->out, raw, sizeof(raw));
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n)
		bochs_output_feed(&m->filter, raw, (size_t)n);
	else
		bochs_output_end(&m->filter);
	if (n && !m->filter.ready.size)
		return -EAGAIN;
	return (ssize_t)bochs_output_take(&m->filter, data, room);
}

static void bochs_kill(struct machine *m)
{
	child_kill(m->pid);
}

/* "00000474265e[CPU0  ] ...": of level error or panic. */
static bool complains(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	return digits && (line[digits] == 'e' || line[digits] == 'p');
}

/* Adds the last `most` lines of the log that complain. */
static void add_complaints(struct text *words, const char *log, unsigned most)
{
	unsigned skip = 0;

	for (int pass = 0; pass < 2; pass++) {
		unsigned count = 0;

		for (const char *p = log; *p;) {
			size_t n = strcspn(p, "\n");

			if (complains(p) && count++ >= skip && pass)
				text_addf(words, "%.*s\n", (int)n, p);
			p += n + (p[n] == '\n');
		}
		skip = count > most ? count - most : 0;
	}
}

/* What Bochs gave as its reason, what it complained about, its log's last lines. */
static char *last_words(const struct machine *m, enum machine_end asked)
{
	static const char said[] = "exiting with the following message:\n";
	char *errors = scratch_tail(&m->file[FILE_ERRORS], LOG_TAIL, UINT_MAX);
	char *log = scratch_tail(&m->file[FILE_LOG], LOG_TAIL, UINT_MAX);
	char *tail = scratch_tail(&m->file[FILE_LOG], LOG_TAIL, LOG_LINES);
	const char *reason = strstr(errors, said);
	struct text words = {0};

	if (reason)
		text_addf(&words, "%.*s\n", (int)strcspn(reason + strlen(said), "\n"), reason + strlen(said));
	add_complaints(&words, log, LOG_LINES);
	if (asked == MACHINE_SHUT_DOWN) /* it ended by itself */
		text_addf(&words, "last lines of its log:\n%s\n", tail);
	free(errors);
	free(log);
	free(tail);
	return words.data;
}

static char *explain(const struct machine *m, enum machine_end asked, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_BOCHS)
		return text_format("%s is not installed (package bochs)\n", BOCHS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_ISOLATION)
		return text_copy("can't keep " BOCHS " off the network here: no network namespace, no user "
				 "namespace, no seccomp\n");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_NAMESPACE)
		return text_copy("no link is possible here: a machine with a NIC needs a network namespace "
				 "of its own, "
				 "and this computer allows neither that nor a user namespace\n");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_WIRE)
		return text_copy("can't open the wire's end in the machine's network namespace\n");
	return last_words(m, asked);
}

static void bochs_finish(struct machine *m, enum machine_end asked, struct machine_result *r)
{
	char *log = NULL;

	r->wait_status = child_wait(m->pid);
	if (m->nic)
		wire_detach(m->nic->wire, m->nic->host);
	r->wall_seconds = seconds_since(&m->started);
	log = scratch_tail(&m->file[FILE_LOG], LOG_TAIL, UINT_MAX);
	r->end = asked;
	if (strstr(log, SHUTDOWN_SAID))
		r->end = MACHINE_SHUT_DOWN;
	else if (asked == MACHINE_SHUT_DOWN)
		r->end = MACHINE_DIED;
	if (r->end != MACHINE_SHUT_DOWN)
		r->log_tail = explain(m, asked, r->wait_status);
	r->com1 = scratch_tail(&m->file[FILE_COM1], COM1_MOST, UINT_MAX);
	free(log);
	bochs_output_free(&m->filter);
	close_files(m);
	free(m);
}

static const char *bochs_lacks(void)
{
	const char *path = getenv("PATH");
	bool there = false;

	for (const char *p = path ? path : ""; *p && !there; p += *p == ':') {
		size_t n = strcspn(p, ":");
		char *file = text_format("%.*s/%s", (int)n, p, BOCHS);

		there = !access(file, X_OK);
		free(file);
		p += n;
	}
	return there ? NULL
		     : BOCHS " is not installed (package bochs); `nestbed doctor` says what else lacks";
}

const struct machine_driver machine_bochs = {
	.name = "bochs",
	.standard_cpu = CLI_DEFAULT_CPU,
	.cpu_lacks = cpu_model_lacks,
	.emulates = true,
	.namespaces = true,
	.lacks = bochs_lacks,
	.start = bochs_start,
	.fd = bochs_fd,
	.read = bochs_read,
	.kill = bochs_kill,
	.finish = bochs_finish,
};
