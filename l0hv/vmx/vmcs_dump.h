/* SPDX-License-Identifier: MIT */
/* The current VMCS as named values, for records. */
#ifndef L0HV_VMX_VMCS_DUMP_H
#define L0HV_VMX_VMCS_DUMP_H

#include <stdbool.h>

#include "nestbed/record.pb-c.h"

/* Every field that the processor has and that isn't 0; 0 when no VMCS is current. The list is L0's, valid
 * until the next call. */
size_t vmcs_dump(Nestbed__Register ***list);
/* From vmx_probe on there may be a current VMCS to dump. */
extern bool vmcs_dump_possible;

#endif
