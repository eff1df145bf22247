/* SPDX-License-Identifier: MIT */
/*
 * libvirt's <cpu>: a model and features by name, which its CPU map turns into bits. It says nothing of leaf
 * counts, caches or widths.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/read/cpu_map.h"
#include "cpu_baseline/read/xml.h"

struct cpu_element {
	const struct cpu_map *map;
	bool has[CPU_MAP_FEATURES], told[CPU_MAP_FEATURES]; /* told: by a <feature> */
	const struct cpu_map_model *model;
	const struct cpu_map_vendor *vendor;
};

/* A text element's name in a buffer, for looking up; what is too long is no name. */
static const char *name_in(const xmlNode *node, char name[CPU_MAP_NAME_MAX])
{
	struct piece text = xml_text(node);

	if (text.n >= CPU_MAP_NAME_MAX)
		text.n = 0;
	memcpy(name, text.at, text.n);
	name[text.n] = 0;
	return name;
}

static int take_model(struct reader *r, struct cpu_element *cpu, const xmlNode *node)
{
	char name[CPU_MAP_NAME_MAX], shown[PIECE_SHOWN + 1];

	if (cpu->model)
		return reader_wrong_at(r, xml_line(node), "a second <model>, expected one");
	cpu->model = cpu_map_find_model(cpu->map, name_in(node, name));
	if (!cpu->model)
		return reader_wrong_at(r, xml_line(node), "model '%s', expected one of the CPU map in %s",
				       piece_show(xml_text(node), shown), cpu_map_dir(cpu->map));
	return 0;
}

static int take_vendor(struct reader *r, struct cpu_element *cpu, const xmlNode *node)
{
	char name[CPU_MAP_NAME_MAX], shown[PIECE_SHOWN + 1];

	cpu->vendor = cpu_map_find_vendor(cpu->map, name_in(node, name));
	if (!cpu->vendor)
		return reader_wrong_at(r, xml_line(node), "vendor '%s', expected one of the CPU map in %s",
				       piece_show(xml_text(node), shown), cpu_map_dir(cpu->map));
	return 0;
}

/* A host's features have no policy: all are there. */
static int take_feature(struct reader *r, struct cpu_element *cpu, const xmlNode *node)
{
	static const struct {
		const char *policy;
		bool has;
	} policies[] = {
		{"require", true },
		{"force",   true },
		{"disable", false},
		{"forbid",  false},
	};
	const char *name, *policy;
	const struct xml_attribute attributes[] = {
		{"name",   true,  &name  },
		{"policy", false, &policy},
	};
	const struct cpu_map_feature *feature;
	char shown[PIECE_SHOWN + 1];
	size_t i = 0, place;
	int status = xml_attributes(r, node, attributes, 2);

	if (status)
		return status;
	while (policy && i < sizeof(policies) / sizeof(policies[0]) && strcmp(policy, policies[i].policy))
		i++;
	if (i == sizeof(policies) / sizeof(policies[0]))
		return reader_wrong_at(
			r, xml_line(node),
			"policy='%s', expected require, force, disable or forbid: nothing else says "
			"whether the feature is there",
			piece_show(piece_of(policy), shown));
	feature = cpu_map_find_feature(cpu->map, name);
	if (!feature)
		return reader_wrong_at(r, xml_line(node), "feature '%s', expected one of the CPU map in %s",
				       piece_show(piece_of(name), shown), cpu_map_dir(cpu->map));
	place = (size_t)(feature - cpu_map_feature(cpu->map, 0));
	if (cpu->told[place])
		return reader_wrong_at(r, xml_line(node), "feature '%s' again, expected it once",
				       piece_show(piece_of(name), shown));
	cpu->told[place] = true;
	cpu->has[place] = policies[i].has;
	return 0;
}

/* Of what a feature is not: a host's shape, caches and addresses, and the list of what its kernel can do. */
static int ignore(struct reader *r, struct cpu_element *cpu, const xmlNode *node)
{
	(void)r;
	(void)cpu;
	(void)node;
	return 0;
}

static int one_element(struct reader *r, struct cpu_element *cpu, const xmlNode *node)
{
	static const struct {
		const char *name;
		int (*take)(struct reader *r, struct cpu_element *cpu, const xmlNode *node);
	} elements[] = {
		{"model",       take_model  },
                {"vendor",      take_vendor },
                {"feature",     take_feature},
		{"arch",        ignore      },
                {"signature",   ignore      },
                {"microcode",   ignore      },
		{"counter",     ignore      },
                {"topology",    ignore      },
                {"maxphysaddr", ignore      },
		{"cache",       ignore      },
                {"pages",       ignore      },
                {"numa",        ignore      },
		{"features",    ignore      },
	};
	char shown[PIECE_SHOWN + 1];

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (xml_named(node, elements[i].name))
			return elements[i].take(r, cpu, node);
	}
	return reader_wrong_at(r, xml_line(node), "<%s> in <cpu>, expected what libvirt says of a CPU",
			       piece_show(piece_of((const char *)node->name), shown));
}

static int set_feature(struct cpu_policy *policy, const struct cpu_map_feature *feature)
{
	const struct cpu_msr *msr = cpu_policy_msr(policy, feature->msr);
	struct cpu_leaf row = feature->bits;

	if (feature->msr)
		return cpu_policy_set_msr(policy, feature->msr, (msr ? msr->value : 0) | feature->msr_bits);
	for (unsigned i = 0; i < CPU_REGS; i++)
		row.reg[i] |= cpu_policy_reg(policy, row.leaf, row.subleaf, (enum cpu_reg)i);
	return cpu_policy_set(policy, &row);
}

/* Leaf 0 tells the vendor only: that EAX is 0 says nothing of how many leaves there are. */
static int set_vendor(struct cpu_policy *policy, const struct cpu_map_vendor *vendor)
{
	struct cpu_leaf row = {0};

	memcpy(&row.reg[CPU_EBX], vendor->string, 4);
	memcpy(&row.reg[CPU_EDX], vendor->string + 4, 4);
	memcpy(&row.reg[CPU_ECX], vendor->string + 8, 4);
	return cpu_policy_set(policy, &row);
}

static int into_policy(struct reader *r, const struct cpu_element *cpu)
{
	const struct cpu_map_vendor *vendor = cpu->vendor ? cpu->vendor : cpu->model->vendor;
	const struct cpu_map_feature *feature;
	int status = vendor ? set_vendor(r->policy, vendor) : 0;

	r->policy->features_only = true;
	for (unsigned i = 0; (feature = cpu_map_feature(cpu->map, i)) && !status; i++) {
		if (cpu->told[i] ? cpu->has[i] : cpu->model->has[i])
			status = set_feature(r->policy, feature);
	}
	return status ? reader_wrong_at(r, 0, "more leaves or MSRs than expected, at most %u and %u",
					CPU_POLICY_LEAVES, CPU_POLICY_MSRS)
		      : 0;
}

static int expand(struct reader *r, const xmlNode *node, const struct cpu_map *map)
{
	struct cpu_element cpu = {.map = map};
	int status = 0;

	for (xmlNode *n = xml_first(r, node, &status); n; n = xml_next(r, n, &status)) {
		status = one_element(r, &cpu, n);
		if (status)
			return status;
	}
	if (status)
		return status;
	if (cpu.model)
		return into_policy(r, &cpu);
	return reader_wrong_at(r, xml_line(node), "<%s> without <model>, expected one",
			       (const char *)node->name);
}

int cpu_element_read(struct reader *r, const xmlNode *root)
{
	struct cpu_map *map;
	int status;

	if (r->options->map)
		return expand(r, root, r->options->map);
	map = cpu_map_load(r->options->map_dir, r->report);
	if (!map)
		return -EINVAL;
	status = expand(r, root, map);
	cpu_map_free(map);
	return status;
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
	node = node ? node->children : NULL;
	while (node && !(node->type == XML_ELEMENT_NODE && xml_named(node, name)))
		node = node->next;
	return node;
}

int capabilities_read(struct reader *r, const xmlNode *root)
{
	const xmlNode *cpu = child(child(root, "host"), "cpu");

	if (!cpu)
		return reader_wrong_at(r, xml_line(root),
				       "<capabilities> without <host> and <cpu>, expected them");
	return cpu_element_read(r, cpu);
}

int domain_capabilities_read(struct reader *r, const xmlNode *root)
{
	const xmlNode *cpu = child(root, "cpu");

	for (const xmlNode *n = cpu ? cpu->children : NULL; n; n = n->next) {
		const char *name = n->type == XML_ELEMENT_NODE ? xml_attribute(n, "name") : NULL;

		if (name && xml_named(n, "mode") && !strcmp(name, "host-model") && child(n, "model"))
			return cpu_element_read(r, n);
	}
	return reader_wrong_at(
		r, xml_line(root),
		"<domainCapabilities> without <mode name='host-model'> and a <model> in <cpu>, "
		"expected them");
}
