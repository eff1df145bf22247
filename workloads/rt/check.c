/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "rt.h"
#include "rt_check.h"
#include "rt_record.h"

static unsigned int passed, failed, skipped;

void rt_pass(const char *name)
{
	passed++;
	rt_printf("PASS %s\n", name);
}

void rt_fail(const char *name, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	rt_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failed++;
	rt_printf("FAIL %s -- %s\n", name, text);
}

void rt_skip(const char *name, const char *why)
{
	skipped++;
	rt_printf("SKIP %s -- %s\n", name, why);
}

bool rt_check(const char *name, bool ok)
{
	if (ok)
		rt_pass(name);
	else
		rt_fail(name, "does not hold");
	return ok;
}

bool rt_same_u64(const char *name, uint64_t got, uint64_t wanted)
{
	if (got != wanted)
		rt_fail(name, "0x%lx, wanted 0x%lx", got, wanted);
	return got == wanted;
}

bool rt_check_u64(const char *name, uint64_t got, uint64_t wanted)
{
	bool ok = rt_same_u64(name, got, wanted);

	if (ok)
		rt_pass(name);
	return ok;
}

void rt_check_end(void)
{
	rt_value("passed", passed, "");
	rt_value("failed", failed, "");
	rt_value("skipped", skipped, "");
	rt_printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
}
