/* SPDX-License-Identifier: MIT */
/* What --machine says: bochs, libvirt[:URI], libvirt-tcg[:URI]. Pure. */
#ifndef EXPERIMENTS_MACHINE_KIND_H
#define EXPERIMENTS_MACHINE_KIND_H

enum machine_kind { MACHINE_KIND_BOCHS, MACHINE_KIND_LIBVIRT, MACHINE_KIND_LIBVIRT_TCG };

/* *uri points into the word; NULL: none was given. 0, or -EINVAL with a sentence in *why (malloc'd). */
__attribute__((warn_unused_result)) int machine_kind_parse(const char *word, enum machine_kind *kind,
							   const char **uri, char **why);

#endif
