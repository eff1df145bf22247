/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/lapic.h"

#include <errno.h>

#include "l0hv/devices/lapic_impl.h"

#define VERSION_VALUE 0x00060015u /* highest LVT entry 6, version 0x15 */
#define SVR_RESET     0x000000FFu
#define DFR_RESET     0xFFFFFFFFu
#define FIRST_VECTOR  16u /* 0 to 15 are illegal to an APIC */

#define ESR_RECEIVE_ILLEGAL_VECTOR 0x40u
#define ESR_ILLEGAL_REGISTER       0x80u

#define ICR_WRITABLE 0xCCFFFu

/*
 * "Local APIC Register Address Map" and "x2APIC Register Address Space": who may do what, and which bits
 * a write may set. In x2APIC mode any other bit is #GP; `ignored` bits are read-only but not reserved.
 */
#define R  1u /* readable */
#define W  2u /* writable */
#define X1 4u /* in the xAPIC page */
#define X2 8u /* as an MSR */
#define RW (R | W)
#define XX (X1 | X2)

struct reg_rule {
	uint8_t access;
	uint8_t x2_read_only; /* writable in the page alone */
	uint32_t writable;
	uint32_t ignored;
};

static const struct reg_rule rules[64] = {
	[LAPIC_ID] = {R | XX,  0, 0,            0     },
	[LAPIC_VERSION] = {R | XX,  0, 0,            0     },
	[LAPIC_TPR] = {RW | XX, 0, 0xFF,         0     },
	[LAPIC_APR] = {R | X1,  0, 0,            0     },
	[LAPIC_PPR] = {R | XX,  0, 0,            0     },
	[LAPIC_EOI] = {W | XX,  0, 0,            0     },
	[LAPIC_LDR] = {RW | XX, 1, 0xFF000000,   0     },
	[LAPIC_DFR] = {RW | X1, 0, 0xF0000000,   0     },
	[LAPIC_SVR] = {RW | XX, 0, 0x3FF,        0     },
	[LAPIC_ISR... LAPIC_ISR + 7] = {R | XX,  0, 0,            0     },
	[LAPIC_TMR... LAPIC_TMR + 7] = {R | XX,  0, 0,            0     },
	[LAPIC_IRR... LAPIC_IRR + 7] = {R | XX,  0, 0,            0     },
	[LAPIC_ESR] = {RW | XX, 0, 0,            0     },
	[LAPIC_LVT_CMCI] = {RW | XX, 0, 0x107FF,      0x1000},
	[LAPIC_ICR] = {RW | XX, 0, ICR_WRITABLE, 0     },
	[LAPIC_ICR_HIGH] = {RW | X1, 0, 0xFF000000,   0     },
	[LAPIC_LVT_TIMER] = {RW | XX, 0, 0x700FF,      0x1000},
	[LAPIC_LVT_THERMAL] = {RW | XX, 0, 0x107FF,      0x1000},
	[LAPIC_LVT_PMC] = {RW | XX, 0, 0x107FF,      0x1000},
	[LAPIC_LVT_LINT0] = {RW | XX, 0, 0x1A7FF,      0x5000},
	[LAPIC_LVT_LINT1] = {RW | XX, 0, 0x1A7FF,      0x5000},
	[LAPIC_LVT_ERROR] = {RW | XX, 0, 0x100FF,      0x1000},
	[LAPIC_TIMER_INITIAL] = {RW | XX, 0, 0xFFFFFFFF,   0     },
	[LAPIC_TIMER_CURRENT] = {R | XX,  0, 0,            0     },
	[LAPIC_TIMER_DIVIDE] = {RW | XX, 0, 0xB,          0     },
	[LAPIC_SELF_IPI] = {W | X2,  0, 0xFF,         0     },
};

/* Entry of lvt[] behind a register number; LVT_COUNT for another register. */
static enum lapic_lvt lvt_of(unsigned reg)
{
	if (reg == LAPIC_LVT_CMCI)
		return LVT_CMCI;
	if (reg >= LAPIC_LVT_TIMER && reg <= LAPIC_LVT_ERROR)
		return (enum lapic_lvt)(LVT_TIMER + (reg - LAPIC_LVT_TIMER));
	return LVT_COUNT;
}

static void set_bit(struct lapic_bits *bits, uint8_t vector)
{
	bits->word[vector / 64] |= 1ull << vector % 64;
}

static void clear_bit(struct lapic_bits *bits, uint8_t vector)
{
	bits->word[vector / 64] &= ~(1ull << vector % 64);
}

static int highest(const struct lapic_bits *bits)
{
	for (int i = 3; i >= 0; i--)
		if (bits->word[i])
			return 64 * i + 63 - __builtin_clzll(bits->word[i]);
	return -1;
}

/* "Task and Processor Priorities" */
uint8_t lapic_ppr(const struct lapic *lapic)
{
	int serving = highest(&lapic->isr);
	uint8_t class = serving < 0 ? 0 : (uint8_t)(serving & 0xF0);

	return (lapic->tpr & 0xF0) >= class ? lapic->tpr : class;
}

static void update(struct lapic *lapic)
{
	int vector = highest(&lapic->irr);

	lapic->vector = (int16_t)(vector >= 0 && (vector & 0xF0) > (lapic_ppr(lapic) & 0xF0) ? vector : -1);
}

int lapic_is_x2(const struct lapic *lapic)
{
	return (lapic->base & (APIC_BASE_ENABLE | APIC_BASE_EXTD)) == (APIC_BASE_ENABLE | APIC_BASE_EXTD);
}

int lapic_is_on(const struct lapic *lapic)
{
	return (lapic->base & APIC_BASE_ENABLE) != 0;
}

int lapic_takes_extint(const struct lapic *lapic)
{
	if (!lapic_is_on(lapic))
		return lapic->bsp;
	return (lapic->lvt[LVT_LINT0] & (LVT_MASKED | LVT_MODE)) == LVT_MODE_EXTINT;
}

void lapic_init(struct lapic *lapic)
{
	uint64_t base = lapic->base, tsc_offset = lapic->tsc_offset;
	uint32_t id = lapic->id;
	uint8_t bsp = lapic->bsp;

	*lapic = (struct lapic){
		.base = base,
		.tsc_offset = tsc_offset,
		.id = id,
		.bsp = bsp,
		.dfr = DFR_RESET,
		.svr = SVR_RESET,
	};
	for (int i = 0; i < LVT_COUNT; i++)
		lapic->lvt[i] = LVT_MASKED;
	lapic_timer_reset(lapic);
	update(lapic);
}

void lapic_reset(struct lapic *lapic, unsigned id)
{
	lapic->id = id;
	lapic->bsp = id == 0;
	lapic->tsc_offset = 0;
	lapic->base = LAPIC_DEFAULT_BASE | APIC_BASE_ENABLE | (lapic->bsp ? APIC_BASE_BSP : 0);
	lapic_init(lapic);
}

void lapic_raise_error(struct lapic *lapic, uint32_t bits)
{
	uint8_t vector = (uint8_t)lapic->lvt[LVT_ERROR];

	lapic->esr_pending |= bits;
	if (lapic->lvt[LVT_ERROR] & LVT_MASKED)
		return;
	if (vector < FIRST_VECTOR)
		lapic->esr_pending |= ESR_RECEIVE_ILLEGAL_VECTOR;
	else
		set_bit(&lapic->irr, vector);
	update(lapic);
}

void lapic_accept(struct lapic *lapic, uint8_t vector)
{
	if (!lapic_is_on(lapic) || !(lapic->svr & SVR_ENABLE))
		return;
	if (vector < FIRST_VECTOR) {
		lapic_raise_error(lapic, ESR_RECEIVE_ILLEGAL_VECTOR);
		return;
	}
	set_bit(&lapic->irr, vector);
	clear_bit(&lapic->tmr, vector);
	update(lapic);
}

uint8_t lapic_ack(struct lapic *lapic)
{
	uint8_t vector = (uint8_t)lapic->vector;

	clear_bit(&lapic->irr, vector);
	set_bit(&lapic->isr, vector);
	update(lapic);
	return vector;
}

void lapic_eoi(struct lapic *lapic)
{
	int serving = highest(&lapic->isr);

	if (serving < 0)
		return;
	clear_bit(&lapic->isr, (uint8_t)serving);
	update(lapic);
}

void lapic_set_tpr(struct lapic *lapic, uint8_t tpr)
{
	lapic->tpr = tpr;
	update(lapic);
}

static uint32_t bits_register(const struct lapic_bits *bits, unsigned index)
{
	return (uint32_t)(bits->word[index / 2] >> 32 * (index % 2));
}

/* "Logical x2APIC ID": cluster and a bit in it, from the ID. */
uint32_t lapic_logical_id(const struct lapic *lapic)
{
	return lapic_is_x2(lapic) ? lapic->id >> 4 << 16 | 1u << (lapic->id & 15) : lapic->ldr;
}

static uint32_t read_register(const struct lapic *lapic, unsigned reg, uint64_t now)
{
	switch (reg) {
	case LAPIC_ID:
		return lapic_is_x2(lapic) ? lapic->id : lapic->id << 24;
	case LAPIC_VERSION:
		return VERSION_VALUE;
	case LAPIC_TPR:
		return lapic->tpr;
	case LAPIC_PPR:
		return lapic_ppr(lapic);
	case LAPIC_LDR:
		return lapic_logical_id(lapic);
	case LAPIC_DFR:
		return lapic->dfr;
	case LAPIC_SVR:
		return lapic->svr;
	case LAPIC_ESR:
		return lapic->esr;
	case LAPIC_ICR:
		return lapic->icr_low;
	case LAPIC_ICR_HIGH:
		return lapic->icr_high;
	case LAPIC_TIMER_INITIAL:
		return lapic->timer_initial;
	case LAPIC_TIMER_CURRENT:
		return lapic_timer_current(lapic, now);
	case LAPIC_TIMER_DIVIDE:
		return lapic->timer_divide;
	case LAPIC_LVT_CMCI:
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
		return lapic->lvt[lvt_of(reg)];
	case LAPIC_ISR ... LAPIC_ISR + 7:
		return bits_register(&lapic->isr, reg - LAPIC_ISR);
	case LAPIC_TMR ... LAPIC_TMR + 7:
		return bits_register(&lapic->tmr, reg - LAPIC_TMR);
	case LAPIC_IRR ... LAPIC_IRR + 7:
		return bits_register(&lapic->irr, reg - LAPIC_IRR);
	default:
		return 0;
	}
}

uint32_t lapic_read(struct lapic *lapic, unsigned reg, uint64_t now)
{
	lapic_advance(lapic, now);
	if (reg >= 64 || !(rules[reg].access & X1)) {
		lapic_raise_error(lapic, ESR_ILLEGAL_REGISTER);
		return 0;
	}
	return rules[reg].access & R ? read_register(lapic, reg, now) : 0;
}

static void write_svr(struct lapic *lapic, uint32_t value)
{
	lapic->svr = value;
	if (value & SVR_ENABLE)
		return;
	/* "Local APIC State After It Has Been Software Disabled" */
	for (int i = 0; i < LVT_COUNT; i++)
		lapic->lvt[i] |= LVT_MASKED;
}

static void write_lvt(struct lapic *lapic, enum lapic_lvt entry, uint32_t value)
{
	if (!(lapic->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (entry == LVT_TIMER)
		lapic_timer_set_lvt(lapic, value);
	else
		lapic->lvt[entry] = value;
}

static enum lapic_effect write_register(struct lapic *lapic, unsigned reg, uint32_t value, uint64_t now)
{
	switch (reg) {
	case LAPIC_TPR:
		lapic_set_tpr(lapic, (uint8_t)value);
		break;
	case LAPIC_EOI:
		lapic_eoi(lapic);
		break;
	case LAPIC_LDR:
		lapic->ldr = value;
		break;
	case LAPIC_DFR:
		lapic->dfr = value | 0x0FFFFFFF;
		break;
	case LAPIC_SVR:
		write_svr(lapic, value);
		break;
	case LAPIC_ESR: /* "Error Handling": a write makes the errors since the last write visible */
		lapic->esr = lapic->esr_pending;
		lapic->esr_pending = 0;
		break;
	case LAPIC_ICR:
		lapic->icr_low = value;
		return LAPIC_SEND;
	case LAPIC_ICR_HIGH:
		lapic->icr_high = value;
		break;
	case LAPIC_TIMER_INITIAL:
		lapic_timer_set_initial(lapic, value, now);
		break;
	case LAPIC_TIMER_DIVIDE:
		lapic_timer_set_divide(lapic, value, now);
		break;
	case LAPIC_SELF_IPI:
		lapic_accept(lapic, (uint8_t)value);
		break;
	default:
		if (lvt_of(reg) != LVT_COUNT)
			write_lvt(lapic, lvt_of(reg), value);
	}
	return LAPIC_NOTHING;
}

enum lapic_effect lapic_write(struct lapic *lapic, unsigned reg, uint32_t value, uint64_t now)
{
	lapic_advance(lapic, now);
	if (reg >= 64 || !(rules[reg].access & X1)) {
		lapic_raise_error(lapic, ESR_ILLEGAL_REGISTER);
		return LAPIC_NOTHING;
	}
	if (!(rules[reg].access & W))
		return LAPIC_NOTHING;
	return write_register(lapic, reg, value & rules[reg].writable, now);
}

static int read_x2(struct lapic *lapic, unsigned reg, uint64_t *value, uint64_t now)
{
	if (!lapic_is_x2(lapic) || reg >= 64 || (rules[reg].access & (R | X2)) != (R | X2))
		return -EPERM;
	lapic_advance(lapic, now);
	*value = read_register(lapic, reg, now);
	if (reg == LAPIC_ICR)
		*value |= (uint64_t)lapic->icr_high << 32;
	return 0;
}

static int write_x2(struct lapic *lapic, unsigned reg, uint64_t value, uint64_t now,
		    enum lapic_effect *effect)
{
	const struct reg_rule *rule = &rules[reg & 63];

	if (!lapic_is_x2(lapic) || reg >= 64 || (rule->access & (W | X2)) != (W | X2) || rule->x2_read_only)
		return -EPERM;
	if ((reg == LAPIC_ICR ? (uint32_t)value : value) & ~(uint64_t)(rule->writable | rule->ignored))
		return -EPERM;
	lapic_advance(lapic, now);
	if (reg == LAPIC_ICR)
		lapic->icr_high = (uint32_t)(value >> 32);
	*effect = write_register(lapic, reg, (uint32_t)value & rule->writable, now);
	return 0;
}

/* "x2APIC State Transitions" */
static int write_base(struct lapic *lapic, uint64_t value, unsigned maxphyaddr)
{
	uint64_t address = maxphyaddr >= 52 ? 0xFFFFFFFFFF000 : ((1ull << maxphyaddr) - 1) & ~0xFFFull;
	uint64_t enable = value & APIC_BASE_ENABLE;
	uint64_t extd = value & APIC_BASE_EXTD;

	if (value & ~(address | APIC_BASE_ENABLE | APIC_BASE_EXTD | APIC_BASE_BSP))
		return -EPERM;
	if (extd && (!enable || !lapic_is_on(lapic)))
		return -EPERM;
	if (!extd && enable && lapic_is_x2(lapic))
		return -EPERM;
	if (!enable && lapic_is_on(lapic))
		lapic_init(lapic);
	else if (extd && !lapic_is_x2(lapic))
		lapic->icr_high = 0;
	lapic->base = value;
	return 0;
}

int lapic_rdmsr(struct lapic *lapic, uint32_t msr, uint64_t *value, uint64_t now)
{
	if (msr == MSR_IA32_APIC_BASE) {
		*value = lapic->base;
		return 0;
	}
	if (msr == MSR_IA32_TSC_DEADLINE) {
		lapic_advance(lapic, now);
		*value = lapic->tsc_deadline;
		return 0;
	}
	return read_x2(lapic, msr - MSR_X2APIC_FIRST, value, now);
}

int lapic_wrmsr(struct lapic *lapic, uint32_t msr, uint64_t value, uint64_t now, unsigned maxphyaddr,
		enum lapic_effect *effect)
{
	*effect = LAPIC_NOTHING;
	if (msr == MSR_IA32_APIC_BASE) {
		lapic_advance(lapic, now);
		return write_base(lapic, value, maxphyaddr);
	}
	if (msr == MSR_IA32_TSC_DEADLINE) {
		lapic_advance(lapic, now);
		lapic_timer_set_deadline(lapic, value, now);
		return 0;
	}
	return write_x2(lapic, msr - MSR_X2APIC_FIRST, value, now, effect);
}
