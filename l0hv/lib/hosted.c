/* SPDX-License-Identifier: MIT */
/* What libprotobuf-c wants of a hosted C library. L0 only packs, into buffers of its own: nothing allocates.
 */
#include "l0hv/lib/lib.h"
#include "l0hv/record/record.h"

void *malloc(size_t n);
void free(void *p);
void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
	__attribute__((noreturn));
void __stack_chk_fail(void) __attribute__((noreturn));

void *malloc(size_t n)
{
	panic("malloc of %zu bytes", n);
}

void free(void *p)
{
	if (p)
		panic("free");
}

void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	panic("%s:%u: %s: assertion %s failed", file, line, function, what);
}

void __stack_chk_fail(void)
{
	panic("a library's stack frame was overwritten");
}
