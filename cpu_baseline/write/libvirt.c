/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/write/libvirt.h"

#include <errno.h>
#include <string.h>

#include "cpu_baseline/write/write.h"

static bool vendor_fits(const struct cpu_map_vendor *vendor, const struct cpu_policy *policy)
{
	static const enum cpu_reg order[] = {CPU_EBX, CPU_EDX, CPU_ECX};

	for (unsigned i = 0; vendor && i < 3; i++) {
		uint32_t word = cpu_policy_reg(policy, 0, 0, order[i]);

		if (memcmp(&word, vendor->string + sizeof(word) * i, sizeof(word)))
			return false;
	}
	return true;
}

/* Its features; 0: the policy lacks one. */
static unsigned features_of(const struct cpu_map *map, const struct cpu_map_model *model,
			    const struct cpu_policy *policy)
{
	const struct cpu_map_feature *feature;
	unsigned n = 0;

	for (unsigned i = 0; (feature = cpu_map_feature(map, i)); i++) {
		if (model->has[i] && !cpu_map_has(policy, feature))
			return 0;
		n += model->has[i];
	}
	return n;
}

const struct cpu_map_model *libvirt_model(const struct cpu_map *map, const struct cpu_policy *policy)
{
	const struct cpu_map_model *model, *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; (model = cpu_map_model(map, i)); i++) {
		unsigned n = vendor_fits(model->vendor, policy) ? features_of(map, model, policy) : 0;

		if (n > most) {
			most = n;
			best = model;
		}
	}
	return best;
}

static void features(FILE *out, const struct cpu_map *map, const struct cpu_map_model *model,
		     const struct cpu_policy *policy, const char *attribute)
{
	const struct cpu_map_feature *feature;

	for (unsigned i = 0; (feature = cpu_map_feature(map, i)); i++)
		if (!model->has[i] && cpu_map_has(policy, feature))
			fprintf(out, "  <feature %sname='%s'/>\n", attribute, feature->name);
}

void libvirt_guest_cpu(FILE *out, const struct cpu_map *map, const struct cpu_map_model *model,
		       const struct cpu_policy *policy)
{
	fprintf(out, "<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>%s</model>\n",
		model->name);
	if (model->vendor)
		fprintf(out, "  <vendor>%s</vendor>\n", model->vendor->name);
	features(out, map, model, policy, "policy='require' ");
	fprintf(out, "</cpu>\n");
}

void libvirt_host_cpu(FILE *out, const struct cpu_map *map, const struct cpu_map_model *model,
		      const struct cpu_policy *policy)
{
	fprintf(out, "<cpu>\n  <arch>x86_64</arch>\n  <model>%s</model>\n", model->name);
	if (model->vendor)
		fprintf(out, "  <vendor>%s</vendor>\n", model->vendor->name);
	features(out, map, model, policy, "");
	fprintf(out, "</cpu>\n");
}

int write_libvirt(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
		  struct write_error *error)
{
	struct cpu_read_report report;
	struct cpu_map *map = cpu_map_load(options->cpu_map, &report);
	const struct cpu_map_model *model;

	if (!map) {
		snprintf(error->text, sizeof(error->text), "%s", report.error);
		return -EINVAL;
	}
	model = libvirt_model(map, answer->baseline);
	if (model)
		libvirt_guest_cpu(out, map, model, answer->baseline);
	else
		snprintf(error->text, sizeof(error->text),
			 "no model of libvirt's CPU map (%s) has only features of this baseline",
			 cpu_map_dir(map));
	cpu_map_free(map);
	return model ? 0 : -EINVAL;
}
