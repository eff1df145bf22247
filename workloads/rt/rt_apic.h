/* SPDX-License-Identifier: MIT */
/* Interrupt controllers: 8259 PIC, local APIC in either mode, its timer; starting other processors. */
#ifndef RT_APIC_H
#define RT_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* ---- 8259 (pic.c) ---- */

void rt_pic_mask(void); /* every line masked, vectors 0x20-0x2f */
void rt_pic_init(uint8_t base); /* IRQ n at vector base + n, every line masked */
void rt_pic_unmask(unsigned int irq);
void rt_pic_eoi(unsigned int irq);

/* 8254, counter 0, rate generator; divisor 0 is 65536. Input 1193182 Hz. */
void rt_pit_periodic(uint16_t divisor);

/* ---- local APIC (apic.c). Registers by their xAPIC offset: SDM "Local APIC Register Address Map" ---- */

#define APIC_ID            0x020u
#define APIC_VERSION       0x030u
#define APIC_TPR           0x080u
#define APIC_EOI           0x0b0u
#define APIC_SVR           0x0f0u
#define APIC_ISR           0x100u
#define APIC_IRR           0x200u
#define APIC_ESR           0x280u
#define APIC_ICR           0x300u
#define APIC_LVT_TIMER     0x320u
#define APIC_LVT_LINT0     0x350u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u

#define APIC_MMIO       0xfee00000ull
#define APIC_LVT_MASKED 0x10000u
#define LVT_EXTINT      0x700u /* delivery mode: the PIC gives the vector */

#define APIC_DIVIDE_BY_1 0xbu

enum rt_timer_mode { RT_TIMER_ONE_SHOT = 0, RT_TIMER_PERIODIC = 1, RT_TIMER_TSC_DEADLINE = 2 };

/* ICR: delivery modes and shorthands */
#define ICR_FIXED      0x00000u
#define ICR_NMI        0x00400u
#define ICR_INIT       0x00500u
#define ICR_STARTUP    0x00600u
#define ICR_ASSERT     0x04000u
#define ICR_SELF       0x40000u
#define ICR_ALL_BUT_ME 0xc0000u

#define RT_VECTOR_SPURIOUS 0xffu

bool rt_has_x2apic(void);
bool rt_has_tsc_deadline(void);

/*
 * Enables by software, spurious vector RT_VECTOR_SPURIOUS; the PIC's interrupts go to CPU 0 by LINT0.
 * x2APIC mode stays on once it is: leaving it would disable the APIC, which not every machine can undo.
 */
void rt_apic_enable(void);
void rt_x2apic_enable(void);
bool rt_apic_is_x2(void);
uint32_t rt_apic_id(void);

uint32_t rt_apic_read(uint32_t offset);
void rt_apic_write(uint32_t offset, uint32_t v);
static inline void rt_apic_eoi(void)
{
	rt_apic_write(APIC_EOI, 0);
}

/* Divides by 1. The count starts at once; TSC-deadline mode takes it as the absolute TSC value. */
void rt_apic_timer(enum rt_timer_mode mode, uint8_t vector, uint64_t count);
void rt_apic_timer_stop(void);

/* command: ICR_* with the vector; waits until an xAPIC has sent it. */
void rt_apic_ipi(uint32_t apic_id, uint32_t command);

/* ---- other processors (smp.c) ---- */

/*
 * Starts the processor with this APIC ID as rt CPU number `cpu` (1 … RT_CPUS_MAX - 1) by INIT, SIPI, SIPI;
 * it calls fn(arg) with interrupts off, then halts for ever. False when it didn't come up within `ticks`.
 */
bool rt_start_cpu(unsigned int cpu, uint32_t apic_id, void (*fn)(void *), void *arg, uint64_t ticks);

#endif
