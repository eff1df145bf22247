/* SPDX-License-Identifier: MIT */
/* A virtual machine of L0 and its vCPUs. */
#ifndef L0HV_VM_VM_H
#define L0HV_VM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/config.h"
#include "l0hv/devices/mtrr.h"
#include "l0hv/devices/platform.h"
#include "l0hv/exits/guest_cpu.h"
#include "l0hv/mm/ept.h"
#include "l0hv/record/account.h"

struct bundle;
struct nested;
struct rounds;
struct track;
struct vcpu;

#define NEVER          UINT64_MAX
#define VM_WATCHES_MAX 64u
#define OUTPUT_BUFFER  1024u
#define DR6_RESET      0xFFFF0FF0ull

/* A VMCS in L0's memory, and what L0 remembers of what it holds. */
struct vmcs_region {
	uint64_t pa;
	uint32_t pin_ctls, cpu_ctls;
	uint8_t launched; /* VMRESUME instead of VMLAUNCH */
	uint8_t activity; /* activity state */
	bool window_open, nmi_window_open; /* opened by L0 for an event of its own */
	bool timer_on; /* the preemption timer is on */
	bool nmi_handled; /* vmcs01: an NMI was given to L1, whose IRET has not been seen */
};

/* State that neither the VMCS nor the exit path switches, because L0 itself does not use it: only swapped
 * between vCPUs. */
struct vcpu_rest {
	uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
	uint64_t dr[4], dr6;
	uint64_t cr2;
	uint64_t xcr0;
	uint8_t *fpu; /* XSAVE area, 64-byte aligned */
};

enum vcpu_state { VCPU_RUNNING, VCPU_HALTED, VCPU_WAIT_SIPI, VCPU_STOPPED };

struct vcpu {
	uint64_t gpr[16]; /* RAX RCX RDX RBX - RBP RSI RDI R8..R15; first: switch.S pushes it. RSP is in the
			     VMCS */
	uint8_t launched; /* switch.S: of the current VMCS */

	bool in_l2; /* the current VMCS is vmcs02 */
	union { /* what the next entry has to see to; the usual one has nothing */
		struct {
			bool event_valid; /* event_* is to be injected */
			uint8_t nmis_pending; /* 0 to 2: one to be handled, one that waits meanwhile */
			bool init_pending; /* INIT came in VMX operation: L2's exit, or waits for VMXOFF */
			bool sipi_for_l2; /* SIPI with sipi_vector came while L2 waits for one */
			bool exit_soon; /* after the event, before the guest's next instruction */
			bool flush_ept, flush_vpid; /* INVEPT, INVVPID is due */
		};
		uint64_t attention;
	};
	bool fpu_used; /* the guest does not know of the FPU, and has used it (l0hv/exits/cr.c) */
	bool event_raised; /* by L0's emulation: at L2, L1 may want it */
	uint8_t state; /* enum vcpu_state */
	bool halted_open; /* HALTED: an interrupt wakes it (else only an NMI) */
	bool sipi_pending; /* start in real mode at sipi_vector when switched to */
	uint8_t sipi_vector;
	unsigned id;

	struct vm *vm;
	struct vmcs_region *vmcs; /* current: &vmcs01 or the nested vmcs02 */
	struct vmcs_region vmcs01;
	uint32_t reason; /* basic reason of the exit being handled */
	uint64_t now; /* TSC at it */
	uint64_t phase_ticks; /* of this exit, in phases that have ended */
	uint64_t entered_at; /* TSC at the last entry */
	uint64_t slice_end; /* TSC; NEVER when nobody else wants the processor */
	uint64_t own_deadline; /* TSC at which L0 itself wants it back: slice_end or the limit */
	uint64_t l2_due; /* TSC at which L1's preemption timer ends; NEVER outside L2 and without it */
	struct platform_vcpu *devices; /* its part of the VM's platform */
	struct cpuid_table *cpuid; /* l0hv/exits/cpuid.c */

	uint32_t event_info, event_error, event_length; /* as the VM-entry fields want them */
	uint64_t event_cr2; /* of a #PF that was raised */
	uint32_t cpu_ctls01, pin_ctls01; /* vmcs01's without windows and timer */
	uint16_t vpid;
	uint64_t tsc_offset; /* L1's TSC is the processor's plus this */

	/* Without unrestricted guest, while the guest has paging off (l0hv/exits/cr.c) */
	bool unpaged; /* the processor pages by an identity table, the guest believes it doesn't */
	uint64_t unpaged_cr3, unpaged_efer; /* as the guest wrote them meanwhile */

	struct vcpu_rest rest;
	struct mtrr mtrr;
	uint64_t misc_enable, tsc_adjust; /* IA32_MISC_ENABLE, IA32_TSC_ADJUST */
	struct account account;
	struct account *account_then; /* at the beginning of the window; NULL: none yet */
	uint32_t account_mark;
	uint8_t account_after; /* ACCOUNT_*: what there is to do once an exit has been accounted; usually
				  nothing */
	struct nested *nested; /* NULL: no VMX for this guest */
	struct vcpu *next; /* ring of all vCPUs of the machine */
};

/* As record.proto's Stop.Cause */
enum vm_stop_cause {
	STOP_SHUTDOWN,
	STOP_TRIPLE_FAULT,
	STOP_UNEXPECTED_EXIT,
	STOP_BAD_GUEST_STATE,
	STOP_NO_PROGRESS,
	STOP_LIMIT,
	STOP_UNSUPPORTED,
	STOP_BAD_ACCESS,
};

struct output {
	uint16_t length;
	uint8_t bytes[OUTPUT_BUFFER];
};

struct vm {
	const struct vm_config *config;
	bool stopped;
	union { /* sched_next() has something to see to */
		struct {
			bool stop_asked; /* the shutdown port was written: stop after this exit */
			bool renew_asked; /* migrate.renew (l0hv/migrate/state.h) */
			bool move_asked; /* l0hv/migrate/move.h */
		};
		uint32_t asked;
	};
	bool renew_filled; /* the last exit was for EPT02 to be filled */
	uint32_t renew_exits; /* since the last renewal */
	uint64_t ram; /* physical address of guest-physical 0; contiguous */
	uint64_t ram_bytes;
	uint64_t made_at; /* TSC; its time begins with its first instruction (sched_start()) */
	struct ept ept;
	uint64_t eptp;
	uint64_t identity_page; /* page table of unpaged guests without unrestricted guest (l0hv/exits/cr.c);
				   0: none */
	struct platform platform;
	unsigned vcpu_count;
	struct vcpu *vcpu[CONFIG_VCPUS_MAX];
	uint64_t watch[VM_WATCHES_MAX]; /* guest-physical pages write-protected by vm_watch() */
	union { /* what vm_write() has to see to; usually nothing */
		struct {
			uint32_t watch_count;
			uint32_t tracked; /* l0hv/migrate/track.h */
		};
		uint64_t write_hooks;
	};
	struct track *track; /* NULL: never tracked */
	struct rounds *rounds; /* l0hv/migrate/rounds.h; NULL: none */
	struct output output[2]; /* per enum platform_channel, not sent yet */
	struct guest_cpu cpu;
};

/* Make a VM of its configuration: memory, EPT, devices, vCPUs; load its kernel and modules. bundle NULL: all
 * that it holds is to come from elsewhere, its memory is zeros. 0, or a negative errno with *why a sentence;
 * of -EPERM cpu_reasons tells more. cpu: NULL: this host. */
__attribute__((warn_unused_result)) int vm_create(const struct vm_config *config,
						  const struct cpu_policy *cpu, const struct bundle *bundle,
						  struct vm **vm, const char **why);

/* Stop a VM for good and report it. The text may hold what the guest did; dump adds the vCPU's state. */
void vm_stop(struct vcpu *v, enum vm_stop_cause cause, bool dump, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* What devices are to write to memory later is written now. */
void vm_drain_devices(struct vm *vm);
/* Send what the guest has printed. */
void vm_flush_output(struct vm *vm);

/* Guest-physical memory as L0 sees it; NULL where [gpa, gpa + n) is not wholly RAM of this VM. For reading.
 */
static inline void *vm_memory(const struct vm *vm, uint64_t gpa, uint64_t n)
{
	if (gpa >= vm->ram_bytes || n > vm->ram_bytes - gpa)
		return NULL;
	return (void *)(uintptr_t)(vm->ram + gpa);
}
/* Write to RAM, with regard to watches. -EFAULT outside RAM. */
__attribute__((warn_unused_result)) int vm_write(struct vm *vm, uint64_t gpa, const void *from, uint64_t n);

/*
 * Watch a page: the guest's next write to it, at any level, or L0's on its behalf, ends the watch and tells
 * nested VMX that what it keeps of the page is old. -EFAULT outside RAM; -ENOSPC: no memory to split its
 * mapping. Where there are too many, the oldest ends as if its page had been written.
 */
__attribute__((warn_unused_result)) int vm_watch(struct vm *vm, uint64_t gpa);
/* A write hit gpa's page. False: it was not watched. */
bool vm_watch_hit(struct vm *vm, uint64_t gpa);
/* vm_watch_hit(), or what tracking puts before it. Not of the VM: it would cost an instruction more. */
extern bool (*vm_write_hit)(struct vm *vm, uint64_t gpa);
/* The same for the write of an EPT violation that is being handled. */
extern bool (*vm_fault_hit)(struct vm *vm, uint64_t gpa);
/* All watches end as if their pages had been written. */
void vm_watches_end(struct vm *vm);
/* EPT01 lost or lowered a mapping, if vm->ept.stale: have it flushed before the next entry. */
void vm_ept01_lowered(struct vm *vm);

/* VMXOFF: an INIT that VMX operation had blocked takes effect. */
void vm_unblock_init(struct vcpu *v);

/* A border of a phase: two instructions unless record.phases is on. */
static inline void account_phase(struct vcpu *v, enum account_phase phase)
{
	if (__builtin_expect(v->account_after, 0) && v->account_after & ACCOUNT_PHASED)
		account_phase_ends(v, phase);
}

extern const struct ept_mem l0_ept_mem;
extern struct ept_caps l0_ept_caps;

#endif
