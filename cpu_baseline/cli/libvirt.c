/* SPDX-License-Identifier: MIT */
/* --libvirt: libvirt's own baseline of the same hosts beside ours, each difference with what explains it. */
#include <errno.h>
#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/cli/cli.h"
#include "cpu_baseline/read/cpu_map.h"
#include "cpu_baseline/read/read.h"
#include "cpu_baseline/write/json.h"
#include "cpu_baseline/write/libvirt.h"
#include "cpu_baseline/write/text.h"

/* What libvirt's two functions say; the hypervisor's is there with QEMU only. */
enum answer { OF_LIBVIRT, OF_HYPERVISOR, ANSWERS };

struct comparison {
	const struct cli_arguments *arguments;
	struct cli_hosts hosts; /* with --without's behind those that libvirt is asked about */
	unsigned asked;
	struct cpu_findings findings;
	struct cpu_policy ours;
	struct cpu_map *map;
	bool answered[ANSWERS];
	struct cpu_policy theirs[ANSWERS];
	char *said[ANSWERS]; /* the same as libvirt wrote it; to be freed */
	char virttype[8]; /* of the hypervisor's answer */
};

static void no_output(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static int failed(const char *what)
{
	cli_wrong("%s: %s", what, virGetLastErrorMessage());
	return CLI_FAILED;
}

/* ---- asking ---- */

static char *host_xml(const struct comparison *c, const struct cpu_policy *host)
{
	const struct cpu_map_model *model = libvirt_model(c->map, host);
	char *text = NULL;
	size_t size = 0;
	FILE *out = model ? open_memstream(&text, &size) : NULL;

	if (!out) {
		cli_wrong("%s: no model of libvirt's CPU map (%s) has only features of it", host->name,
			  cpu_map_dir(c->map));
		return NULL;
	}
	libvirt_host_cpu(out, c->map, model, host);
	fclose(out);
	return text;
}

static int take(struct comparison *c, enum answer which, const char *name, char *xml)
{
	const struct cpu_read_options options = {.map_dir = c->arguments->write.cpu_map, .map = c->map};
	struct cpu_read_report report;
	int status;

	c->said[which] = xml;
	status = cpu_read_text(name, xml, strlen(xml), &options, &c->theirs[which], &report);
	if (status) {
		cli_wrong("what libvirt answered is not understood: %s", report.error);
		return CLI_FAILED;
	}
	c->answered[which] = true;
	return 0;
}

static int ask_hypervisor(struct comparison *c, virConnectPtr connection, const char **xml)
{
	static const char *const virttypes[] = {"kvm", "qemu"};
	const char *type = virConnectGetType(connection);
	char *said = NULL;

	if (!type || strcmp(type, "QEMU"))
		return 0;
	for (unsigned i = 0; i < 2 && !said; i++) {
		snprintf(c->virttype, sizeof(c->virttype), "%s", virttypes[i]);
		said = virConnectBaselineHypervisorCPU(connection, NULL, "x86_64", NULL, virttypes[i], xml,
						       c->asked, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
	}
	return said ? take(c, OF_HYPERVISOR, "virConnectBaselineHypervisorCPU", said)
		    : failed("virConnectBaselineHypervisorCPU");
}

static int ask(struct comparison *c, const char **xml)
{
	virConnectPtr connection;
	char *said;
	int status;

	virSetErrorFunc(NULL, no_output);
	connection = virConnectOpen(c->arguments->libvirt); /* libvirt wants no read-only one for this */
	if (!connection)
		return failed(c->arguments->libvirt);
	said = virConnectBaselineCPU(connection, xml, c->asked, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
	status = said ? take(c, OF_LIBVIRT, "virConnectBaselineCPU", said) : failed("virConnectBaselineCPU");
	if (!status)
		status = ask_hypervisor(c, connection, xml);
	virConnectClose(connection);
	return status;
}

static int ask_about_hosts(struct comparison *c)
{
	char *xml[CLI_HOSTS_MAX] = {0};
	int status = 0;

	for (unsigned i = 0; i < c->asked && !status; i++) {
		xml[i] = host_xml(c, c->hosts.host[i]);
		if (!xml[i])
			status = CLI_USAGE;
	}
	if (!status)
		status = ask(c, (const char **)xml);
	for (unsigned i = 0; i < c->asked; i++)
		free(xml[i]);
	return status;
}

/* ---- explaining ---- */

/* Is the row about this feature's bits, or some of them? */
static bool is_about(const struct cpu_field *field, const struct cpu_map_feature *feature)
{
	uint64_t mask = (field->width == 64 ? 0 : 1ull << field->width) - 1;

	mask <<= field->low;
	if (field->msr)
		return field->msr == feature->msr && (mask & feature->msr_bits);
	return !feature->msr && field->leaf == feature->bits.leaf &&
	       field->subleaf == feature->bits.subleaf && (mask & feature->bits.reg[field->reg]);
}

static const struct cpu_field *field_of(const struct cpu_map_feature *feature)
{
	for (size_t i = 0; i < cpu_field_count; i++)
		if (is_about(&cpu_fields[i], feature))
			return &cpu_fields[i];
	return NULL;
}

static const struct cpu_finding *finding_about(const struct comparison *c, const struct cpu_field *field)
{
	for (size_t i = 0; i < c->findings.count; i++)
		if (c->findings.row[i].field == field)
			return &c->findings.row[i];
	return NULL;
}

/* The first asked host that lacks it; NULL: none. */
static const char *who_lacks(const struct comparison *c, const struct cpu_map_feature *feature)
{
	for (unsigned i = 0; i < c->asked; i++)
		if (!cpu_map_has(c->hosts.host[i], feature))
			return c->hosts.host[i]->name;
	return NULL;
}

/* Ours has not what libvirt's has, and so has each host. */
static bool why_hidden(const struct comparison *c, const struct cpu_field *field, FILE *to)
{
	const struct cpu_finding *f = finding_about(c, field);

	if (field->rule == CPU_COMPUTED || field->rule == CPU_SHAPE || field->rule == CPU_HIDE)
		fprintf(to, "ours is '%s': %s", cpu_rule_name(field->rule), field->reason);
	else if (f && f->because)
		fprintf(to, "needs %s, which the baseline has not; libvirt does not look at what needs what",
			f->because->name);
	else if (f)
		fprintf(to, "%s: %s", c->hosts.host[f->host]->name, field->reason);
	else
		return false;
	return true;
}

/* Of what its model has libvirt disables what QEMU cannot give on its host. */
static bool disabled(const struct comparison *c, enum answer which, const struct cpu_map_feature *feature)
{
	char element[96];

	snprintf(element, sizeof(element), "<feature policy='disable' name='%s'/>", feature->name);
	return which == OF_HYPERVISOR && strstr(c->said[which], element) &&
	       cpu_map_has(&c->theirs[OF_LIBVIRT], feature);
}

/* Libvirt's has not what ours has. */
static bool why_shown(const struct comparison *c, enum answer which, const struct cpu_map_feature *feature,
		      const struct cpu_field *field, FILE *to)
{
	const struct cpu_finding *f = finding_about(c, field);
	const char *lacks = who_lacks(c, feature);
	bool needed = lacks && f && f->verdict == CPU_NEEDED;
	bool computed = field->rule == CPU_COMPUTED;
	bool of_qemu = !lacks && disabled(c, which, feature);

	if (needed)
		fprintf(to, "ours is 'or': %s needs it told, which libvirt does not do; %s lacks it",
			c->hosts.host[f->host]->name, lacks);
	if (computed)
		fprintf(to, "ours is '%s': %s", cpu_rule_name(field->rule), field->reason);
	if (of_qemu)
		fprintf(to, "libvirt disables it in its model: QEMU with '%s' on its host does not have it",
			c->virttype);
	return needed || computed || of_qemu;
}

/* What explains it, malloc'd; NULL: nothing does. */
static char *explanation(const struct comparison *c, enum answer which, const struct cpu_map_feature *feature)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	const struct cpu_field *field = field_of(feature);
	bool explained = false;

	if (!to) {
		cli_wrong("out of memory");
		abort();
	}
	if (!field)
		explained = fprintf(to, "our table has no row for it") > 0;
	else if (cpu_map_has(&c->ours, feature))
		explained = why_shown(c, which, feature, field, to);
	else if (!who_lacks(c, feature))
		explained = why_hidden(c, field, to);
	fclose(to);
	if (explained)
		return text;
	free(text);
	return NULL;
}

/* ---- telling ---- */

struct tally {
	unsigned known, agreed, explained, unexplained;
};

static json_t *compare(const struct comparison *c, enum answer which, struct tally *tally, FILE *table)
{
	const struct cpu_map_feature *feature;
	json_t *rows = put_array();

	*tally = (struct tally){0};
	for (unsigned i = 0; (feature = cpu_map_feature(c->map, i)); i++) {
		bool ours = cpu_map_has(&c->ours, feature), theirs = cpu_map_has(&c->theirs[which], feature);
		char *why;
		json_t *row;

		tally->known++;
		if (ours == theirs) {
			tally->agreed++;
			continue;
		}
		why = explanation(c, which, feature);
		tally->explained += why != NULL;
		tally->unexplained += !why;
		if (table)
			fprintf(table, "  %-20s %-6s %-8s %s\n", feature->name, ours ? "yes" : "no",
				theirs ? "yes" : "no", why ? why : "UNEXPLAINED");
		row = put_object();
		put_in(row, "feature", json_string(feature->name));
		put_in(row, "ours", json_boolean(ours));
		put_in(row, "libvirt", json_boolean(theirs));
		put_in(row, "why", why ? json_string(why) : json_null());
		put_at_end(rows, row);
		free(why);
	}
	return rows;
}

/* Features of ours that libvirt has no name for. */
static json_t *unnamed(const struct comparison *c, FILE *table)
{
	struct paragraph p = {table, 2, 0};
	json_t *names = put_array();

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];
		const struct cpu_map_feature *feature;
		bool named = false;

		if (field->rule != CPU_AND || field->width != 1 || field->subleaf == CPU_ANY_SUBLEAF ||
		    !cpu_field_get(&c->ours, field))
			continue;
		for (unsigned f = 0; !named && (feature = cpu_map_feature(c->map, f)); f++)
			named = is_about(field, feature);
		if (named)
			continue;
		if (table && !json_array_size(names))
			paragraph_text(&p, "libvirt's map has no such feature:");
		if (table)
			paragraph_word(&p, field->name);
		put_at_end(names, json_string(field->name));
	}
	if (table && json_array_size(names))
		paragraph_end(&p);
	return names;
}

static int tell(const struct comparison *c, FILE *out)
{
	static const char *const names[] = {"virConnectBaselineCPU", "virConnectBaselineHypervisorCPU"};
	FILE *table = c->arguments->json ? NULL : out;
	json_t *top = put_object(), *list = put_array();
	int status = CLI_YES;

	for (unsigned i = 0; i < ANSWERS; i++) {
		char *rows_text = NULL;
		size_t size = 0;
		FILE *rows;
		struct tally t;
		json_t *row;

		if (!c->answered[i])
			continue;
		rows = open_memstream(&rows_text, &size);
		if (!rows)
			return CLI_FAILED;
		row = put_object();
		put_in(row, "function", json_string(names[i]));
		put_in(row, "differences", compare(c, (enum answer)i, &t, rows));
		fclose(rows);
		put_in(row, "known", json_integer(t.known));
		put_in(row, "agreed", json_integer(t.agreed));
		put_in(row, "unexplained", json_integer(t.unexplained));
		put_at_end(list, row);
		if (table) {
			fprintf(table, "%s: of %u features %u agree, %u differ, %u of them unexplained\n",
				names[i], t.known, t.agreed, t.known - t.agreed, t.unexplained);
			if (t.known != t.agreed)
				fprintf(table, "  %-20s %-6s %-8s %s\n%s", "feature", "ours", "libvirt",
					"why", rows_text);
		}
		free(rows_text);
		if (t.unexplained)
			status = CLI_NO;
	}
	put_in(top, "answers", list);
	put_in(top, "unnamed", unnamed(c, table));
	if (table)
		json_decref(top);
	else
		put_out(out, top);
	return status;
}

int cmd_libvirt(const struct cli_arguments *arguments, FILE *out)
{
	struct comparison c = {.arguments = arguments};
	struct cpu_read_report report;
	int status = cli_read_all(arguments, &c.hosts);

	if (status)
		return status;
	c.asked = c.hosts.count;
	c.map = cpu_map_load(arguments->write.cpu_map, &report);
	if (!c.map)
		return cli_wrong("%s", report.error);
	status = cli_baseline(arguments, &c.hosts, &c.ours, &c.findings);
	if (status) {
		cli_wrong("these hosts have no common baseline");
		status = CLI_NO;
	} else {
		status = ask_about_hosts(&c);
		if (!status)
			status = tell(&c, out);
	}
	for (unsigned i = 0; i < ANSWERS; i++)
		free(c.said[i]);
	cpu_findings_free(&c.findings);
	cpu_map_free(c.map);
	return status;
}
