/* SPDX-License-Identifier: MIT */
/* Accesses outside the guest's memory: writes are swallowed, reads are all ones, the guest goes on. */
#include "rt.h"
#include "rt_check.h"

#define IDENTITY_END 0xc0000000ull
#define STEP         0x04000000ull /* 64 MiB */

/* Each access by the usual instructions; true when every read was all ones. */
static bool probe(uint64_t at)
{
	uint64_t v8, added;
	uint32_t v4, extended;
	uint16_t v2;
	uint8_t v1;

	__asm__ volatile("movq %1, (%0)" : : "r"(at), "r"(0x1122334455667788ull) : "memory");
	__asm__ volatile("movl %k1, 8(%0)" : : "r"(at), "r"(0x11223344u) : "memory");
	__asm__ volatile("movw %w1, 16(%0)" : : "r"(at), "r"(0x1122u) : "memory");
	__asm__ volatile("movb %b1, 24(%0)" : : "r"(at), "q"(0x11u) : "memory");
	__asm__ volatile("movl $0x55, 32(%0)" : : "r"(at) : "memory");
	__asm__ volatile("movq (%1), %0" : "=r"(v8) : "r"(at) : "memory");
	__asm__ volatile("movl 8(%1), %0" : "=r"(v4) : "r"(at) : "memory");
	__asm__ volatile("movw 16(%1), %0" : "=r"(v2) : "r"(at) : "memory");
	__asm__ volatile("movb 24(%1), %0" : "=q"(v1) : "r"(at) : "memory");
	__asm__ volatile("movzbl 32(%1), %0" : "=r"(extended) : "r"(at) : "memory");
	__asm__ volatile("movslq 40(%1), %0" : "=r"(added) : "r"(at) : "memory");
	return v8 == ~0ull && v4 == 0xffffffff && v2 == 0xffff && v1 == 0xff && extended == 0xff &&
	       added == ~0ull;
}

static void probe_physical(const char *name, uint64_t physical)
{
	rt_map(RT_WINDOW, physical, RT_PRESENT | RT_WRITABLE | RT_UNCACHED);
	rt_check(name, probe(RT_WINDOW + (physical & 4095)));
	rt_map(RT_WINDOW, 0, 0);
}

void rt_main(void)
{
	uint64_t begin = (rt_boot_info.memory_bytes + STEP - 1) & ~(STEP - 1);
	unsigned int bits = cpuid(0x80000008, 0).eax & 0xff, places = 0, good = 0;

	for (uint64_t at = begin; at < IDENTITY_END; at += STEP) {
		places++;
		good += probe(at + 64);
	}
	rt_check("every 64 MiB behind memory", good == places);
	rt_check("last bytes below 3 GiB", probe(IDENTITY_END - 64));
	rt_check("3.25 GiB, uncached", probe(0xd0000000));
	probe_physical("behind 64 GiB", 64ull << 30);
	probe_physical("the last page there is", (1ull << bits) - 4096);
	rt_printf("outside: ok\n");
	rt_check_end();
}
