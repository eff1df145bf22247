/* SPDX-License-Identifier: MIT */
/* Shared by the parts of the platform: platform.c, ports.c, ipi.c. */
#ifndef L0HV_DEVICES_PLATFORM_IMPL_H
#define L0HV_DEVICES_PLATFORM_IMPL_H

#include "l0hv/devices/platform.h"

/* Catch up with the PIT, also where no deadline was asked for. Before each access that could see it. */
void platform_sync_pit(struct platform *p, uint64_t now);

/* Recompute what is cached about one vCPU, about all; kick those that became pending, save `acting`. */
void platform_refresh_vcpu(struct platform *p, unsigned vcpu, unsigned acting);
void platform_refresh(struct platform *p, unsigned acting);

/* Send what the vCPU's ICR says. */
void platform_send_ipi(struct platform *p, unsigned from);

#endif
