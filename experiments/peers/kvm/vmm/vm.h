/* SPDX-License-Identifier: MIT */
/* A virtual machine of Linux KVM with one vCPU. */
#ifndef KVM_VMM_VM_H
#define KVM_VMM_VM_H

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "experiments/peers/kvm/vmm/devices.h"
#include "experiments/peers/kvm/vmm/records.h"
#include "migration/dirty.h"

#define VM_PAGE 4096u
#define VM_SLOT 0u /* of its memory */

enum track { TRACK_OFF, TRACK_BITMAP, TRACK_RING };

struct vm_options {
	const char *name, *device, *unit;
	uint64_t memory; /* bytes, whole MiB */
	enum track track;
	uint32_t ring_pages; /* entries of the dirty ring; a power of two */
	unsigned seconds; /* that it may run; 0: for ever */
	bool nested;
};

/* dirty.c */
#define DIRTY_UNTOLD_MAX 16u

struct dirty_log {
	struct dirty set; /* written since the round began, as far as KVM has told */
	struct dirty untold[DIRTY_UNTOLD_MAX]; /* rounds that ended inside the window: telling them would be
						  in it */
	unsigned untold_count;
	struct dirty told; /* room for what KVM tells at a time */
	struct kvm_dirty_gfn *ring;
	uint32_t next; /* entry of the ring to be looked at */
	uint64_t round; /* that is told next */
	bool two_steps; /* pages are cleared by KVM_CLEAR_DIRTY_LOG */
};

/* stats.c */
struct stats {
	uint64_t exits, irq_exits; /* of the vCPU, from all levels */
};
struct stats_file {
	int fd; /* -1: KVM tells none */
	uint64_t at[2]; /* offsets of the two in it */
};

/* window.c */
struct window {
	bool begun; /* by some mark */
	uint32_t mark;
	uint64_t ticks; /* of this computer's TSC, when it began */
	struct stats stats;
};

struct vm {
	const struct vm_options *options;
	struct records *records;
	int kvm, fd, vcpu; /* the device's, the VM's, the vCPU's; -1: not open */
	struct kvm_run *run; /* of the vCPU */
	uint8_t *ram;
	uint32_t signature, features; /* its CPUID.1: EAX, EDX */
	struct devices devices;
	struct dirty_log dirty;
	struct stats_file stats_file;
	struct window window;
	bool ended; /* the guest wrote the shutdown port, or the like */
	int error; /* negative errno of what a device wanted of KVM */
};

/* Opens the device. 0 or a negative errno. */
__attribute__((warn_unused_result)) int vm_open(struct vm *vm);
/* What KVM says to KVM_CHECK_EXTENSION; 0: it lacks that. */
int vm_extension(const struct vm *vm, int extension);
/* The VM with its memory, devices and vCPU, all zeros. An exit status; what fails is told as a refusal. */
__attribute__((warn_unused_result)) int vm_make(struct vm *vm);

/* vcpu.c: likewise. */
__attribute__((warn_unused_result)) int vcpu_make(struct vm *vm);
/* 32-bit protected mode without paging, as multiboot kernels begin. */
__attribute__((warn_unused_result)) int vcpu_start(struct vm *vm, uint32_t eip, uint32_t eax, uint32_t ebx);

#endif
