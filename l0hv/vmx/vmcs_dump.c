/* SPDX-License-Identifier: MIT */
#include "l0hv/vmx/vmcs_dump.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/fields.h"

bool vmcs_dump_possible;

size_t vmcs_dump(Nestbed__Register ***list)
{
	static Nestbed__Register registers[VMCS_FIELD_COUNT], *pointers[VMCS_FIELD_COUNT];
	size_t n = 0;

	*list = pointers;
	if (!vmcs_dump_possible)
		return 0;
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint64_t v;

		if (vmread_try(vmcs_field_encoding[i], &v) || !v)
			continue;
		nestbed__register__init(&registers[n]);
		registers[n].name = (char *)(uintptr_t)vmcs_field_name(i);
		registers[n].value = v;
		pointers[n] = &registers[n];
		n++;
	}
	return n;
}
