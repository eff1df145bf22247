/* SPDX-License-Identifier: MIT */
/* What a libvirt connection says that its computer can do, so that it holds for a computer far away too. */
#ifndef EXPERIMENTS_LIBVIRT_ABILITY_H
#define EXPERIMENTS_LIBVIRT_ABILITY_H

#include <stdbool.h>

/* Borrowed XML. */
struct ability {
	const char *capabilities; /* virConnectGetCapabilities() */
	const char *domain; /* virConnectGetDomainCapabilities() for KVM; NULL: an error */
	const char *domain_error; /* that error; or NULL */
};

/* NULL: it runs L0 under KVM. Else what lacks, and how to get it: sentences, malloc'd. */
char *ability_lacks_vmx(const struct ability *ability);
/* The same of a machine that QEMU emulates. */
char *ability_lacks_qemu(const struct ability *ability);
/* Whether files of a domain change their owner, unless the domain says no. */
bool ability_relabels(const struct ability *ability);

#endif
