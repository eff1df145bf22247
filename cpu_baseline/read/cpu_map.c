/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/read/cpu_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/read/xml.h"

#define ALIASES 256u
#define VENDORS 16u
#define MODELS  256u

struct alias {
	char name[CPU_MAP_NAME_MAX];
	unsigned feature;
};

struct cpu_map {
	char dir[256];
	unsigned features, aliases, vendors, models;
	struct cpu_map_feature feature[CPU_MAP_FEATURES];
	struct alias alias[ALIASES];
	struct cpu_map_vendor vendor[VENDORS];
	struct cpu_map_model model[MODELS];
};

/* ---- asking ---- */

const char *cpu_map_dir(const struct cpu_map *map)
{
	return map->dir;
}

const struct cpu_map_feature *cpu_map_feature(const struct cpu_map *map, unsigned place)
{
	return place < map->features ? &map->feature[place] : NULL;
}

const struct cpu_map_model *cpu_map_model(const struct cpu_map *map, unsigned place)
{
	return place < map->models ? &map->model[place] : NULL;
}

const struct cpu_map_feature *cpu_map_find_feature(const struct cpu_map *map, const char *name)
{
	for (unsigned i = 0; i < map->features; i++) {
		if (!strcmp(map->feature[i].name, name))
			return &map->feature[i];
	}
	for (unsigned i = 0; i < map->aliases; i++) {
		if (!strcmp(map->alias[i].name, name))
			return &map->feature[map->alias[i].feature];
	}
	return NULL;
}

const struct cpu_map_model *cpu_map_find_model(const struct cpu_map *map, const char *name)
{
	for (unsigned i = 0; i < map->models; i++) {
		if (!strcmp(map->model[i].name, name))
			return &map->model[i];
	}
	return NULL;
}

const struct cpu_map_vendor *cpu_map_find_vendor(const struct cpu_map *map, const char *name)
{
	for (unsigned i = 0; i < map->vendors; i++) {
		if (!strcmp(map->vendor[i].name, name))
			return &map->vendor[i];
	}
	return NULL;
}

bool cpu_map_has(const struct cpu_policy *policy, const struct cpu_map_feature *feature)
{
	const struct cpu_leaf *bits = &feature->bits;
	const struct cpu_msr *msr = cpu_policy_msr(policy, feature->msr);

	if (feature->msr)
		return msr && (msr->value & feature->msr_bits) == feature->msr_bits;
	for (unsigned i = 0; i < CPU_REGS; i++) {
		uint32_t reg = cpu_policy_reg(policy, bits->leaf, bits->subleaf, (enum cpu_reg)i);

		if ((reg & bits->reg[i]) != bits->reg[i])
			return false;
	}
	return true;
}

/* ---- loading ---- */

static int too_many(struct reader *r, const xmlNode *node, unsigned max)
{
	return reader_wrong_at(r, xml_line(node), "too many <%s>, expected at most %u",
			       (const char *)node->name, max);
}

/* The attribute name, which must be there and fit. */
static int take_name(struct reader *r, const xmlNode *node, char name[CPU_MAP_NAME_MAX])
{
	const char *text = xml_attribute(node, "name");

	if (!text || !text[0] || strlen(text) >= CPU_MAP_NAME_MAX)
		return reader_wrong_at(r, xml_line(node),
				       "<%s> without a name of 1 to %u characters, expected one",
				       (const char *)node->name, CPU_MAP_NAME_MAX - 1);
	memcpy(name, text, strlen(text) + 1);
	return 0;
}

static int unknown(struct reader *r, const xmlNode *node, const char *what, const char *name)
{
	char shown[PIECE_SHOWN + 1];

	return reader_wrong_at(r, xml_line(node), "%s '%s', expected one that the map named before", what,
			       piece_show(piece_of(name), shown));
}

static int add_vendor(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	struct cpu_map_vendor *vendor = &map->vendor[map->vendors];
	const char *string = xml_attribute(node, "string");

	if (map->vendors == VENDORS)
		return too_many(r, node, VENDORS);
	if (!string || strlen(string) != sizeof(vendor->string) - 1)
		return reader_wrong_at(r, xml_line(node),
				       "<vendor> without a string, expected 12 characters");
	memcpy(vendor->string, string, sizeof(vendor->string));
	if (take_name(r, node, vendor->name))
		return -EINVAL;
	map->vendors++;
	return 0;
}

static int add_alias(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	struct alias *alias = &map->alias[map->aliases];

	if (map->aliases == ALIASES)
		return too_many(r, node, ALIASES);
	alias->feature = map->features;
	if (take_name(r, node, alias->name))
		return -EINVAL;
	map->aliases++;
	return 0;
}

/* A number that is 0 where it is not said. */
static int number(struct reader *r, const xmlNode *node, const char *name, uint32_t *value)
{
	const char *text = xml_attribute(node, name);

	*value = 0;
	return text ? xml_hex(r, node, name, text, value) : 0;
}

static int feature_bits(struct reader *r, struct cpu_map_feature *feature, const xmlNode *node)
{
	static const char *const regs[CPU_REGS] = {"eax", "ebx", "ecx", "edx"};
	bool msr = xml_named(node, "msr");
	int status = number(r, node, msr ? "index" : "eax_in", msr ? &feature->msr : &feature->bits.leaf);

	if (!status)
		status = number(r, node, "ecx_in", &feature->bits.subleaf);
	for (unsigned i = 0; i < CPU_REGS && !status; i++)
		status = number(r, node, regs[i], &feature->bits.reg[i]);
	feature->msr_bits = (uint64_t)feature->bits.reg[CPU_EDX] << 32 | feature->bits.reg[CPU_EAX];
	return status;
}

static int add_feature(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	struct cpu_map_feature *feature = &map->feature[map->features];
	unsigned rows = 0;
	int status;

	if (map->features == CPU_MAP_FEATURES)
		return too_many(r, node, CPU_MAP_FEATURES);
	status = take_name(r, node, feature->name);
	for (xmlNode *n = status ? NULL : xml_first(r, node, &status); n; n = xml_next(r, n, &status)) {
		if (xml_named(n, "alias")) {
			status = add_alias(r, map, n);
		} else if (xml_named(n, "cpuid") || xml_named(n, "msr")) {
			rows++;
			status = feature_bits(r, feature, n);
		}
		if (status)
			break;
	}
	if (status)
		return status;
	if (rows != 1)
		return reader_wrong_at(r, xml_line(node),
				       "feature '%s' has %u <cpuid> or <msr>, expected one", feature->name,
				       rows);
	map->features++;
	return 0;
}

static int model_feature(struct reader *r, const struct cpu_map *map, struct cpu_map_model *model,
			 const xmlNode *node)
{
	const char *name, *removed;
	const struct xml_attribute attributes[] = {
		{"name",    true,  &name   },
		{"removed", false, &removed},
	};
	const struct cpu_map_feature *feature;
	int status = xml_attributes(r, node, attributes, 2);

	if (status)
		return status;
	feature = cpu_map_find_feature(map, name);
	if (!feature)
		return unknown(r, node, "feature", name);
	/* libvirt keeps the name of what it removed only to tell domains of before from those of now. */
	model->has[feature - map->feature] = !removed || strcmp(removed, "yes") != 0;
	return 0;
}

/* What a model takes from another one of before. */
static int model_base(struct reader *r, const struct cpu_map *map, struct cpu_map_model *model,
		      const xmlNode *node)
{
	const char *name = xml_attribute(node, "name");
	const struct cpu_map_model *base = name ? cpu_map_find_model(map, name) : NULL;

	if (!base)
		return unknown(r, node, "model", name ? name : "");
	memcpy(model->has, base->has, sizeof(model->has));
	model->vendor = base->vendor;
	return 0;
}

static int model_vendor(struct reader *r, const struct cpu_map *map, struct cpu_map_model *model,
			const xmlNode *node)
{
	const char *name = xml_attribute(node, "name");

	model->vendor = name ? cpu_map_find_vendor(map, name) : NULL;
	return model->vendor ? 0 : unknown(r, node, "vendor", name ? name : "");
}

static int add_model(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	struct cpu_map_model *model = &map->model[map->models];
	int status;

	if (map->models == MODELS)
		return too_many(r, node, MODELS);
	status = take_name(r, node, model->name);
	for (xmlNode *n = status ? NULL : xml_first(r, node, &status); n; n = xml_next(r, n, &status)) {
		if (xml_named(n, "model"))
			status = model_base(r, map, model, n);
		else if (xml_named(n, "vendor"))
			status = model_vendor(r, map, model, n);
		else if (xml_named(n, "feature"))
			status = model_feature(r, map, model, n);
		if (status)
			break;
	}
	map->models += !status;
	return status;
}

static int load_file(struct cpu_map *map, const char *name, struct cpu_read_report *report);

static int add_include(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	const char *name = xml_attribute(node, "filename");

	if (!name || !name[0] || strchr(name, '/'))
		return reader_wrong_at(r, xml_line(node),
				       "<include> without a file's name, expected one of the folder");
	return load_file(map, name, r->report);
}

static int add_arch(struct reader *r, struct cpu_map *map, const xmlNode *node)
{
	const char *name = xml_attribute(node, "name");
	int status = 0;

	if (!name || strcmp(name, "x86"))
		return 0;
	for (xmlNode *n = xml_first(r, node, &status); n; n = xml_next(r, n, &status)) {
		if (xml_named(n, "include"))
			status = add_include(r, map, n);
		if (status)
			break;
	}
	return status;
}

/* The index, with <arch>, or a file that it includes. */
static int load_root(struct reader *r, struct cpu_map *map, const xmlNode *root, bool index)
{
	static const struct {
		const char *name;
		bool index;
		int (*add)(struct reader *r, struct cpu_map *map, const xmlNode *node);
	} elements[] = {
		{"arch",    true,  add_arch   },
		{"vendor",  false, add_vendor },
		{"feature", false, add_feature},
		{"model",   false, add_model  },
	};
	int status = 0;

	if (!root || !xml_named(root, "cpus"))
		return reader_wrong_at(r, 0, "no <cpus>, expected it in libvirt's CPU map");
	for (xmlNode *n = xml_first(r, root, &status); n; n = xml_next(r, n, &status)) {
		for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]) && !status; i++) {
			if (elements[i].index == index && xml_named(n, elements[i].name))
				status = elements[i].add(r, map, n);
		}
		if (status)
			break;
	}
	return status;
}

static int load_file(struct cpu_map *map, const char *name, struct cpu_read_report *report)
{
	char path[sizeof(map->dir) + 256], *text;
	struct reader r = {.name = path, .report = report};
	xmlDoc *doc;
	int status;

	snprintf(path, sizeof(path), "%s/%.250s", map->dir, name);
	status = reader_load(path, report, &text, &r.rest.n);
	if (status)
		return status;
	r.rest.at = text;
	doc = xml_parse(&r);
	status = doc ? load_root(&r, map, xmlDocGetRootElement(doc), !strcmp(name, "index.xml")) : -EINVAL;
	xmlFreeDoc(doc);
	free(text);
	return status;
}

struct cpu_map *cpu_map_load(const char *dir, struct cpu_read_report *report)
{
	struct cpu_map *map = calloc(1, sizeof(*map));
	struct reader r = {.name = dir ? dir : CPU_MAP_DIR, .report = report};
	int status;

	memset(report, 0, sizeof(*report));
	if (!map || strlen(r.name) >= sizeof(map->dir)) {
		reader_wrong_at(
			&r, 0, map ? "name too long, expected the folder of libvirt's CPU map" : "no memory");
		free(map);
		return NULL;
	}
	memcpy(map->dir, r.name, strlen(r.name) + 1);
	status = load_file(map, "index.xml", report);
	if (!status && !map->models)
		status = reader_wrong_at(&r, 0, "no models of x86 in it, expected libvirt's CPU map");
	if (!status)
		return map;
	free(map);
	return NULL;
}

void cpu_map_free(struct cpu_map *map)
{
	free(map);
}
