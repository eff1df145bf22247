/* SPDX-License-Identifier: MIT */
/* How a guest says that its VM may move to another host. */
#ifndef RT_MOVE_H
#define RT_MOVE_H

#include <nestbed/hypercall.h>
#include <nestbed/ports.h>

#include "rt.h"

/* NB_MARK_MOVE; with `by=hypercall` on the command line NB_HC_MOVE, which l1hv keeps from L0. Where no move
 * was asked for it is nothing. */
static inline void rt_may_move(void)
{
	const char *by = rt_arg("by");

	if (!by || !strcmp(by, "mark"))
		outl(NB_PORT_MARK, NB_MARK_MOVE);
	else if (strcmp(by, "hypercall") != 0)
		rt_panic("by=%s: mark or hypercall", by);
	else if (rt_has_nestbed())
		(void)rt_hypercall(NB_HC_MOVE, 0);
}

#endif
