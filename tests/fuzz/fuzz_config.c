/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bundle/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct l0_config config;
	struct config_error error;

	if (config_parse((const char *)data, n, &config, &error)) {
		if (!error.text[0] || strlen(error.text) >= sizeof(error.text) || strchr(error.text, '\n'))
			abort();
		return 0;
	}
	if (config.vm_count < 1 || config.vm_count > CONFIG_VMS_MAX)
		abort();
	for (uint32_t i = 0; i < config.vm_count; i++) {
		const struct vm_config *vm = &config.vm[i];

		if (!vm->image[0] || vm->memory < 1 << 20 || vm->memory > 4ull << 30 || vm->memory % 4096 ||
		    vm->vcpus < 1 || vm->vcpus > CONFIG_VCPUS_MAX || vm->module_count > CONFIG_MODULES_MAX)
			abort();
	}
	return 0;
}
