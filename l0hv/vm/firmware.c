/* SPDX-License-Identifier: MIT */
#include "l0hv/vm/firmware.h"

#include "l0hv/exits/cpuid.h"
#include "l0hv/lib/lib.h"
#include "nestbed/mptable.h"

_Static_assert(MP_CPUS_MAX >= CONFIG_VCPUS_MAX, "the MP table has room for every vCPU");

void firmware_write(struct vm *vm)
{
	const uint16_t segment = MP_EBDA >> 4, kib = MP_EBDA / 1024;
	struct lapic *lapic = &vm->platform.vcpu[0].lapic;
	struct cpuid c;

	guest_cpuid(vm->vcpu[0], 1, 0, &c);
	memcpy(vm_memory(vm, MP_BDA_EBDA_SEGMENT, sizeof(segment)), &segment, sizeof(segment));
	memcpy(vm_memory(vm, MP_BDA_BASE_MEMORY, sizeof(kib)), &kib, sizeof(kib));
	mp_table_make(vm_memory(vm, MP_EBDA, MP_EBDA_SIZE), vm->vcpu_count,
		      (uint8_t)lapic_read(lapic, LAPIC_VERSION, 0), c.eax, c.edx);
}
