/* SPDX-License-Identifier: MIT */
/* The machine driver of libvirt's machines. */
#ifndef EXPERIMENTS_LIBVIRT_H
#define EXPERIMENTS_LIBVIRT_H

#include <stdbool.h>

#include "experiments/machine.h"

#define LIBVIRT_STANDARD_URI "qemu:///system"
#define LIBVIRT_RUN_LEFT     120 /* exit status of libvirt-run: its domain could not be ended */

/*
 * Machines of this connection: under KVM with VT-x for the guest, or emulated by QEMU without it (tcg). There
 * is one such choice in a process; a later one replaces it. Borrows the URI.
 */
const struct machine_driver *libvirt_machine(const char *uri, bool tcg);
/* The processors on which they run, and those for QEMU's other threads (NULL: the same). Borrows them. */
void libvirt_pin(const char *set, const char *others);

#endif
