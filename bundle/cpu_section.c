/* SPDX-License-Identifier: MIT */
/* [cpu NAME]: what a VM may see of the processor, a line an answer of CPUID or an MSR. */
#include <errno.h>
#include <string.h>

#include "bundle/config_impl.h"

#define MSR_ARCH_CAPABILITIES 0x10Au

int config_begin_cpu(struct parser *p, struct span name)
{
	struct l0_config *config = p->config;

	if (!span_is_name(name))
		return config_fail(p, "a CPU's name is 1 to 31 letters, digits, '_' and '-', got ", name, "");
	for (uint32_t i = 0; i < config->policy_count; i++)
		if (span_equals(name, config->policy[i].name))
			return config_fail(p, "a CPU named ", name, " was described before");
	if (config->policy_count == CONFIG_CPUS_MAX)
		return config_fail_plain(p, "more than 8 CPUs");
	p->policy = &config->policy[config->policy_count++];
	p->section = CONFIG_CPU;
	return span_copy(p->policy->name, CONFIG_NAME_MAX, name) ? 0 : -EINVAL;
}

int config_end_cpu(struct parser *p)
{
	if (p->policy->leaf_count)
		return 0;
	say_begin(p->error, p->section_line);
	say(p->error, "[cpu ");
	say(p->error, p->policy->name);
	say(p->error, "] has no 'cpuid'");
	return -EINVAL;
}

int config_add_cpuid(struct parser *p, struct span value)
{
	uint64_t number[2 + CPU_REGS];
	struct span rest = value;
	struct cpu_leaf row;

	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		if (!span_number(span_word(&rest), &number[i]) || number[i] > UINT32_MAX)
			return -EDOM;
	if (rest.n)
		return -EDOM;
	row.leaf = (uint32_t)number[0];
	row.subleaf = (uint32_t)number[1];
	for (unsigned i = 0; i < CPU_REGS; i++)
		row.reg[i] = (uint32_t)number[2 + i];
	if (cpu_policy_leaf(p->policy, row.leaf, row.subleaf))
		return config_fail(p, "this leaf and sub-leaf were given before: ", value, "");
	return cpu_policy_set(p->policy, &row) ? config_fail_plain(p, "more than 192 'cpuid' lines") : 0;
}

static bool find_msr(struct span s, uint64_t *number)
{
	if (span_equals(s, "IA32_ARCH_CAPABILITIES")) {
		*number = MSR_ARCH_CAPABILITIES;
		return true;
	}
	if (config_find_vmx_msr(s, number)) {
		*number += NB_VMX_MSR_FIRST;
		return true;
	}
	return span_number(s, number) && *number <= UINT32_MAX;
}

int config_add_msr(struct parser *p, struct span value)
{
	struct span rest = value;
	struct span name = span_word(&rest);
	uint64_t number, v;

	if (!find_msr(name, &number) || !span_number(rest, &v))
		return -EDOM;
	if (cpu_policy_msr(p->policy, (uint32_t)number))
		return config_fail(p, "this MSR was given before: ", name, "");
	return cpu_policy_set_msr(p->policy, (uint32_t)number, v)
		       ? config_fail_plain(p, "more than 40 'msr' lines")
		       : 0;
}

static bool find_policy(const struct l0_config *config, struct vm_config *vm)
{
	uint32_t *i = &vm->cpu_policy_index;

	for (*i = 0; *i < config->policy_count; ++*i)
		if (!strcmp(config->policy[*i].name, vm->cpu_policy))
			return true;
	return false;
}

int config_find_policies(struct parser *p)
{
	for (uint32_t i = 0; i < p->config->vm_count; i++) {
		struct vm_config *vm = &p->config->vm[i];

		if (!vm->cpu_policy[0] || find_policy(p->config, vm))
			continue;
		p->line = vm->cpu_policy_line;
		return config_fail(p, "there is no [cpu NAME] with the name ", span_of(vm->cpu_policy), "");
	}
	return 0;
}
