/* SPDX-License-Identifier: MIT */
/*
 * One local APIC: registers, priorities, timer. Source: SDM, "Advanced Programmable Interrupt
 * Controller (APIC)". What goes between APICs (IPIs) is in ipi.c, what comes from the PIC in platform.c.
 *
 * Version 0x15 with seven LVT entries, no EOI-broadcast suppression. The APIC ID is the vCPU number and
 * read-only. The timer's clock is the tick (bus clock divider 1). A periodic timer's period is at least
 * LAPIC_PERIOD_MIN ticks, so that a guest can't have L0 do nothing but its timer.
 */
#ifndef L0HV_DEVICES_LAPIC_H
#define L0HV_DEVICES_LAPIC_H

#include <stdint.h>

#define LAPIC_DEFAULT_BASE 0xFEE00000u
#define LAPIC_PAGE_SIZE    0x1000u
#define LAPIC_PERIOD_MIN   1000u

#define MSR_IA32_APIC_BASE    0x1Bu
#define MSR_IA32_TSC_DEADLINE 0x6E0u
#define MSR_X2APIC_FIRST      0x800u
#define MSR_X2APIC_LAST       0x8FFu

#define APIC_BASE_BSP    0x100u
#define APIC_BASE_EXTD   0x400u
#define APIC_BASE_ENABLE 0x800u

/* Register numbers: MMIO offset / 16, x2APIC MSR - 0x800. */
enum lapic_reg {
	LAPIC_ID = 0x02,
	LAPIC_VERSION = 0x03,
	LAPIC_TPR = 0x08,
	LAPIC_APR = 0x09,
	LAPIC_PPR = 0x0A,
	LAPIC_EOI = 0x0B,
	LAPIC_LDR = 0x0D,
	LAPIC_DFR = 0x0E,
	LAPIC_SVR = 0x0F,
	LAPIC_ISR = 0x10,
	LAPIC_TMR = 0x18,
	LAPIC_IRR = 0x20,
	LAPIC_ESR = 0x28,
	LAPIC_LVT_CMCI = 0x2F,
	LAPIC_ICR = 0x30,
	LAPIC_ICR_HIGH = 0x31,
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_THERMAL = 0x33,
	LAPIC_LVT_PMC = 0x34,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LINT1 = 0x36,
	LAPIC_LVT_ERROR = 0x37,
	LAPIC_TIMER_INITIAL = 0x38,
	LAPIC_TIMER_CURRENT = 0x39,
	LAPIC_TIMER_DIVIDE = 0x3E,
	LAPIC_SELF_IPI = 0x3F,
};

/* Entries of lvt[]. */
enum lapic_lvt {
	LVT_CMCI,
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PMC,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR,
	LVT_COUNT,
};

#define LVT_MASKED      0x10000u
#define LVT_MODE        0x00700u /* delivery mode */
#define LVT_MODE_NMI    0x00400u
#define LVT_MODE_EXTINT 0x00700u
#define SVR_ENABLE      0x00100u

/* 256 bits, one a vector. */
struct lapic_bits {
	uint64_t word[4];
};

struct lapic {
	uint64_t base; /* IA32_APIC_BASE */
	struct lapic_bits irr, isr, tmr;
	uint32_t id;
	uint32_t ldr, dfr, svr;
	uint32_t lvt[LVT_COUNT];
	uint32_t icr_low, icr_high;
	uint32_t esr, esr_pending;
	uint32_t timer_initial, timer_divide;
	uint8_t tpr;
	uint8_t bsp;
	int16_t vector; /* cached: highest IRR vector above PPR; -1 none */
	uint32_t timer_from; /* the count at timer_start */
	uint64_t timer_start; /* tick from which it counts */
	uint64_t timer_expiry; /* tick of the next expiry, UINT64_MAX when stopped */
	uint64_t tsc_deadline; /* IA32_TSC_DEADLINE as the guest wrote it; 0 disarmed */
	uint64_t tsc_offset; /* guest TSC = tick + tsc_offset */
};

enum lapic_effect {
	LAPIC_NOTHING, /* the access is complete */
	LAPIC_SEND, /* the ICR was written: the caller sends what it says */
};

/* Power-up: enabled in xAPIC mode at the default base, software-disabled, all LVTs masked. */
void lapic_reset(struct lapic *lapic, unsigned id);
/* "Local APIC State After an INIT Reset": as reset, but IA32_APIC_BASE and the ID stay. */
void lapic_init(struct lapic *lapic);

/*
 * Registers by number, as the xAPIC page shows them: an access to a register that isn't there sets
 * "illegal register address" in the ESR, reserved bits are dropped.
 */
uint32_t lapic_read(struct lapic *lapic, unsigned reg, uint64_t now);
enum lapic_effect lapic_write(struct lapic *lapic, unsigned reg, uint32_t value, uint64_t now);

/* MSRs; 0, or -EPERM for #GP(0). "x2APIC Register Address Space". */
__attribute__((warn_unused_result)) int lapic_rdmsr(struct lapic *lapic, uint32_t msr, uint64_t *value,
						    uint64_t now);
__attribute__((warn_unused_result)) int lapic_wrmsr(struct lapic *lapic, uint32_t msr, uint64_t value,
						    uint64_t now, unsigned maxphyaddr,
						    enum lapic_effect *effect);

/* A fixed, edge-triggered interrupt arrives. Dropped when the APIC is disabled; bad vectors set the ESR. */
void lapic_accept(struct lapic *lapic, uint8_t vector);
uint8_t lapic_ack(struct lapic *lapic); /* vector != -1 */
void lapic_eoi(struct lapic *lapic);
void lapic_set_tpr(struct lapic *lapic, uint8_t tpr);
uint8_t lapic_ppr(const struct lapic *lapic);
/* LDR's value; in x2APIC mode it follows from the ID. */
uint32_t lapic_logical_id(const struct lapic *lapic);
/* An error that the sender of an IPI sees: bits of the ESR. */
#define ESR_SEND_ILLEGAL_VECTOR 0x20u
void lapic_raise_error(struct lapic *lapic, uint32_t bits);

/* Timer: run what expired by `now`; tick of the next expiry that interrupts. */
void lapic_advance(struct lapic *lapic, uint64_t now);
uint64_t lapic_deadline(const struct lapic *lapic);
void lapic_set_tsc_offset(struct lapic *lapic, uint64_t offset, uint64_t now);

int lapic_is_x2(const struct lapic *lapic);
int lapic_is_on(const struct lapic *lapic); /* IA32_APIC_BASE enable */
/* INTR from the PIC reaches the core: LINT0 open as ExtINT, or the APIC globally disabled. */
int lapic_takes_extint(const struct lapic *lapic);

#endif
