/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/touch.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "experiments/peers/kvm/vmm/dirty.h"

#define CODE      0x1000u /* guest-physical */
#define CODE_END  10u /* offset of the number that ends the loop */
#define CODE_PORT 0x80u /* written when it is done */

/* 32-bit code; EBX is 0 at the start. */
static const uint8_t code[] = {
	0x8A, 0x03, /* 1: mov (%ebx), %al */
	0x81, 0xC3,      0x00, 0x10, 0x00, 0x00, /* add $4096, %ebx */
	0x81, 0xFB,      0x00, 0x00, 0x00, 0x00, /* cmp $END, %ebx */
	0x72, 0xF0, /* jb 1b */
	0xE6, CODE_PORT, /* out %al, $CODE_PORT */
};

/* KVM finishes an OUT when the vCPU runs next: it is let run no instruction then. */
static int finish_out(struct vm *vm)
{
	int err;

	vm->run->immediate_exit = 1;
	err = ioctl(vm->vcpu, KVM_RUN, 0) && errno != EINTR ? -errno : 0;
	vm->run->immediate_exit = 0;
	return err;
}

/* 1: it is done; 0: it goes on. */
static int one_exit(struct vm *vm)
{
	const struct kvm_run *run = vm->run;

	if (ioctl(vm->vcpu, KVM_RUN, 0))
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (run->exit_reason == KVM_EXIT_DIRTY_RING_FULL)
		return dirty_ring_full(vm);
	return run->exit_reason == KVM_EXIT_IO && run->io.port == CODE_PORT ? 1 : -EPROTO;
}

int touch_all(struct vm *vm)
{
	const uint32_t end = (uint32_t)vm->options->memory;
	int done = 0, status;

	memcpy(vm->ram + CODE, code, sizeof(code));
	memcpy(vm->ram + CODE + CODE_END, &end, sizeof(end));
	status = vcpu_start(vm, CODE, 0, 0);
	if (status)
		return status;
	while (!done)
		done = one_exit(vm);
	if (done > 0)
		done = finish_out(vm);
	memset(vm->ram + CODE, 0, sizeof(code));
	errno = -done;
	return done ? records_refuse_errno(vm->records, "the guest that touches the VM's memory") : 0;
}
