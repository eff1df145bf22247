/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/move.h"
#include "l0hv/migrate/rounds.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/account.h"
#include "l0hv/record/record.h"
#include "l0hv/vm/vm.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmx.h"
#include "nestbed/ports.h"
#include "vmcs_merge/fields.h"

_Static_assert(VMCS_FIELD_COUNT < ACCOUNT_FIELDS, "a count a field");

#define CALIBRATION_ROUNDS 1000u
#define EXITS_MAX          (2 * ACCOUNT_REASONS)

static uint64_t ticks_per_exit_x1000; /* what accounting an exit costs */
static uint64_t ticks_per_access_x1000; /* what counting a VMREAD, VMWRITE or VMPTRLD costs, at most */
static struct vmx_counters collected;

void account_calibrate(void)
{
	struct vcpu *v = phys_to_virt(pages_alloc_contiguous(sizeof(*v), PAGE_SIZE));
	uint64_t start, empty, full, counted;

	if (!v)
		panic("no memory for calibration");
	start = rdtsc();
	for (unsigned i = 0; i < CALIBRATION_ROUNDS; i++)
		__asm__ volatile("" : : "r"(v), "r"(start) : "memory");
	empty = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < CALIBRATION_ROUNDS; i++)
		account_exit_again(v, rdtsc());
	full = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < CALIBRATION_ROUNDS; i++)
		__asm__ volatile("addq $1, %0" : "+m"(v->account.vmreads) : : "cc");
	counted = rdtsc() - start;
	ticks_per_access_x1000 = (counted - empty) * 1000 / CALIBRATION_ROUNDS;
	ticks_per_exit_x1000 = (full - empty) * 1000 / CALIBRATION_ROUNDS;
}

void account_collect(struct vcpu *v)
{
	v->account.vmreads += vmx_counters.vmreads - collected.vmreads;
	v->account.vmwrites += vmx_counters.vmwrites - collected.vmwrites;
	v->account.vmptrlds += vmx_counters.vmptrlds - collected.vmptrlds;
	collected = vmx_counters;
}

static void report_exits(Nestbed__Window *window, const struct account *now, const struct account *then)
{
	static Nestbed__ExitCount counts[EXITS_MAX], *list[EXITS_MAX];
	size_t n = 0;

	for (unsigned level = 0; level < 2; level++)
		for (uint32_t reason = 0; reason < ACCOUNT_REASONS; reason++) {
			const struct account_exit *a = &now->exit[level][reason],
						  *b = &then->exit[level][reason];

			if (a->count == b->count)
				continue;
			nestbed__exit_count__init(&counts[n]);
			counts[n].level = level + 1;
			counts[n].reason = reason;
			counts[n].name = (char *)(uintptr_t)exit_reason_name(reason);
			counts[n].count = a->count - b->count;
			counts[n].ticks = a->ticks - b->ticks;
			counts[n].reflected = a->reflected - b->reflected;
			list[n] = &counts[n];
			n++;
		}
	window->exit = list;
	window->n_exit = n;
}

static void report_phases(Nestbed__Window *window, const struct account *now, const struct account *then)
{
	static const char *const names[ACCOUNT_PHASES] = {
		"ownership", "exit_save", "vmcs12_update", "host_state_load",
		"checks",    "merge",     "entry",         "other",
	};
	static Nestbed__PhaseTicks phases[ACCOUNT_PHASES], *list[ACCOUNT_PHASES];

	for (unsigned i = 0; i < ACCOUNT_PHASES; i++) {
		nestbed__phase_ticks__init(&phases[i]);
		phases[i].name = (char *)(uintptr_t)names[i];
		phases[i].ticks = now->phase[i] - then->phase[i];
		list[i] = &phases[i];
	}
	window->phase = list;
	window->n_phase = ACCOUNT_PHASES;
}

static void report_fields(Nestbed__Window *window, const struct account *now, const struct account *then)
{
	static Nestbed__FieldCount counts[VMCS_FIELD_COUNT], *list[VMCS_FIELD_COUNT];
	size_t n = 0;

	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint32_t reads = now->field_reads[i + 1] - then->field_reads[i + 1];
		uint32_t writes = now->field_writes[i + 1] - then->field_writes[i + 1];

		if (!reads && !writes)
			continue;
		nestbed__field_count__init(&counts[n]);
		counts[n].name = (char *)(uintptr_t)vmcs_field_name(i);
		counts[n].encoding = vmcs_field_encoding[i];
		counts[n].reads = reads;
		counts[n].writes = writes;
		list[n] = &counts[n];
		n++;
	}
	window->field = list;
	window->n_field = n;
}

/* Each exit is followed by one entry. */
static uint64_t exits_of(const struct account *a)
{
	uint64_t sum = 0;

	for (unsigned level = 0; level < 2; level++)
		for (uint32_t reason = 0; reason < ACCOUNT_REASONS; reason++)
			sum += a->exit[level][reason].count;
	return sum;
}

static void report(struct vcpu *v, uint32_t mark, const struct account *then)
{
	const struct account *now = &v->account;
	Nestbed__Window w = NESTBED__WINDOW__INIT;
	uint64_t accesses;

	w.vm = (char *)(uintptr_t)v->vm->config->name;
	w.vcpu = v->id;
	w.mark = mark;
	w.level = v->in_l2 ? 2 : 1;
	w.ticks_l0 = now->ticks[0] - then->ticks[0];
	w.ticks_l1 = now->ticks[1] - then->ticks[1];
	w.ticks_l2 = now->ticks[2] - then->ticks[2];
	w.vmreads = now->vmreads - then->vmreads;
	w.vmwrites = now->vmwrites - then->vmwrites;
	w.vmptrlds = now->vmptrlds - then->vmptrlds;
	w.merges_full = now->merges_full - then->merges_full;
	w.merges_incremental = now->merges_incremental - then->merges_incremental;
	w.entries = exits_of(now) - exits_of(then);
	accesses = w.vmreads + w.vmwrites + w.vmptrlds;
	w.accounting_ticks = (w.entries * ticks_per_exit_x1000 + accesses * ticks_per_access_x1000) / 1000;
	report_exits(&w, now, then);
	if (v->account_after & ACCOUNT_PHASED)
		report_phases(&w, now, then);
	report_fields(&w, now, then);
	vm_flush_output(v->vm); /* in the order in which it happened */
	record_emit(NESTBED__RECORD__BODY_WINDOW, &w);
}

/* A window begins when the exit of its first mark has been accounted, and ends before that of its last is. */
void account_mark(struct vcpu *v, uint32_t value)
{
	uint32_t id = value & NB_MARK_ID;

	account_collect(v);
	if (value & NB_MARK_BEGIN) {
		v->account_mark = id;
		v->account_after |= ACCOUNT_SNAPSHOT;
	} else if (value & NB_MARK_END && v->account_then && v->account_mark == id) {
		report(v, id, v->account_then);
	} else if (value & NB_MARK_ROUND) {
		rounds_mark(v->vm);
	} else if (value & NB_MARK_MOVE) {
		move_marked(v->vm, CONFIG_AT_MARK);
	}
}

static void snapshot(struct vcpu *v)
{
	v->account_after &= (uint8_t)~ACCOUNT_SNAPSHOT;
	if (!v->account_then)
		v->account_then = phys_to_virt(pages_alloc_contiguous(sizeof(struct account), PAGE_SIZE));
	account_collect(v);
	if (v->account_then)
		memcpy(v->account_then, &v->account, sizeof(v->account));
}

void account_after(struct vcpu *v, uint64_t ticks)
{
	if (v->account_after & ACCOUNT_PHASED) {
		v->account.phase[v->phase_ticks ? PHASE_ENTRY : PHASE_OTHER] += ticks - v->phase_ticks;
		v->phase_ticks = 0;
	}
	if (v->account_after & ACCOUNT_SNAPSHOT)
		snapshot(v);
	v->entered_at = rdtsc();
}

void account_phase_ends(struct vcpu *v, enum account_phase phase)
{
	uint64_t ticks = rdtsc() - v->now - v->phase_ticks;

	v->account.phase[phase] += ticks;
	v->phase_ticks += ticks;
}
