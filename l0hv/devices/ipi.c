/* SPDX-License-Identifier: MIT */
/* SDM, "Issuing Interprocessor Interrupts" and "Determining IPI Destination". */
#include "l0hv/devices/platform_impl.h"

#define ICR_LOGICAL     0x00800u
#define ICR_ASSERT      0x04000u
#define ICR_LEVEL       0x08000u
#define FIRST_VECTOR    16u
#define BROADCAST_XAPIC 0xFFu
#define BROADCAST_X2    0xFFFFFFFFu

enum delivery {
	DELIVER_FIXED,
	DELIVER_LOWEST,
	DELIVER_SMI,
	DELIVER_RESERVED,
	DELIVER_NMI,
	DELIVER_INIT,
	DELIVER_STARTUP,
	DELIVER_RESERVED2,
};

enum shorthand {
	TO_DESTINATION,
	TO_SELF,
	TO_ALL,
	TO_OTHERS,
};

struct ipi {
	unsigned from;
	enum delivery delivery;
	enum shorthand shorthand;
	uint8_t vector;
	int logical;
	int broadcast;
	uint32_t destination;
};

/* "Logical Destination Mode" of an xAPIC: flat or cluster model, as the DFR says. */
static int matches_flat_or_cluster(const struct lapic *target, uint32_t destination)
{
	uint32_t ldr = target->ldr >> 24;

	if (destination > 0xFF)
		return 0;
	if (target->dfr >> 28 == 0xF)
		return (ldr & destination) != 0;
	if (target->dfr >> 28 != 0)
		return 0;
	return (destination >> 4 == 0xF || destination >> 4 == ldr >> 4) && (destination & ldr & 0xF);
}

static int matches_destination(const struct lapic *target, const struct ipi *ipi)
{
	uint32_t logical_id;

	if (ipi->broadcast)
		return 1;
	if (!ipi->logical)
		return target->id == ipi->destination;
	if (!lapic_is_x2(target))
		return matches_flat_or_cluster(target, ipi->destination);
	logical_id = lapic_logical_id(target);
	return logical_id >> 16 == ipi->destination >> 16 && (logical_id & ipi->destination & 0xFFFF);
}

static int matches(const struct platform *p, unsigned vcpu, const struct ipi *ipi)
{
	const struct lapic *target = &p->vcpu[vcpu].lapic;

	if (!lapic_is_on(target))
		return 0;
	switch (ipi->shorthand) {
	case TO_SELF:
		return vcpu == ipi->from;
	case TO_ALL:
		return 1;
	case TO_OTHERS:
		return vcpu != ipi->from;
	case TO_DESTINATION:
	default:
		return matches_destination(target, ipi);
	}
}

/* The matching vCPU with the lowest priority, the first among equals; software-disabled ones don't count. */
static void deliver_lowest(struct platform *p, const struct ipi *ipi)
{
	struct lapic *best = 0;

	for (unsigned i = 0; i < p->vcpus; i++) {
		struct lapic *target = &p->vcpu[i].lapic;

		if (!matches(p, i, ipi) || !(target->svr & SVR_ENABLE))
			continue;
		if (!best || lapic_ppr(target) < lapic_ppr(best))
			best = target;
	}
	if (best)
		lapic_accept(best, ipi->vector);
}

static void deliver(struct platform *p, unsigned vcpu, const struct ipi *ipi)
{
	struct lapic *target = &p->vcpu[vcpu].lapic;

	switch (ipi->delivery) {
	case DELIVER_FIXED:
		lapic_accept(target, ipi->vector);
		break;
	case DELIVER_NMI:
		p->ops->nmi_vcpu(p->ctx, vcpu);
		break;
	case DELIVER_INIT:
		if (p->ops->init_vcpu(p->ctx, vcpu))
			lapic_init(target);
		break;
	case DELIVER_STARTUP:
		p->ops->start_vcpu(p->ctx, vcpu, ipi->vector);
		break;
	case DELIVER_LOWEST: /* deliver_lowest() */
	case DELIVER_SMI: /* no system-management mode */
	case DELIVER_RESERVED:
	case DELIVER_RESERVED2:
	default:
		break;
	}
}

static struct ipi decode(const struct lapic *sender, unsigned from)
{
	uint32_t low = sender->icr_low;
	struct ipi ipi = {
		.from = from,
		.delivery = (enum delivery)(low >> 8 & 7),
		.shorthand = (enum shorthand)(low >> 18 & 3),
		.vector = (uint8_t)low,
		.logical = (low & ICR_LOGICAL) != 0,
	};

	if (lapic_is_x2(sender)) {
		ipi.destination = sender->icr_high;
		ipi.broadcast = ipi.destination == BROADCAST_X2;
	} else {
		ipi.destination = sender->icr_high >> 24;
		ipi.broadcast = !ipi.logical && ipi.destination == BROADCAST_XAPIC;
	}
	return ipi;
}

void platform_send_ipi(struct platform *p, unsigned from)
{
	struct lapic *sender = &p->vcpu[from].lapic;
	struct ipi ipi = decode(sender, from);
	int vectored = ipi.delivery == DELIVER_FIXED || ipi.delivery == DELIVER_LOWEST;

	if (vectored && ipi.vector < FIRST_VECTOR) {
		lapic_raise_error(sender, ESR_SEND_ILLEGAL_VECTOR);
		return;
	}
	/* "INIT Level De-assert" only synchronizes arbitration IDs, which there are none of. */
	if (ipi.delivery == DELIVER_INIT && (sender->icr_low & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL)
		return;
	/* "Valid Combinations for the xAPIC Local Interrupt Command Register": the others are not sent. */
	if (ipi.delivery != DELIVER_FIXED && (ipi.shorthand == TO_SELF || ipi.shorthand == TO_ALL))
		return;
	if (ipi.delivery == DELIVER_LOWEST) {
		deliver_lowest(p, &ipi);
		return;
	}
	for (unsigned i = 0; i < p->vcpus; i++)
		if (matches(p, i, &ipi))
			deliver(p, i, &ipi);
}
