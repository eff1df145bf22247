/* SPDX-License-Identifier: MIT */
/*
 * The devices a VM sees, as one state machine. No VMX, no allocation, no globals; time is a parameter
 * in ticks that never runs backwards. Every access of a guest is safe, whatever its port, address, size
 * and value; what isn't there reads as all ones and swallows writes.
 *
 *   0x20 0x21 0xA0 0xA1 0x4D0 0x4D1  PIC pair (pic.h)
 *   0x40-0x43 0x61                   PIT (pit.h)
 *   0x70 0x71                        RTC, CMOS (rtc.h)
 *   0x60 0x64                        keyboard controller, without a keyboard (kbc.h)
 *   0x92 0xCF9                       reset, A20 (always on)
 *   0x3F8-0x3FF                      COM1 (uart.h), IRQ 4
 *   0xE9, 0x8900, mark, doorbell     include/nestbed/ports.h
 *   IA32_APIC_BASE's page            local APIC (lapic.h), per vCPU
 *   NB_MMIO_DOORBELL                 doorbell
 *   NB_MMIO_SCRATCH, NB_MMIO_WRITER  scratch device, where the VM has it (dma.h)
 *
 * A PIC interrupt reaches a vCPU by its APIC's LINT0 in ExtINT mode ("virtual wire"), and vCPU 0 also
 * while its APIC is globally disabled. After reset every LVT is masked, as the SDM says; firmware would
 * open LINT0 on the first processor: platform_virtual_wire() does, for kernels that expect a PC after BIOS.
 * An ExtINT goes before the APIC's own interrupts: it has no priority class to compare.
 */
#ifndef L0HV_DEVICES_PLATFORM_H
#define L0HV_DEVICES_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#include "l0hv/devices/dma.h"
#include "l0hv/devices/kbc.h"
#include "l0hv/devices/lapic.h"
#include "l0hv/devices/pic.h"
#include "l0hv/devices/pit.h"
#include "l0hv/devices/rtc.h"
#include "l0hv/devices/uart.h"

#define PLATFORM_VCPUS_MAX 8u
#define PLATFORM_NO_VCPU   (~0u)

enum platform_channel {
	PLATFORM_CONSOLE, /* port 0xE9 */
	PLATFORM_COM1,
};

/*
 * What the devices ask of the VM. Every member must be set. Called from inside a platform function:
 * they must not call back into it for the same platform.
 */
struct platform_ops {
	void (*output)(void *ctx, enum platform_channel channel, const uint8_t *data, size_t n);
	void (*shutdown)(void *ctx); /* the guest wrote NB_SHUTDOWN_WORD */
	void (*reset)(void *ctx); /* the guest asked for a reset of the machine */
	void (*mark)(void *ctx, unsigned vcpu, uint32_t value); /* NB_PORT_MARK */
	/* INIT. Nonzero: it takes effect, and the local APIC is reset too. 0: the processor blocks it. */
	int (*init_vcpu)(void *ctx, unsigned vcpu);
	void (*start_vcpu)(void *ctx, unsigned vcpu,
			   uint8_t vector); /* SIPI; ignore unless it waits for one */
	void (*nmi_vcpu)(void *ctx, unsigned vcpu);
	void (*kick_vcpu)(void *ctx, unsigned vcpu); /* became pending for a vCPU other than the acting one */
	/* Only of a VM with a scratch device: a write to its memory; 0, or -EFAULT outside RAM. */
	int (*late_write)(void *ctx, uint64_t gpa, const void *from, size_t n);
	/* dma.due has changed: platform_run_late() is to be called at that tick. */
	void (*late_write_waits)(void *ctx);
	void (*late_write_asked)(void *ctx); /* the same, as the guest has just asked for it */
};

struct platform_vcpu {
	struct lapic lapic;
	uint64_t deadline; /* cached, see platform_deadline() */
	int pending; /* cached, see platform_interrupt_pending() */
};

struct platform {
	const struct platform_ops *ops;
	void *ctx;
	unsigned vcpus;
	unsigned maxphyaddr; /* of IA32_APIC_BASE; 36 after init, the owner may set it */
	uint64_t ticks_per_second;
	uint64_t next_event; /* lowest deadline of all vCPUs */
	struct platform_vcpu vcpu[PLATFORM_VCPUS_MAX];
	struct pic pic;
	struct pit pit;
	struct rtc rtc;
	struct kbc kbc;
	struct uart uart;
	uint8_t *scratch; /* NB_MMIO_SCRATCH_SIZE bytes, or NULL: the VM has none; the owner sets it after
			     init */
	struct dma dma;
	uint32_t doorbell_port, doorbell_mmio; /* written last */
	uint8_t shutdown_matched; /* letters of NB_SHUTDOWN_WORD seen */
	uint8_t reset_control; /* port 0xCF9 */
};

/* vcpus: 1 to PLATFORM_VCPUS_MAX (clamped). ticks_per_second: 0 means 10^9. */
void platform_init(struct platform *p, const struct platform_ops *ops, void *ctx, unsigned vcpus,
		   uint64_t ticks_per_second, uint64_t now);
/* As firmware leaves it: vCPU 0's APIC software-enabled, LINT0 ExtINT, LINT1 NMI. */
void platform_virtual_wire(struct platform *p);
/* What CMOS says about RAM. */
void platform_set_memory(struct platform *p, uint64_t bytes);

/* size: 1, 2 or 4; others read as all ones. The answer is in the low `size` bytes, the rest is zero. */
uint32_t platform_pio_read(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint64_t now);
void platform_pio_write(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint32_t value,
			uint64_t now);

/* size: 1, 2, 4 or 8, as above; an access that leaves its device's page is to nothing. */
uint64_t platform_mmio_read(struct platform *p, unsigned vcpu, uint64_t gpa, unsigned size, uint64_t now);
void platform_mmio_write(struct platform *p, unsigned vcpu, uint64_t gpa, unsigned size, uint64_t value,
			 uint64_t now);
/* Page of this vCPU's xAPIC, which must not be RAM in its EPT; UINT64_MAX: none (disabled, x2APIC). */
uint64_t platform_apic_page(const struct platform *p, unsigned vcpu);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE, 0x800-0x8FF. 0; -ENOENT: not ours; -EPERM: #GP(0). */
__attribute__((warn_unused_result)) int platform_rdmsr(struct platform *p, unsigned vcpu, uint32_t msr,
						       uint64_t *value, uint64_t now);
__attribute__((warn_unused_result)) int platform_wrmsr(struct platform *p, unsigned vcpu, uint32_t msr,
						       uint64_t value, uint64_t now);
/* The guest's TSC is the tick plus this, for IA32_TSC_DEADLINE. 0 after init. */
void platform_set_tsc_offset(struct platform *p, unsigned vcpu, uint64_t offset, uint64_t now);

/* INIT to this vCPU, as from another one's ICR: for one that was blocked and no longer is. */
void platform_init_vcpu(struct platform *p, unsigned vcpu);

uint64_t platform_cr8_get(const struct platform *p, unsigned vcpu);
void platform_cr8_set(struct platform *p, unsigned vcpu, uint64_t value); /* bits 3:0; the rest is L0's #GP */
uint8_t platform_get_tpr(const struct platform *p, unsigned vcpu);

/* Run what expired by `now`. Cheap when nothing did. */
void platform_advance_slow(struct platform *p, uint64_t now);
static inline void platform_advance(struct platform *p, uint64_t now)
{
	if (now >= p->next_event)
		platform_advance_slow(p, now);
}

/* What devices are to write to memory: what is due; all at once, as if it were. */
void platform_run_late(struct platform *p, uint64_t now);
void platform_drain(struct platform *p);

/* Absolute tick of the next event that can interrupt this vCPU; UINT64_MAX: none. vcpu must be in range. */
static inline uint64_t platform_deadline(const struct platform *p, unsigned vcpu)
{
	return p->vcpu[vcpu].deadline;
}

/* Vector that would be delivered now, -1: none. vcpu must be in range. */
static inline int platform_interrupt_pending(const struct platform *p, unsigned vcpu)
{
	return p->vcpu[vcpu].pending;
}

/* Takes it: IRR to ISR, or the PIC's INTA cycle. -1 when none is pending. */
int platform_interrupt_ack(struct platform *p, unsigned vcpu);

#endif
