/* SPDX-License-Identifier: MIT */
/*
 * Machine driver for libvirt: the machine is a transient domain, which libvirt-run (experiments/libvirt)
 * makes, watches and destroys. Its standard output is the machine's debug console. So what talks to libvirt
 * is a process of its own, and nestbed needs no libvirt for its other machines.
 */
#include "experiments/libvirt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiments/child.h"
#include "experiments/files.h"
#include "experiments/scratch.h"
#include "experiments/text.h"
#include "experiments/wire.h"

#define ERROR_TAIL 8192
#define COM1_MOST  (16u << 20)
#define NO_PROGRAM 121 /* exit status of the child: there is no libvirt-run */

static struct {
	const char *uri, *pin, *others;
	bool tcg;
	char *version, *lack; /* what the last look at it found */
} chosen = {.uri = LIBVIRT_STANDARD_URI};

enum {
	FILE_KERNEL,
	FILE_COM1,
	FILE_XML,
	FILE_ERRORS,
	FILE_MODULES,
	FILE_COUNT = FILE_MODULES + NB_BOOT_MODULES_MAX
};

struct machine {
	pid_t pid;
	int out;
	struct scratch_file file[FILE_COUNT];
	struct timespec started;
	const struct machine_nic *nic; /* or NULL */
	int end; /* of the wire, until it is attached; or -1 */
	uint16_t nic_port, end_port;
};

/* ---- what libvirt-run is told ---- */

struct words {
	char **word; /* the last is NULL */
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_word(struct words *w, const char *format, ...)
{
	va_list args;
	char *word;

	va_start(args, format);
	if (vasprintf(&word, format, args) < 0)
		abort();
	va_end(args);
	w->word = array_grow(w->word, w->count, sizeof(*w->word));
	w->word[w->count++] = word;
}

static void words_free(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->word[i]);
	free(w->word);
}

static void add_choice(struct words *w)
{
	add_word(w, "%s/libvirt-run", build_dir());
	add_word(w, "--uri=%s", chosen.uri);
	if (chosen.tcg)
		add_word(w, "--tcg");
	if (chosen.pin)
		add_word(w, "--pin=%s", chosen.pin);
	if (chosen.others)
		add_word(w, "--others=%s", chosen.others);
}

static void add_nic(struct words *w, const struct machine *m)
{
	static const uint8_t mac[5] = NB_LINK_MAC_HEAD;

	add_word(w, "--nic=%02x:%02x:%02x:%02x:%02x:%02x,%u,%u", mac[0], mac[1], mac[2], mac[3], mac[4],
		 m->nic->host, m->nic_port, m->end_port);
}

/* In terms of numbers of its own, since several nestbeds may use one libvirt. */
static struct words words_of(const struct machine *m, const struct machine_spec *spec)
{
	struct words w = {0};

	add_choice(&w);
	add_word(&w, "--name=nestbed-%ld-%s", (long)getpid(), spec->name);
	add_word(&w, "--cpu=%s", spec->cpu);
	add_word(&w, "--memory=%llu", (unsigned long long)spec->memory);
	add_word(&w, "--cpus=%u", spec->cpus);
	add_word(&w, "--cmdline=%s", spec->cmdline);
	add_word(&w, "--com1=%s", m->file[FILE_COM1].path);
	add_word(&w, "--xml=%s", m->file[FILE_XML].path);
	if (m->nic)
		add_nic(&w, m);
	for (unsigned i = 0; i < spec->module_count; i++) {
		add_word(&w, "--module=%s", m->file[FILE_MODULES + i].path);
		add_word(&w, "--words=%s", spec->module[i].cmdline);
	}
	add_word(&w, "--");
	add_word(&w, "%s", m->file[FILE_KERNEL].path);
	w.word = array_grow(w.word, w.count, sizeof(*w.word));
	w.word[w.count] = NULL;
	return w;
}

/* ---- its files and its wire ---- */

static void close_files(struct machine *m)
{
	for (int i = 0; i < FILE_COUNT; i++)
		scratch_close(&m->file[i]);
	if (m->out >= 0)
		close(m->out);
	if (m->end >= 0)
		close(m->end);
}

static int make_files(struct machine *m, const struct machine_spec *spec)
{
	static const char *const empty[] = {
		[FILE_COM1] = "com1", [FILE_XML] = "domain.xml", [FILE_ERRORS] = "stderr"};
	const char *dir = spec->keep_dir;
	int err = scratch_make(&m->file[FILE_KERNEL], dir, "kernel", spec->kernel.data, spec->kernel.size);

	for (int i = FILE_COM1; i <= FILE_ERRORS && !err; i++)
		err = scratch_make(&m->file[i], dir, empty[i], "", 0);
	for (unsigned i = 0; i < spec->module_count && !err; i++) {
		const struct blob *b = &spec->module[i].image;
		char *name = text_format("module-%u", i);

		err = scratch_make(&m->file[FILE_MODULES + i], dir, name, b->data, b->size);
		free(name);
	}
	return err;
}

/* A UDP socket on the loopback, at a port that is free; negative errno. */
static int udp_open(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    !getsockname(fd, (struct sockaddr *)address, &size))
		return fd;
	close(fd);
	return -errno;
}

/* The wire's end hears the NIC alone. The NIC's port is free until QEMU takes it; if not, QEMU does not
 * start. */
static int open_end(struct machine *m)
{
	struct sockaddr_in here, nic;
	const int room = 1 << 20;
	int other;

	m->end = udp_open(&here);
	if (m->end < 0)
		return m->end;
	other = udp_open(&nic);
	if (other < 0)
		return other;
	close(other);
	m->end_port = ntohs(here.sin_port);
	m->nic_port = ntohs(nic.sin_port);
	setsockopt(m->end, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return connect(m->end, (const struct sockaddr *)&nic, sizeof(nic)) ? -errno : 0;
}

/* ---- the driver ---- */

static int spawn(struct machine *m, const struct machine_spec *spec)
{
	struct words w = words_of(m, spec);
	const pid_t self = getpid();
	int pipes[2], err;

	if (pipe2(pipes, O_CLOEXEC)) {
		words_free(&w);
		return -errno;
	}
	clock_gettime(CLOCK_MONOTONIC, &m->started);
	fflush(NULL);
	m->pid = fork();
	if (!m->pid) {
		child_begin(self, pipes[1], m->file[FILE_ERRORS].fd);
		for (int i = 0; i < FILE_COUNT; i++)
			scratch_inherit(&m->file[i]);
		if (!spec->keep_dir || !chdir(spec->keep_dir))
			execv(w.word[0], w.word);
		_exit(NO_PROGRAM);
	}
	err = m->pid < 0 ? -errno : 0;
	close(pipes[1]);
	m->out = pipes[0];
	words_free(&w);
	return err;
}

static int libvirt_start(const struct machine_spec *spec, struct machine **machine, char **why)
{
	struct machine *m = zalloc(sizeof(*m));
	int err;

	*why = NULL;
	m->out = m->end = -1;
	m->nic = spec->nic;
	for (int i = 0; i < FILE_COUNT; i++)
		m->file[i].fd = -1;
	err = make_files(m, spec);
	if (!err && m->nic)
		err = open_end(m);
	if (!err)
		err = spawn(m, spec);
	if (err) {
		*why = text_format("can't start libvirt-run: %s", strerror(-err));
		close_files(m);
		free(m);
		return err;
	}
	if (m->nic)
		wire_attach(m->nic->wire, m->nic->host, m->end);
	m->end = -1;
	*machine = m;
	return 0;
}

static int libvirt_fd(const struct machine *m)
{
	return m->out;
}

static ssize_t libvirt_read(struct machine *m, uint8_t *data, size_t room)
{
	const ssize_t n = read(m->out, data, room);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return n;
}

/* It destroys the domain first. */
static void libvirt_kill(struct machine *m)
{
	kill(m->pid, SIGTERM);
}

static void tell_errors(const struct machine *m)
{
	char *said = scratch_tail(&m->file[FILE_ERRORS], ERROR_TAIL, UINT_MAX);

	fprintf(stderr, "nestbed: %s\n", said);
	free(said);
}

static void libvirt_finish(struct machine *m, enum machine_end asked, struct machine_result *r)
{
	const int status = child_wait(m->pid);

	r->wait_status = status;
	if (m->nic)
		wire_detach(m->nic->wire, m->nic->host);
	r->wall_seconds = seconds_since(&m->started);
	r->end = asked;
	/* Nobody asks what a machine said that was told to end, but this must be known. */
	if (asked != MACHINE_SHUT_DOWN && WIFEXITED(status) && WEXITSTATUS(status) == LIBVIRT_RUN_LEFT)
		tell_errors(m);
	if (asked == MACHINE_SHUT_DOWN && !(WIFEXITED(status) && !WEXITSTATUS(status)))
		r->end = MACHINE_DIED;
	r->com1 = scratch_tail(&m->file[FILE_COM1], COM1_MOST, UINT_MAX);
	if (r->end == MACHINE_DIED && WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		r->log_tail = text_format("no %s/libvirt-run (build it: make)\n", build_dir());
	else if (r->end != MACHINE_SHUT_DOWN) {
		char *said = scratch_tail(&m->file[FILE_ERRORS], ERROR_TAIL, UINT_MAX);

		r->log_tail = text_format("%s%s", said, *said ? "\n" : "");
		free(said);
	}
	close_files(m);
	free(m);
}

/* All that comes, without the newlines at its end; malloc'd. */
static char *read_all(int fd)
{
	struct text t = {0};
	char data[4096];
	ssize_t n;

	text_add(&t, "", 0);
	while ((n = read(fd, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			text_add(&t, data, (size_t)n);
	while (t.size && t.data[t.size - 1] == '\n')
		t.data[--t.size] = '\0';
	return t.data;
}

/* Asks the connection; its exit status, and what it said (malloc'd). */
static int probe(char **said)
{
	struct words w = {0};
	const pid_t self = getpid();
	int pipes[2], status;
	pid_t pid;

	add_choice(&w);
	add_word(&w, "--probe");
	w.word = array_grow(w.word, w.count, sizeof(*w.word));
	w.word[w.count] = NULL;
	*said = NULL;
	if (pipe2(pipes, O_CLOEXEC))
		abort();
	fflush(NULL);
	pid = fork();
	if (!pid) {
		child_begin(self, pipes[1], pipes[1]);
		execv(w.word[0], w.word);
		_exit(NO_PROGRAM);
	}
	close(pipes[1]);
	*said = read_all(pipes[0]);
	close(pipes[0]);
	status = pid < 0 ? -1 : child_wait(pid);
	words_free(&w);
	return status;
}

static const char *libvirt_lacks(void)
{
	char *said;
	const int status = probe(&said);

	free(chosen.lack);
	free(chosen.version);
	chosen.lack = chosen.version = NULL;
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		chosen.version = said;
		return NULL;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		chosen.lack = text_format("no %s/libvirt-run (build it: make)", build_dir());
	else
		chosen.lack = text_format("%s", *said ? said : "libvirt-run ended without a word");
	free(said);
	return chosen.lack;
}

static const char *libvirt_version(void)
{
	return chosen.version;
}

static const char *libvirt_pinned(void)
{
	return chosen.pin;
}

#define LIBVIRT_DRIVER                                                                                       \
	.standard_cpu = "host-passthrough", .lacks = libvirt_lacks, .version = libvirt_version,              \
	.pinned = libvirt_pinned, .start = libvirt_start, .fd = libvirt_fd, .read = libvirt_read,            \
	.kill = libvirt_kill, .finish = libvirt_finish

static const struct machine_driver kvm = {.name = "libvirt", LIBVIRT_DRIVER};
static const struct machine_driver tcg_only = {.name = "libvirt-tcg", LIBVIRT_DRIVER};

void libvirt_pin(const char *set, const char *others)
{
	chosen.pin = set;
	chosen.others = others;
}

const struct machine_driver *libvirt_machine(const char *uri, bool tcg)
{
	chosen.uri = uri;
	chosen.tcg = tcg;
	return tcg ? &tcg_only : &kvm;
}
