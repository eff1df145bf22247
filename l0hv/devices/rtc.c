/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/rtc.h"

#include "l0hv/devices/scale.h"

#define B_BINARY   0x04u
#define B_24H      0x02u
#define B_WRITABLE 0x87u /* SET, binary, 24 hours, daylight saving; no interrupt enables */
#define A_UIP      0x80u
#define D_VALID    0x80u
#define UIP_USEC   244u /* the flag rises this long before an update */

#define KIB 1024ull
#define MIB (1024 * KIB)

struct date {
	unsigned second, minute, hour, weekday, day, month, year;
};

static unsigned days_in_month(unsigned month, unsigned year)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static struct date date_of(uint64_t seconds)
{
	/* Wraps after 400 years, a whole number of weeks, so that the loops are bounded. */
	uint64_t days = seconds / 86400 % 146097;
	struct date d = {
		.second = (unsigned)(seconds % 60),
		.minute = (unsigned)(seconds / 60 % 60),
		.hour = (unsigned)(seconds / 3600 % 24),
		.weekday = (unsigned)((days + 4) % 7 + 1), /* 1 January 1970 was a Thursday; Sunday is 1 */
		.month = 1,
		.year = 1970,
	};

	for (;;) {
		unsigned length = 337 + days_in_month(2, d.year);

		if (days < length)
			break;
		days -= length;
		d.year++;
	}
	while (days >= days_in_month(d.month, d.year))
		days -= days_in_month(d.month++, d.year);
	d.day = (unsigned)days + 1;
	return d;
}

void rtc_reset(struct rtc *rtc, uint64_t ticks_per_second, uint64_t now)
{
	*rtc = (struct rtc){.ticks_per_second = ticks_per_second, .born = now, .reg_a = 0x26, .reg_b = B_24H};
}

static void put16(struct rtc *rtc, unsigned reg, uint64_t value)
{
	uint16_t v = value > 0xFFFF ? 0xFFFF : (uint16_t)value;

	rtc->cmos[reg] = (uint8_t)v;
	rtc->cmos[reg + 1] = (uint8_t)(v >> 8);
}

void rtc_set_memory(struct rtc *rtc, uint64_t bytes)
{
	uint64_t extended = bytes > MIB ? (bytes - MIB) / KIB : 0;

	put16(rtc, 0x15, 640);
	put16(rtc, 0x17, extended);
	put16(rtc, 0x30, extended);
	put16(rtc, 0x34, bytes > 16 * MIB ? (bytes - 16 * MIB) / (64 * KIB) : 0);
}

static uint8_t in_format(const struct rtc *rtc, unsigned value)
{
	return (uint8_t)(rtc->reg_b & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint8_t hour(const struct rtc *rtc, unsigned value)
{
	if (rtc->reg_b & B_24H)
		return in_format(rtc, value);
	return (uint8_t)(in_format(rtc, value % 12 ? value % 12 : 12) | (value >= 12 ? 0x80 : 0));
}

static uint8_t read_register(const struct rtc *rtc, uint64_t now)
{
	uint64_t ticks = elapsed_since(rtc->born, now);
	uint64_t to_update = rtc->ticks_per_second - ticks % rtc->ticks_per_second;
	struct date d = date_of(RTC_EPOCH + ticks / rtc->ticks_per_second);

	switch (rtc->index) {
	case 0x00:
		return in_format(rtc, d.second);
	case 0x02:
		return in_format(rtc, d.minute);
	case 0x04:
		return hour(rtc, d.hour);
	case 0x06:
		return in_format(rtc, d.weekday);
	case 0x07:
		return in_format(rtc, d.day);
	case 0x08:
		return in_format(rtc, d.month);
	case 0x09:
		return in_format(rtc, d.year % 100);
	case 0x32:
		return in_format(rtc, d.year / 100);
	case 0x0A:
		return (uint8_t)(rtc->reg_a |
				 (to_update <= scale_down(UIP_USEC, rtc->ticks_per_second, 1000000) ? A_UIP
												    : 0));
	case 0x0B:
		return rtc->reg_b;
	case 0x0C:
		return 0;
	case 0x0D:
		return D_VALID;
	default:
		return rtc->cmos[rtc->index];
	}
}

uint8_t rtc_read(struct rtc *rtc, uint16_t port, uint64_t now)
{
	return port == 0x71 ? read_register(rtc, now) : 0xFF;
}

void rtc_write(struct rtc *rtc, uint16_t port, uint8_t value)
{
	if (port == 0x70) {
		rtc->index = value & 0x7F; /* bit 7 masks NMI: there is no source of one */
		return;
	}
	switch (rtc->index) {
	case 0x0A:
		rtc->reg_a = value & 0x7F;
		break;
	case 0x0B:
		rtc->reg_b = value & B_WRITABLE;
		break;
	default:
		rtc->cmos[rtc->index] = value; /* the time and C, D are never read from here */
	}
}
