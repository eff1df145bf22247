/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/move_impl.h"

#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"

#define MILLISECONDS 1000u

struct move move;

static uint8_t parked[CONFIG_VCPUS_MAX]; /* enum vcpu_state of the VM's vCPUs */
static bool rung; /* there is something to do: an alarm, a mark */
static uint64_t exits; /* until the move begins, where those say so */

static const struct vm_config *find(const struct l0_config *config)
{
	for (uint32_t i = 0; i < config->vm_count; i++)
		if (config->vm[i].move.to != CONFIG_NO_HOST || config->vm[i].move.from != CONFIG_NO_HOST)
			return &config->vm[i];
	return NULL;
}

static bool link_is_there(uint32_t host)
{
	return host == CONFIG_NO_HOST || link_to((uint8_t)host);
}

static void on_alarm(void);

/* Of a target, at the link. */
static void look_again(void)
{
	sched_alarm(rdtsc() + link_second() / MILLISECONDS, on_alarm);
}

int move_prepare(const struct l0_config *config)
{
	const struct vm_config *vm = find(config);
	const uint32_t pages = vm ? (uint32_t)(vm->memory / PAGE_SIZE) : 0;

	if (!vm)
		return 0;
	move.config = vm;
	move.left = vm->move.to == CONFIG_NO_HOST ? 0 : vm->move.moves;
	if (!link_is_there(vm->move.to) || !link_is_there(vm->move.from) || vm_state_prepare())
		return -ENOMEM;
	if (vm->move.to != CONFIG_NO_HOST && source_prepare(pages))
		return -ENOMEM;
	if (vm->move.from == CONFIG_NO_HOST)
		return 0;
	vm_state_put_tsc_forward();
	if (target_prepare(pages))
		return -ENOMEM;
	if (vm->image[0])
		return 0;
	target_expect();
	look_again(); /* VMs of its own may never halt */
	return 0;
}

uint64_t move_patience(void)
{
	return link_second() / MILLISECONDS * move.config->move.patience;
}

/* ---- records ---- */

static void fill(Nestbed__Move *m, Nestbed__Move__Said said, uint8_t peer, const char *why)
{
	nestbed__move__init(m);
	m->vm = (char *)(uintptr_t)move.config->name;
	m->hop = move.hop - (said == NESTBED__MOVE__SAID__MOVED || said == NESTBED__MOVE__SAID__RUNNING);
	m->peer = peer;
	m->said = said;
	m->why = (char *)(uintptr_t)why;
	if (move.vm && move.here)
		vm_flush_output(move.vm); /* in the order in which it happened */
}

void move_say(Nestbed__Move__Said said, uint8_t peer, const char *why, Nestbed__MoveTotal *total,
	      Nestbed__MoveArrival *arrival)
{
	Nestbed__Move m;

	fill(&m, said, peer, why);
	m.total = total;
	m.arrival = arrival;
	record_emit(NESTBED__RECORD__BODY_MOVE, &m);
}

void move_say_refused(uint8_t peer, const char *why, char **reasons, size_t count)
{
	Nestbed__Move m;

	fill(&m, move.here ? NESTBED__MOVE__SAID__KEPT : NESTBED__MOVE__SAID__DROPPED, peer, why);
	m.reason = reasons;
	m.n_reason = count;
	record_emit(NESTBED__RECORD__BODY_MOVE, &m);
}

enum session_event move_decision(void)
{
	enum { RUN = 1, DROP = 2, END = 3 };
	uint32_t decision;

	if (!link_control(&decision))
		return SESSION_EVENTS;
	move.over = move.over || decision == END;
	if (decision == RUN)
		return EVENT_DECIDE_RUN;
	return decision == DROP || decision == END ? EVENT_DECIDE_DROP : SESSION_EVENTS;
}

/* ---- the VM ---- */

void move_park(void)
{
	for (unsigned i = 0; i < move.vm->vcpu_count; i++) {
		parked[i] = move.vm->vcpu[i]->state;
		move.vm->vcpu[i]->state = VCPU_STOPPED;
	}
	sched_kick();
}

void move_unpark(void)
{
	for (unsigned i = 0; i < move.vm->vcpu_count; i++)
		move.vm->vcpu[i]->state = parked[i];
}

static void on_alarm(void)
{
	rung = true;
	sched_ask();
}

void move_arm(void)
{
	const struct config_pair *at = &move.config->move.at;

	if (!move.left)
		return;
	if (at->word == CONFIG_AT_TICK)
		sched_alarm(rdtsc() + at->number, on_alarm);
	exits = at->word == CONFIG_AT_EXIT ? at->number : 0;
	if (exits) {
		move.vm->move_asked = true;
		sched_kick();
	}
}

void move_made(struct vm *vm)
{
	if (vm->config != move.config)
		return;
	move.vm = vm;
	move.here = true;
	move_arm();
}

void move_marked(struct vm *vm, enum config_when how)
{
	if (vm != move.vm || !move.here || !move.left || move.config->move.at.word != (uint32_t)how ||
	    source_active())
		return;
	rung = vm->move_asked = true;
	sched_kick();
}

bool move_barrier(struct vcpu *v)
{
	return source_active() && source_barrier(v);
}

void move_late_asked(const struct vm *vm)
{
	if (vm == move.vm && source_active())
		source_late_asked();
}

void move_late_wrote(const struct vm *vm, uint64_t gpa, uint64_t n)
{
	if (vm == move.vm && source_active())
		source_late_wrote(gpa, n);
}

/* ---- steps ---- */

/* A move that is to begin after some exits. True: this one was not the last of them. */
static bool counts(struct vcpu *current)
{
	if (!exits)
		return false;
	if (current->vm == move.vm)
		exits--;
	rung = !exits;
	move.vm->move_asked = exits > 0;
	sched_kick();
	return exits > 0;
}

void move_step(struct vcpu *current)
{
	uint64_t ticks;

	current->vm->move_asked = false;
	if (move.here && counts(current))
		return;
	if (!rung && !(source_active() && source_asked()))
		return;
	rung = false;
	if (target_active()) {
		if (target_step(current))
			move_arm();
		if (target_active())
			look_again();
		return;
	}
	if (!move.here || (!source_active() && !move.left))
		return;
	ticks = source_step(current);
	if (ticks) /* a TSC */
		sched_alarm(ticks, on_alarm);
	else if (target_active())
		look_again();
}

bool move_wait(struct vcpu *current)
{
	if (!move.config)
		return false;
	if (source_active()) { /* the guest waits for something: so much sooner is the next step */
		rung = true;
		move_step(current);
		return true;
	}
	while (target_active())
		if (target_step(current)) {
			move_arm();
			return true;
		}
	return false;
}

/* Who carries the frames has told all hosts that nobody waits for another one. */
static bool over(void)
{
	(void)move_decision();
	return move.over;
}

void move_end(void)
{
	if (!move.config)
		return;
	source_guest_ended();
	if (move.config->move.from != CONFIG_NO_HOST)
		link_linger(link_to((uint8_t)move.config->move.from), over);
	if (move.config->move.to != CONFIG_NO_HOST)
		link_linger(link_to((uint8_t)move.config->move.to), over);
}
