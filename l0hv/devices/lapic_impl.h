/* SPDX-License-Identifier: MIT */
/* Shared by lapic.c (registers, priorities) and lapic_timer.c. */
#ifndef L0HV_DEVICES_LAPIC_IMPL_H
#define L0HV_DEVICES_LAPIC_IMPL_H

#include "l0hv/devices/lapic.h"

#define LVT_TIMER_MODE     0x60000u
#define LVT_TIMER_ONE_SHOT 0x00000u
#define LVT_TIMER_PERIODIC 0x20000u
#define LVT_TIMER_DEADLINE 0x40000u

uint32_t lapic_timer_mode(const struct lapic *lapic);
uint32_t lapic_timer_current(const struct lapic *lapic, uint64_t now);
void lapic_timer_set_initial(struct lapic *lapic, uint32_t count, uint64_t now);
void lapic_timer_set_divide(struct lapic *lapic, uint32_t divide, uint64_t now);
void lapic_timer_set_lvt(struct lapic *lapic, uint32_t lvt);
void lapic_timer_set_deadline(struct lapic *lapic, uint64_t tsc, uint64_t now);
void lapic_timer_reset(struct lapic *lapic);

#endif
