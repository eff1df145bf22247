/* SPDX-License-Identifier: MIT */
/* The libvirt domain that is a machine of nestbed. Pure. */
#ifndef EXPERIMENTS_LIBVIRT_DOMAIN_XML_H
#define EXPERIMENTS_LIBVIRT_DOMAIN_XML_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/text.h"

#define DOMAIN_CPU_HOST "host-passthrough" /* else a CPU model that libvirt knows */

/* Where the machine's e1000 ends: UDP on the loopback, a datagram a frame. */
struct domain_nic {
	uint8_t mac[6];
	uint16_t port; /* QEMU's */
	uint16_t peer; /* ours */
};

/* Borrows everything. */
struct domain {
	const char *name;
	bool kvm; /* else QEMU emulates the processor, which has no VT-x then */
	const char *cpu;
	const char *pin; /* processors of the computer for its own, as libvirt writes sets; NULL: any */
	const char *others; /* for QEMU's own threads then; NULL: these too */
	uint64_t memory; /* bytes */
	unsigned cpus;
	const char *kernel, *cmdline;
	const char *initrd; /* as domain_module() makes it; NULL: no modules */
	/* UNIX sockets to which QEMU connects. */
	const char *console; /* port 0xE9 */
	const char *shutdown; /* the shutdown port, on which the machine says that it ends */
	const char *com1;
	bool unlabelled; /* the daemon does not give the files to another user */
	const struct domain_nic *nic; /* NULL: none */
};

/* Adds the domain. 0, or -EINVAL: XML can't hold a string; *why (malloc'd) names it. */
__attribute__((warn_unused_result)) int domain_xml(struct text *out, const struct domain *domain, char **why);

/*
 * Adds a multiboot module to what QEMU's -initrd takes: "FILE WORDS,FILE WORDS", with each comma of a module
 * doubled. 0, or -EINVAL: the file's name has a blank, at which QEMU would end it.
 */
__attribute__((warn_unused_result)) int domain_module(struct text *initrd, const char *file,
						      const char *words);

#endif
