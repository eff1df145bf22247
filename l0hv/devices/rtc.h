/* SPDX-License-Identifier: MIT */
/*
 * MC146818 real-time clock and CMOS memory, ports 0x70 and 0x71. The time is RTC_EPOCH plus the ticks
 * since reset, so that it is a function of the run; writes to it are ignored. No interrupts: the
 * interrupt enables of register B read as zero.
 */
#ifndef L0HV_DEVICES_RTC_H
#define L0HV_DEVICES_RTC_H

#include <stdint.h>

#define RTC_EPOCH 1735689600u /* 2025-01-01 00:00:00 UTC, seconds since 1970 */

struct rtc {
	uint64_t ticks_per_second;
	uint64_t born; /* tick of reset */
	uint8_t index;
	uint8_t reg_a, reg_b;
	uint8_t cmos[128];
};

void rtc_reset(struct rtc *rtc, uint64_t ticks_per_second, uint64_t now);
/* What firmware leaves in CMOS about RAM. */
void rtc_set_memory(struct rtc *rtc, uint64_t bytes);
uint8_t rtc_read(struct rtc *rtc, uint16_t port, uint64_t now);
void rtc_write(struct rtc *rtc, uint16_t port, uint8_t value);

#endif
