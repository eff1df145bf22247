/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "bundle/bundle.h"
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpuid.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/state.h"
#include "l0hv/migrate/rounds.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/bound.h"
#include "l0hv/vm/firmware.h"
#include "l0hv/vm/multiboot.h"
#include "l0hv/vm/ops.h"
#include "l0hv/vm/vm.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "nestbed/ports.h"

#define VIRTUAL_HZ 1000000000ull /* a virtual second is 10^9 ticks */

static uint64_t *ept_table(void *ctx, uint64_t pa)
{
	(void)ctx;
	return phys_to_virt(pa);
}

static uint64_t ept_alloc(void *ctx)
{
	(void)ctx;
	return page_alloc();
}

static void ept_release(void *ctx, uint64_t pa)
{
	(void)ctx;
	page_free(pa);
}

const struct ept_mem l0_ept_mem = {NULL, ept_table, ept_alloc, ept_release};

static void *allocate(size_t bytes)
{
	uint64_t pa = pages_alloc_contiguous(bytes, PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

static int create_memory(struct vm *vm, const char **why)
{
	uint64_t align = vm->config->memory >= EPT_PAGE_1G && l0_ept_caps.page_1g ? EPT_PAGE_1G : EPT_PAGE_2M;

	vm->ram_bytes = vm->config->memory;
	vm->ram = pages_alloc_contiguous(vm->ram_bytes, align);
	if (!vm->ram && align == EPT_PAGE_1G)
		vm->ram = pages_alloc_contiguous(vm->ram_bytes, EPT_PAGE_2M);
	*why = "the machine has not enough memory for it";
	if (!vm->ram)
		return -ENOMEM;
	if (ept_init(&vm->ept, &l0_ept_mem, &l0_ept_caps) ||
	    ept_map(&vm->ept, &l0_ept_mem, 0, vm->ram, vm->ram_bytes, EPT_RWX, EPT_WB))
		return -ENOMEM;
	vm->eptp = ept_eptp(vm->ept.root, false);
	vm->ept.stale = false; /* nothing has walked it yet */
	return 0;
}

static int create_vcpu(struct vm *vm, unsigned id, uint32_t entry, uint32_t info, uint64_t tsc_offset)
{
	static uint16_t next_vpid = 1;
	struct vcpu *v = allocate(sizeof(*v));

	if (!v)
		return -ENOMEM;
	vm->vcpu[id] = v;
	v->vm = vm;
	v->id = id;
	v->tsc_offset = tsc_offset;
	v->l2_due = NEVER;
	v->account_after = vm->config->record_phases ? ACCOUNT_PHASED : 0;
	v->vpid = next_vpid++;
	v->devices = &vm->platform.vcpu[id];
	v->rest.dr6 = DR6_RESET;
	v->rest.xcr0 = 1;
	v->misc_enable = MISC_ENABLE_RESET;
	mtrr_init(&v->mtrr, vm->cpu.maxphyaddr);
	v->rest.fpu = allocate(l0_features.xsave_bytes);
	if (!v->rest.fpu)
		return -ENOMEM;
	*(uint16_t *)(void *)v->rest.fpu = 0x37F; /* FCW and MXCSR as FNINIT and reset leave them */
	*(uint32_t *)(void *)(v->rest.fpu + 24) = 0x1F80;
	if (cpu_shows(&vm->cpu, FEATURE_VMX) && nested_create(v))
		return -ENOMEM;
	v->cpuid = cpuid_table_create(v);
	if (!v->cpuid)
		return -ENOMEM;
	vmcs01_init(v, entry, info);
	v->state = id ? VCPU_WAIT_SIPI : VCPU_RUNNING;
	return 0;
}

int vm_create(const struct vm_config *config, const struct cpu_policy *cpu, const struct bundle *bundle,
	      struct vm **out, const char **why)
{
	struct vm *vm = allocate(sizeof(*vm));
	uint32_t entry = 0, info = 0;
	uint64_t tsc_offset;
	int error;

	*why = "the machine has not enough memory for it";
	if (!vm)
		return -ENOMEM;
	vm->config = config;
	vm->vcpu_count = config->vcpus;
	error = bundle ? guest_cpu_make(&vm->cpu, config, cpu, why)
		       : guest_cpu_take(&vm->cpu, config, cpu, why);
	if (error)
		return error;
	if (config->vcpus > 1 && !l0_features.unrestricted_guest) {
		*why = "several vCPUs start in real mode, which needs unrestricted guest";
		return -ENOTSUP;
	}
	error = create_memory(vm, why);
	if (error)
		return error;
	error = bundle ? multiboot_load(vm, bundle, &entry, &info, why) : 0;
	if (error)
		return error;
	vm->made_at = rdtsc();
	tsc_offset = 0 - vm->made_at;
	platform_init(&vm->platform, &vm_platform_ops, vm, config->vcpus, VIRTUAL_HZ, vm->made_at);
	platform_virtual_wire(&vm->platform);
	platform_set_memory(&vm->platform, vm->ram_bytes);
	vm->platform.maxphyaddr = vm->cpu.maxphyaddr;
	*why = "the machine has not enough memory for it";
	if (config->scratch) {
		vm->platform.scratch = allocate(NB_MMIO_SCRATCH_SIZE);
		if (!vm->platform.scratch)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < config->vcpus; i++) {
		error = create_vcpu(vm, i, entry, info, tsc_offset);
		if (error)
			return error;
		platform_set_tsc_offset(&vm->platform, i, tsc_offset, rdtsc());
	}
	if (bundle)
		firmware_write(vm);
	if (config->port_count)
		vm_bind();
	if (config->renew) {
		if (vm_state_prepare())
			return -ENOMEM;
		vm->renew_asked = true;
		sched_kick();
	}
	/* a VM that moves is tracked then */
	error = config->move.to == CONFIG_NO_HOST && bundle ? rounds_start(vm, why) : 0;
	if (error)
		return error;
	for (unsigned i = 0; i < config->vcpus; i++)
		sched_add(vm->vcpu[i]); /* not before nothing can fail any more */
	*out = vm;
	return 0;
}

bool (*vm_write_hit)(struct vm *vm, uint64_t gpa) = vm_watch_hit;
bool (*vm_fault_hit)(struct vm *vm, uint64_t gpa) = vm_watch_hit;

int vm_write(struct vm *vm, uint64_t gpa, const void *from, uint64_t n)
{
	void *to = vm_memory(vm, gpa, n);

	if (!to)
		return -EFAULT;
	if (vm->write_hooks && n)
		for (uint64_t page = gpa & ~PAGE_MASK; page < gpa + n; page += PAGE_SIZE)
			vm_write_hit(vm, page);
	memcpy(to, from, n);
	return 0;
}

void vm_ept01_lowered(struct vm *vm)
{
	if (!vm->ept.stale)
		return;
	vm->ept.stale = false;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm->vcpu[i]->flush_ept = true;
		if (vm->vcpu[i]->nested)
			nested_ept01_changed(vm->vcpu[i]);
	}
}

int vm_watch(struct vm *vm, uint64_t gpa)
{
	gpa &= ~PAGE_MASK;
	if (!vm_memory(vm, gpa, PAGE_SIZE))
		return -EFAULT;
	for (unsigned i = 0; i < vm->watch_count; i++)
		if (vm->watch[i] == gpa)
			return 0;
	if (vm->write_hooks >= VM_WATCHES_MAX) { /* one comparison: tracking is in the high half */
		if (vm->watch_count == VM_WATCHES_MAX)
			vm_write_hit(vm, vm->watch[0]); /* as if it had been written */
		if (vm->tracked)
			track_watched(vm, gpa);
	}
	if (ept_map(&vm->ept, &l0_ept_mem, gpa, vm->ram + gpa, PAGE_SIZE, EPT_R | EPT_X, EPT_WB))
		return -ENOSPC;
	vm->watch[vm->watch_count++] = gpa;
	vm_ept01_lowered(vm);
	return 0;
}

bool vm_watch_hit(struct vm *vm, uint64_t gpa)
{
	gpa &= ~PAGE_MASK;
	for (unsigned i = 0; i < vm->watch_count; i++) {
		if (vm->watch[i] != gpa)
			continue;
		vm->watch[i] = vm->watch[--vm->watch_count];
		if (ept_map(&vm->ept, &l0_ept_mem, gpa, vm->ram + gpa, PAGE_SIZE, EPT_RWX, EPT_WB))
			panic("a split page could not be mapped again");
		vm_ept01_lowered(vm);
		for (unsigned c = 0; c < vm->vcpu_count; c++)
			if (vm->vcpu[c]->nested)
				nested_page_written(vm->vcpu[c], gpa);
		return true;
	}
	return false;
}

void vm_watches_end(struct vm *vm)
{
	while (vm->watch_count)
		vm_watch_hit(vm, vm->watch[0]);
}

void vm_flush_output(struct vm *vm)
{
	for (unsigned channel = 0; channel < 2; channel++) {
		struct output *o = &vm->output[channel];
		Nestbed__Output output = NESTBED__OUTPUT__INIT;

		if (!o->length)
			continue;
		output.vm = (char *)(uintptr_t)vm->config->name;
		output.channel = channel == PLATFORM_COM1 ? NESTBED__OUTPUT__CHANNEL__COM1
							  : NESTBED__OUTPUT__CHANNEL__CONSOLE;
		output.data.data = o->bytes;
		output.data.len = o->length;
		record_emit(NESTBED__RECORD__BODY_OUTPUT, &output);
		o->length = 0;
	}
}
