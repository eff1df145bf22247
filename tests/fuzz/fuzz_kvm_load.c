/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "experiments/peers/kvm/vmm/load.h"

#define RAM 0x110000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte says how many modules there are, each the same file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct load_file module[LOAD_MODULES_MAX], kernel;
	struct load_start start;
	const char *why = NULL;
	uint8_t *ram, *file;
	unsigned modules;

	if (!n)
		return 0;
	modules = *data++ % (LOAD_MODULES_MAX + 1);
	n--;
	/* A copy of exactly that size, so that ASan sees a byte too far. */
	ram = aligned_alloc(4096, RAM);
	file = malloc(n ? n : 1);
	if (!ram || !file)
		abort();
	memcpy(file, data, n);
	memset(ram, 0, RAM);
	kernel = (struct load_file){file, n, "kernel"};
	for (unsigned i = 0; i < modules; i++)
		module[i] = (struct load_file){file, n, "module"};
	if (load_guest(ram, RAM, &kernel, module, modules, &start, &why)) {
		if (!why)
			abort();
	} else if (memcmp(ram + start.info + 4, "\x7C\x02\0\0", 4) != 0) {
		abort(); /* mem_lower: what was told is there, whatever was loaded */
	}
	free(file);
	free(ram);
	return 0;
}
