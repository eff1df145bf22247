/* SPDX-License-Identifier: MIT */
/*
 * Linux's KVM as L0: a Bochs machine that boots Debian's cloud kernel once and then runs VMs on KVM, one
 * after another, by kvm-run (experiments/peers/kvm/vmm), which reports as our L0 does.
 */
#ifndef EXPERIMENTS_PEER_KVM_H
#define EXPERIMENTS_PEER_KVM_H

#include <stdbool.h>

#include "experiments/run.h"

#define PEER_VMS_MAX 24u

struct peer_vm {
	struct launch launch; /* guest, image, cmdline, memory, nested, modules: as of a VM of our L0 */
	const char *parameters; /* of kvm-intel, such as "enable_shadow_vmcs=0", or "" */
	const char *options; /* more of kvm-run, or "" */
	struct capture *capture;
};

struct peer_machine {
	/* Asked for; everything borrowed. */
	const char *name; /* of the machine run */
	bool mitigations; /* as the kernel chooses them; else off */
	struct peer_vm vm[PEER_VMS_MAX];
	unsigned vm_count;
	const struct machine_trace *trace; /* NULL: none */

	/* Made and kept by peer_kvm_run(). */
	struct text archive; /* the initramfs */
	char *cmdline, *job;
	struct launch launch; /* what meta.json has of the machine */
	struct peer_split *split;
};

/* Check of the setting `peer`: 0, or -EINVAL with *why (malloc'd). */
int peer_check(const char *value, char **why);
/* Gets the kernel by the script that gets its package, if it isn't there yet. CLI_OK, or CLI_REFUSED: stderr
 * says why. */
__attribute__((warn_unused_result)) int peer_kvm_get(void);
/*
 * Gets the kernel if it isn't there yet, and runs the machines; each capture is then complete. 0 when all VMs
 * ended well, else the exit status of the first that did not, told on stderr: CLI_REFUSED when there is no
 * kernel to be had.
 */
__attribute__((warn_unused_result)) int peer_kvm_run(struct run *run, struct peer_machine *machines,
						     unsigned count);
void peer_kvm_free(struct peer_machine *machines, unsigned count);

#endif
