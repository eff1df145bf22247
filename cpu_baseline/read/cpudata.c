/* SPDX-License-Identifier: MIT */
/* libvirt's <cpudata>: what its test data and its logs hold. It leaves out rows that are all 0. */
#include <string.h>

#include "cpu_baseline/read/xml.h"

#define ATTRIBUTES_MAX (2 + CPU_REGS)

/* The element has just these attributes, all numbers. */
static int numbers(struct reader *r, const xmlNode *node, const char *const names[], uint32_t values[],
		   unsigned count)
{
	struct xml_attribute attributes[ATTRIBUTES_MAX] = {{0}};
	const char *text[ATTRIBUTES_MAX];
	int status;

	for (unsigned i = 0; i < count; i++)
		attributes[i] = (struct xml_attribute){names[i], true, &text[i]};
	status = xml_attributes(r, node, attributes, count);
	for (unsigned i = 0; i < count && !status; i++)
		status = xml_hex(r, node, names[i], text[i], &values[i]);
	return status;
}

static int cpuid_element(struct reader *r, const xmlNode *node)
{
	static const char *const names[] = {"eax_in", "ecx_in", "eax", "ebx", "ecx", "edx"};
	uint32_t value[2 + CPU_REGS];
	struct cpu_leaf leaf;
	int status = numbers(r, node, names, value, 2 + CPU_REGS);

	if (status)
		return status;
	leaf.leaf = value[0];
	leaf.subleaf = value[1];
	memcpy(leaf.reg, value + 2, sizeof(leaf.reg));
	return reader_leaf(r, &leaf);
}

static int msr_element(struct reader *r, const xmlNode *node)
{
	static const char *const names[] = {"index", "eax", "edx"};
	uint32_t value[3];
	int status = numbers(r, node, names, value, 3);

	return status ? status : reader_msr(r, value[0], (uint64_t)value[2] << 32 | value[1]);
}

static int one_element(struct reader *r, const xmlNode *node)
{
	char shown[PIECE_SHOWN + 1];

	r->line = xml_line(node);
	if (xml_named(node, "cpuid"))
		return cpuid_element(r, node);
	if (xml_named(node, "msr"))
		return msr_element(r, node);
	return reader_wrong(r, "<%s> in <cpudata>, expected <cpuid> or <msr>",
			    piece_show(piece_of((const char *)node->name), shown));
}

int cpudata_read(struct reader *r, const xmlNode *root)
{
	const char *arch;
	const struct xml_attribute attributes[] = {
		{"arch", true, &arch}
        };
	char shown[PIECE_SHOWN + 1];
	int status;

	r->line = xml_line(root);
	status = xml_attributes(r, root, attributes, 1);
	if (!status && strcmp(arch, "x86"))
		return reader_wrong(r, "arch='%s', expected 'x86'", piece_show(piece_of(arch), shown));
	for (xmlNode *n = status ? NULL : xml_first(r, root, &status); n; n = xml_next(r, n, &status)) {
		status = one_element(r, n);
		if (status)
			break;
	}
	return status ? status : reader_finish(r);
}
