/* SPDX-License-Identifier: MIT */
/* GDT, TSS and IDT of L0: SDM Vol. 3A, "Segment Descriptors", "64-Bit TSS", "64-Bit Mode IDT". */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/lib/lib.h"

#define VECTORS     256
#define STUB_BYTES  16
#define STACK_BYTES 16384

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iomap;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "TSS layout");

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/*
 * Library code has a red zone, so that no vector may push onto the stack it interrupts. Faults, NMI, double
 * fault and machine check have stacks of their own, as one may interrupt another.
 */
enum { IST_FAULT = 1, IST_NMI, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_COUNT };

static uint8_t stacks[IST_COUNT][STACK_BYTES] __attribute__((aligned(16)));
static struct tss tss;
static uint64_t gdt[5];
static uint64_t idt[VECTORS][2] __attribute__((aligned(16)));
static uint64_t fs_area[8] = {[5] = 0x6E65737462656421ull}; /* the stack canary at FS:0x28 */

extern uint8_t fault_stubs[];

uint64_t cpu_gdt_base(void)
{
	return (uintptr_t)gdt;
}

uint64_t cpu_idt_base(void)
{
	return (uintptr_t)idt;
}

uint64_t cpu_tss_base(void)
{
	return (uintptr_t)&tss;
}

uint64_t cpu_fs_base(void)
{
	return (uintptr_t)fs_area;
}

static unsigned ist_of(unsigned vector)
{
	return vector == 2    ? IST_NMI
	       : vector == 8  ? IST_DOUBLE_FAULT
	       : vector == 18 ? IST_MACHINE_CHECK
			      : IST_FAULT;
}

void cpu_tables_init(void)
{
	uint64_t base = cpu_tss_base();
	struct table_register gdtr = {sizeof(gdt) - 1, cpu_gdt_base()};
	struct table_register idtr = {sizeof(idt) - 1, cpu_idt_base()};

	gdt[1] = 0x00af9b000000ffff; /* 64-bit code */
	gdt[2] = 0x00cf93000000ffff; /* data */
	gdt[3] = (sizeof(tss) - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
	gdt[4] = base >> 32;
	tss.iomap = sizeof(tss);
	for (unsigned i = 1; i < IST_COUNT; i++)
		tss.ist[i - 1] = (uintptr_t)stacks[i] + STACK_BYTES;
	for (unsigned v = 0; v < VECTORS; v++) {
		uint64_t at = (uintptr_t)fault_stubs + (uint64_t)v * STUB_BYTES;

		idt[v][0] = (at & 0xFFFF) | (uint64_t)L0_CS << 16 | (uint64_t)ist_of(v) << 32 |
			    0x8Eull << 40 | (at >> 16 & 0xFFFF) << 48;
		idt[v][1] = at >> 32;
	}
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(L0_TR));
	__asm__ volatile("pushq %0; pushq $1f; lretq; 1:" : : "i"(L0_CS) : "memory");
	wrmsr(MSR_FS_BASE, cpu_fs_base());
}
