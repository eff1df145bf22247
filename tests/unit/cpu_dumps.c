/* SPDX-License-Identifier: MIT */
#include "tests/unit/cpu_dumps.h"

#include <stdio.h>
#include <stdlib.h>

const char *const model_names[MODELS] = {
	"core2_penryn_t9600",
	"corei5_lynnfield_750",
	"corei5_arrandale_m520",
	"corei7_sandy_bridge_2600k",
	"corei7_ivy_bridge_3770k",
	"corei7_haswell_4770",
	"broadwell_ult",
	"corei7_skylake_x",
	"corei3_cnl",
	"corei7_icelake_u",
	"tigerlake",
};

static void give_up(const char *path)
{
	fprintf(stderr, "%s: cannot be read\n", path);
	abort();
}

/* The form of a line is our own and simple; the real reader has tests of its own. */
static void load(const char *name, struct cpu_policy *policy)
{
	char path[128], line[256];
	FILE *file;

	snprintf(policy->name, sizeof(policy->name), "%s", name);
	snprintf(path, sizeof(path), "cpu_baseline/hosts/%s.txt", name);
	file = fopen(path, "r");
	if (!file)
		give_up(path);
	while (fgets(line, sizeof(line), file)) {
		struct cpu_leaf leaf;
		unsigned long long value;
		uint32_t number;
		int rc = 0;

		if (sscanf(line, " 0x%x 0x%x: eax=0x%x ebx=0x%x ecx=0x%x edx=0x%x", &leaf.leaf, &leaf.subleaf,
			   &leaf.reg[CPU_EAX], &leaf.reg[CPU_EBX], &leaf.reg[CPU_ECX],
			   &leaf.reg[CPU_EDX]) == 6)
			rc = cpu_policy_set(policy, &leaf);
		else if (sscanf(line, "msr 0x%x 0x%llx", &number, &value) == 2)
			rc = cpu_policy_set_msr(policy, number, value);
		if (rc)
			give_up(path);
	}
	fclose(file);
}

const struct cpu_policy *model(enum model which)
{
	static struct cpu_policy models[MODELS];

	if (!models[which].leaf_count)
		load(model_names[which], &models[which]);
	return &models[which];
}
