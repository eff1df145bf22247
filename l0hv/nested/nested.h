/* SPDX-License-Identifier: MIT */
/* VMX for L1: what the rest of L0 asks of it. */
#ifndef L0HV_NESTED_NESTED_H
#define L0HV_NESTED_NESTED_H

#include "l0hv/exits/exits.h"
#include "l0hv/vm/vm.h"

/* Give the vCPU VMX. -ENOMEM. Before vmcs01_init(). */
__attribute__((warn_unused_result)) int nested_create(struct vcpu *v);

/* State and VMCSs as nested_create() makes them, once more; what there was is poisoned and gone. -ENOMEM. */
__attribute__((warn_unused_result)) int nested_power_up(struct vcpu *v);

/* In VMX operation. v->nested is set. */
bool nested_vmxon(const struct vcpu *v);

/* An exit from L2: L0's own to handle, or L1's. */
void nested_exit(struct vcpu *v, uint32_t reason);

/*
 * The processor refused a control of vmcs02: true if L0 has mended what L1 or L2 changed in memory since L1's
 * entry, so that the entry can be tried again.
 */
bool nested_entry_mended(struct vcpu *v);

/* An interrupt or NMI is pending for the vCPU: true if it is in L2 and has just left it for L1, or L1 is to
 * be asked. False: inject it. */
bool nested_takes_interrupt(struct vcpu *v);
bool nested_takes_nmi(struct vcpu *v);

/* L2 in HLT would be woken at once, by a virtual interrupt or a window of L1's making. */
bool nested_hlt_ends(struct vcpu *v);

/* In L2 with init_pending or sipi_for_l2: the exit to L1, now or as soon as L2 may have one. */
void nested_take_init(struct vcpu *v);
void nested_take_sipi(struct vcpu *v);

/* In L2, an interrupt is an exit to L1 whatever L2's IF. */
bool nested_wakes(const struct vcpu *v);

/* L1's own TSC offset was changed: L2's, if it runs, and the next merge. */
void nested_tsc_changed(struct vcpu *v);

/* In L2: would L1's processor let L2 have this CR0 or CR4 in VMX operation? Bits that L1 masks are not L2's
 * to set. */
bool nested_fixed_ok(const struct vcpu *v, unsigned cr, uint64_t value);

/* What L0 owns of CR0 and CR4 in L2 (cr_owned) is not what it was. */
void nested_owned_bits_changed(struct vcpu *v);

/* Guest/host masks of vmcs12; in L2. */
uint64_t nested_cr0_mask(const struct vcpu *v);
uint64_t nested_cr4_mask(const struct vcpu *v);

/* L2-physical to L1-physical by EPT12; identity when L1 uses no EPT. access: EPT_R, EPT_W, EPT_X. -ENXIO:
 * EPT12 refuses: nested_reflect_refused(). Sets EPT12's flags. */
__attribute__((warn_unused_result)) int nested_l2_to_l1(struct vcpu *v, uint64_t l2_gpa, unsigned access,
							uint64_t *l1_gpa);

/*
 * L0 emulates for L2 and EPT12 refused an access: the exit that L1 then gets. False: there was none, or not
 * in L2.
 */
bool nested_reflect_refused(struct vcpu *v);

/*
 * L1's pages that the processor writes by physical address while L2 runs: host-physical, ~0 where there is
 * none, or a page that is none of L1's.
 */
#define NESTED_OWN_PAGES 2u
void nested_own_pages(const struct vcpu *v, uint64_t page[NESTED_OWN_PAGES]);

/*
 * vm->eptp changed, and EPT02 is to be composed of this table, which stays the caller's. ad: EPT02 has
 * accessed and dirty flags whatever EPT12 has. Any VMCS is current, before and after.
 */
void nested_ept01_replaced(struct vcpu *v, const struct ept *ept01, bool ad);
/* Faults of L2 are looked at as tracking needs it; for all VMs. */
void nested_tracking(bool on);

/* EPT01 lost or lowered a mapping; a watched page (vm_watch) was written. */
void nested_ept01_changed(struct vcpu *v);
void nested_page_written(struct vcpu *v, uint64_t gpa);

/* IA32_FEATURE_CONTROL and the capability MSRs of L1. -EPERM: #GP(0), as for a guest without VMX. */
int nested_rdmsr_feature(struct vcpu *v, uint32_t msr, uint64_t *value);
int nested_wrmsr_feature(struct vcpu *v, uint32_t msr, uint64_t value);
int nested_rdmsr_caps(struct vcpu *v, uint32_t msr, uint64_t *value);

/*
 * L0 has written an event of its own into vmcs02: what L1 last put into those fields is due again at its next
 * entry, though L1 has not changed it.
 */
void nested_event_written(struct vcpu *v);

#endif
