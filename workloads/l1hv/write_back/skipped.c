/* SPDX-License-Identifier: MIT */
/* l1hv: no device of L2's reads memory behind the caches' back. */
#include "workloads/l1hv/exits.h"

enum verdict on_write_back(struct l2_regs *regs)
{
	(void)regs;
	return SKIP;
}
