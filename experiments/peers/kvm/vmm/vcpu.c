/* SPDX-License-Identifier: MIT */
/* The vCPU: what it shows of itself, and how it begins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "experiments/peers/kvm/vmm/vm.h"
#include "experiments/text.h"

#define CPUID_ENTRIES 256u

#define LEAF_FEATURES     0x1u
#define LEAF_TOPOLOGY     0xBu
#define LEAF_TOPOLOGY_V2  0x1Fu
#define LEAF_EXTENDED     0x80000001u
#define FEATURE_VMX       (1u << 5) /* CPUID.1:ECX */
#define FEATURE_DEADLINE  (1u << 24)
#define FEATURE_GUEST     (1u << 31) /* that there is a hypervisor */
#define EXTENDED_SVM      (1u << 2) /* CPUID.80000001H:ECX */
#define MSR_FEATURE_CTL   0x3Au
#define FEATURE_CTL_VMXON 0x5u /* locked, VMXON outside SMX */

/* Local APIC registers, as offsets */
#define APIC_SVR   0xF0u
#define APIC_LINT0 0x350u
#define APIC_LINT1 0x360u

#define RFLAGS_FIXED 0x2u
#define CR0_PE_ET    0x11u

static const struct kvm_segment code32 = {
	.selector = 8, .limit = ~0u, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1};
static const struct kvm_segment data32 = {
	.selector = 16, .limit = ~0u, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};

/* ---- CPUID ---- */

static void patch_features(struct vm *vm, struct kvm_cpuid_entry2 *e)
{
	e->ebx = (e->ebx & 0xFFFF) | 1u << 16; /* one processor, whose APIC ID is 0 */
	e->ecx |= FEATURE_GUEST;
	if (vm_extension(vm, KVM_CAP_TSC_DEADLINE_TIMER)) /* KVM leaves it to who makes the VM */
		e->ecx |= FEATURE_DEADLINE;
	if (!vm->options->nested)
		e->ecx &= ~FEATURE_VMX;
	vm->signature = e->eax;
	vm->features = e->edx;
}

static void patch_cpuid(struct vm *vm, struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == LEAF_FEATURES)
			patch_features(vm, e);
		else if (e->function == LEAF_TOPOLOGY || e->function == LEAF_TOPOLOGY_V2)
			e->edx = 0; /* the APIC ID again */
		else if (e->function == LEAF_EXTENDED)
			e->ecx &= ~EXTENDED_SVM;
	}
}

static bool shows_vmx(const struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == LEAF_FEATURES)
			return c->entries[i].ecx & FEATURE_VMX;
	return false;
}

static int give_cpuid(struct vm *vm, struct kvm_cpuid2 *c)
{
	static const char *const lacks[] = {"nested VMX (parameter nested of kvm-intel)"};

	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, c))
		return records_refuse_errno(vm->records, "KVM_GET_SUPPORTED_CPUID");
	if (vm->options->nested && !shows_vmx(c))
		return records_refuse(vm->records, lacks, 1, "this KVM does not let guests use VT-x");
	patch_cpuid(vm, c);
	if (ioctl(vm->vcpu, KVM_SET_CPUID2, c))
		return records_refuse_errno(vm->records, "KVM_SET_CPUID2");
	return 0;
}

static int make_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *c = zalloc(sizeof(*c) + CPUID_ENTRIES * sizeof(c->entries[0]));
	int status;

	c->nent = CPUID_ENTRIES;
	status = give_cpuid(vm, c);
	free(c);
	return status;
}

/* ---- what firmware leaves ---- */

static void put_register(struct kvm_lapic_state *apic, unsigned offset, uint32_t value)
{
	memcpy(apic->regs + offset, &value, sizeof(value));
}

/* Virtual wire mode: the PIC's interrupts come through LINT0. */
static int make_wire(struct vm *vm)
{
	struct kvm_lapic_state apic;

	if (ioctl(vm->vcpu, KVM_GET_LAPIC, &apic))
		return records_refuse_errno(vm->records, "KVM_GET_LAPIC");
	put_register(&apic, APIC_SVR, 0x1FF);
	put_register(&apic, APIC_LINT0, 0x700); /* ExtINT */
	put_register(&apic, APIC_LINT1, 0x400); /* NMI */
	if (ioctl(vm->vcpu, KVM_SET_LAPIC, &apic))
		return records_refuse_errno(vm->records, "KVM_SET_LAPIC");
	return 0;
}

/* VT-x is on and locked, as a hypervisor expects it from firmware. */
static int allow_vmx(struct vm *vm)
{
	struct kvm_msrs *m;
	int set;

	if (!vm->options->nested)
		return 0;
	m = zalloc(sizeof(*m) + sizeof(m->entries[0]));
	m->nmsrs = 1;
	m->entries[0] = (struct kvm_msr_entry){.index = MSR_FEATURE_CTL, .data = FEATURE_CTL_VMXON};
	set = ioctl(vm->vcpu, KVM_SET_MSRS, m);
	free(m);
	if (!set)
		errno = EINVAL;
	return set == 1 ? 0 : records_refuse_errno(vm->records, "KVM_SET_MSRS of IA32_FEATURE_CONTROL");
}

int vcpu_make(struct vm *vm)
{
	const int bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int status;

	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu < 0 || bytes < (int)sizeof(*vm->run))
		return records_refuse_errno(vm->records, "KVM_CREATE_VCPU");
	vm->run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		return records_refuse_errno(vm->records, "the vCPU's shared pages");
	status = make_cpuid(vm);
	if (!status)
		status = make_wire(vm);
	if (!status)
		status = allow_vmx(vm);
	return status;
}

int vcpu_start(struct vm *vm, uint32_t eip, uint32_t eax, uint32_t ebx)
{
	const struct kvm_regs regs = {.rip = eip, .rax = eax, .rbx = ebx, .rflags = RFLAGS_FIXED};
	struct kvm_sregs s;

	if (ioctl(vm->vcpu, KVM_GET_SREGS, &s))
		return records_refuse_errno(vm->records, "KVM_GET_SREGS");
	s.cs = code32;
	s.ds = s.es = s.fs = s.gs = s.ss = data32;
	s.cr0 = CR0_PE_ET;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &s))
		return records_refuse_errno(vm->records, "KVM_SET_SREGS");
	if (ioctl(vm->vcpu, KVM_SET_REGS, &regs))
		return records_refuse_errno(vm->records, "KVM_SET_REGS");
	return 0;
}
