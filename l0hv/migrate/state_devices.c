/* SPDX-License-Identifier: MIT */
/* DeviceState: the parts of device_part.h, and the scratch device's bytes. */
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/device_part.h"
#include "l0hv/migrate/state_impl.h"
#include "l0hv/vm/ops.h"
#include "nestbed/ports.h"

#define PARTS_MAX (PLATFORM_VCPUS_MAX + 16u)
#define SCRATCH   "scratch"

static struct platform staged;
static const uint8_t *staged_scratch;

size_t devices_pack(struct vm *vm, uint64_t now, uint8_t *to, size_t max)
{
	static Nestbed__DevicePart row[PARTS_MAX], *list[PARTS_MAX];
	static uint8_t data[PARTS_MAX][DEVICE_PART_MAX];
	Nestbed__DeviceState m = NESTBED__DEVICE_STATE__INIT;
	size_t n = 0;

	for (unsigned i = 0; i < device_part_count; i++) {
		const struct device_part *part = &device_parts[i];

		for (unsigned vcpu = 0; vcpu < device_part_instances(part, &vm->platform); vcpu++, n++) {
			nestbed__device_part__init(&row[n]);
			row[n].name = (char *)(uintptr_t)part->name;
			row[n].version = DEVICE_PART_VERSION;
			row[n].vcpu = vcpu;
			row[n].data.data = data[n];
			row[n].data.len = device_part_size(part);
			device_part_pack(part, &vm->platform, vcpu, now, data[n]);
			list[n] = &row[n];
		}
	}
	if (vm->platform.scratch) {
		nestbed__device_part__init(&row[n]);
		row[n].name = (char *)(uintptr_t)SCRATCH;
		row[n].version = DEVICE_PART_VERSION;
		row[n].data.data = vm->platform.scratch;
		row[n].data.len = NB_MMIO_SCRATCH_SIZE;
		list[n] = &row[n];
		n++;
	}
	m.part = list;
	m.n_part = n;
	return nestbed__device_state__get_packed_size(&m) <= max ? nestbed__device_state__pack(&m, to) : 0;
}

/* The one part of this name and vCPU; NULL: none, or two. */
static const Nestbed__DevicePart *find(const Nestbed__DeviceState *m, const char *name, unsigned vcpu)
{
	const Nestbed__DevicePart *found = NULL;

	for (size_t i = 0; i < m->n_part; i++) {
		if (strcmp(m->part[i]->name, name) || m->part[i]->vcpu != vcpu)
			continue;
		if (found)
			return NULL;
		found = m->part[i];
	}
	return found;
}

static const char *read_part(struct vm *vm, const Nestbed__DeviceState *m, const struct device_part *part,
			     unsigned vcpu, uint64_t now)
{
	const Nestbed__DevicePart *found = find(m, part->name, vcpu);

	if (!found)
		return "a part of the devices that is not there once";
	if (found->version != DEVICE_PART_VERSION)
		return "the version of a part of the devices";
	if (found->data.len != device_part_size(part))
		return "the size of a part of the devices";
	(void)vm;
	return device_part_unpack(part, &staged, vcpu, now, found->data.data);
}

const char *devices_check(struct vm *vm, const Nestbed__DeviceState *m, uint64_t now)
{
	size_t parts = 0;
	const char *bad;

	staged = vm->platform;
	for (unsigned i = 0; i < device_part_count; i++) {
		for (unsigned vcpu = 0; vcpu < device_part_instances(&device_parts[i], &staged);
		     vcpu++, parts++) {
			bad = read_part(vm, m, &device_parts[i], vcpu, now);
			if (bad)
				return bad;
		}
	}
	staged_scratch = NULL;
	if (vm->platform.scratch) {
		const Nestbed__DevicePart *found = find(m, SCRATCH, 0);

		if (!found || found->data.len != NB_MMIO_SCRATCH_SIZE ||
		    found->version != DEVICE_PART_VERSION)
			return "the scratch device";
		staged_scratch = found->data.data;
		parts++;
	}
	if (parts != m->n_part)
		return "a device that this VM has not";
	return device_parts_check(&staged, cpu_shows(&vm->cpu, FEATURE_X2APIC), now);
}

void devices_put(struct vm *vm, uint64_t now)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		staged.vcpu[i].lapic.tsc_offset = vm->vcpu[i]->tsc_offset;
	vm->platform = staged;
	if (staged_scratch)
		memcpy(vm->platform.scratch, staged_scratch, NB_MMIO_SCRATCH_SIZE);
	device_parts_refresh(&vm->platform, now);
}

void devices_power_up(struct vm *vm, uint64_t now)
{
	uint8_t *scratch = vm->platform.scratch;

	platform_init(&vm->platform, &vm_platform_ops, vm, vm->vcpu_count, vm->platform.ticks_per_second,
		      now);
	platform_virtual_wire(&vm->platform);
	platform_set_memory(&vm->platform, vm->ram_bytes);
	vm->platform.maxphyaddr = vm->cpu.maxphyaddr;
	vm->platform.scratch = scratch;
	if (scratch)
		memset(scratch, 0, NB_MMIO_SCRATCH_SIZE);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		platform_set_tsc_offset(&vm->platform, i, vm->vcpu[i]->tsc_offset, now);
}
