/* SPDX-License-Identifier: MIT */
#include "bundle/config.h"

#include <errno.h>
#include <string.h>

#include "bundle/bundle.h"

#define KIB            1024ull
#define MIB            (1024 * KIB)
#define GIB            (1024 * MIB)
#define DEFAULT_MEMORY (64 * MIB)
#define DEFAULT_SLICE  1000000u
#define QUOTE_MAX      48u /* of what the user wrote, in an error */

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

/* The formatter's column alignment would tear the help texts from their rows. */
/* clang-format off */
static const struct config_key keys[] = {
	{CONFIG_L0, "limit",                    CONFIG_NUMBER, AT(l0_config, limit), 0, INT64_MAX,
		"ticks after which every VM is stopped; 0: none"},
	{CONFIG_L0, "crash",                    CONFIG_NUMBER, AT(l0_config, crash), 0, CONFIG_CRASHES - 1,
		"L0 faults on purpose before it enters a VM, to show how that is told; 0: it does not"},
	{CONFIG_VM, "image",                    CONFIG_ENTRY,  AT(vm_config, image), 0, 0,
		"bundle entry with the multiboot-1 kernel"},
	{CONFIG_VM, "cmdline",                  CONFIG_TEXT,   AT(vm_config, cmdline), 0, 0,
		"the kernel's command line"},
	{CONFIG_VM, "memory",                   CONFIG_SIZE,   AT(vm_config, memory), MIB, 3 * GIB,
		"RAM of the VM"},
	{CONFIG_VM, "vcpus",                    CONFIG_NUMBER, AT(vm_config, vcpus), 1, CONFIG_VCPUS_MAX,
		"virtual processors"},
	{CONFIG_VM, "nested",                   CONFIG_SWITCH, AT(vm_config, nested), 0, 0,
		"offer VT-x to the VM"},
	{CONFIG_VM, "nested.shadow_vmcs",       CONFIG_SWITCH, AT(vm_config, shadow_vmcs), 0, 0,
		"let the processor serve L1's VMREAD and VMWRITE where it can"},
	{CONFIG_VM, "nested.incremental_merge", CONFIG_SWITCH, AT(vm_config, incremental_merge), 0, 0,
		"merge into vmcs02 only what changed"},
	{CONFIG_VM, "nested.lazy_rare_fields",  CONFIG_SWITCH, AT(vm_config, lazy_rare_fields), 0, 0,
		"leave state of L2 that hypervisors seldom read in vmcs02 until L1 asks for it"},
	{CONFIG_VM, "nested.cached_checks",     CONFIG_SWITCH, AT(vm_config, cached_checks), 0, 0,
		"redo VM-entry checks only for what changed"},
	{CONFIG_VM, "nested.cached_host_state", CONFIG_SWITCH, AT(vm_config, cached_host_state), 0, 0,
		"keep L1's state at an exit as a list until L1 changes it"},
	{CONFIG_VM, "nested.watch_msr_bitmap",  CONFIG_SWITCH, AT(vm_config, watch_msr_bitmap), 0, 0,
		"merge L1's MSR bitmap again only when it was written"},
	{CONFIG_VM, "nested.clean_fields",      CONFIG_SWITCH, AT(vm_config, clean_fields), 0, 0,
		"write no VMCS field with the value that it has"},
	{CONFIG_VM, "nested.limit",             CONFIG_LIMIT,  0, 0, 0, 0,
		"a VMX capability MSR and the most that the VM is offered of it; may repeat"},
	{CONFIG_VM, "nested.vmx_locked",        CONFIG_SWITCH, AT(vm_config, vmx_locked), 0, 0,
		"IA32_FEATURE_CONTROL is locked with VMX on"},
	{CONFIG_VM, "record.phases",            CONFIG_SWITCH, AT(vm_config, record_phases), 0, 0,
		"account what L0 does for an exit of L2 by phases, which costs some 180 instructions a round"},
	{CONFIG_VM, "cached_cpuid",             CONFIG_SWITCH, AT(vm_config, cached_cpuid), 0, 0,
		"make the answers to CPUID in advance"},
	{CONFIG_VM, "scratch",                  CONFIG_SWITCH, AT(vm_config, scratch), 0, 0,
		"a device that keeps what is written to it: every access is emulated"},
	{CONFIG_VM, "slice",                    CONFIG_NUMBER, AT(vm_config, slice), 1000, INT64_MAX,
		"ticks that a vCPU runs before another one gets the processor"},
	{CONFIG_VM, "module",                   CONFIG_MODULE, 0, 0, 0, 0,
		"bundle entry and string of a multiboot module; may repeat"},
};
/* clang-format on */
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

struct span {
	const char *p;
	size_t n;
};

struct parser {
	struct l0_config *config;
	struct config_error *error;
	struct vm_config *vm; /* of the section; NULL outside [vm …] */
	enum config_section section;
	uint32_t line;
	bool l0_seen;
	uint32_t seen_at[KEY_COUNT]; /* line of a key in this section; 0: not yet */
};

const struct config_key *config_keys(size_t *count)
{
	*count = KEY_COUNT;
	return keys;
}

/* ---- error texts ---- */

static void add_n(struct config_error *e, const char *p, size_t n)
{
	size_t at = strlen(e->text);

	for (; n && at + 1 < sizeof(e->text); n--)
		e->text[at++] = *p++;
	e->text[at] = '\0';
}

static void add(struct config_error *e, const char *s)
{
	add_n(e, s, strlen(s));
}

static void add_number(struct config_error *e, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	add_n(e, digits + at, sizeof(digits) - at);
}

static void add_size(struct config_error *e, uint64_t bytes)
{
	static const struct {
		uint64_t unit;
		const char *suffix;
	} units[] = {
		{GIB, "G"},
		{MIB, "M"},
		{KIB, "K"},
		{1,   "" },
	};
	size_t i = 0;

	while (bytes < units[i].unit || bytes % units[i].unit)
		i++;
	add_number(e, bytes / units[i].unit);
	add(e, units[i].suffix);
}

static void add_quoted(struct config_error *e, struct span s)
{
	add(e, "'");
	add_n(e, s.p, s.n < QUOTE_MAX ? s.n : QUOTE_MAX);
	add(e, s.n > QUOTE_MAX ? "…'" : "'");
}

static void add_section(struct config_error *e, enum config_section section, const struct vm_config *vm)
{
	if (section == CONFIG_VM) {
		add(e, "[vm ");
		add(e, vm->name);
		add(e, "]");
	} else {
		add(e, "[l0]");
	}
}

static void begin_error(struct config_error *e, uint32_t line)
{
	e->line = line;
	e->text[0] = '\0';
	if (line) {
		add(e, "line ");
		add_number(e, line);
		add(e, ": ");
	}
}

static int fail(struct parser *p, const char *before, struct span quoted, const char *after)
{
	begin_error(p->error, p->line);
	add(p->error, before);
	add_quoted(p->error, quoted);
	add(p->error, after);
	return -EINVAL;
}

static int fail_plain(struct parser *p, const char *text)
{
	begin_error(p->error, p->line);
	add(p->error, text);
	return -EINVAL;
}

static int fail_value(struct parser *p, const struct config_key *key, struct span value)
{
	struct config_error *e = p->error;

	begin_error(e, p->line);
	add(e, "'");
	add(e, key->name);
	add(e, "' must be ");
	switch (key->type) {
	case CONFIG_NUMBER:
		add(e, "a number between ");
		add_number(e, key->min);
		add(e, " and ");
		add_number(e, key->max);
		break;
	case CONFIG_SIZE:
		add(e, "a size between ");
		add_size(e, key->min);
		add(e, " and ");
		add_size(e, key->max);
		break;
	case CONFIG_SWITCH:
		add(e, "on or off");
		break;
	case CONFIG_ENTRY:
	case CONFIG_MODULE:
		add(e, "a bundle entry's name of at most ");
		add_number(e, NB_BUNDLE_NAME_MAX - 1);
		add(e, " letters");
		break;
	case CONFIG_LIMIT:
		add(e, "the name or number of a VMX capability MSR and a value");
		break;
	case CONFIG_TEXT:
		add(e, "at most ");
		add_number(e, key->width - 1);
		add(e, " letters");
		break;
	}
	add(e, ", got ");
	add_quoted(e, value);
	return -EINVAL;
}

/* ---- words ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.n && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool equals(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

static size_t find_char(const char *p, size_t n, char c)
{
	size_t i = 0;

	while (i < n && p[i] != c)
		i++;
	return i;
}

/* A comment starts at '#' at the beginning of the line or behind white space. */
static struct span strip_comment(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || is_space(s.p[i - 1])))
			s.n = i;
	return s;
}

static bool copy_word(char *to, size_t width, struct span s)
{
	if (s.n >= width)
		return false;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

/* First word and the rest behind it. */
static struct span split_word(struct span *s)
{
	struct span word = {s->p, 0};

	while (word.n < s->n && !is_space(s->p[word.n]))
		word.n++;
	*s = trim((struct span){s->p + word.n, s->n - word.n});
	return word;
}

/* Decimal or 0x hexadecimal. False: not a number, or more than 64 bits. */
static bool parse_number(struct span s, uint64_t *value)
{
	const bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X');
	const uint64_t base = hex ? 16 : 10;
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = hex ? 2 : 0; i < s.n; i++) {
		const char c = s.p[i];
		uint64_t digit = 16;

		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint64_t)((c | 0x20) - 'a') + 10;
		if (digit >= base || v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	*value = v;
	return true;
}

static bool parse_size(struct span s, uint64_t *bytes)
{
	uint64_t unit = 1;

	if (s.n && (s.p[s.n - 1] == 'K' || s.p[s.n - 1] == 'M' || s.p[s.n - 1] == 'G')) {
		unit = s.p[s.n - 1] == 'K' ? KIB : s.p[s.n - 1] == 'M' ? MIB : GIB;
		s.n--;
	}
	if (!parse_number(s, bytes) || *bytes > UINT64_MAX / unit)
		return false;
	*bytes *= unit;
	return true;
}

/* ---- values ---- */

static int add_module(struct parser *p, const struct config_key *key, struct span value)
{
	struct span args = value;
	struct span entry = split_word(&args);
	struct vm_module *module;

	if (p->vm->module_count == CONFIG_MODULES_MAX)
		return fail_plain(p, "more than 8 modules");
	module = &p->vm->module[p->vm->module_count];
	if (!entry.n || !copy_word(module->entry, sizeof(module->entry), entry))
		return fail_value(p, key, entry);
	if (!copy_word(module->args, sizeof(module->args), args))
		return fail(p, "arguments of module ", entry, " are too long");
	module->line = p->line;
	p->vm->module_count++;
	return 0;
}

static bool find_msr(struct span s, uint64_t *index)
{
#define MSR_NAME(number, name) #name,
	static const char *const names[] = {NB_VMX_MSRS(MSR_NAME)};
#undef MSR_NAME

	for (*index = 0; *index < NB_VMX_MSR_COUNT; ++*index)
		if (equals(s, names[*index]))
			return true;
	if (!parse_number(s, index))
		return false;
	*index -= NB_VMX_MSR_FIRST;
	return *index < NB_VMX_MSR_COUNT;
}

static int add_limit(struct parser *p, const struct config_key *key, struct span value)
{
	struct span rest = value;
	struct span msr = split_word(&rest);
	uint64_t index, limit;

	if (!find_msr(msr, &index) || !parse_number(rest, &limit))
		return fail_value(p, key, value);
	if (p->vm->limited >> index & 1)
		return fail(p, "a limit was given before for ", msr, "");
	p->vm->limited |= 1u << index;
	p->vm->limit[index] = limit;
	return 0;
}

static int set_integer(struct parser *p, const struct config_key *key, void *field, struct span value)
{
	const bool size = key->type == CONFIG_SIZE;
	uint64_t v;

	if (!(size ? parse_size(value, &v) : parse_number(value, &v)) || v < key->min || v > key->max)
		return fail_value(p, key, value);
	if (size && v % (4 * KIB))
		return fail(p, "a size must be a multiple of 4K, got ", value, "");
	if (key->width == sizeof(uint32_t)) {
		const uint32_t narrow = (uint32_t)v;

		memcpy(field, &narrow, sizeof(narrow));
	} else {
		memcpy(field, &v, sizeof(v));
	}
	return 0;
}

static int set_value(struct parser *p, const struct config_key *key, struct span value)
{
	char *base = key->section == CONFIG_VM ? (char *)p->vm : (char *)p->config;
	char *field = base + key->offset;

	switch (key->type) {
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
		return set_integer(p, key, field, value);
	case CONFIG_SWITCH: {
		const bool on = equals(value, "on");

		if (!on && !equals(value, "off"))
			return fail_value(p, key, value);
		memcpy(field, &on, sizeof(on));
		return 0;
	}
	case CONFIG_ENTRY: {
		struct span rest = value;
		struct span word = split_word(&rest);

		if (!word.n || rest.n || !copy_word(field, key->width, word))
			return fail_value(p, key, value);
		p->vm->image_line = p->line;
		return 0;
	}
	case CONFIG_TEXT:
		return copy_word(field, key->width, value) ? 0 : fail_value(p, key, value);
	case CONFIG_MODULE:
		return add_module(p, key, value);
	case CONFIG_LIMIT:
		return add_limit(p, key, value);
	}
	return -EINVAL;
}

static int unknown_key(struct parser *p, struct span name)
{
	struct config_error *e = p->error;
	const char *comma = "";

	begin_error(e, p->line);
	add(e, "unknown key ");
	add_quoted(e, name);
	add(e, " in ");
	add_section(e, p->section, p->vm);
	add(e, "; expected one of ");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].section != p->section)
			continue;
		add(e, comma);
		add(e, keys[i].name);
		comma = ", ";
	}
	return -EINVAL;
}

static int key_line(struct parser *p, struct span line)
{
	const size_t equal = find_char(line.p, line.n, '=');
	struct span name, value;

	if (equal == line.n)
		return fail(p, "expected [l0], [vm NAME] or KEY = VALUE, got ", line, "");
	name = trim((struct span){line.p, equal});
	value = trim((struct span){line.p + equal + 1, line.n - equal - 1});
	if (p->section == CONFIG_NOWHERE)
		return fail(p, "", name, " stands before the first section; expected [l0] or [vm NAME]");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].section != p->section || !equals(name, keys[i].name))
			continue;
		if (p->seen_at[i] && keys[i].type != CONFIG_MODULE && keys[i].type != CONFIG_LIMIT) {
			(void)fail(p, "", name, " was given before, on line ");
			add_number(p->error, p->seen_at[i]);
			return -EINVAL;
		}
		p->seen_at[i] = p->line;
		return set_value(p, &keys[i], value);
	}
	return unknown_key(p, name);
}

/* ---- sections ---- */

static bool name_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
		      c == '-'))
			return false;
	}
	return s.n > 0 && s.n < CONFIG_NAME_MAX;
}

static int begin_vm(struct parser *p, struct span name)
{
	struct vm_config *vm;

	if (!name_valid(name))
		return fail(p, "a VM's name is 1 to 31 letters, digits, '_' and '-', got ", name, "");
	for (uint32_t i = 0; i < p->config->vm_count; i++)
		if (equals(name, p->config->vm[i].name))
			return fail(p, "a VM named ", name, " was described before");
	if (p->config->vm_count == CONFIG_VMS_MAX)
		return fail_plain(p, "more than 8 VMs");
	vm = &p->config->vm[p->config->vm_count++];
	(void)copy_word(vm->name, sizeof(vm->name), name);
	vm->memory = DEFAULT_MEMORY;
	vm->slice = DEFAULT_SLICE;
	vm->vcpus = 1;
	vm->shadow_vmcs = true;
	vm->incremental_merge = true;
	vm->vmx_locked = true;
	vm->lazy_rare_fields = true;
	vm->cached_checks = vm->cached_host_state = vm->watch_msr_bitmap = vm->clean_fields = true;
	vm->cached_cpuid = true;
	vm->line = p->line;
	p->vm = vm;
	return 0;
}

static int end_section(struct parser *p)
{
	if (p->section != CONFIG_VM || p->vm->image[0])
		return 0;
	begin_error(p->error, p->vm->line);
	add_section(p->error, CONFIG_VM, p->vm);
	add(p->error, " has no 'image'");
	return -EINVAL;
}

static int section_line(struct parser *p, struct span line)
{
	struct span inner, word;
	int err = end_section(p);

	if (err)
		return err;
	if (line.p[line.n - 1] != ']')
		return fail(p, "expected ']' at the end of ", line, "");
	inner = trim((struct span){line.p + 1, line.n - 2});
	word = split_word(&inner);
	memset(p->seen_at, 0, sizeof(p->seen_at));
	p->vm = NULL;
	if (equals(word, "l0") && !inner.n) {
		if (p->l0_seen)
			return fail_plain(p, "[l0] was given before");
		p->l0_seen = true;
		p->section = CONFIG_L0;
		return 0;
	}
	if (!equals(word, "vm"))
		return fail(p, "unknown section ", line, "; expected [l0] or [vm NAME]");
	p->section = CONFIG_VM;
	return begin_vm(p, inner);
}

static int one_line(struct parser *p, struct span line)
{
	line = trim(strip_comment(line));
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\t' && (line.p[i] < ' ' || line.p[i] > '~'))
			return fail_plain(p, "a byte that is not printable ASCII");
	if (!line.n)
		return 0;
	return line.p[0] == '[' ? section_line(p, line) : key_line(p, line);
}

int config_parse(const char *text, size_t n, struct l0_config *config, struct config_error *error)
{
	struct parser p = {.config = config, .error = error};
	int err;

	memset(config, 0, sizeof(*config));
	memset(error, 0, sizeof(*error));
	for (size_t at = 0; at < n;) {
		const size_t length = find_char(text + at, n - at, '\n');

		p.line++;
		err = one_line(&p, (struct span){text + at, length});
		if (err)
			return err;
		at += length + 1;
	}
	err = end_section(&p);
	if (err)
		return err;
	if (!config->vm_count) {
		p.line = 0;
		return fail_plain(&p, "no [vm NAME] section");
	}
	return 0;
}

static int missing(struct config_error *error, uint32_t line, const char *entry)
{
	begin_error(error, line);
	add(error, "the bundle has no entry ");
	add_quoted(error, (struct span){entry, strlen(entry)});
	return -ENOENT;
}

int config_check_entries(const struct l0_config *config, const struct bundle *bundle,
			 struct config_error *error)
{
	const void *data;
	size_t size;

	for (uint32_t i = 0; i < config->vm_count; i++) {
		const struct vm_config *vm = &config->vm[i];

		if (bundle_find(bundle, vm->image, &data, &size))
			return missing(error, vm->image_line, vm->image);
		for (uint32_t m = 0; m < vm->module_count; m++)
			if (bundle_find(bundle, vm->module[m].entry, &data, &size))
				return missing(error, vm->module[m].line, vm->module[m].entry);
	}
	return 0;
}
