/* SPDX-License-Identifier: MIT */
#include "experiments/machine_kind.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "experiments/text.h"

int machine_kind_parse(const char *word, enum machine_kind *kind, const char **uri, char **why)
{
	static const char *const names[] = {"bochs", "libvirt", "libvirt-tcg"};
	const size_t n = strcspn(word, ":");

	*uri = word[n] ? word + n + 1 : NULL;
	for (*kind = MACHINE_KIND_BOCHS; *kind <= MACHINE_KIND_LIBVIRT_TCG; ++*kind) {
		const char *name = names[*kind];

		if (strlen(name) != n || strncmp(name, word, n) != 0)
			continue;
		if (!*uri || (*kind != MACHINE_KIND_BOCHS && **uri))
			return 0;
	}
	*why = text_format("no machine '%s'; there are bochs, libvirt[:URI] and libvirt-tcg[:URI]", word);
	return -EINVAL;
}
