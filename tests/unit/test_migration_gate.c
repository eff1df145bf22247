/* SPDX-License-Identifier: MIT */
/* What the gate refuses of a VM's shape: one thing at a time, and all of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/gate.h"
#include "migration/messages.h"

static char told[1024]; /* a line a reason */

static void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void refuse(const char *format, ...)
{
	const size_t used = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + used, sizeof(told) - used, format, args);
	va_end(args);
	strncat(told, "\n", sizeof(told) - strlen(told) - 1);
}

static char *devices[] = {"I/O ports 70H to 71H", "a card"};
static char guest[] = "guest", other[] = "other";

static void check(const char *name, const Nestbed__StreamHello *hello, const struct gate_host *host,
		  const char *wanted)
{
	told[0] = '\0';
	gate_check(hello, host, refuse);
	if (strcmp(told, wanted) != 0)
		fail_msg("%s: told '%s', wanted '%s'", name, told, wanted);
}

#define CASE(change, wanted)                                                                                 \
	do {                                                                                                 \
		Nestbed__StreamHello hello = NESTBED__STREAM_HELLO__INIT;                                    \
		struct gate_host host = {guest, 8u << 20, 2, true, false, NULL};                             \
                                                                                                             \
		hello.version = STREAM_VERSION;                                                              \
		hello.vm = guest;                                                                            \
		hello.ram_bytes = 8u << 20;                                                                  \
		hello.vcpus = 2;                                                                             \
		hello.nested = true;                                                                         \
		hello.bound = devices;                                                                       \
		change;                                                                                      \
		check(#change, &hello, &host, wanted);                                                       \
	} while (0)

static void test_differences(void **state)
{
	(void)state;
	CASE((void)0, "");
	CASE(hello.version = 2, "stream version 2: this host knows 1\n");
	CASE(hello.version = 0, "stream version 0: this host knows 1\n");
	CASE(hello.vm = other, "it is named 'other': this host waits for 'guest'\n");
	CASE(hello.ram_bytes = 5ull << 30, "memory of 5368709120 bytes: this host has 8388608 for it\n");
	CASE(host.ram_bytes--, "memory of 8388608 bytes: this host has 8388607 for it\n");
	CASE(hello.vcpus = 1, "1 vCPUs: this host has 2 for it\n");
	CASE(hello.nested = false, "nested virtualization is off: this host's bundle says on\n");
	CASE(host.nested = false, "nested virtualization is on: this host's bundle says off\n");
	CASE(hello.scratch = true, "the scratch device is there: this host's bundle says off\n");
	CASE(host.scratch = true, "the scratch device is not there: this host's bundle says on\n");
	CASE(hello.n_bound = 1, "it is bound to I/O ports 70H to 71H of its host\n");
	CASE(hello.n_bound = 2, "it is bound to I/O ports 70H to 71H of its host\n"
				"it is bound to a card of its host\n");
	CASE(host.bound = "a card", "this host's bundle binds it to a card\n");
}

static void test_all_at_once(void **state)
{
	(void)state;
	CASE((hello.version = 7, hello.vm = other, hello.ram_bytes = 4096, hello.vcpus = 3,
	      hello.nested = false, hello.scratch = true, hello.n_bound = 1, host.bound = "a disk"),
	     "stream version 7: this host knows 1\n"
	     "it is named 'other': this host waits for 'guest'\n"
	     "memory of 4096 bytes: this host has 8388608 for it\n"
	     "3 vCPUs: this host has 2 for it\n"
	     "nested virtualization is off: this host's bundle says on\n"
	     "the scratch device is there: this host's bundle says off\n"
	     "it is bound to I/O ports 70H to 71H of its host\n"
	     "this host's bundle binds it to a disk\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
