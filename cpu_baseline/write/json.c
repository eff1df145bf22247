/* SPDX-License-Identifier: MIT */
/* The answer for programs. Registers and values are numbers; MSRs need 64 bits, so they are text. */
#include "cpu_baseline/write/json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cpu_baseline/pool.h"
#include "cpu_baseline/write/text.h"

static void *must(void *json)
{
	if (!json) {
		fputs("cpu-baseline: out of memory\n", stderr);
		abort();
	}
	return json;
}

json_t *put_object(void)
{
	return must(json_object());
}

json_t *put_array(void)
{
	return must(json_array());
}

void put_in(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must(value)))
		must(NULL);
}

void put_at_end(json_t *array, json_t *value)
{
	if (json_array_append_new(array, must(value)))
		must(NULL);
}

json_t *put_hex(uint64_t value, int digits)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*" PRIx64, digits, value);
	return json_string(text);
}

void put_out(FILE *out, json_t *json)
{
	if (json_dumpf(json, out, JSON_INDENT(1)))
		must(NULL);
	fputc('\n', out);
	json_decref(json);
}

static json_t *features_json(const struct cpu_policy *policy)
{
	json_t *array = put_array();

	for (size_t i = 0; i < cpu_field_count; i++)
		if (cpu_fields[i].rule == CPU_AND && cpu_fields[i].width == 1 &&
		    cpu_fields[i].subleaf != CPU_ANY_SUBLEAF && cpu_field_get(policy, &cpu_fields[i]))
			put_at_end(array, json_string(cpu_fields[i].name));
	return array;
}

static json_t *fields_json(const struct cpu_policy *policy)
{
	json_t *array = put_array();

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];
		char place[PLACE_TEXT_MAX];
		json_t *row;

		if (field->subleaf == CPU_ANY_SUBLEAF || !cpu_field_get(policy, field))
			continue;
		place_text(place, field->msr, field->leaf, field->subleaf, field->reg);
		row = put_object();
		put_in(row, "name", json_string(field->name));
		put_in(row, "place", json_string(place));
		put_in(row, "low", json_integer(field->low));
		put_in(row, "width", json_integer(field->width));
		put_in(row, "rule", json_string(cpu_rule_name(field->rule)));
		put_in(row, "value", put_hex(cpu_field_get(policy, field), 0));
		put_at_end(array, row);
	}
	return array;
}

static json_t *cpuid_json(const struct cpu_policy *policy)
{
	static const char *const regs[CPU_REGS] = {"eax", "ebx", "ecx", "edx"};
	json_t *array = put_array();

	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		json_t *row = put_object();

		put_in(row, "leaf", put_hex(policy->leaf[i].leaf, 8));
		put_in(row, "subleaf", json_integer(policy->leaf[i].subleaf));
		for (unsigned r = 0; r < CPU_REGS; r++)
			put_in(row, regs[r], put_hex(policy->leaf[i].reg[r], 8));
		put_at_end(array, row);
	}
	return array;
}

static json_t *msrs_json(const struct cpu_policy *policy)
{
	json_t *array = put_array();

	for (uint32_t i = 0; i < policy->msr_count; i++) {
		const char *name = msr_name(policy->msr[i].number);
		json_t *row = put_object();

		put_in(row, "msr", put_hex(policy->msr[i].number, 8));
		if (name)
			put_in(row, "name", json_string(name));
		put_in(row, "value", put_hex(policy->msr[i].value, 16));
		put_at_end(array, row);
	}
	return array;
}

static json_t *finding_json(const struct cpu_finding *f, const struct cpu_policy *const *hosts)
{
	json_t *row = put_object();
	char place[PLACE_TEXT_MAX];

	place_text(place, f->msr, f->leaf, f->subleaf, f->reg);
	put_in(row, "verdict", json_string(verdict_name(f->verdict)));
	put_in(row, "field", f->field ? json_string(f->field->name) : json_null());
	put_in(row, "place", json_string(place));
	put_in(row, "low", json_integer(f->low));
	put_in(row, "host", json_string(hosts[f->host]->name));
	put_in(row, "other", json_string(hosts[f->other]->name));
	put_in(row, "had", put_hex(f->had, 0));
	put_in(row, "got", put_hex(f->got, 0));
	if (f->field) {
		put_in(row, "rule", json_string(cpu_rule_name(f->field->rule)));
		put_in(row, "reason", json_string(f->field->reason));
	}
	if (f->because)
		put_in(row, "needs", json_string(f->because->name));
	return row;
}

json_t *put_findings(const struct cpu_findings *findings, const struct cpu_policy *const *hosts)
{
	json_t *array = put_array();

	for (size_t i = 0; i < findings->count; i++)
		put_at_end(array, finding_json(&findings->row[i], hosts));
	return array;
}

int write_json(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
	       struct write_error *error)
{
	json_t *top = put_object(), *hosts = put_array();

	(void)error;
	put_in(top, "name", json_string(options->name));
	for (unsigned i = 0; i < answer->count; i++)
		put_at_end(hosts, json_string(answer->hosts[i]->name));
	put_in(top, "hosts", hosts);
	put_in(top, "refused", json_boolean(!answer->baseline));
	if (answer->baseline) {
		put_in(top, "level", json_string(level_name(answer->baseline)));
		put_in(top, "features_only", json_boolean(answer->baseline->features_only));
		put_in(top, "features", features_json(answer->baseline));
		put_in(top, "fields", fields_json(answer->baseline));
		put_in(top, "cpuid", cpuid_json(answer->baseline));
		put_in(top, "msrs", msrs_json(answer->baseline));
	}
	put_in(top, "findings", put_findings(answer->findings, answer->hosts));
	put_out(out, top);
	return 0;
}

void write_check_json(FILE *out, const struct cpu_policy *policy, const struct cpu_policy *host, bool may_run,
		      const struct cpu_findings *findings)
{
	json_t *top = put_object();

	put_in(top, "policy", json_string(policy->name));
	put_in(top, "host", json_string(host->name));
	put_in(top, "may_run", json_boolean(may_run));
	put_in(top, "findings", put_findings(findings, &host));
	put_out(out, top);
}
