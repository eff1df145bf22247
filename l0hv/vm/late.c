/* SPDX-License-Identifier: MIT */
/* What devices write to guest memory later: the alarm for it. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/migrate/move.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/ops.h"
#include "l0hv/vm/vm.h"

static struct vm *waiting[CONFIG_VMS_MAX]; /* VMs that have asked for such a write, each once */
static unsigned waiting_count;

static void set_alarm(void);

static void on_alarm(void)
{
	for (unsigned i = 0; i < waiting_count; i++)
		platform_run_late(&waiting[i]->platform, rdtsc());
	set_alarm();
}

static void set_alarm(void)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < waiting_count; i++)
		if (waiting[i]->platform.dma.due < next)
			next = waiting[i]->platform.dma.due;
	sched_device_alarm(next, on_alarm);
}

void vm_late_write_waits(void *ctx)
{
	unsigned i = 0;

	while (i < waiting_count && waiting[i] != ctx)
		i++;
	if (i == waiting_count)
		waiting[waiting_count++] = ctx;
	set_alarm();
}

void vm_late_write_asked(void *ctx)
{
	move_late_asked(ctx);
	vm_late_write_waits(ctx);
}

int vm_late_write(void *ctx, uint64_t gpa, const void *from, size_t n)
{
	const int error = vm_write(ctx, gpa, from, n);

	if (!error)
		move_late_wrote(ctx, gpa, n);
	return error;
}

void vm_drain_devices(struct vm *vm)
{
	platform_drain(&vm->platform);
	set_alarm();
}
