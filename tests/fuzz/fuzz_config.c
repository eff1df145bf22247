/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bundle/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_policy(const struct cpu_policy *p)
{
	if (!p->leaf_count || p->leaf_count > CPU_POLICY_LEAVES || p->msr_count > CPU_POLICY_MSRS)
		abort();
	for (uint32_t i = 1; i < p->leaf_count; i++) {
		const struct cpu_leaf *a = &p->leaf[i - 1], *b = &p->leaf[i];

		if (a->leaf > b->leaf || (a->leaf == b->leaf && a->subleaf >= b->subleaf))
			abort();
	}
	for (uint32_t i = 1; i < p->msr_count; i++)
		if (p->msr[i - 1].number >= p->msr[i].number)
			abort();
}

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
		if (vm->cpu_policy[0] &&
		    (vm->cpu_policy_index >= config.policy_count ||
		     strcmp(vm->cpu_policy, config.policy[vm->cpu_policy_index].name) != 0))
			abort();
	}
	if (config.policy_count > CONFIG_CPUS_MAX)
		abort();
	for (uint32_t i = 0; i < config.policy_count; i++)
		check_policy(&config.policy[i]);
	return 0;
}
