/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/window.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "experiments/peers/kvm/vmm/dirty.h"
#include "experiments/peers/kvm/vmm/stats.h"
#include "experiments/text.h"
#include "nestbed/ports.h"

/* KVM tells no exit reasons but the one. */
#define REASON_INTERRUPT 1u
#define REASON_OTHER     0xFFFFu
#define LEVEL_UNKNOWN    0u

static bool runs_l2(const struct vm *vm)
{
	const int size = vm_extension(vm, KVM_CAP_NESTED_STATE);
	struct kvm_nested_state *state;
	bool guest_mode;

	if (!vm->options->nested || size < (int)sizeof(*state))
		return false;
	state = zalloc((size_t)size);
	state->size = (uint32_t)size;
	guest_mode =
		!ioctl(vm->vcpu, KVM_GET_NESTED_STATE, state) && state->flags & KVM_STATE_NESTED_GUEST_MODE;
	free(state);
	return guest_mode;
}

static void count(Nestbed__ExitCount *row, uint32_t reason, const char *name, uint64_t exits)
{
	nestbed__exit_count__init(row);
	row->level = LEVEL_UNKNOWN;
	row->reason = reason;
	row->name = (char *)(uintptr_t)name;
	row->count = exits;
}

static void begin(struct vm *vm, uint32_t mark)
{
	struct window *w = &vm->window;

	w->begun = vm->records->held = true;
	w->mark = mark;
	stats_read(vm, &w->stats);
	w->ticks = __rdtsc();
}

/* The exit of the mark that ends the window is in no window, as it is with L0. */
static void end(struct vm *vm)
{
	const uint64_t now = __rdtsc();
	const struct window *begun = &vm->window;
	Nestbed__Window w = NESTBED__WINDOW__INIT;
	Nestbed__ExitCount rows[2], *list[2] = {&rows[0], &rows[1]};
	struct stats s;
	uint64_t interrupts;

	stats_read(vm, &s);
	vm->records->held = false;
	interrupts = s.irq_exits - begun->stats.irq_exits;
	w.vm = (char *)(uintptr_t)vm->options->name;
	w.mark = begun->mark;
	w.level = runs_l2(vm) ? 2 : 1;
	w.ticks_l1 = now - begun->ticks; /* of all levels: KVM does not tell them apart */
	if (vm->stats_file.fd >= 0) {
		/* both marks may be of one exit, by OUTS */
		w.entries = s.exits > begun->stats.exits ? s.exits - begun->stats.exits - 1 : 0;
		count(&rows[0], REASON_INTERRUPT, "EXTERNAL_INTERRUPT", interrupts);
		count(&rows[1], REASON_OTHER, "other", w.entries > interrupts ? w.entries - interrupts : 0);
		w.exit = list;
		w.n_exit = 2;
	}
	records_emit(vm->records, NESTBED__RECORD__BODY_WINDOW, &w);
	vm->window.begun = false;
	dirty_tell(vm);
}

int window_mark(struct vm *vm, uint32_t value)
{
	const uint32_t mark = value & NB_MARK_ID;

	if (value & NB_MARK_BEGIN)
		begin(vm, mark);
	else if (value & NB_MARK_END && vm->window.begun && vm->window.mark == mark)
		end(vm);
	else if (value & NB_MARK_ROUND)
		return dirty_round(vm);
	return 0; /* NB_MARK_MOVE: this VM stays */
}
