/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "experiments/peers/kvm/vmm/dirty.h"

#define HUGE_PAGE (2ull << 20)
/* Below the flash of a PC's firmware, where nobody looks: pages that KVM needs on processors without
 * unrestricted guest. */
#define IDENTITY_MAP 0xFFFBC000ull
#define TSS          0xFFFBD000ull /* 3 pages */

static const struct {
	int extension;
	const char *name;
} needs[] = {
	{KVM_CAP_USER_MEMORY,    "KVM_CAP_USER_MEMORY"   },
        {KVM_CAP_SET_TSS_ADDR,   "KVM_CAP_SET_TSS_ADDR"  },
	{KVM_CAP_IRQCHIP,        "KVM_CAP_IRQCHIP"       },
        {KVM_CAP_PIT2,           "KVM_CAP_PIT2"          },
	{KVM_CAP_EXT_CPUID,      "KVM_CAP_EXT_CPUID"     },
        {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
};
#define NEEDS (sizeof(needs) / sizeof(needs[0]))

int vm_open(struct vm *vm)
{
	vm->kvm = open(vm->options->device, O_RDWR | O_CLOEXEC);
	return vm->kvm < 0 ? -errno : 0;
}

int vm_extension(const struct vm *vm, int extension)
{
	const int answer = ioctl(vm->fd >= 0 ? vm->fd : vm->kvm, KVM_CHECK_EXTENSION, extension);

	return answer < 0 ? 0 : answer;
}

static int check_needs(struct vm *vm)
{
	const char *missing[NEEDS];
	size_t n = 0;

	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return records_refuse(vm->records, NULL, 0, "%s is not KVM with its version %d",
				      vm->options->device, KVM_API_VERSION);
	for (size_t i = 0; i < NEEDS; i++)
		if (!vm_extension(vm, needs[i].extension))
			missing[n++] = needs[i].name;
	return n ? records_refuse(vm->records, missing, n, "this KVM lacks what kvm-run needs") : 0;
}

static int make_platform(struct vm *vm)
{
	const uint64_t identity = IDENTITY_MAP;
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY}; /* port 0x61 as well */

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		return records_refuse_errno(vm->records, "KVM_SET_IDENTITY_MAP_ADDR");
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS))
		return records_refuse_errno(vm->records, "KVM_SET_TSS_ADDR");
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		return records_refuse_errno(vm->records, "KVM_CREATE_IRQCHIP");
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		return records_refuse_errno(vm->records, "KVM_CREATE_PIT2");
	return 0;
}

/*
 * All of it is there before the guest runs, so that no fault of the host comes into what is measured. In huge
 * pages where the host has them free: KVM then maps 2 MiB at a time, as L0 does. Where pages are tracked, KVM
 * maps 4 KiB all the same, whatever lies behind.
 */
static int make_memory(struct vm *vm)
{
	const uint64_t bytes = vm->options->memory;
	uint8_t *area =
		mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return records_refuse_errno(vm->records, "the VM's memory");
	vm->ram = area + (-(uintptr_t)area & (HUGE_PAGE - 1));
	(void)madvise(vm->ram, bytes, MADV_HUGEPAGE); /* a kernel without them does as well */
	for (uint64_t at = 0; at < bytes; at += VM_PAGE)
		*(volatile uint8_t *)(vm->ram + at) = 0;
	return 0;
}

static int give_memory(struct vm *vm)
{
	const struct kvm_userspace_memory_region region = {
		.slot = VM_SLOT,
		.flags = vm->options->track != TRACK_OFF ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.memory_size = vm->options->memory,
		.userspace_addr = (uintptr_t)vm->ram,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return records_refuse_errno(vm->records, "KVM_SET_USER_MEMORY_REGION");
	return 0;
}

int vm_make(struct vm *vm)
{
	int status = check_needs(vm);

	if (status)
		return status;
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return records_refuse_errno(vm->records, "KVM_CREATE_VM");
	status = make_platform(vm);
	if (!status)
		status = dirty_prepare(vm);
	if (!status)
		status = make_memory(vm);
	if (!status)
		status = give_memory(vm);
	if (!status)
		status = vcpu_make(vm);
	if (!status)
		status = dirty_start(vm);
	return status;
}
