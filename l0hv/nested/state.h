/* SPDX-License-Identifier: MIT */
/* Nested VMX inside: state of one vCPU and what the files of this folder ask of each other. */
#ifndef L0HV_NESTED_STATE_H
#define L0HV_NESTED_STATE_H

#include "l0hv/nested/ept02.h"
#include "l0hv/nested/nested.h"
#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"

/* IA32_FEATURE_CONTROL */
#define FEATURE_LOCK  0x1ull
#define FEATURE_VMXON 0x4ull /* outside SMX operation */

#define NO_VMCS12       UINT64_MAX
#define HOST_FIELDS_MAX 64u

/*
 * A VMCS region in L1's memory: first what the SDM says ("Format of the VMCS Region"), then ours. It is read
 * at VMPTRLD and written when another VMCS becomes current or at VMCLEAR; between them L0 trusts only its own
 * copy.
 */
struct vmcs12_region {
	uint32_t revision;
	uint32_t abort;
	uint32_t launched;
	uint32_t reserved;
	uint64_t field[VMCS_FIELD_COUNT];
};
_Static_assert(sizeof(struct vmcs12_region) <= NESTBED_VMCS_SIZE, "fits into the region that L1 is told of");
_Static_assert(offsetof(struct vmcs12_region, field) == 16, "vmcs12 layout");

/* What a VMREAD or VMWRITE of L1 has to know of a field. */
enum {
	FIELD_READ_ONLY = 1,
	FIELD_FOLLOWED = 2, /* something is kept that was made of it: vmcs12_written() */
	FIELD_LAZY = 4, /* vmcs02 alone may have it: vmcs12_sync() */
};
struct l1_field {
	uint8_t number; /* F_* + 1; 0: L1's VMCS has no such field */
	uint8_t flags;
};

struct field_value {
	uint32_t field;
	uint64_t value;
};

struct exit_info { /* for the exit-information fields of vmcs12 */
	uint32_t reason, intr_info, intr_error, instr_length, instr_info;
	uint64_t qualification, guest_linear, guest_physical;
};

struct nested {
	struct vmx_caps caps; /* what L1 is offered */
	struct vmcs_bitset fields; /* that its VMCS has */
	struct l1_field field[VMCS_KEYS + 1]; /* by vmcs_encoding_key(); the last one is none */
	uint64_t feature_control; /* IA32_FEATURE_CONTROL */
	bool vmxon;
	bool ran; /* vmcs02, since L1's VM entry: its exit information is of this time */
	bool was_launched; /* before the last entry */
	bool launched; /* launch state of the current vmcs12 */
	bool current_is_shadow; /* it is a shadow VMCS: not to be entered */
	bool merged; /* vmcs02 is a merge of the current vmcs12 */
	bool shadowing; /* VMCS shadowing is used for this vCPU */
	bool msr_bitmap_stale; /* L1's MSR bitmap was written, or is another one */
	bool tsc01_stale; /* vmcs01's TSC offset was changed while vmcs02 was current */
	bool nmi_blocked; /* L1 was blocked by NMI at its VM entry */
	bool host_stale; /* host_load was made from older host fields */
	uint8_t lazy_end; /* vmcs02 alone has vmcs_saved_fields from vmcs_saved_often up to here; 0: v12 has
			     all */
	uint32_t checks_due; /* groups of VM-entry checks */
	uint64_t vmxon_gpa;
	uint64_t current; /* guest-physical address of the current vmcs12; NO_VMCS12 */

	struct vmcs_image v12, v02, v01; /* v02: as last merged */
	struct vmcs_bitset dirty; /* fields of v12 written since the last merge */
	struct vmcs_region vmcs02, shadow;
	uint64_t vmread_bitmap, vmwrite_bitmap; /* pages */
	struct vmcs_bitset shadow_readable; /* by L1 without an exit */
	uint8_t shadow_written[VMCS_FIELD_COUNT]; /* those that it may write so */
	unsigned shadow_written_count;
	uint64_t msr_bitmap02; /* page */
	uint64_t no_apic; /* page that stands for a virtual-APIC page outside L1's memory */
	uint64_t apic_access; /* likewise for an APIC-access page */
	uint64_t msr_bitmap12; /* guest-physical page that msr_bitmap02 was merged from and that is watched */
	uint16_t vpid02, vpid12_last;
	struct ept02 ept02;
	uint8_t svi_seen; /* apic_mend_vectoring() */
	bool composed; /* vmcs02 has an EPT02, not EPT01 */
	struct exit_info refused; /* of the last access that L0 made for L2 */

	struct merge_policy policy;
	struct merge_input in;

	struct field_value host_load[HOST_FIELDS_MAX]; /* of vmcs01 at an exit to L1 */
	unsigned host_count;
};

/* insn.c, operand.c */
/* Linear address of the memory operand that the VM-exit instruction-information field tells of. 0; -EFAULT:
 * #GP or #SS is pending. */
__attribute__((warn_unused_result)) int operand_address(struct vcpu *v, uint64_t info, unsigned bytes,
							bool write, uint64_t *linear);

/* vmcs12.c: the current VMCS of L1 */
/* The first 4 bytes of a region, as the processor would read them: no RAM reads as all ones. */
uint32_t vmcs12_revision_at(const struct vcpu *v, uint64_t gpa);
void vmcs12_load(struct vcpu *v, uint64_t gpa); /* gpa was checked */
void vmcs12_flush(struct vcpu *v);
/* v12 gets what vmcs02 alone has (vmcs_merge/lazy.h). The same VMCS is current after it. */
void vmcs12_sync(struct vcpu *v);
/* L1 wrote a field (encoding may be the 'high' one). */
void vmcs12_written(struct vcpu *v, unsigned index);
/* L0 keeps something that it made of the field, besides vmcs02: vmcs12_written() has more to do than marking
 * it dirty. */
bool vmcs12_follows(unsigned index);

/* shadow.c: VMCS shadowing. All do nothing where it is not used. vmcs01 is current before and after. */
void shadow_init(struct vcpu *v);
void shadow_attach(struct vcpu *v, bool on); /* a current VMCS came or went */
void shadow_fetch(
	struct vcpu *v); /* what L1 wrote into v12; leaves the shadow VMCS current: the caller switches */
void shadow_publish(struct vcpu *v, const struct vmcs_bitset *changed); /* v12 to where L1 reads; likewise */
/* One field that L1 has just written by an exit; vmcs01 is current again after it. */
void shadow_publish_one(struct vcpu *v, unsigned field);

/* entry.c */
enum verdict nested_enter(struct vcpu *v, bool launch);

/* reenter.c: L2 goes on without a VM entry of L1's. vmcs12 has L2's state, vmcs01 L1's and is current; vmcs02
 * is after it, with PDPTEs as vmcs12 has them. -ENOMEM. */
__attribute__((warn_unused_result)) int nested_reenter(struct vcpu *v);

/* exit.c */
/* Exit to L1 from L2 with this information. vmcs02 is current before, vmcs01 after. */
void nested_reflect(struct vcpu *v, const struct exit_info *info);
/* VM entry failed after its checks on controls: exit 33 or 34, L2's state is not saved. vmcs01 is current, or
 * vmcs02 once that holds L2's state: what L1's host state does not load stays as L2's state was loaded. */
void nested_entry_failed(struct vcpu *v, uint32_t reason, uint64_t qualification);

/* host.c: L1's host state into vmcs01, which is current. l2_efer, l2_pat: what the MSRs hold if vmcs12 loads
 * none. */
void host_state_load(struct vcpu *v, uint64_t l2_efer, uint64_t l2_pat);

/* msrlist.c. 0, or the 1-based number of the entry that failed. */
unsigned msr_list_load(struct vcpu *v, uint64_t gpa, uint64_t count);
unsigned msr_list_store(struct vcpu *v, uint64_t gpa, uint64_t count);

/* apic.c: SDM "APIC Virtualization and Virtual Interrupts" */
/* Pages of vmcs02; changed values are marked in dirty. */
void apic_prepare(struct vcpu *v);
/* vmcs12 has an APIC-access page. */
bool apic_access_used(const struct nested *n);
/* A virtual interrupt waits for RFLAGS.IF alone. vmcs02 is current. */
bool apic_virtual_interrupt(struct vcpu *v);
/* For a processor with the quirk, if vmcs12 has virtual-interrupt delivery: at each exit of L2. */
void apic_mend_vectoring(struct vcpu *v);
/* VTPR as L1's virtual-APIC page has it now; 0 where that is no RAM. */
uint8_t apic_vtpr(const struct vcpu *v);

/* l2_insn.c: L2 executed an instruction that L1 lets it have. False: the exit is L1's. vmcs02 is current; the
 * exit may have gone to L1 for another reason. */
bool l2_insn_served(struct vcpu *v, uint32_t reason);

/* memory.c */
__attribute__((warn_unused_result)) int memory_init(struct vcpu *v);
/* Addresses for vmcs02 that hang on what L1 has in memory; changed values are marked in dirty. -ENOMEM;
 * -EINVAL: L2's PDPTEs are bad. */
__attribute__((warn_unused_result)) int memory_prepare(struct vcpu *v);
/* EPT violation (or misconfiguration) of L2. */
void memory_fault(struct vcpu *v, bool misconfig);
/* memory_fault(), or memory_fault_tracked() as long as some VM's pages are tracked (l0hv/migrate/track.h). */
extern void (*memory_fault_fn)(struct vcpu *v, bool misconfig);
void memory_fault_tracked(struct vcpu *v, bool misconfig);
/* L1 executed INVEPT or INVVPID. eptp 0: all contexts. */
void memory_invept(struct vcpu *v, uint64_t eptp);

#endif
