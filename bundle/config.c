/* SPDX-License-Identifier: MIT */
#include "bundle/config.h"

#include <errno.h>
#include <string.h>

#include "bundle/bundle.h"
#include "bundle/config_impl.h"
#include "nestbed/link.h"

#define KIB            1024ull
#define MIB            (1024 * KIB)
#define GIB            (1024 * MIB)
#define DEFAULT_MEMORY (64 * MIB)
#define DEFAULT_SLICE  1000000u

#define CONFIG_LINK_TEST_MAX (1ull << 40)

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

/* The formatter's column alignment would tear the help texts from their rows. */
/* clang-format off */
static const struct config_key keys[] = {
	{CONFIG_L0, "limit",                    CONFIG_NUMBER, false, AT(l0_config, limit), 0, INT64_MAX,
		"ticks after which every VM is stopped; 0: none"},
	{CONFIG_L0, "crash",                    CONFIG_NUMBER, false, AT(l0_config, crash), 0, CONFIG_CRASHES - 1,
		"L0 faults on purpose before it enters a VM, to show how that is told; 0: it does not"},
	{CONFIG_L0, "host",                     CONFIG_NUMBER, false, AT(l0_config, host), 0, NB_LINK_HOSTS - 1,
		"L0 uses the e1000, with this number in its MAC"},
	{CONFIG_L0, "peer",                     CONFIG_NUMBER, false, AT(l0_config, peer), 0, NB_LINK_HOSTS - 1,
		"before it enters a VM, L0 tries the link with the L0 of this number"},
	{CONFIG_L0, "link_test",                CONFIG_NUMBER, false, AT(l0_config, link_test), 0, CONFIG_LINK_TEST_MAX,
		"bytes that it then sends"},
	{CONFIG_VM, "image",                    CONFIG_ENTRY, false,  AT(vm_config, image), 0, 0,
		"bundle entry with the multiboot-1 kernel"},
	{CONFIG_VM, "cmdline",                  CONFIG_TEXT, false,   AT(vm_config, cmdline), 0, 0,
		"the kernel's command line"},
	{CONFIG_VM, "memory",                   CONFIG_SIZE, false,   AT(vm_config, memory), MIB, 3 * GIB,
		"RAM of the VM"},
	{CONFIG_VM, "vcpus",                    CONFIG_NUMBER, false, AT(vm_config, vcpus), 1, CONFIG_VCPUS_MAX,
		"virtual processors"},
	{CONFIG_VM, "nested",                   CONFIG_SWITCH, false, AT(vm_config, nested), 0, 0,
		"offer VT-x to the VM"},
	{CONFIG_VM, "nested.shadow_vmcs",       CONFIG_SWITCH, false, AT(vm_config, shadow_vmcs), 0, 0,
		"let the processor serve L1's VMREAD and VMWRITE where it can"},
	{CONFIG_VM, "nested.incremental_merge", CONFIG_SWITCH, false, AT(vm_config, incremental_merge), 0, 0,
		"merge into vmcs02 only what changed"},
	{CONFIG_VM, "nested.lazy_rare_fields",  CONFIG_SWITCH, false, AT(vm_config, lazy_rare_fields), 0, 0,
		"leave state of L2 that hypervisors seldom read in vmcs02 until L1 asks for it"},
	{CONFIG_VM, "nested.cached_checks",     CONFIG_SWITCH, false, AT(vm_config, cached_checks), 0, 0,
		"redo VM-entry checks only for what changed"},
	{CONFIG_VM, "nested.cached_host_state", CONFIG_SWITCH, false, AT(vm_config, cached_host_state), 0, 0,
		"keep L1's state at an exit as a list until L1 changes it"},
	{CONFIG_VM, "nested.watch_msr_bitmap",  CONFIG_SWITCH, false, AT(vm_config, watch_msr_bitmap), 0, 0,
		"merge L1's MSR bitmap again only when it was written"},
	{CONFIG_VM, "nested.clean_fields",      CONFIG_SWITCH, false, AT(vm_config, clean_fields), 0, 0,
		"write no VMCS field with the value that it has"},
	{CONFIG_VM, "nested.limit",             CONFIG_LIMIT, true,  0, 0, 0, 0,
		"a VMX capability MSR and the most that the VM is offered of it; may repeat"},
	{CONFIG_VM, "nested.vmx_locked",        CONFIG_SWITCH, false, AT(vm_config, vmx_locked), 0, 0,
		"IA32_FEATURE_CONTROL is locked with VMX on"},
	{CONFIG_VM, "record.phases",            CONFIG_SWITCH, false, AT(vm_config, record_phases), 0, 0,
		"account what L0 does for an exit of L2 by phases, which costs some 180 instructions a round"},
	{CONFIG_VM, "cached_cpuid",             CONFIG_SWITCH, false, AT(vm_config, cached_cpuid), 0, 0,
		"make the answers to CPUID in advance"},
	{CONFIG_VM, "scratch",                  CONFIG_SWITCH, false, AT(vm_config, scratch), 0, 0,
		"a device that keeps what is written to it: every access is emulated"},
	{CONFIG_VM, "migrate.renew",            CONFIG_NUMBER, false, AT(vm_config, renew), 0, UINT32_MAX,
		"at every so many exits what the VM has besides memory is destroyed and made of its captured state; 0: never"},
	{CONFIG_VM, "cpu.policy",               CONFIG_POLICY, false, AT(vm_config, cpu_policy), 0, 0,
		"the [cpu NAME] that says what the VM may see of the processor"},
	{CONFIG_VM, "cpu.force",                CONFIG_SWITCH, false, AT(vm_config, cpu_force), 0, 0,
		"start the VM though its policy shows what this processor lacks"},
	{CONFIG_VM, "slice",                    CONFIG_NUMBER, false, AT(vm_config, slice), 1000, INT64_MAX,
		"ticks that a vCPU runs before another one gets the processor"},
	{CONFIG_VM, "migrate.track",            CONFIG_TRACKER, false, AT(vm_config, track), 0, 0,
		"find the pages that the VM writes, and tell of them round by round"},
	{CONFIG_VM, "migrate.round",            CONFIG_NUMBER, false, AT(vm_config, round), 0, INT64_MAX,
		"ticks of a round of migrate.track; 0: the guest's marks end it"},
	{CONFIG_VM, "migrate.prove",            CONFIG_SWITCH, false, AT(vm_config, prove), 0, 0,
		"compare memory with a copy at each round of migrate.track, to see that no written page is missed"},
	{CONFIG_VM, "migrate.to",               CONFIG_NUMBER, false, AT(vm_config, move.to), 0, NB_LINK_HOSTS - 1,
		"the host that the VM moves to"},
	{CONFIG_VM, "migrate.from",             CONFIG_NUMBER, false, AT(vm_config, move.from), 0, NB_LINK_HOSTS - 1,
		"the host that the VM comes from"},
	{CONFIG_VM, "migrate.at",               CONFIG_WHEN, false, AT(vm_config, move.at), 0, INT64_MAX,
		"when it begins to move"},
	{CONFIG_VM, "migrate.moves",            CONFIG_NUMBER, false, AT(vm_config, move.moves), 1, 1000,
		"how often it moves away from this host"},
	{CONFIG_VM, "migrate.virtual_time",     CONFIG_SWITCH, false, AT(vm_config, move.virtual_time), 0, 0,
		"the guest's time stands still while L0 waits for frames, and then passes as the rate says"},
	{CONFIG_VM, "migrate.rate",             CONFIG_NUMBER, false, AT(vm_config, move.rate), 1000, 1ull << 50,
		"bits that the link takes in 10^9 ticks"},
	{CONFIG_VM, "migrate.delay",            CONFIG_NUMBER, false, AT(vm_config, move.delay), 0, 1ull << 40,
		"ticks that a message is on its way"},
	{CONFIG_VM, "migrate.down_time",        CONFIG_NUMBER, false, AT(vm_config, move.down_time), 0, INT64_MAX,
		"ticks that the guest may stand still at the end"},
	{CONFIG_VM, "migrate.rounds",           CONFIG_NUMBER, false, AT(vm_config, move.rounds), 1, 1000,
		"most rounds of sending while the guest runs"},
	{CONFIG_VM, "migrate.progress",         CONFIG_NUMBER, false, AT(vm_config, move.progress), 0, 100,
		"percent of its pages that a round must get rid of"},
	{CONFIG_VM, "migrate.converge",         CONFIG_SWITCH, false, AT(vm_config, move.converge), 0, 0,
		"slow the guest down where rounds make no progress"},
	{CONFIG_VM, "migrate.stop_at_limit",    CONFIG_SWITCH, false, AT(vm_config, move.stop_at_limit), 0, 0,
		"at the end of rounds or progress stop the guest for the rest, however long that takes; else give up"},
	{CONFIG_VM, "migrate.patience",         CONFIG_NUMBER, false, AT(vm_config, move.patience), 10, 3600000,
		"milliseconds without an answer after which the peer is taken for dead"},
	{CONFIG_VM, "migrate.barrier_limit",    CONFIG_NUMBER, false, AT(vm_config, move.barrier_limit), 1, INT64_MAX,
		"ticks after which a barrier that is not answered ends the move"},
	{CONFIG_VM, "migrate.barrier_interval", CONFIG_NUMBER, false, AT(vm_config, move.barrier_interval), 0, INT64_MAX,
		"ticks from the end of a barrier to the next"},
	{CONFIG_VM, "migrate.barrier_skip",     CONFIG_NUMBER, false, AT(vm_config, move.barrier_skip), 0, UINT32_MAX,
		"test aid: steps of the barrier to leave out, a bit each"},
	{CONFIG_VM, "migrate.fault",            CONFIG_FAULT, false, AT(vm_config, move.fault), 0, INT64_MAX,
		"test aid: a message of the stream to spoil"},
	{CONFIG_VM, "module",                   CONFIG_MODULE, true, 0, 0, 0, 0,
		"bundle entry and string of a multiboot module; may repeat"},
	{CONFIG_VM, "passthrough",              CONFIG_PORTS, false, AT(vm_config, port_first), 0, 0,
		"a port of the machine and how many: the VM's accesses to them reach the machine's device"},
	{CONFIG_CPU, "cpuid",                   CONFIG_CPUID, true, 0, 0, 0, 0,
		"leaf, sub-leaf, and what CPUID gives for them in EAX, EBX, ECX, EDX; may repeat"},
	{CONFIG_CPU, "msr",                     CONFIG_MSR, true, 0, 0, 0, 0,
		"an MSR that tells of capabilities, and its value; may repeat"},
};
/* clang-format on */
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= CONFIG_KEYS_MAX, "a line number a key");

const struct config_key *config_keys(size_t *count)
{
	*count = KEY_COUNT;
	return keys;
}

/* ---- error texts ---- */

static void say_size(struct config_error *e, uint64_t bytes)
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
	say_number(e, bytes / units[i].unit);
	say(e, units[i].suffix);
}

static void say_section(struct parser *p)
{
	if (p->section == CONFIG_L0) {
		say(p->error, "[l0]");
		return;
	}
	say(p->error, p->vm ? "[vm " : "[cpu ");
	say(p->error, p->vm ? p->vm->name : p->policy->name);
	say(p->error, "]");
}

int config_fail(struct parser *p, const char *before, struct span quoted, const char *after)
{
	say_begin(p->error, p->line);
	say(p->error, before);
	say_quoted(p->error, quoted);
	say(p->error, after);
	return -EINVAL;
}

int config_fail_plain(struct parser *p, const char *text)
{
	say_begin(p->error, p->line);
	say(p->error, text);
	return -EINVAL;
}

static int fail_value(struct parser *p, const struct config_key *key, struct span value)
{
	struct config_error *e = p->error;

	say_begin(e, p->line);
	say(e, "'");
	say(e, key->name);
	say(e, "' must be ");
	switch (key->type) {
	case CONFIG_NUMBER:
		say(e, "a number between ");
		say_number(e, key->min);
		say(e, " and ");
		say_number(e, key->max);
		break;
	case CONFIG_SIZE:
		say(e, "a size between ");
		say_size(e, key->min);
		say(e, " and ");
		say_size(e, key->max);
		break;
	case CONFIG_SWITCH:
		say(e, "on or off");
		break;
	case CONFIG_ENTRY:
	case CONFIG_MODULE:
		say(e, "a bundle entry's name of at most ");
		say_number(e, NB_BUNDLE_NAME_MAX - 1);
		say(e, " letters");
		break;
	case CONFIG_LIMIT:
		say(e, "the name or number of a VMX capability MSR and a value");
		break;
	case CONFIG_TRACKER:
		say(e, "off, wp, ad, pml or auto");
		break;
	case CONFIG_PORTS:
		say(e, "an I/O port and the number of ports from there on");
		break;
	case CONFIG_WHEN:
		say(e, "mark, hypercall, tick N or exit N");
		break;
	case CONFIG_FAULT:
		say(e, "drop, truncate, flip, twice, swap or deaf, and a message's number");
		break;
	case CONFIG_TEXT:
		say(e, "at most ");
		say_number(e, key->width - 1);
		say(e, " letters");
		break;
	case CONFIG_POLICY:
		say(e, "the name of a [cpu NAME]");
		break;
	case CONFIG_CPUID:
		say(e, "LEAF SUBLEAF EAX EBX ECX EDX, each of 32 bits");
		break;
	case CONFIG_MSR:
		say(e, "an MSR's number, or its name if it tells of capabilities, and a value");
		break;
	}
	say(e, ", got ");
	say_quoted(e, value);
	return -EINVAL;
}

/* ---- values ---- */

static bool parse_size(struct span s, uint64_t *bytes)
{
	uint64_t unit = 1;

	if (s.n && (s.p[s.n - 1] == 'K' || s.p[s.n - 1] == 'M' || s.p[s.n - 1] == 'G')) {
		unit = s.p[s.n - 1] == 'K' ? KIB : s.p[s.n - 1] == 'M' ? MIB : GIB;
		s.n--;
	}
	if (!span_number(s, bytes) || *bytes > UINT64_MAX / unit)
		return false;
	*bytes *= unit;
	return true;
}

static int add_module(struct parser *p, const struct config_key *key, struct span value)
{
	struct span args = value;
	struct span entry = span_word(&args);
	struct vm_module *module;

	if (p->vm->module_count == CONFIG_MODULES_MAX)
		return config_fail_plain(p, "more than 8 modules");
	module = &p->vm->module[p->vm->module_count];
	if (!entry.n || !span_copy(module->entry, sizeof(module->entry), entry))
		return fail_value(p, key, entry);
	if (!span_copy(module->args, sizeof(module->args), args))
		return config_fail(p, "arguments of module ", entry, " are too long");
	module->line = p->line;
	p->vm->module_count++;
	return 0;
}

bool config_find_vmx_msr(struct span s, uint64_t *index)
{
#define MSR_NAME(number, name) #name,
	static const char *const names[] = {NB_VMX_MSRS(MSR_NAME)};
#undef MSR_NAME

	for (*index = 0; *index < NB_VMX_MSR_COUNT; ++*index)
		if (span_equals(s, names[*index]))
			return true;
	if (!span_number(s, index))
		return false;
	*index -= NB_VMX_MSR_FIRST;
	return *index < NB_VMX_MSR_COUNT;
}

static int add_limit(struct parser *p, const struct config_key *key, struct span value)
{
	struct span rest = value;
	struct span msr = span_word(&rest);
	uint64_t index, limit;

	if (!config_find_vmx_msr(msr, &index) || !span_number(rest, &limit))
		return fail_value(p, key, value);
	if (p->vm->limited >> index & 1)
		return config_fail(p, "a limit was given before for ", msr, "");
	p->vm->limited |= 1u << index;
	p->vm->limit[index] = limit;
	return 0;
}

static int set_integer(struct parser *p, const struct config_key *key, void *field, struct span value)
{
	const bool size = key->type == CONFIG_SIZE;
	uint64_t v;

	if (!(size ? parse_size(value, &v) : span_number(value, &v)) || v < key->min || v > key->max)
		return fail_value(p, key, value);
	if (size && v % (4 * KIB))
		return config_fail(p, "a size must be a multiple of 4K, got ", value, "");
	if (key->width == sizeof(uint32_t)) {
		const uint32_t narrow = (uint32_t)v;

		memcpy(field, &narrow, sizeof(narrow));
	} else {
		memcpy(field, &v, sizeof(v));
	}
	return 0;
}

static int set_tracker(struct parser *p, const struct config_key *key, void *field, struct span value)
{
	static const char *const words[] = {
		[CONFIG_TRACK_OFF] = "off", [CONFIG_TRACK_WP] = "wp",     [CONFIG_TRACK_AD] = "ad",
		[CONFIG_TRACK_PML] = "pml", [CONFIG_TRACK_AUTO] = "auto",
	};

	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_equals(value, words[i]))
			continue;
		memcpy(field, &i, sizeof(i));
		return 0;
	}
	return fail_value(p, key, value);
}

/* Words of CONFIG_WHEN and CONFIG_FAULT, by enum config_when and config_fault; those marked want a number. */
static const struct {
	const char *text;
	bool number;
} when_words[] =
	{
		[CONFIG_AT_MARK] = {"mark",      false},
		[CONFIG_AT_HYPERCALL] = {"hypercall", false},
		[CONFIG_AT_TICK] = {"tick",      true },
		[CONFIG_AT_EXIT] = {"exit",      true },
},
  fault_words[] = {
	  [CONFIG_FAULT_NONE] = {"none", false},        [CONFIG_FAULT_DROP] = {"drop", true},
	  [CONFIG_FAULT_TRUNCATE] = {"truncate", true}, [CONFIG_FAULT_FLIP] = {"flip", true},
	  [CONFIG_FAULT_TWICE] = {"twice", true},       [CONFIG_FAULT_SWAP] = {"swap", true},
	  [CONFIG_FAULT_DEAF] = {"deaf", true},
};

static int set_pair(struct parser *p, const struct config_key *key, void *field, struct span value)
{
	const bool when = key->type == CONFIG_WHEN;
	const uint32_t count = when ? sizeof(when_words) / sizeof(when_words[0])
				    : sizeof(fault_words) / sizeof(fault_words[0]);
	struct span rest = value;
	const struct span word = span_word(&rest);
	struct config_pair pair = {0};

	while (pair.word < count &&
	       !span_equals(word, when ? when_words[pair.word].text : fault_words[pair.word].text))
		pair.word++;
	if (pair.word == count)
		return fail_value(p, key, value);
	if (!(when ? when_words : fault_words)[pair.word].number ? rest.n > 0
								 : !span_number(rest, &pair.number))
		return fail_value(p, key, value);
	memcpy(field, &pair, sizeof(pair));
	return 0;
}

static int set_value(struct parser *p, const struct config_key *key, struct span value)
{
	char *base = key->section == CONFIG_VM ? (char *)p->vm : (char *)p->config;
	char *field = base + key->offset;
	int err;

	switch (key->type) {
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
		return set_integer(p, key, field, value);
	case CONFIG_SWITCH: {
		const bool on = span_equals(value, "on");

		if (!on && !span_equals(value, "off"))
			return fail_value(p, key, value);
		memcpy(field, &on, sizeof(on));
		return 0;
	}
	case CONFIG_ENTRY: {
		struct span rest = value;
		struct span word = span_word(&rest);

		if (!word.n || rest.n || !span_copy(field, key->width, word))
			return fail_value(p, key, value);
		p->vm->image_line = p->line;
		return 0;
	}
	case CONFIG_TEXT:
		return span_copy(field, key->width, value) ? 0 : fail_value(p, key, value);
	case CONFIG_MODULE:
		return add_module(p, key, value);
	case CONFIG_LIMIT:
		return add_limit(p, key, value);
	case CONFIG_POLICY:
		p->vm->cpu_policy_line = p->line;
		return value.n && span_copy(field, key->width, value) ? 0 : fail_value(p, key, value);
	case CONFIG_TRACKER:
		return set_tracker(p, key, field, value);
	case CONFIG_PORTS:
		err = config_set_ports(p, value);
		return err == -EDOM ? fail_value(p, key, value) : err;
	case CONFIG_WHEN:
	case CONFIG_FAULT:
		return set_pair(p, key, field, value);
	case CONFIG_CPUID:
		err = config_add_cpuid(p, value);
		return err == -EDOM ? fail_value(p, key, value) : err;
	case CONFIG_MSR:
		err = config_add_msr(p, value);
		return err == -EDOM ? fail_value(p, key, value) : err;
	}
	return -EINVAL;
}

static int unknown_key(struct parser *p, struct span name)
{
	struct config_error *e = p->error;
	const char *comma = "";

	say_begin(e, p->line);
	say(e, "unknown key ");
	say_quoted(e, name);
	say(e, " in ");
	say_section(p);
	say(e, "; expected one of ");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].section != p->section)
			continue;
		say(e, comma);
		say(e, keys[i].name);
		comma = ", ";
	}
	return -EINVAL;
}

static int key_line(struct parser *p, struct span line)
{
	const size_t equal = span_find(line.p, line.n, '=');
	struct span name, value;

	if (equal == line.n)
		return config_fail(p, "expected [l0], [cpu NAME], [vm NAME] or KEY = VALUE, got ", line, "");
	name = span_trim((struct span){line.p, equal});
	value = span_trim((struct span){line.p + equal + 1, line.n - equal - 1});
	if (p->section == CONFIG_NOWHERE)
		return config_fail(
			p, "", name,
			" stands before the first section; expected [l0], [cpu NAME] or [vm NAME]");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].section != p->section || !span_equals(name, keys[i].name))
			continue;
		if (p->seen_at[i] && !keys[i].repeats) {
			(void)config_fail(p, "", name, " was given before, on line ");
			say_number(p->error, p->seen_at[i]);
			return -EINVAL;
		}
		p->seen_at[i] = p->line;
		return set_value(p, &keys[i], value);
	}
	return unknown_key(p, name);
}

/* ---- sections ---- */

static int begin_vm(struct parser *p, struct span name)
{
	struct vm_config *vm;

	if (!span_is_name(name))
		return config_fail(p, "a VM's name is 1 to 31 letters, digits, '_' and '-', got ", name, "");
	for (uint32_t i = 0; i < p->config->vm_count; i++)
		if (span_equals(name, p->config->vm[i].name))
			return config_fail(p, "a VM named ", name, " was described before");
	if (p->config->vm_count == CONFIG_VMS_MAX)
		return config_fail_plain(p, "more than 8 VMs");
	vm = &p->config->vm[p->config->vm_count++];
	(void)span_copy(vm->name, sizeof(vm->name), name);
	vm->memory = DEFAULT_MEMORY;
	vm->slice = DEFAULT_SLICE;
	vm->vcpus = 1;
	vm->shadow_vmcs = true;
	vm->incremental_merge = true;
	vm->vmx_locked = true;
	vm->lazy_rare_fields = true;
	vm->cached_checks = vm->cached_host_state = vm->watch_msr_bitmap = vm->clean_fields = true;
	vm->cached_cpuid = true;
	vm->move = (struct move_config){
		.to = CONFIG_NO_HOST,
		.from = CONFIG_NO_HOST,
		.moves = 1,
		.virtual_time = true,
		.rate = 1000000000,
		.delay = 50000,
		.down_time = 10000000,
		.rounds = 30,
		.progress = 10,
		.converge = false,
		.stop_at_limit = true,
		.patience = 5000,
		.barrier_limit = 1000000000,
		.barrier_interval = 100000,
	};
	vm->line = p->line;
	p->vm = vm;
	p->section = CONFIG_VM;
	return 0;
}

static int end_l0(struct parser *p)
{
	const uint32_t host = p->config->host, peer = p->config->peer;

	if (peer == CONFIG_NO_HOST || (host != CONFIG_NO_HOST && host != peer))
		return 0;
	say_begin(p->error, p->section_line);
	say(p->error, "[l0] has a 'peer', so it needs a 'host' that is another number");
	return -EINVAL;
}

static int end_section(struct parser *p)
{
	if (p->section == CONFIG_L0)
		return end_l0(p);
	if (p->section == CONFIG_CPU)
		return config_end_cpu(p);
	if (p->section != CONFIG_VM || p->vm->image[0] || p->vm->move.from != CONFIG_NO_HOST)
		return 0;
	say_begin(p->error, p->section_line);
	say_section(p);
	say(p->error, " has no 'image'");
	return -EINVAL;
}

static int begin_l0(struct parser *p)
{
	if (p->l0_seen)
		return config_fail_plain(p, "[l0] was given before");
	p->l0_seen = true;
	p->section = CONFIG_L0;
	return 0;
}

static int section_line(struct parser *p, struct span line)
{
	struct span inner, word;
	int err = end_section(p);

	if (err)
		return err;
	if (line.p[line.n - 1] != ']')
		return config_fail(p, "expected ']' at the end of ", line, "");
	inner = span_trim((struct span){line.p + 1, line.n - 2});
	word = span_word(&inner);
	memset(p->seen_at, 0, sizeof(p->seen_at));
	p->vm = NULL;
	p->policy = NULL;
	p->section_line = p->line;
	if (span_equals(word, "l0") && !inner.n)
		return begin_l0(p);
	if (span_equals(word, "cpu"))
		return config_begin_cpu(p, inner);
	if (span_equals(word, "vm"))
		return begin_vm(p, inner);
	return config_fail(p, "unknown section ", line, "; expected [l0], [cpu NAME] or [vm NAME]");
}

static int one_line(struct parser *p, struct span line)
{
	line = span_trim(span_strip_comment(line));
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\t' && (line.p[i] < ' ' || line.p[i] > '~'))
			return config_fail_plain(p, "a byte that is not printable ASCII");
	if (!line.n)
		return 0;
	return line.p[0] == '[' ? section_line(p, line) : key_line(p, line);
}

static int fail_vm(struct parser *p, const struct vm_config *vm, const char *text)
{
	say_begin(p->error, vm->line);
	say(p->error, "[vm ");
	say(p->error, vm->name);
	say(p->error, text);
	return -EINVAL;
}

static bool moves(const struct vm_config *vm)
{
	return vm->move.to != CONFIG_NO_HOST || vm->move.from != CONFIG_NO_HOST;
}

/* Rounds and a move each need L0's alarm, and there is one. A VM that moves has no rounds of its own: its
 * 'migrate.track' says how the move finds written pages. */
static int check_rounds(struct parser *p)
{
	for (uint32_t i = 0; i < p->config->vm_count; i++) {
		const struct vm_config *vm = &p->config->vm[i];

		if (!moves(vm) && vm->track != CONFIG_TRACK_OFF)
			return fail_vm(p, vm,
				       "] has 'migrate.track', which no VM can have beside one that moves");
	}
	return 0;
}

/* [l0] may stand behind the VMs. */
static int check_moves(struct parser *p)
{
	const uint32_t host = p->config->host;
	bool one = false;

	for (uint32_t i = 0; i < p->config->vm_count; i++) {
		const struct vm_config *vm = &p->config->vm[i];
		const struct move_config *m = &vm->move;

		if (!moves(vm))
			continue;
		if (host == CONFIG_NO_HOST || host == m->to || host == m->from)
			return fail_vm(p, vm, "] moves, so [l0] needs a 'host' that is another number");
		if (one)
			return fail_vm(p, vm, "] is the second one that moves: of a host only one can");
		if (vm->renew)
			return fail_vm(p, vm, "] moves, which does not go together with 'migrate.renew'");
		one = true;
	}
	return one ? check_rounds(p) : 0;
}

int config_parse(const char *text, size_t n, struct l0_config *config, struct config_error *error)
{
	struct parser p = {.config = config, .error = error};
	int err;

	memset(config, 0, sizeof(*config));
	config->host = config->peer = CONFIG_NO_HOST;
	memset(error, 0, sizeof(*error));
	for (size_t at = 0; at < n;) {
		const size_t length = span_find(text + at, n - at, '\n');

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
		return config_fail_plain(&p, "no [vm NAME] section");
	}
	err = check_moves(&p);
	return err ? err : config_find_policies(&p);
}

static int missing(struct config_error *error, uint32_t line, const char *entry)
{
	say_begin(error, line);
	say(error, "the bundle has no entry ");
	say_quoted(error, (struct span){entry, strlen(entry)});
	return -ENOENT;
}

int config_check_entries(const struct l0_config *config, const struct bundle *bundle,
			 struct config_error *error)
{
	const void *data;
	size_t size;

	for (uint32_t i = 0; i < config->vm_count; i++) {
		const struct vm_config *vm = &config->vm[i];

		if (vm->image[0] && bundle_find(bundle, vm->image, &data, &size))
			return missing(error, vm->image_line, vm->image);
		for (uint32_t m = 0; m < vm->module_count; m++)
			if (bundle_find(bundle, vm->module[m].entry, &data, &size))
				return missing(error, vm->module[m].line, vm->module[m].entry);
	}
	return 0;
}
