/* SPDX-License-Identifier: MIT */
/* Writes that devices make later than they were asked for, of the VM that moves. */
#include "l0hv/migrate/source_impl.h"
#include "l0hv/mm/pages.h"

void source_late_begin(void)
{
	source.late = (struct late){0};
}

void source_late_asked(void)
{
	source.late.asked = source.epoch_began;
}

void source_late_wrote(uint64_t gpa, uint64_t n)
{
	struct late *l = &source.late;

	if (source.session.state < SOURCE_ROUNDS || l->asked >= source.epoch_began)
		return;
	l->first = (uint32_t)(gpa / PAGE_SIZE);
	l->count = (uint32_t)((gpa + n - 1) / PAGE_SIZE) - l->first + 1;
	l->epoch = l->asked;
}

void source_late_collect(void)
{
	struct late *l = &source.late;

	for (uint32_t page = l->first; page < l->first + l->count; page++)
		if (dirty_has(&source.unsent, page) && l->epoch < source.since[page])
			source.since[page] = l->epoch;
	l->count = 0;
}
