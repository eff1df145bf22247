/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/explain/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* A piece of the text, without the blanks around it. */
struct span {
	const char *start;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.length && is_blank(s.start[0])) {
		s.start++;
		s.length--;
	}
	while (s.length && is_blank(s.start[s.length - 1]))
		s.length--;
	return s;
}

/* Splits at the first separator; false, and all of it in head, if there is none. */
static bool split(struct span s, char separator, struct span *head, struct span *tail)
{
	const char *at = s.length ? memchr(s.start, separator, s.length) : NULL;

	*tail = (struct span){s.start + s.length, 0};
	*head = trim(s);
	if (!at)
		return false;
	*head = trim((struct span){s.start, (size_t)(at - s.start)});
	*tail = trim((struct span){at + 1, s.length - (size_t)(at - s.start) - 1});
	return true;
}

static bool equals(struct span s, const char *name)
{
	return strlen(name) == s.length && memcmp(s.start, name, s.length) == 0;
}

static int wrong(struct explain_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct explain_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -EINVAL;
}

/* The text of a span for a message, cut to a length that fits it; bytes that are no ASCII text become '?'. */
#define SHOWN 40
static const char *show(struct span s, char buffer[SHOWN + 1])
{
	size_t n = s.length < SHOWN ? s.length : SHOWN;

	for (size_t i = 0; i < n; i++)
		buffer[i] = s.start[i] >= ' ' && s.start[i] <= '~' ? s.start[i] : '?';
	buffer[n] = 0;
	return buffer;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static bool number(struct span s, uint64_t *value)
{
	unsigned base = 10;

	*value = 0;
	if (s.length > 2 && s.start[0] == '0' && (s.start[1] == 'x' || s.start[1] == 'X')) {
		base = 16;
		s.start += 2;
		s.length -= 2;
	}
	for (size_t i = 0; i < s.length; i++) {
		unsigned d = (unsigned)digit(s.start[i]);

		if (d >= base || *value > (~0ull - d) / base)
			return false;
		*value = *value * base + d;
	}
	return s.length > 0;
}

static int one_term(struct span term, unsigned field, uint64_t *value, struct explain_error *error)
{
	char buffer[SHOWN + 1];

	if (number(term, value))
		return 0;
	if (merge_table[field].rule != MERGE_CTLS)
		return wrong(error, "'%s': expected a number (decimal or 0x...) of at most 64 bits",
			     show(term, buffer));
	for (unsigned i = 0; i < control_count; i++) {
		if (control_table[i].word == merge_table[field].arg && equals(term, control_table[i].name)) {
			*value = 1ull << control_table[i].bit;
			return 0;
		}
	}
	return wrong(error, "'%s': expected a number or a control bit of %s", show(term, buffer),
		     vmcs_field_name(field));
}

static int parse_value(struct span text, unsigned field, uint64_t *value, struct explain_error *error)
{
	uint64_t mask = vmcs_field_width_mask(field);
	struct span term;
	bool more;

	*value = 0;
	do {
		uint64_t bits;
		int status;

		more = split(text, '|', &term, &text);
		status = one_term(term, field, &bits, error);
		if (status)
			return status;
		*value |= bits;
	} while (more);
	if (*value & ~mask)
		return wrong(error, "value %#llx: expected at most %#llx, %s is narrower",
			     (unsigned long long)*value, (unsigned long long)mask, vmcs_field_name(field));
	return 0;
}

static int find_field(struct span name, struct explain_error *error)
{
	char buffer[SHOWN + 1];

	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		if (equals(name, vmcs_field_name(i)))
			return (int)i;
	}
	return wrong(error, "'%s': expected the name of a VMCS field, such as GUEST_RIP", show(name, buffer));
}

enum section { NONE, VMCS12, VMCS01 };

static enum section section_named(struct span name)
{
	return equals(name, "vmcs12") ? VMCS12 : equals(name, "vmcs01") ? VMCS01 : NONE;
}

static int assignment(struct span line, enum section section, struct explain_input *input,
		      struct explain_error *error)
{
	struct span left, right, prefix, name;
	struct vmcs_bitset *set;
	char buffer[SHOWN + 1];
	uint64_t value;
	int field;

	if (!split(line, '=', &left, &right))
		return wrong(error, "'%s': expected 'FIELD = VALUE' or '[vmcs12]' or '[vmcs01]'",
			     show(line, buffer));
	if (split(left, '.', &prefix, &name))
		section = section_named(prefix);
	else
		name = left;
	if (section == NONE)
		return wrong(error,
			     "'%s': expected 'vmcs12.' or 'vmcs01.' before the field, or a section above",
			     show(left, buffer));
	field = find_field(name, error);
	if (field < 0)
		return field;
	if (parse_value(right, (unsigned)field, &value, error))
		return -EINVAL;
	set = section == VMCS12 ? &input->set12 : &input->set01;
	if (vmcs_bitset_test(set, (unsigned)field))
		return wrong(error, "%s: expected once, this is the second",
			     vmcs_field_name((unsigned)field));
	vmcs_bitset_set(set, (unsigned)field);
	(section == VMCS12 ? &input->vmcs12 : &input->vmcs01)->v[field] = value;
	return 0;
}

int explain_parse(const char *text, size_t length, struct explain_input *input, struct explain_error *error)
{
	struct span rest = {text, length}, line, ignored;
	enum section section = NONE;
	bool more = true;
	int status = 0;

	*input = (struct explain_input){0};
	*error = (struct explain_error){0};
	for (; more && !status; error->line++) {
		more = split(rest, '\n', &line, &rest);
		split(line, '#', &line, &ignored);
		if (line.length == 0)
			continue;
		if (line.start[0] == '[' && line.start[line.length - 1] == ']') {
			section = section_named(trim((struct span){line.start + 1, line.length - 2}));
			if (section == NONE)
				status = wrong(error, "expected '[vmcs12]' or '[vmcs01]'");
			continue;
		}
		status = assignment(line, section, input, error);
	}
	return status;
}
