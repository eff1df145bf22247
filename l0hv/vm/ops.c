/* SPDX-License-Identifier: MIT */
#include "l0hv/lib/lib.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/ops.h"
#include "l0hv/vm/vm.h"

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

static void on_init(void *ctx, unsigned vcpu)
{
	struct vm *vm = ctx;

	sched_init_vcpu(vm->vcpu[vcpu]);
}

static void on_start(void *ctx, unsigned vcpu, uint8_t vector)
{
	struct vm *vm = ctx;

	sched_start_vcpu(vm->vcpu[vcpu], vector);
}

static void on_nmi(void *ctx, unsigned vcpu)
{
	struct vm *vm = ctx;

	vm->vcpu[vcpu]->nmi_pending = true;
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
};
