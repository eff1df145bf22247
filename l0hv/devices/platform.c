/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/platform.h"

#include <errno.h>
#include <string.h>

#include "l0hv/devices/platform_impl.h"
#include "nestbed/ports.h"

#define DEFAULT_TICKS_PER_SECOND 1000000000u
#define DEFAULT_MAXPHYADDR       36u
#define PIT_IRQ                  0u

void platform_init(struct platform *p, const struct platform_ops *ops, void *ctx, unsigned vcpus,
		   uint64_t ticks_per_second, uint64_t now)
{
	*p = (struct platform){
		.ops = ops,
		.ctx = ctx,
		.vcpus = vcpus < 1                    ? 1
			 : vcpus > PLATFORM_VCPUS_MAX ? PLATFORM_VCPUS_MAX
						      : vcpus,
		.maxphyaddr = DEFAULT_MAXPHYADDR,
		.ticks_per_second = ticks_per_second ? ticks_per_second : DEFAULT_TICKS_PER_SECOND,
	};
	for (unsigned i = 0; i < PLATFORM_VCPUS_MAX; i++) {
		lapic_reset(&p->vcpu[i].lapic, i);
		p->vcpu[i].pending = -1;
		p->vcpu[i].deadline = UINT64_MAX;
	}
	pic_reset(&p->pic);
	pit_reset(&p->pit, p->ticks_per_second, now);
	rtc_reset(&p->rtc, p->ticks_per_second, now);
	uart_reset(&p->uart);
	kbc_reset(&p->kbc);
	dma_reset(&p->dma);
	platform_refresh(p, PLATFORM_NO_VCPU);
}

void platform_virtual_wire(struct platform *p)
{
	struct lapic *bsp = &p->vcpu[0].lapic;

	bsp->svr = SVR_ENABLE | 0xFF;
	bsp->lvt[LVT_LINT0] = LVT_MODE_EXTINT;
	bsp->lvt[LVT_LINT1] = LVT_MODE_NMI;
	platform_refresh(p, PLATFORM_NO_VCPU);
}

void platform_set_memory(struct platform *p, uint64_t bytes)
{
	rtc_set_memory(&p->rtc, bytes);
}

void platform_sync_pit(struct platform *p, uint64_t now)
{
	if (now < p->pit.next_edge || !pit_take_edges(&p->pit, now))
		return;
	pic_set_line(&p->pic, PIT_IRQ, 0);
	pic_set_line(&p->pic, PIT_IRQ, 1);
}

static int pending_of(const struct platform *p, const struct lapic *lapic)
{
	if (p->pic.vector >= 0 && lapic_takes_extint(lapic))
		return p->pic.vector;
	return lapic_is_on(lapic) ? lapic->vector : -1;
}

static uint64_t deadline_of(const struct platform *p, const struct lapic *lapic)
{
	uint64_t deadline = lapic_deadline(lapic);

	if (p->pit.next_edge < deadline && lapic_takes_extint(lapic) && pic_listens(&p->pic, PIT_IRQ))
		return p->pit.next_edge;
	return deadline;
}

static void recompute(struct platform *p, unsigned vcpu, int kick)
{
	struct platform_vcpu *v = &p->vcpu[vcpu];
	int before = v->pending;

	v->pending = pending_of(p, &v->lapic);
	v->deadline = deadline_of(p, &v->lapic);
	if (v->pending >= 0 && before < 0 && kick)
		p->ops->kick_vcpu(p->ctx, vcpu);
}

static void find_next_event(struct platform *p)
{
	p->next_event = UINT64_MAX;
	for (unsigned i = 0; i < p->vcpus; i++)
		if (p->vcpu[i].deadline < p->next_event)
			p->next_event = p->vcpu[i].deadline;
}

void platform_refresh_vcpu(struct platform *p, unsigned vcpu, unsigned acting)
{
	recompute(p, vcpu, vcpu != acting);
	find_next_event(p);
}

void platform_refresh(struct platform *p, unsigned acting)
{
	for (unsigned i = 0; i < p->vcpus; i++)
		recompute(p, i, i != acting);
	find_next_event(p);
}

void platform_advance_slow(struct platform *p, uint64_t now)
{
	platform_sync_pit(p, now);
	for (unsigned i = 0; i < p->vcpus; i++)
		lapic_advance(&p->vcpu[i].lapic, now);
	platform_refresh(p, PLATFORM_NO_VCPU);
}

int platform_interrupt_ack(struct platform *p, unsigned vcpu)
{
	struct lapic *lapic;
	int vector;

	if (vcpu >= p->vcpus || p->vcpu[vcpu].pending < 0)
		return -1;
	lapic = &p->vcpu[vcpu].lapic;
	if (p->pic.vector >= 0 && lapic_takes_extint(lapic)) {
		vector = pic_ack(&p->pic);
		platform_refresh(p, vcpu);
	} else {
		vector = lapic_ack(lapic);
		platform_refresh_vcpu(p, vcpu, vcpu);
	}
	return vector;
}

/* What an access to the local APIC's registers may have changed. */
static void after_lapic_write(struct platform *p, unsigned vcpu, enum lapic_effect effect)
{
	if (effect == LAPIC_SEND) {
		platform_send_ipi(p, vcpu);
		platform_refresh(p, vcpu);
	} else {
		platform_refresh_vcpu(p, vcpu, vcpu);
	}
}

uint64_t platform_apic_page(const struct platform *p, unsigned vcpu)
{
	const struct lapic *lapic;

	if (vcpu >= p->vcpus)
		return UINT64_MAX;
	lapic = &p->vcpu[vcpu].lapic;
	if (!lapic_is_on(lapic) || lapic_is_x2(lapic))
		return UINT64_MAX;
	return lapic->base & ~0xFFFull;
}

static uint64_t ones(unsigned size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

static int valid_mmio_size(unsigned size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Its bytes, or NULL: the VM hasn't it, or the access isn't wholly inside. */
static uint8_t *scratch_at(const struct platform *p, uint64_t gpa, unsigned size)
{
	uint64_t offset = gpa - NB_MMIO_SCRATCH;

	if (!p->scratch || gpa < NB_MMIO_SCRATCH || offset > NB_MMIO_SCRATCH_SIZE - size)
		return NULL;
	return p->scratch + offset;
}

/* Offset in a page-sized device at `page`; UINT64_MAX when the access isn't wholly inside. */
static uint64_t offset_in(uint64_t page, uint64_t gpa, unsigned size)
{
	uint64_t offset = gpa - page;

	return gpa >= page && offset <= LAPIC_PAGE_SIZE - size ? offset : UINT64_MAX;
}

/*
 * "Local APIC registers are 32 bits wide at 16-byte boundaries"; the 12 bytes behind one read as zero. An
 * access that isn't such a load is undefined: here it gets the bytes that lie there.
 */
static uint64_t read_lapic_page(struct lapic *lapic, uint64_t offset, unsigned size, uint64_t now)
{
	unsigned within = (unsigned)offset & 15;
	uint64_t value;

	if (within >= 4)
		return 0;
	value = lapic_read(lapic, (unsigned)(offset >> 4), now);
	return value >> 8 * within & ones(size);
}

static uint64_t read_dma(const struct platform *p, uint64_t gpa, unsigned size)
{
	return size == 8 ? dma_read(&p->dma, offset_in(NB_MMIO_WRITER, gpa, size)) : ones(size);
}

uint64_t platform_mmio_read(struct platform *p, unsigned vcpu, uint64_t gpa, unsigned size, uint64_t now)
{
	uint64_t apic = platform_apic_page(p, vcpu);
	uint64_t offset, value;
	const uint8_t *bytes;

	if (!valid_mmio_size(size) || vcpu >= p->vcpus)
		return UINT64_MAX;
	offset = apic == UINT64_MAX ? UINT64_MAX : offset_in(apic, gpa, size);
	if (offset != UINT64_MAX) {
		value = read_lapic_page(&p->vcpu[vcpu].lapic, offset, size, now);
		platform_refresh_vcpu(p, vcpu, vcpu);
		return value;
	}
	offset = offset_in(NB_MMIO_DOORBELL, gpa, size);
	if (offset == 0 && size <= 4)
		return p->doorbell_mmio & ones(size);
	bytes = scratch_at(p, gpa, size);
	if (!bytes)
		return p->scratch ? read_dma(p, gpa, size) : ones(size);
	value = 0;
	memcpy(&value, bytes, size);
	return value;
}

/* Not inlined: it would cost every access of the local APIC and the doorbell registers to save. */
static __attribute__((noinline)) void write_dma(struct platform *p, uint64_t gpa, unsigned size,
						uint64_t value, uint64_t now)
{
	if (size == 8 && dma_write(&p->dma, offset_in(NB_MMIO_WRITER, gpa, size), value, now))
		p->ops->late_write_asked(p->ctx);
}

void platform_mmio_write(struct platform *p, unsigned vcpu, uint64_t gpa, unsigned size, uint64_t value,
			 uint64_t now)
{
	uint64_t apic = platform_apic_page(p, vcpu);
	uint64_t offset;
	uint8_t *bytes;

	if (!valid_mmio_size(size) || vcpu >= p->vcpus)
		return;
	offset = apic == UINT64_MAX ? UINT64_MAX : offset_in(apic, gpa, size);
	if (offset != UINT64_MAX) {
		if (offset & 15 || size < 4)
			return; /* undefined: dropped */
		platform_sync_pit(p, now);
		after_lapic_write(
			p, vcpu,
			lapic_write(&p->vcpu[vcpu].lapic, (unsigned)(offset >> 4), (uint32_t)value, now));
		return;
	}
	offset = offset_in(NB_MMIO_DOORBELL, gpa, size);
	if (offset == 0 && size <= 4)
		p->doorbell_mmio = (uint32_t)(value & ones(size));
	bytes = scratch_at(p, gpa, size);
	if (bytes)
		memcpy(bytes, &value, size);
	else if (gpa >= NB_MMIO_WRITER && p->scratch)
		write_dma(p, gpa, size, value, now);
}

void platform_drain(struct platform *p)
{
	struct dma *d = &p->dma;

	if (d->state != NB_WRITER_PENDING)
		return;
	d->due = UINT64_MAX;
	d->state = p->ops->late_write(p->ctx, d->address, &d->value, sizeof(d->value)) ? NB_WRITER_FAILED
										       : NB_WRITER_DONE;
}

void platform_run_late(struct platform *p, uint64_t now)
{
	if (now >= p->dma.due)
		platform_drain(p);
}

static int is_apic_msr(uint32_t msr)
{
	return msr == MSR_IA32_APIC_BASE || msr == MSR_IA32_TSC_DEADLINE ||
	       (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

int platform_rdmsr(struct platform *p, unsigned vcpu, uint32_t msr, uint64_t *value, uint64_t now)
{
	int err;

	if (vcpu >= p->vcpus || !is_apic_msr(msr))
		return -ENOENT;
	err = lapic_rdmsr(&p->vcpu[vcpu].lapic, msr, value, now);
	platform_refresh_vcpu(p, vcpu, vcpu);
	return err;
}

int platform_wrmsr(struct platform *p, unsigned vcpu, uint32_t msr, uint64_t value, uint64_t now)
{
	enum lapic_effect effect;
	int err;

	if (vcpu >= p->vcpus || !is_apic_msr(msr))
		return -ENOENT;
	platform_sync_pit(p, now);
	err = lapic_wrmsr(&p->vcpu[vcpu].lapic, msr, value, now, p->maxphyaddr, &effect);
	after_lapic_write(p, vcpu, effect);
	return err;
}

void platform_set_tsc_offset(struct platform *p, unsigned vcpu, uint64_t offset, uint64_t now)
{
	if (vcpu >= p->vcpus)
		return;
	lapic_set_tsc_offset(&p->vcpu[vcpu].lapic, offset, now);
	platform_refresh_vcpu(p, vcpu, PLATFORM_NO_VCPU);
}

void platform_init_vcpu(struct platform *p, unsigned vcpu)
{
	if (vcpu >= p->vcpus || !p->ops->init_vcpu(p->ctx, vcpu))
		return;
	lapic_init(&p->vcpu[vcpu].lapic);
	platform_refresh_vcpu(p, vcpu, vcpu);
}

uint64_t platform_cr8_get(const struct platform *p, unsigned vcpu)
{
	return vcpu < p->vcpus ? p->vcpu[vcpu].lapic.tpr >> 4 : 0;
}

void platform_cr8_set(struct platform *p, unsigned vcpu, uint64_t value)
{
	if (vcpu >= p->vcpus)
		return;
	/* "CR8 and the local APIC TPR": bits 7:4 of the TPR, bits 3:0 become 0. */
	lapic_set_tpr(&p->vcpu[vcpu].lapic, (uint8_t)((value & 15) << 4));
	platform_refresh_vcpu(p, vcpu, vcpu);
}

uint8_t platform_get_tpr(const struct platform *p, unsigned vcpu)
{
	return vcpu < p->vcpus ? p->vcpu[vcpu].lapic.tpr : 0;
}
