/* SPDX-License-Identifier: MIT */
#include "experiments/agent_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "experiments/agent.h"
#include "experiments/child.h"
#include "experiments/setting.h"
#include "experiments/text.h"

#define FD_HEAD     "fd:"
#define END_WAIT_MS 3000

int agent_is_single(const char *agent)
{
	return !strncmp(agent, FD_HEAD, strlen(FD_HEAD));
}

/* Of fd:N; -1 where that is none of a stream socket. */
static int socket_of(const char *agent)
{
	uint64_t n;
	int type;
	socklen_t size = sizeof(type);
	char *why = NULL;

	if (number_parse(agent + strlen(FD_HEAD), STDERR_FILENO + 1, INT_MAX, &n, &why)) {
		free(why);
		return -1;
	}
	if (getsockopt((int)n, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM)
		return -1;
	return (int)n;
}

int agent_check(const char *agent, char **why)
{
	int fd;

	*why = NULL;
	if (!*agent)
		*why = text_copy("--agent needs a command, such as 'ssh HOST nestbed agent', or fd:N");
	if (*why)
		return -EINVAL;
	if (!agent_is_single(agent))
		return 0;
	fd = socket_of(agent);
	if (fd >= 0 && !fcntl(fd, F_SETFD, FD_CLOEXEC))
		return 0;
	*why = text_format("--agent %s: that is no open stream socket", agent);
	return -EINVAL;
}

/* In the child: as other machines' processes it ends with this one. What asks for a password on a terminal
 * gets none, else it would stand still there unseen. */
__attribute__((noreturn)) static void become_command(const char *command, int end, pid_t parent)
{
	setsid();
	child_begin(parent, end, STDERR_FILENO);
	dup2(end, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int run_command(const char *command, struct agent_peer *peer)
{
	const pid_t self = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	fflush(NULL);
	peer->pid = fork();
	if (!peer->pid)
		become_command(command, ends[1], self);
	close(ends[1]);
	if (peer->pid > 0)
		return ends[0];
	close(ends[0]);
	return -errno;
}

int agent_connect(const char *agent, struct agent_peer *peer, char **why)
{
	*peer = (struct agent_peer){.in = -1, .out = -1};
	*why = NULL;
	peer->in = agent_is_single(agent) ? socket_of(agent) : run_command(agent, peer);
	if (peer->in == -1 && agent_is_single(agent)) {
		*why = text_format("%s serves no further machine", agent);
		return -EBADF;
	}
	if (peer->in < 0)
		return peer->in;
	peer->out = fcntl(peer->in, F_DUPFD_CLOEXEC, 0);
	if (peer->out >= 0)
		return 0;
	close(peer->in);
	agent_disconnect(peer);
	return -EMFILE;
}

int agent_disconnect(const struct agent_peer *peer)
{
	struct pollfd end = {.events = POLLIN};

	if (peer->pid <= 0)
		return 0;
	end.fd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	if (end.fd >= 0) {
		while (poll(&end, 1, END_WAIT_MS) < 0 && errno == EINTR)
			;
		close(end.fd);
	}
	child_kill(peer->pid); /* and what it started and left behind */
	return child_wait(peer->pid);
}
