/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nestbed/ports.h"

#define PATIENCE 10 /* seconds for libvirt to answer when told to end */

static volatile sig_atomic_t told;

static void on_signal(int number)
{
	told = number;
	alarm(PATIENCE); /* it ends this process; the daemon destroys the domain then */
}

static const struct folder *volatile abandoned;

/* What of folder_remove() a signal's handler can do. */
static void remove_files(const struct folder *f)
{
	for (unsigned i = f->made_count; i-- > 0;) /* what lies in a folder was made behind it */
		if (unlink(f->made[i]))
			(void)rmdir(f->made[i]);
	(void)rmdir(f->own.path);
}

static void on_alarm(int number)
{
	if (abandoned)
		remove_files(abandoned);
	signal(number, SIG_DFL);
	raise(number);
}

void relay_abandon(const struct folder *folder)
{
	abandoned = folder;
}

static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

static sigset_t number_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	return set;
}

void relay_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &act, NULL);
	signal(SIGALRM, on_alarm);
	signal(SIGPIPE, SIG_IGN);
}

int relay_signal(void)
{
	return told;
}

/* From now on they come where they are waited for, so that none is missed in front of it. */
static void block_signals(void)
{
	const sigset_t set = number_set();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Waits for one of fds or a signal. ppoll() itself takes no signal while one of fds is ready. */
static bool is_told(struct pollfd *fds, nfds_t count)
{
	const sigset_t set = number_set();
	const struct timespec now = {0};
	sigset_t none;
	int number;

	sigemptyset(&none);
	if (!told)
		(void)ppoll(fds, count, NULL, &none);
	number = told ? 0 : sigtimedwait(&set, NULL, &now);
	if (number > 0)
		on_signal(number);
	return told;
}

/* A pipe that is ready takes PIPE_BUF bytes at once; so a reader that stopped reading holds nobody up. */
static bool pass_on(int to, const uint8_t *data, size_t size)
{
	struct pollfd fd = {.fd = to, .events = POLLOUT};

	while (size) {
		ssize_t n;

		if (is_told(&fd, 1))
			return false;
		n = write(to, data, size < PIPE_BUF ? size : PIPE_BUF);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Takes a piece of what is there, which may never end; false at its end, or when `to` takes no more. */
static bool take(int from, int to, bool *more)
{
	uint8_t data[65536];
	const ssize_t n = read(from, data, sizeof(data));

	*more = n > 0;
	if (n > 0)
		return to < 0 || pass_on(to, data, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What was written before the machine's end. */
static void drain(int from, int to)
{
	bool more = true;

	while (!told && more && take(from, to, &more))
		;
}

/* Whether the word has been written; letters that don't fit begin it anew, as on Bochs. */
static bool shuts_down(int from, unsigned *matched)
{
	static const char word[] = NB_SHUTDOWN_WORD;
	char c;

	while (read(from, &c, 1) == 1) {
		*matched = c == word[*matched] ? *matched + 1 : c == word[0];
		if (!word[*matched])
			return true;
	}
	return false;
}

enum relay_end relay(const int socket[FOLDER_SOCKETS], int com1)
{
	const int to[FOLDER_SOCKETS] = {[FOLDER_CONSOLE] = STDOUT_FILENO, [FOLDER_COM1] = com1};
	struct pollfd fds[FOLDER_SOCKETS];
	unsigned matched = 0;

	block_signals();
	for (int i = 0; i < FOLDER_SOCKETS; i++)
		fds[i] = (struct pollfd){.fd = socket[i], .events = POLLIN};
	for (;;) {
		bool more;

		if (is_told(fds, FOLDER_SOCKETS))
			return RELAY_TOLD;
		/* First: QEMU has written all that the machine wrote before the word when the word is here.
		 */
		if (shuts_down(socket[FOLDER_SHUTDOWN], &matched)) {
			drain(socket[FOLDER_COM1], to[FOLDER_COM1]);
			drain(socket[FOLDER_CONSOLE], to[FOLDER_CONSOLE]);
			return RELAY_SHUT_DOWN;
		}
		if (!take(socket[FOLDER_COM1], to[FOLDER_COM1], &more))
			fds[FOLDER_COM1].fd = -1;
		if (!take(socket[FOLDER_CONSOLE], to[FOLDER_CONSOLE], &more))
			return told ? RELAY_TOLD : RELAY_GONE;
	}
}
