/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/rounds.h"

#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"

#define MISSES_TOLD 8u /* of a round, each with its address */

struct rounds {
	uint64_t number;
	uint64_t *set; /* of the round that has ended; a bit a page */
	uint8_t *copy; /* memory as it was when the last round ended; NULL: nothing is proved */
	uint64_t due; /* TSC; NEVER: marks end a round */
};

struct verdict_of_round {
	uint64_t same; /* pages of the set that hold what they held */
	uint64_t missed; /* pages that changed and are not in the set */
};

static struct vm *with_rounds[CONFIG_VMS_MAX];
static unsigned with_rounds_count;

static bool in_set(const struct rounds *r, uint64_t page)
{
	return r->set[page / 64] >> page % 64 & 1;
}

static bool differs(const void *a, const void *b)
{
	uint64_t words = PAGE_SIZE / sizeof(uint64_t);
	uint8_t differ;

	__asm__ volatile("repe cmpsq; setne %0"
			 : "=q"(differ), "+S"(a), "+D"(b), "+c"(words)
			 :
			 : "cc", "memory");
	return differ;
}

static struct verdict_of_round prove(struct vm *vm, const struct rounds *r)
{
	struct verdict_of_round found = {0};

	for (uint64_t page = 0; page < vm->ram_bytes / PAGE_SIZE; page++) {
		const void *now = vm_memory(vm, page * PAGE_SIZE, PAGE_SIZE);
		uint8_t *then = r->copy + page * PAGE_SIZE;

		if (!differs(now, then)) {
			found.same += in_set(r, page);
			continue;
		}
		memcpy(then, now, PAGE_SIZE);
		if (!in_set(r, page) && found.missed++ < MISSES_TOLD)
			l0_log("%s: round %llu by %s: missed page %llx", vm->config->name,
			       (unsigned long long)r->number, track_name(track_means(vm)),
			       (unsigned long long)(page * PAGE_SIZE));
	}
	return found;
}

static void end_round(struct vm *vm)
{
	struct rounds *r = vm->rounds;
	const uint64_t pages = track_collect(vm, r->set), digest = track_set_digest(vm, r->set);
	struct verdict_of_round found = {0};
	char proof[64] = "";

	if (r->copy) {
		found = prove(vm, r);
		snprintf(proof, sizeof(proof), ", %llu unchanged, %llu missed",
			 (unsigned long long)found.same, (unsigned long long)found.missed);
	}
	vm_flush_output(vm); /* in the order in which it happened */
	l0_log("%s: round %llu by %s: %llu pages, set %016llx%s", vm->config->name,
	       (unsigned long long)r->number, track_name(track_means(vm)), (unsigned long long)pages,
	       (unsigned long long)digest, proof);
	r->number++;
}

void rounds_mark(struct vm *vm)
{
	if (vm->rounds && vm->rounds->due == NEVER)
		end_round(vm);
}

static void set_alarm(void);

static void on_alarm(void)
{
	for (unsigned i = 0; i < with_rounds_count; i++) {
		struct vm *vm = with_rounds[i];

		if (vm->stopped)
			vm->rounds->due = NEVER;
		if (vm->rounds->due > rdtsc())
			continue;
		end_round(vm);
		vm->rounds->due = rdtsc() + vm->config->round; /* L0's own work is in no round */
	}
	set_alarm();
}

static void set_alarm(void)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < with_rounds_count; i++)
		if (with_rounds[i]->rounds->due < next)
			next = with_rounds[i]->rounds->due;
	sched_alarm(next, on_alarm);
}

static void *allocate(uint64_t bytes)
{
	const uint64_t pa = pages_alloc_contiguous(bytes, PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

int rounds_start(struct vm *vm, const char **why)
{
	struct rounds *r;
	int error;

	if (vm->config->track == CONFIG_TRACK_OFF)
		return 0;
	*why = "the machine has not enough memory for the copy that migrate.prove needs";
	r = allocate(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->set = allocate((vm->ram_bytes / PAGE_SIZE + 63) / 64 * sizeof(uint64_t));
	r->copy = vm->config->prove ? allocate(vm->ram_bytes) : NULL;
	if (!r->set || (vm->config->prove && !r->copy))
		return -ENOMEM;
	error = track_start(vm, (enum config_track)vm->config->track, why);
	if (error)
		return error;
	if (r->copy)
		memcpy(r->copy, vm_memory(vm, 0, vm->ram_bytes), vm->ram_bytes);
	r->due = vm->config->round ? rdtsc() + vm->config->round : NEVER;
	vm->rounds = r;
	with_rounds[with_rounds_count++] = vm;
	set_alarm();
	return 0;
}
