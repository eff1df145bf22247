/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/write/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(char *const argv[], int to, pid_t *child)
{
	posix_spawn_file_actions_t actions;
	int status = posix_spawn_file_actions_init(&actions);

	if (status)
		return status;
	status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
	if (!status)
		status = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	if (!status)
		status = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return status;
}

static char *read_all(int from)
{
	FILE *stream = fdopen(from, "r");
	char *text = NULL;
	size_t room = 0;

	if (!stream) {
		close(from);
		return NULL;
	}
	/* No text holds a 0 byte, so that this reads to the end. */
	if (getdelim(&text, &room, '\0', stream) < 0) {
		free(text);
		text = ferror(stream) ? NULL : strdup("");
	}
	fclose(stream);
	return text;
}

char *program_output(char *const argv[], char *why, unsigned size)
{
	int ends[2], status, ended = 0;
	char *text = NULL;
	pid_t child = -1;

	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(why, size, "%s", strerror(errno));
		return NULL;
	}
	status = start(argv, ends[1], &child);
	close(ends[1]);
	if (status) {
		close(ends[0]);
		snprintf(why, size, "cannot run %s: %s", argv[0], strerror(status));
		return NULL;
	}
	text = read_all(ends[0]);
	while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
		;
	if (text && !ended)
		return text;
	snprintf(why, size, "%s failed", argv[0]);
	free(text);
	return NULL;
}
