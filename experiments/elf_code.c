/* SPDX-License-Identifier: MIT */
#include "experiments/elf_code.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_kernel(const struct blob *file, Elf32_Ehdr *head)
{
	if (file->size < sizeof(*head))
		return false;
	memcpy(head, file->data, sizeof(*head));
	return !memcmp(head->e_ident, ELFMAG, SELFMAG) && head->e_ident[EI_CLASS] == ELFCLASS32 &&
	       head->e_machine == EM_386 && head->e_phentsize == sizeof(Elf32_Phdr) &&
	       head->e_phoff <= file->size &&
	       file->size - head->e_phoff >= head->e_phnum * sizeof(Elf32_Phdr);
}

int elf_code(const struct blob *file, struct trace_l0 *l0)
{
	const unsigned room = sizeof(l0->range) / sizeof(l0->range[0]);
	unsigned before = l0->ranges;
	Elf32_Ehdr head;
	Elf32_Phdr segment;

	if (!is_kernel(file, &head))
		return -EINVAL;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		memcpy(&segment, (const char *)file->data + head.e_phoff + i * sizeof(segment),
		       sizeof(segment));
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) || !segment.p_memsz)
			continue;
		if (l0->ranges == room)
			return -E2BIG;
		l0->range[l0->ranges].begin = segment.p_paddr;
		l0->range[l0->ranges++].end = (uint64_t)segment.p_paddr + segment.p_memsz;
	}
	return l0->ranges > before ? 0 : -EINVAL;
}
