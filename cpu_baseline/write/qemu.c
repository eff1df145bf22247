/* SPDX-License-Identifier: MIT */
/*
 * QEMU's -cpu: the model `base`, which has no feature, and each feature by name. Which names there are the
 * QEMU that is installed says; what it has no name for stays hidden, and is told in a note.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/write/program.h"
#include "cpu_baseline/write/text.h"
#include "cpu_baseline/write/write.h"

#define NAME_MAX_SIZE 64u

/* Ours (libvirt's) and QEMU's, where '_' for '-' isn't all. */
static const struct {
	const char *ours, *qemu;
} other_names[] = {
	{"pclmuldq", "pclmulqdq"},
};

/* That a control of the default1 class may be 0 is a feature to QEMU, and a 0 of "must be 1" to the SDM. */
static const struct {
	const char *name;
	uint32_t msr, bit;
} may_be_zero[] = {
	{"vmx-cr3-load-noexit",       0x48e, 15},
	{"vmx-cr3-store-noexit",      0x48e, 16},
	{"vmx-exit-nosave-debugctl",  0x48f, 2 },
	{"vmx-entry-noload-debugctl", 0x490, 2 },
};

static void qemu_name(char to[NAME_MAX_SIZE], const char *ours)
{
	size_t i;

	for (i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (!strcmp(other_names[i].ours, ours))
			ours = other_names[i].qemu;
	for (i = 0; ours[i] && i + 1 < NAME_MAX_SIZE; i++)
		to[i] = (char)(ours[i] == '_' ? '-' : ours[i]);
	to[i] = '\0';
}

/* Is it one of the words of `list`? */
static bool named(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || isspace((unsigned char)at[-1])) &&
		    (!at[n] || isspace((unsigned char)at[n])))
			return true;
	return false;
}

static void print_identity(FILE *out, const struct cpu_policy *policy)
{
	const struct identity id = identity_of(policy);
	uint32_t bits = cpu_policy_reg(policy, 0x80000008, 0, CPU_EAX) & 0xff;

	if (id.vendor[0])
		fprintf(out, ",vendor=%s", id.vendor);
	if (policy->features_only)
		return;
	fprintf(out, ",family=%u,model=%u,stepping=%u", id.family, id.model, id.stepping);
	fprintf(out, ",level=0x%x,xlevel=0x%x", cpu_policy_reg(policy, 0, 0, CPU_EAX),
		cpu_policy_reg(policy, 0x80000000, 0, CPU_EAX));
	if (bits)
		fprintf(out, ",phys-bits=%u", bits);
}

static void print_features(FILE *out, const struct cpu_policy *policy, const char *known)
{
	struct paragraph missing = {stderr, 4, 0};
	bool any = false;

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];
		char name[NAME_MAX_SIZE];

		if (field->rule != CPU_AND || field->width != 1 || field->subleaf == CPU_ANY_SUBLEAF ||
		    !cpu_field_get(policy, field))
			continue;
		qemu_name(name, field->name);
		if (named(known, name)) {
			fprintf(out, ",+%s", name);
			continue;
		}
		/* It computes XCR0 from features. */
		if (!strncmp(name, "xcr0-", 5) || !strncmp(name, "xss-", 4))
			continue;
		if (!any)
			paragraph_text(&missing, "cpu-baseline: note: QEMU has no name for, and so hides:");
		any = true;
		paragraph_word(&missing, field->name);
	}
	if (any)
		paragraph_end(&missing);
}

static void print_may_be_zero(FILE *out, const struct cpu_policy *policy, const char *known)
{
	for (size_t i = 0; i < sizeof(may_be_zero) / sizeof(may_be_zero[0]); i++) {
		const struct cpu_msr *msr = cpu_policy_msr(policy, may_be_zero[i].msr);

		if (msr && !(msr->value >> may_be_zero[i].bit & 1) && named(known, may_be_zero[i].name))
			fprintf(out, ",+%s", may_be_zero[i].name);
	}
}

int write_qemu(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
	       struct write_error *error)
{
	const char *qemu = options->qemu ? options->qemu : "qemu-system-x86_64";
	char program[] = "", cpu[] = "-cpu", help[] = "help", *argv[] = {program, cpu, help, NULL};
	const char *names;
	char *copy = strdup(qemu), *text, why[256] = "out of memory";

	argv[0] = copy;
	text = copy ? program_output(argv, why, sizeof(why)) : NULL;
	free(copy);
	names = text ? strstr(text, "Recognized CPUID flags:") : NULL;
	if (!names) {
		snprintf(error->text, sizeof(error->text),
			 "QEMU has to say which features it has a name for (--qemu=PROGRAM): %s",
			 text ? "its `-cpu help` does not list them" : why);
		free(text);
		return -EINVAL;
	}
	fprintf(out, "base");
	print_identity(out, answer->baseline);
	print_features(out, answer->baseline, names);
	print_may_be_zero(out, answer->baseline, names);
	fputc('\n', out);
	free(text);
	return 0;
}
