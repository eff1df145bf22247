/* SPDX-License-Identifier: MIT */
/* SDM "VM-Entry Controls for MSRs", "Loading MSRs", "Saving MSRs". L0 walks L1's lists itself. */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/nested/state.h"

struct msr_entry {
	uint32_t msr, reserved;
	uint64_t value;
};
_Static_assert(sizeof(struct msr_entry) == 16, "SDM table 'Format of an MSR Entry'");

#define MSR_SMM_MONITOR_CTL 0x9Bu
#define MSR_SMBASE          0x9Eu
#define MSR_BIOS_UPDT_TRIG  0x79u
#define MSR_BIOS_SIGN_ID    0x8Bu

/* SDM "Using the VM-Exit and VM-Entry MSR-Transfer Areas": more than IA32_VMX_MISC recommends is undefined;
 * here it fails. */
static bool too_long(const struct vcpu *v, uint64_t index)
{
	const uint64_t longest = (uint64_t)VMX_MISC_MSR_LIST_MAX(v->nested->caps.misc);

	return index >= longest;
}

static bool is_x2apic(uint32_t msr)
{
	return msr >> 8 == 8;
}

/*
 * SDM "Loading MSRs": not those that are loaded in another way, not the APIC's, not SMM's;
 * IA32_BIOS_UPDT_TRIG and IA32_BIOS_SIGN_ID are among those that it leaves to each processor.
 */
static bool may_load(const struct msr_entry *e)
{
	return !e->reserved && e->msr != MSR_FS_BASE && e->msr != MSR_GS_BASE && !is_x2apic(e->msr) &&
	       e->msr != MSR_SMM_MONITOR_CTL && e->msr != MSR_BIOS_UPDT_TRIG && e->msr != MSR_BIOS_SIGN_ID;
}

unsigned msr_list_load(struct vcpu *v, uint64_t gpa, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const void *p =
			vm_memory(v->vm, gpa + i * sizeof(struct msr_entry), sizeof(struct msr_entry));
		struct msr_entry e;

		if (!p || too_long(v, i))
			return (unsigned)i + 1;
		memcpy(&e, p, sizeof(e));
		if (!may_load(&e) || guest_wrmsr(v, e.msr, e.value))
			return (unsigned)i + 1;
	}
	return 0;
}

unsigned msr_list_store(struct vcpu *v, uint64_t gpa, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = gpa + i * sizeof(struct msr_entry);
		const void *p = vm_memory(v->vm, at, sizeof(struct msr_entry));
		struct msr_entry e;

		if (!p || too_long(v, i))
			return (unsigned)i + 1;
		memcpy(&e, p, sizeof(e));
		if (e.reserved || is_x2apic(e.msr) || e.msr == MSR_SMBASE ||
		    guest_rdmsr(v, e.msr, &e.value) ||
		    vm_write(v->vm, at + offsetof(struct msr_entry, value), &e.value, sizeof(e.value)))
			return (unsigned)i + 1;
	}
	return 0;
}
