/* SPDX-License-Identifier: MIT */
/* ACPI tables for a kernel that asks for them to find its interrupt controllers: nothing else is in them. */
#ifndef PEERS_KVM_ACPI_H
#define PEERS_KVM_ACPI_H

#include <stdint.h>

/* Physical address of the root pointer (RSDP). */
uint32_t acpi_tables(void);

#endif
