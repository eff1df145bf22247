/* SPDX-License-Identifier: MIT */
#include "l0hv/lib/lib.h"
#include "l0hv/nested/nested.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/ops.h"
#include "l0hv/vm/vm.h"

#define NMIS_MAX 2u /* SDM "Handling Multiple NMIs": one in its handler, one latched */

/* Buffered: a record a byte would cost more than what is measured. A full buffer or a stop sends it. */
static void on_output(void *ctx, enum platform_channel channel, const uint8_t *data, size_t n)
{
	struct vm *vm = ctx;
	struct output *o = &vm->output[channel];

	for (; n; n--) {
		if (o->length == sizeof(o->bytes))
			vm_flush_output(vm);
		o->bytes[o->length++] = *data++;
	}
}

static void on_shutdown(void *ctx)
{
	struct vm *vm = ctx;

	vm->stop_asked = true;
	sched_kick();
}

static void on_mark(void *ctx, unsigned vcpu, uint32_t value)
{
	struct vm *vm = ctx;

	account_mark(vm->vcpu[vcpu], value);
}

/*
 * The bootstrap processor would go to the reset vector, where firmware is: that is a reset of the machine.
 * SDM "INIT Signal": blocked in VMX root operation, an exit in non-root operation.
 */
static int on_init(void *ctx, unsigned vcpu)
{
	struct vm *vm = ctx;
	struct vcpu *v = vm->vcpu[vcpu];

	if (v->nested && nested_vmxon(v)) {
		v->init_pending = true;
		sched_kick();
		return 0;
	}
	if (v->devices->lapic.bsp)
		on_shutdown(vm);
	else
		sched_init_vcpu(v);
	return 1;
}

void vm_unblock_init(struct vcpu *v)
{
	if (!v->init_pending)
		return;
	v->init_pending = false;
	platform_init_vcpu(&v->vm->platform, v->id);
}

static void on_start(void *ctx, unsigned vcpu, uint8_t vector)
{
	struct vm *vm = ctx;

	sched_start_vcpu(vm->vcpu[vcpu], vector);
}

static void on_nmi(void *ctx, unsigned vcpu)
{
	struct vm *vm = ctx;

	struct vcpu *v = vm->vcpu[vcpu];

	if (v->state == VCPU_WAIT_SIPI)
		return;
	if (v->nmis_pending < NMIS_MAX)
		v->nmis_pending++;
	sched_kick();
}

static void on_kick(void *ctx, unsigned vcpu)
{
	(void)ctx;
	(void)vcpu;
	sched_kick();
}

const struct platform_ops vm_platform_ops = {
	.output = on_output,
	.shutdown = on_shutdown,
	.reset = on_shutdown,
	.mark = on_mark,
	.init_vcpu = on_init,
	.start_vcpu = on_start,
	.nmi_vcpu = on_nmi,
	.kick_vcpu = on_kick,
	.late_write = vm_late_write,
	.late_write_waits = vm_late_write_waits,
	.late_write_asked = vm_late_write_asked,
};
