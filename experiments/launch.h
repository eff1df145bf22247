/* SPDX-License-Identifier: MIT */
/* From "this guest, at this level" to a machine: kernel, bundle, configuration text. */
#ifndef EXPERIMENTS_LAUNCH_H
#define EXPERIMENTS_LAUNCH_H

#include <stdbool.h>

#include "experiments/bundle_write.h"
#include "experiments/machine.h"

struct launch_module {
	const char *name; /* what its command line begins with, and its bundle entry */
	const char *args; /* the rest of its command line; may be "" */
	struct blob image;
};

/* Another VM of the same L0, with a configuration of its own defaults. */
struct launch_beside {
	const char *name; /* of the VM; differs from the others' */
	const char *cmdline;
	struct blob image;
};
#define LAUNCH_BESIDE_MAX   7u /* L0 runs eight VMs */
#define LAUNCH_BESIDE_BYTES (64ull << 20)

struct launch {
	/* Asked for; everything borrowed. */
	const char *name; /* of the machine run */
	const char *cpu;
	bool bare; /* the guest is the machine's kernel; else L0 is, and the guest its one VM */
	const char *guest; /* names the VM */
	struct blob image;
	bool incoming; /* the guest comes from another host: neither image nor modules are needed */
	const char *cmdline;
	uint64_t memory; /* of the guest; bytes */
	unsigned cpus; /* of the guest; 0: 1 */
	bool nested; /* the guest may use VT-x */
	const char *vm_lines; /* more lines of its [vm] section, or "" */
	const char *l0_lines; /* lines of [l0], or "" */
	const char *policy_text, *policy_name; /* a [cpu NAME] section for the VM; NULL: none */
	struct launch_module module[NB_BOOT_MODULES_MAX - 1];
	unsigned module_count;
	struct launch_beside beside[LAUNCH_BESIDE_MAX];
	unsigned beside_count;
	const struct machine_trace *trace; /* NULL: none */
	unsigned seconds;
	const char *keep_dir;

	/* Made by launch_prepare; spec borrows the rest. */
	struct machine_spec spec;
	char *config; /* NULL when bare */
	char *kernel_cmdline; /* NULL under L0 */
	char *module_cmdline[NB_BOOT_MODULES_MAX];
	struct blob bundle, rom, l0;
};

/* 0 or an exit status of enum cli_exit; what is wrong is said on stderr. */
__attribute__((warn_unused_result)) int launch_prepare(struct launch *l);
void launch_free(struct launch *l);

#endif
