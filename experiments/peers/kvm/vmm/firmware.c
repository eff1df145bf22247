/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/firmware.h"

#include <string.h>

#include "nestbed/mptable.h"

#define APIC_VERSION 0x14u /* KVM's, as L0's */

void firmware_write(uint8_t *ram, uint32_t signature, uint32_t features)
{
	static const uint16_t segment = MP_EBDA >> 4, kib = MP_EBDA / 1024;

	memcpy(ram + MP_BDA_EBDA_SEGMENT, &segment, sizeof(segment));
	memcpy(ram + MP_BDA_BASE_MEMORY, &kib, sizeof(kib));
	mp_table_make((struct mp_area *)(void *)(ram + MP_EBDA), 1, APIC_VERSION, signature, features);
}
