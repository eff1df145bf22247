/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "experiments/cli.h"
#include "experiments/peers/kvm/vmm/dirty.h"
#include "experiments/peers/kvm/vmm/stop.h"
#include "experiments/peers/kvm/vmm/window.h"

#define GO_ON (-1) /* else an exit status */

/* ---- what comes from outside ---- */

static volatile sig_atomic_t caught; /* signal; 0: none */
static struct kvm_run *running;

/* A signal between two runs would go unseen: KVM looks at this before it enters the guest. */
static void on_signal(int number)
{
	caught = number;
	running->immediate_exit = 1;
}

static void catch_signals(struct vm *vm)
{
	static const int numbers[] = {SIGALRM, SIGINT, SIGTERM};
	const struct itimerval limit = {.it_value = {.tv_sec = vm->options->seconds}};
	struct sigaction action = {.sa_handler = on_signal};

	running = vm->run;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	setitimer(ITIMER_REAL, &limit, NULL); /* 0: none */
}

static int interrupted(struct vm *vm)
{
	if (caught == SIGALRM)
		return stop_vm(vm, NESTBED__STOP__CAUSE__LIMIT, "it ran for %u seconds",
			       vm->options->seconds);
	(void)stop_vm(vm, NESTBED__STOP__CAUSE__LIMIT, "signal %d", caught);
	return CLI_INTERRUPTED + caught;
}

/* ---- devices ---- */

static void on_output(void *ctx, enum device_channel channel, uint8_t byte)
{
	struct vm *vm = ctx;

	records_output(vm->records,
		       channel == DEVICE_COM1 ? NESTBED__OUTPUT__CHANNEL__COM1
					      : NESTBED__OUTPUT__CHANNEL__CONSOLE,
		       byte);
}

static void on_mark(void *ctx, uint32_t value)
{
	struct vm *vm = ctx;

	if (!vm->error)
		vm->error = window_mark(vm, value);
}

static void on_shutdown(void *ctx)
{
	struct vm *vm = ctx;

	vm->ended = true;
}

static const struct device_ops ops = {on_output, on_mark, on_shutdown};

/* ---- exits ---- */

/* What a device asked for. */
static int after_device(struct vm *vm)
{
	if (vm->error)
		return stop_vm(vm, NESTBED__STOP__CAUSE__UNSUPPORTED, "KVM's dirty log: %s",
			       strerror(-vm->error));
	return vm->ended ? stop_vm(vm, NESTBED__STOP__CAUSE__SHUTDOWN, "%s", "") : GO_ON;
}

static int on_io(struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	const unsigned size = run->io.size;
	uint8_t *data = (uint8_t *)vm->run + run->io.data_offset;
	const bool in = run->io.direction == KVM_EXIT_IO_IN;

	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		uint32_t value = 0;

		if (in) {
			value = devices_in(&vm->devices, run->io.port, size);
			memcpy(data, &value, size);
		} else {
			memcpy(&value, data, size);
			devices_out(&vm->devices, run->io.port, size, value);
		}
	}
	return after_device(vm);
}

static int on_mmio(struct vm *vm)
{
	struct kvm_run *run = vm->run;
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		devices_store(&vm->devices, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		value = devices_load(&vm->devices, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
	return GO_ON;
}

static int on_nothing(struct vm *vm)
{
	(void)vm;
	return GO_ON;
}

static int on_shutdown_exit(struct vm *vm)
{
	return stop_vm(vm, NESTBED__STOP__CAUSE__TRIPLE_FAULT, "triple fault");
}

static int on_fail_entry(struct vm *vm)
{
	return stop_vm(vm, NESTBED__STOP__CAUSE__BAD_GUEST_STATE, "VM entry failed, hardware reason %llxH",
		       vm->run->fail_entry.hardware_entry_failure_reason);
}

/* The bytes of the instruction that it cannot emulate, where it tells them. */
static int on_emulation_failure(struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	const uint8_t *byte = run->emulation_failure.insn_bytes;
	char text[4 * sizeof(run->emulation_failure.insn_bytes)] = "";
	unsigned n = 0;

	if (run->emulation_failure.ndata >= 3 &&
	    run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)
		n = run->emulation_failure.insn_size;
	for (unsigned i = 0; i < n && i < sizeof(run->emulation_failure.insn_bytes); i++)
		snprintf(text + 3 * (size_t)i, sizeof(text) - 3 * (size_t)i, " %02x", byte[i]);
	return stop_vm(vm, NESTBED__STOP__CAUSE__UNSUPPORTED, "KVM cannot emulate the instruction%s", text);
}

static int on_internal_error(struct vm *vm)
{
	const struct kvm_run *run = vm->run;

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
		return on_emulation_failure(vm);
	return stop_vm(vm, NESTBED__STOP__CAUSE__UNEXPECTED_EXIT, "KVM's internal error %u",
		       run->internal.suberror);
}

static int on_ring_full(struct vm *vm)
{
	vm->error = dirty_ring_full(vm);
	return after_device(vm);
}

typedef int exit_fn(struct vm *vm);

static exit_fn *const exits[] = {
	[KVM_EXIT_IO] = on_io,
	[KVM_EXIT_MMIO] = on_mmio,
	[KVM_EXIT_INTR] = on_nothing,
	[KVM_EXIT_IRQ_WINDOW_OPEN] = on_nothing,
	[KVM_EXIT_SHUTDOWN] = on_shutdown_exit,
	[KVM_EXIT_FAIL_ENTRY] = on_fail_entry,
	[KVM_EXIT_INTERNAL_ERROR] = on_internal_error,
	[KVM_EXIT_DIRTY_RING_FULL] = on_ring_full,
};

static int on_exit_reason(struct vm *vm)
{
	const uint32_t reason = vm->run->exit_reason;

	if (reason < sizeof(exits) / sizeof(exits[0]) && exits[reason])
		return exits[reason](vm);
	return stop_vm(vm, NESTBED__STOP__CAUSE__UNEXPECTED_EXIT, "KVM's exit %u", reason);
}

static int on_error(struct vm *vm)
{
	if (errno == EINTR || errno == EAGAIN)
		return GO_ON;
	return stop_vm(vm, NESTBED__STOP__CAUSE__BAD_ACCESS, "KVM_RUN: %s", strerror(errno));
}

/*
 * A signal is looked for at each exit: KVM does not look itself as long as one access of the guest, such as a
 * REP INS to absent memory, takes many exits.
 */
int run_vm(struct vm *vm)
{
	int status = GO_ON;

	vm->devices = (struct devices){.ops = &ops, .ctx = vm};
	catch_signals(vm);
	while (status == GO_ON && !caught)
		status = ioctl(vm->vcpu, KVM_RUN, 0) ? on_error(vm) : on_exit_reason(vm);
	return status == GO_ON ? interrupted(vm) : status;
}
