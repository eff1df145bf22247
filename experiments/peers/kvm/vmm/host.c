/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/host.h"

#include <cpuid.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "experiments/files.h"
#include "experiments/text.h"

#define MODULES         "/sys/module/"
#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

#define BRAND_FIRST 0x80000002u
#define BRAND_LAST  0x80000004u

/* Parameters of the modules, by the names that L0 has for the same, where it has one. */
static const struct {
	const char *file, *name;
} parameters[] = {
	{"kvm_intel/parameters/unrestricted_guest", "unrestricted_guest"},
	{"kvm_intel/parameters/vpid",               "vpid"              },
	{"kvm_intel/parameters/enable_shadow_vmcs", "vmcs_shadowing"    },
	{"kvm_intel/parameters/nested",             "nested"            },
	{"kvm_intel/parameters/ept",                "ept"               },
	{"kvm_intel/parameters/eptad",              "ept_ad"            },
	{"kvm_intel/parameters/pml",                "pml"               },
	{"kvm_intel/parameters/enable_apicv",       "apicv"             },
	{"kvm_intel/parameters/flexpriority",       "flexpriority"      },
	{"kvm_intel/parameters/preemption_timer",   "preemption_timer"  },
	{"kvm_intel/parameters/ple_gap",            "ple_gap"           },
	{"kvm/parameters/tdp_mmu",                  "tdp_mmu"           },
	{"kvm/parameters/halt_poll_ns",             "halt_poll_ns"      },
};
#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static const struct {
	int extension;
	const char *name;
} extensions[] = {
	{KVM_CAP_DIRTY_LOG_RING,            "KVM_CAP_DIRTY_LOG_RING"           },
	{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"},
	{KVM_CAP_BINARY_STATS_FD,           "KVM_CAP_BINARY_STATS_FD"          },
	{KVM_CAP_NESTED_STATE,              "KVM_CAP_NESTED_STATE"             },
};
#define EXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

/* A file's first line, malloc'd; NULL: it can't be read. */
static char *first_line(const char *path)
{
	struct blob b;

	if (file_read(path, &b))
		return NULL;
	((char *)b.data)[strcspn((char *)b.data, "\n")] = '\0';
	return (char *)b.data;
}

struct capabilities {
	Nestbed__Capability capability[PARAMETERS + EXTENSIONS], *list[PARAMETERS + EXTENSIONS];
	size_t count;
};

static void add(struct capabilities *c, const char *name, uint64_t value)
{
	Nestbed__Capability *one = &c->capability[c->count];

	nestbed__capability__init(one);
	one->name = (char *)(uintptr_t)name;
	one->value = value;
	c->list[c->count++] = one;
}

/* "Y", "N" or a number. A module that isn't there has none. */
static void add_parameters(struct capabilities *c)
{
	for (size_t i = 0; i < PARAMETERS; i++) {
		char *path = text_format(MODULES "%s", parameters[i].file), *line = first_line(path);

		if (line)
			add(c, parameters[i].name, *line == 'Y' ? 1 : strtoull(line, NULL, 10));
		free(line);
		free(path);
	}
}

/* The processor's brand string: SDM "Processor Brand String". */
static void read_brand(char *brand)
{
	for (uint32_t leaf = BRAND_FIRST; leaf <= BRAND_LAST; leaf++) {
		uint32_t r[4] = {0};

		(void)__get_cpuid(leaf, &r[0], &r[1], &r[2], &r[3]);
		memcpy(brand + (size_t)16 * (leaf - BRAND_FIRST), r, sizeof(r));
	}
}

static void say_hello(const struct vm *vm)
{
	Nestbed__Hello hello = NESTBED__HELLO__INIT;
	struct capabilities c = {.count = 0};
	struct utsname u = {.release = ""};
	char brand[49] = "";
	uint32_t ignored[3];
	char *version;

	(void)uname(&u);
	version = text_format("%s %s", u.release, u.version);
	read_brand(brand);
	add_parameters(&c);
	for (size_t i = 0; vm->kvm >= 0 && i < EXTENSIONS; i++)
		add(&c, extensions[i].name, (uint64_t)vm_extension(vm, extensions[i].extension));
	hello.producer = (char *)(uintptr_t) "kvm";
	hello.version = version;
	hello.cpu = brand + strspn(brand, " ");
	(void)__get_cpuid(1, &hello.signature, &ignored[0], &ignored[1], &ignored[2]);
	hello.unit = (char *)(uintptr_t)vm->options->unit;
	hello.capability = c.list;
	hello.n_capability = c.count;
	records_emit(vm->records, NESTBED__RECORD__BODY_HELLO, &hello);
	free(version);
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void say_mitigations(const struct vm *vm)
{
	struct dirent **entry;
	const int n = scandir(VULNERABILITIES, &entry, is_file, alphasort);
	struct text t = {0};

	for (int i = 0; i < n; i++) {
		char *path = text_format(VULNERABILITIES "/%s", entry[i]->d_name), *line = first_line(path);

		text_addf(&t, "%s%s: %s", i ? "; " : "", entry[i]->d_name, line ? line : "?");
		free(line);
		free(path);
		free(entry[i]);
	}
	if (n > 0)
		records_log(vm->records, "host mitigations: %s", t.data);
	if (n >= 0)
		free(entry);
	text_free(&t);
}

void host_hello(const struct vm *vm)
{
	char *line = first_line("/proc/cmdline");

	say_hello(vm);
	if (line)
		records_log(vm->records, "host command line: %s", line);
	free(line);
	say_mitigations(vm);
}
