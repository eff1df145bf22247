/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "nestbed/ports.h"

#define PATIENCE 10 /* seconds for libvirt to answer when told to end */

static volatile sig_atomic_t told;

static void on_signal(int number)
{
	told = number;
	alarm(PATIENCE); /* its action is the default one; the daemon destroys the domain then */
}

static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

void relay_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int relay_signal(void)
{
	return told;
}

/* From now on they come inside ppoll() only, so that none is missed in front of it. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool pass_on(int to, const uint8_t *data, size_t size)
{
	while (size) {
		const ssize_t n = write(to, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Takes what is there; false at its end, or when `to` takes no more. */
static bool drain(int from, int to)
{
	uint8_t data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (to >= 0 && !pass_on(to, data, (size_t)n))
			return false;
	return n < 0 && (errno == EAGAIN || errno == EINTR);
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
	sigset_t none;

	block_signals();
	sigemptyset(&none);
	for (int i = 0; i < FOLDER_SOCKETS; i++)
		fds[i] = (struct pollfd){.fd = socket[i], .events = POLLIN};
	for (;;) {
		bool end;

		if (told || (ppoll(fds, FOLDER_SOCKETS, NULL, &none) < 0 && told))
			return RELAY_TOLD;
		/* First: QEMU has written all that the machine wrote before the word when the word is here.
		 */
		end = shuts_down(socket[FOLDER_SHUTDOWN], &matched);
		if (!drain(socket[FOLDER_COM1], to[FOLDER_COM1]))
			fds[FOLDER_COM1].fd = -1;
		if (!drain(socket[FOLDER_CONSOLE], to[FOLDER_CONSOLE]))
			return end ? RELAY_SHUT_DOWN : RELAY_GONE;
		if (end)
			return RELAY_SHUT_DOWN;
	}
}
