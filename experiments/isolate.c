/* SPDX-License-Identifier: MIT */
#include "experiments/isolate.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Bochs' display is a thread that listens and then waits in accept(). Refusing listen() makes it
 * spin, so the thread is ended instead: the machine runs on without a display.
 */
static int forbid_listen(void)
{
	static struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_listen, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_fprog program = {sizeof(rule) / sizeof(rule[0]), rule};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

enum isolation isolate(void)
{
	if (!unshare(CLONE_NEWNET))
		return ISOLATE_NAMESPACE;
	if (!unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return ISOLATE_USER_NAMESPACE;
	if (!forbid_listen())
		return ISOLATE_SECCOMP;
	return ISOLATE_NONE;
}

enum isolation isolate_probe(void)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit((int)isolate());
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return ISOLATE_NONE;
	return (enum isolation)WEXITSTATUS(status);
}

const char *isolation_name(enum isolation isolation)
{
	switch (isolation) {
	case ISOLATE_NAMESPACE:
		return "network namespace";
	case ISOLATE_USER_NAMESPACE:
		return "user and network namespace";
	case ISOLATE_SECCOMP:
		return "seccomp filter";
	case ISOLATE_NONE:
		break;
	}
	return "none";
}
