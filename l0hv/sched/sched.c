/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/msr.h"
#include "l0hv/migrate/move.h"
#include "l0hv/migrate/state.h"
#include "l0hv/nested/nested.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

bool sched_kicked;

static struct vcpu *ring; /* any vCPU of the ring */
static uint64_t limit_at = NEVER, alarm_at = NEVER, device_alarm_at = NEVER;
static uint64_t due_at = NEVER; /* the earliest */
static void (*alarm_fn)(void), (*device_alarm_fn)(void);
static unsigned vms, vcpus;

/* Who was alone had no end of its slice. */
static void share(void)
{
	struct vcpu *c = ring;

	do {
		if (c->slice_end == NEVER) {
			c->slice_end = rdtsc() + c->vm->config->slice;
			if (c->own_deadline > c->slice_end)
				c->own_deadline = c->slice_end;
		}
		c = c->next;
	} while (c != ring);
}

void sched_add(struct vcpu *v)
{
	if (ring) {
		v->next = ring->next;
		ring->next = v;
	} else {
		v->next = v;
	}
	ring = v;
	if (++vcpus > 1)
		share();
	if (!v->id)
		vms++;
}

void sched_kick(void)
{
	sched_kicked = true;
}

/* SDM "Activity State": L2 may be in one that blocks more than HLT does. */
static bool wakes(struct vcpu *v)
{
	if (v->state != VCPU_HALTED)
		return false;
	if (v->in_l2 && v->vmcs->activity == ACTIVITY_WAIT_SIPI)
		return v->sipi_for_l2;
	return (v->halted_open && platform_interrupt_pending(&v->vm->platform, v->id) >= 0) ||
	       v->nmis_pending || (v->in_l2 && v->init_pending);
}

static bool runnable(struct vcpu *v)
{
	return v->state == VCPU_RUNNING || wakes(v);
}

static void end_machine(void)
{
	Nestbed__End end = NESTBED__END__INIT;

	move_end();
	end.vms = vms;
	end.ticks = rdtsc() - vm_state_tsc_forward();
	record_emit(NESTBED__RECORD__BODY_END, &end);
	machine_end();
}

static void switch_to(struct vcpu *from, struct vcpu *to)
{
	if (from) {
		account_collect(from);
		from->vmcs->nmi_handled &= (vmread(GUEST_INTERRUPTIBILITY) & BLOCKED_BY_NMI) != 0;
		vcpu_rest_save(from);
	}
	vcpu_rest_load(to);
	vmcs_switch(to, to->vmcs);
	if (to->sipi_pending) {
		to->sipi_pending = false;
		vmcs01_start_real_mode(to, to->sipi_vector);
	}
}

static void begin_slice(struct vcpu *v)
{
	v->slice_end = vcpus > 1 ? rdtsc() + v->vm->config->slice : NEVER;
	v->own_deadline = v->slice_end < due_at ? v->slice_end : due_at;
}

/* When a halted vCPU may have something to do again; NEVER. */
static uint64_t wakes_at(const struct vcpu *v)
{
	uint64_t interrupt = v->halted_open ? platform_deadline(&v->vm->platform, v->id) : NEVER;

	return interrupt < v->l2_due ? interrupt : v->l2_due;
}

/* A vCPU that can run, from behind v; else a halted one with a timer of its own; NULL: nothing will ever
 * happen. */
static struct vcpu *pick(struct vcpu *v)
{
	struct vcpu *idle = NULL;
	struct vcpu *c = v;

	do {
		c = c->next;
		if (runnable(c))
			return c;
		if (c->state == VCPU_HALTED && (!idle || wakes_at(c) < wakes_at(idle)))
			idle = c;
	} while (c != v);
	return idle && wakes_at(idle) != NEVER ? idle : NULL;
}

static bool all_stopped(void)
{
	struct vcpu *c = ring;

	do {
		if (!c->vm->stopped)
			return false;
		c = c->next;
	} while (c != ring);
	return true;
}

static void stop_stuck(void)
{
	struct vcpu *c = ring;

	do {
		vm_stop(c, STOP_NO_PROGRESS, c->vm->vcpu_count == 1 && vcpus == 1,
			"every vCPU waits for an event that cannot come");
		c = c->next;
	} while (c != ring);
}

static void set_due(void)
{
	due_at = limit_at < alarm_at ? limit_at : alarm_at;
	if (device_alarm_at < due_at)
		due_at = device_alarm_at;
}

static void stop_at_limit(void)
{
	struct vcpu *c = ring;

	do {
		vm_stop(c, STOP_LIMIT, false, "the limit of ticks was reached");
		c = c->next;
	} while (c != ring);
}

/* What somebody asked for of the VM, at a boundary between an exit and an entry. */
static __attribute__((noinline)) void see_to(struct vcpu *v)
{
	if (v->vm->stop_asked)
		vm_stop(v, STOP_SHUTDOWN, false, "the guest shut down");
	else if (v->vm->renew_asked)
		vm_state_renew(v);
	else
		move_step(v);
	/* an alarm may have been set */
	v->own_deadline = v->slice_end < due_at ? v->slice_end : due_at;
}

/* Nothing can run: a VM may come. */
static __attribute__((noinline)) void wait_or_end(struct vcpu *v)
{
	if (!move_wait(v))
		stop_stuck();
	if (all_stopped())
		end_machine();
}

struct vcpu *sched_next(struct vcpu *v)
{
	struct vcpu *next;

	sched_kicked = false;
	if (v->vm->asked && !v->vm->stopped)
		see_to(v);
	if (all_stopped())
		end_machine();
	if (rdtsc() < v->slice_end && runnable(v))
		return v;
	while (!(next = pick(v)))
		wait_or_end(v);
	begin_slice(next);
	if (next != v)
		switch_to(v, next);
	next->now = rdtsc();
	return next;
}

/* No VM starts here: the first one to run has come from elsewhere, and the processor has its first vCPU's
 * state. */
static __attribute__((noinline, noreturn)) void start_with_arrival(void)
{
	if (!move_wait(NULL) || !ring) {
		end_machine();
		halt_forever();
	}
	vcpu_enter(sched_next(ring->next));
}

/* A guest's time begins when it does: what L0 did since it made the VM is none of it, and hangs on the build.
 */
static void begin_time(struct vcpu *first)
{
	struct vcpu *c = first;

	do {
		if (!c->id)
			vm_shift_ticks(c->vm, first, rdtsc() - c->vm->made_at);
		c = c->next;
	} while (c != first);
}

void sched_start(uint64_t limit)
{
	struct vcpu *first;

	if (limit)
		limit_at = rdtsc() + limit;
	set_due();
	if (!ring)
		start_with_arrival();
	first = ring->next;
	begin_time(first);
	begin_slice(first);
	switch_to(NULL, first);
	first->entered_at = rdtsc();
	vmx_enter(first);
}

static __attribute__((noinline)) void ring_alarm(struct vcpu *v)
{
	const uint64_t now = rdtsc();
	const bool rings = now >= alarm_at, device_rings = now >= device_alarm_at;

	if (rings)
		alarm_at = NEVER;
	if (device_rings)
		device_alarm_at = NEVER;
	set_due();
	if (device_rings)
		device_alarm_fn();
	if (rings)
		alarm_fn();
	v->own_deadline = v->slice_end < due_at ? v->slice_end : due_at;
}

void sched_ask(void)
{
	struct vcpu *c = ring;

	do {
		c->vm->move_asked = true;
		c = c->next;
	} while (c != ring);
	sched_kick();
}

void sched_alarm(uint64_t at, void (*fn)(void))
{
	alarm_at = at;
	alarm_fn = fn;
	set_due();
}

void sched_device_alarm(uint64_t at, void (*fn)(void))
{
	struct vcpu *c = ring;

	device_alarm_at = at;
	device_alarm_fn = fn;
	set_due();
	if (!c)
		return;
	do {
		if (c->own_deadline > due_at)
			c->own_deadline = due_at;
		c = c->next;
	} while (c != ring);
}

void sched_timer(struct vcpu *v)
{
	uint64_t now = rdtsc();

	if (now >= due_at) {
		if (now >= limit_at)
			stop_at_limit();
		else
			ring_alarm(v);
	}
	if (now >= v->slice_end)
		sched_kick();
}

void sched_yield(struct vcpu *v)
{
	if (vcpus > 1) {
		v->slice_end = v->own_deadline = 0;
		sched_kick();
	}
}

void sched_init_vcpu(struct vcpu *v)
{
	if (v->state == VCPU_STOPPED)
		return;
	v->state = VCPU_WAIT_SIPI;
	v->sipi_pending = v->event_valid = v->exit_soon = false;
	v->nmis_pending = 0;
	sched_kick();
}

void sched_start_vcpu(struct vcpu *v, uint8_t vector)
{
	if (v->state == VCPU_WAIT_SIPI) {
		v->state = VCPU_RUNNING;
		v->sipi_pending = true;
	} else if (v->in_l2 && v->vmcs->activity == ACTIVITY_WAIT_SIPI) {
		v->sipi_for_l2 = true;
	} else {
		return;
	}
	v->sipi_vector = vector;
	sched_kick();
}
