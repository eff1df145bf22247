/* SPDX-License-Identifier: MIT */
/* l1hv-wbinvd: as a hypervisor does that has given L2 a device. INVD would lose what L1 itself has written.
 */
#include "workloads/l1hv/exits.h"

enum verdict on_write_back(struct l2_regs *regs)
{
	(void)regs;
	__asm__ volatile("wbinvd" : : : "memory");
	return SKIP;
}
