/* SPDX-License-Identifier: MIT */
/*
 * A machine that boots one multiboot-1 kernel and talks over its debug console. A driver says how:
 * Bochs today; anything that can be polled for output and killed fits.
 */
#ifndef EXPERIMENTS_MACHINE_H
#define EXPERIMENTS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "nestbed/boot.h"

struct blob {
	void *data; /* malloc'd or borrowed: the holder says */
	size_t size;
};

struct machine_module {
	struct blob image;
	const char *cmdline;
};

struct wire;

/* The machine has an e1000, and `wire` (experiments/wire.h) its other end. */
struct machine_nic {
	struct wire *wire;
	unsigned host; /* below NB_LINK_HOSTS */
};

/*
 * Each instruction that the machine executes between two magic breakpoints (xchg %bx, %bx): the emulator's
 * own line about it, without its end. NULL: the second breakpoint was reached.
 */
struct machine_trace {
	void (*line)(void *ctx, const char *line, size_t size);
	void *ctx;
};
/* Between so many pairs of breakpoints; the machine dies at a further one. */
#define MACHINE_TRACES_MAX 4096u

/* Borrows everything; it must outlive the machine. */
struct machine_spec {
	const char *name; /* of this machine run: [a-z0-9-] */
	const char *cpu; /* CPU model, in the driver's words */
	unsigned cpus;
	uint64_t memory; /* bytes */
	uint64_t ips; /* instructions in an emulated second; 0: as the driver likes */
	struct blob rom; /* boot ROM, for drivers that need one */
	struct blob kernel;
	const char *cmdline;
	struct machine_module module[NB_BOOT_MODULES_MAX];
	unsigned module_count;
	unsigned seconds; /* wall-clock limit; 0: none */
	const struct machine_nic *nic; /* NULL: none */
	const struct machine_trace *trace; /* NULL: none, and a magic breakpoint is as any instruction */
	const char *keep_dir; /* where its files stay; NULL: nowhere */
	const char *agent; /* for machine_remote (experiments/agent.h): where it runs */
};

enum machine_end {
	MACHINE_SHUT_DOWN, /* by the shutdown port */
	MACHINE_DIED, /* the emulator panicked, aborted or could not start */
	MACHINE_TIMED_OUT,
	MACHINE_INTERRUPTED, /* by a signal to nestbed */
	MACHINE_KILLED, /* by whoever runs it, as part of what is tried */
};

struct machine_result {
	enum machine_end end;
	int wait_status; /* of waitpid */
	double wall_seconds;
	char *com1; /* malloc'd: what was written to COM1, the last of it where that is much; or NULL */
	char *log_tail; /* malloc'd: what the machine's log says about it, lines; or NULL */
};

struct machine;

struct machine_driver {
	const char *name;
	const char *standard_cpu;
	/* NULL, or whether there is a CPU model of this name: NULL, or a sentence (malloc'd). */
	char *(*cpu_lacks)(const char *cpu);
	/* It is an emulator that counts instructions, whatever else the computer does, and has struct
	 * machine_trace. */
	bool emulates;
	bool namespaces; /* a machine with a NIC needs a network namespace of its own */
	/* What runs the machines, a line (static), once lacks() found nothing; NULL: meta.json says it
	 * anyway. */
	const char *(*version)(void);
	/* NULL, or the processors of this computer that machines are kept on; NULL: any. */
	const char *(*pinned)(void);
	/* What this computer lacks to run such a machine: a sentence (static), or NULL. */
	const char *(*lacks)(void);
	/* 0 or negative errno; *why (malloc'd) says what went wrong. */
	int (*start)(const struct machine_spec *spec, struct machine **machine, char **why);
	int (*fd)(const struct machine *machine); /* readable: there is output, or its end */
	/* Bytes read, 0 at the end of the output, or negative errno. */
	ssize_t (*read)(struct machine *machine, uint8_t *data, size_t room);
	void (*kill)(struct machine *machine);
	/* Waits for the machine's process, says how it ended, and frees the machine. */
	void (*finish)(struct machine *machine, enum machine_end asked, struct machine_result *result);
};

extern const struct machine_driver machine_bochs, machine_kvm;

#endif
