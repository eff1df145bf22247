/* SPDX-License-Identifier: MIT */
/*
 * Guest runtime: a multiboot kernel starts in 64-bit C at rt_main(). docs/workloads.md shows how to use it.
 *
 * What holds at rt_main(): CPL 0, interrupts off, PIC masked, SSE and AVX on (as CPUID shows them), first
 * 4 GiB mapped physical = virtual in 2 MiB pages (the last GiB uncached), every vector on its own stack.
 */
#ifndef RT_H
#define RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "x86.h"

/* ---- the guest's own part ---- */

/* Returning from it is rt_shutdown(). */
void rt_main(void);

/* ---- console (print.c, console.c) ---- */

/* To NB_PORT_CONSOLE, or COM1 where that isn't there. %d %i %u %x %X %c %s %p %%, l ll z, width, '-' and '0'.
 */
void rt_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int rt_snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int rt_vsnprintf(char *out, size_t size, const char *format, __builtin_va_list args);
void rt_write(const void *bytes, size_t size); /* raw bytes to the console */
void rt_com1_write(const void *bytes, size_t size); /* raw bytes to COM1, 115200 8N1, polled */

/* Ends the VM or the machine by NB_PORT_SHUTDOWN; halts where nobody listens. */
void rt_shutdown(void) __attribute__((noreturn));
void rt_panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- what the loader gave (multiboot.c) ---- */

#define RT_MODULES_MAX 16u

struct rt_module {
	uint64_t start; /* physical */
	uint64_t end; /* first byte behind */
	const char *cmdline;
};

struct rt_boot_info {
	const char *cmdline;
	const char *loader; /* name of the boot loader, "" when it gave none */
	uint64_t memory_bytes; /* first byte behind the RAM that begins at 1 MiB */
	uint32_t module_count;
	struct rt_module module[RT_MODULES_MAX];
};
extern struct rt_boot_info rt_boot_info;

/* Value of `name=value` in the command line, copied; NULL when absent. A bare `name` has the value "". */
const char *rt_arg(const char *name);
/* The same as a number (decimal, or hexadecimal after 0x). Anything else is a panic that names the argument.
 */
uint64_t rt_arg_u64(const char *name, uint64_t otherwise);

/* Zeroed pages behind the image and its modules, never given back. Panics when there are none left. */
void *rt_pages(size_t count);

/* ---- exceptions and interrupts (trap.c, trap_entry.S) ---- */

/* On the stack of the vector's class, in ascending addresses; the handler may change it. */
struct rt_regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error_code; /* 0 where the vector has none */
	uint64_t rip, cs, rflags, rsp, ss;
};

/*
 * Called with interrupts off, compiled without SSE (as all code here is). It must not fault itself except
 * within rt_try on another class of vector. An unhandled vector prints the registers and shuts down.
 */
typedef void rt_handler(struct rt_regs *regs);
void rt_on(unsigned int vector, rt_handler *handler); /* NULL: back to the default */

/* Bypasses all of the above: the IDT entry leads to this code, on the vector's stack. NULL: back. */
void rt_set_gate(unsigned int vector, void (*entry)(void));

struct rt_fault {
	uint32_t vector;
	uint64_t error_code;
	uint64_t cr2; /* meaningful for #PF */
	uint64_t rip;
};
#define RT_NO_FAULT 0xffffffffu

/*
 * Calls fn(arg). An exception in it (not NMI, not an interrupt) abandons fn and is told in *fault (may be
 * NULL); without one fault->vector is RT_NO_FAULT. True when fn came to its end.
 */
bool rt_try(void (*fn)(void *), void *arg, struct rt_fault *fault);

/* By rt_try: false when the instruction faults; then *v is 0. */
bool rt_rdmsr_safe(uint32_t msr, uint64_t *v);
bool rt_wrmsr_safe(uint32_t msr, uint64_t v);

/* ---- memory (paging.c) ---- */

/* 2 MiB of virtual addresses in 4 KiB pages, behind the identity map, empty at first. */
#define RT_WINDOW      0x100000000ull
#define RT_WINDOW_SIZE 0x200000ull

#define RT_PRESENT   0x1ull
#define RT_WRITABLE  0x2ull
#define RT_USER      0x4ull
#define RT_UNCACHED  0x18ull /* PWT and PCD */
#define RT_ACCESSED  0x20ull
#define RT_DIRTY     0x40ull
#define RT_NOEXECUTE (1ull << 63)

/* The window's page at this address shows `physical` with these RT_* flags; flags 0 unmaps. INVLPG included.
 */
void rt_map(uint64_t address, uint64_t physical, uint64_t flags);
uint64_t rt_pte(uint64_t address); /* the window's entry as the processor left it */

/* ---- processors (cpu.c) ---- */

unsigned int rt_cpu(void); /* 0 is the one that boots */
bool rt_has_xsave(void);
bool rt_has_sse(void); /* CR4.OSFXSR; without it rt_record() does nothing */

/* NB_HC_*: VMCALL. #UD without a hypervisor. */
static inline uint64_t rt_hypercall(uint64_t number, uint64_t argument)
{
	uint64_t answer;

	__asm__ volatile("vmcall" : "=a"(answer) : "a"(number), "b"(argument) : "memory");
	return answer;
}

bool rt_has_hypervisor(void); /* CPUID.1:ECX[31] */
bool rt_has_nestbed(void); /* that hypervisor is one of ours, at either level */
bool rt_has_l1hv(void); /* it is workloads/l1hv */
void rt_yield(void); /* NB_HC_YIELD where rt_has_nestbed(), else PAUSE */

/* ---- freestanding C library (lib.c) ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

#endif
