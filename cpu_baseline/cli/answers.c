/* SPDX-License-Identifier: MIT */
/* The questions about hosts given one by one: their baseline, and whether a policy may run there. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/cli/cli.h"
#include "cpu_baseline/write/text.h"

int cmd_baseline(const struct cli_arguments *arguments, FILE *out)
{
	struct cpu_findings findings = {0};
	struct cpu_policy baseline = {0};
	struct cli_hosts hosts = {0};
	struct write_error error;
	struct cpu_answer answer;
	int status = cli_read_all(arguments, &hosts);

	if (status)
		return status;
	status = cli_baseline(arguments, &hosts, &baseline, &findings);
	snprintf(baseline.name, sizeof(baseline.name), "%s", arguments->write.name);
	answer = (struct cpu_answer){hosts.host, hosts.count, status ? NULL : &baseline, &findings};
	if (status == -EPERM) {
		if (arguments->json)
			write_json(out, &answer, &arguments->write, &error);
		else
			write_explanation(stderr, &answer);
		cli_wrong("these hosts have no common baseline");
		status = CLI_NO;
	} else if (status) {
		status = cli_wrong("%s", strerror(-status));
	} else if (arguments->explain && !arguments->json) {
		write_explanation(out, &answer);
	} else if (arguments->format(out, &answer, &arguments->write, &error)) {
		status = cli_wrong("%s", error.text);
	}
	cpu_findings_free(&findings);
	return status;
}

/* What a guest on the policy's own host may see: that is what is checked, be it a baseline or a whole host.
 */
static int guest_view(const struct cli_arguments *arguments, struct cli_hosts *policies,
		      struct cpu_policy *guest)
{
	struct cpu_findings findings = {0};
	unsigned dropped = 0;
	int status = cli_baseline(arguments, policies, guest, &findings);

	memcpy(guest->name, policies->host[0]->name, sizeof(guest->name));
	for (size_t i = 0; i < findings.count; i++)
		dropped += findings.row[i].verdict == CPU_UNKNOWN;
	if (dropped)
		fprintf(stderr,
			"cpu-baseline: note: %s: %u unknown fields, hidden from any guest, are not checked\n",
			guest->name, dropped);
	if (status == -EPERM)
		write_objections(stderr, &findings, policies->host[0]);
	if (status)
		cli_wrong("%s: no guest can run with this policy", guest->name);
	cpu_findings_free(&findings);
	return status;
}

int cmd_check(const struct cli_arguments *arguments, FILE *out)
{
	struct cli_hosts policies = {0}, hosts = {0};
	struct cpu_policy guest = {0};
	int answer = CLI_YES;

	if (cli_read(arguments, arguments->check, &policies))
		return CLI_USAGE;
	if (cli_read_all(arguments, &hosts))
		return CLI_USAGE;
	if (guest_view(arguments, &policies, &guest))
		return CLI_USAGE;
	if (arguments->json)
		fprintf(out, "[\n");
	for (unsigned i = 0; i < hosts.count; i++) {
		const struct cpu_policy *host = hosts.host[i];
		struct cpu_findings findings = {0};
		int status = cpu_check(&guest, host, &arguments->options, cpu_findings_add, &findings);

		if (status && status != -EPERM) {
			cpu_findings_free(&findings);
			return cli_wrong("%s", strerror(-status));
		}
		if (status)
			answer = CLI_NO;
		if (arguments->json) {
			fputs(i ? ",\n" : "", out);
			write_check_json(out, &guest, host, !status, &findings);
		} else {
			fprintf(out, "%s %s run on %s\n", guest.name, status ? "may not" : "may", host->name);
			write_objections(out, &findings, host);
		}
		cpu_findings_free(&findings);
	}
	if (arguments->json)
		fprintf(out, "]\n");
	return answer;
}

int cmd_list_fields(const struct cli_arguments *arguments, FILE *out)
{
	(void)arguments;
	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];
		char place[PLACE_TEXT_MAX], bits[16];

		place_text(place, field->msr, field->leaf, field->subleaf, field->reg);
		if (field->width == 1)
			snprintf(bits, sizeof(bits), "%u", field->low);
		else
			snprintf(bits, sizeof(bits), "%u:%u", field->low + field->width - 1u, field->low);
		fprintf(out, "%-36s %-30s %-6s %-16s %s\n", field->name, place, bits,
			cpu_rule_name(field->rule), field->reason);
	}
	return CLI_YES;
}
