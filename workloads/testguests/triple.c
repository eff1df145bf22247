/* SPDX-License-Identifier: MIT */
/* Triple fault: an exception with an IDT that has no gates. SDM "Interrupt 8—Double Fault Exception (#DF)".
 */
#include "rt.h"

void rt_main(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	rt_printf("triple: this guest ends by a triple fault\n");
	__asm__ volatile("lidt %0; ud2" : : "m"(none));
	rt_printf("triple: still here\n");
}
