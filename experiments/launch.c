/* SPDX-License-Identifier: MIT */
#include "experiments/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/text.h"
#include "bundle/config.h"

#define MIB (1ull << 20)
/*
 * RAM for L0 beside its guest: its image, the bundle, page tables, shadow structures. A guest's memory is one
 * aligned range, so that it takes twice its size to be sure of one.
 */
#define L0_MEMORY (64 * MIB)

/* One of these lines says it otherwise, for a host that differs from the others. */
static bool given(const char *lines, const char *key)
{
	const size_t n = strlen(key);

	for (const char *line = lines; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n + strspn(line + n, " ")] == '=')
			return true;
	}
	return false;
}

static char *write_config(const struct launch *l)
{
	struct text t = {0};

	if (*l->l0_lines)
		text_addf(&t, "[l0]\n%s", l->l0_lines);
	text_addf(&t, "[vm %s]\n", l->guest);
	if (!l->incoming)
		text_addf(&t, "image = %s\n", l->guest);
	if (*l->cmdline)
		text_addf(&t, "cmdline = %s\n", l->cmdline);
	if (!given(l->vm_lines, "memory"))
		text_addf(&t, "memory = %lluM\n", (unsigned long long)(l->memory >> 20));
	if (l->cpus)
		text_addf(&t, "vcpus = %u\n", l->cpus);
	if (l->nested)
		text_addf(&t, "nested = on\n");
	for (unsigned i = 0; i < l->module_count; i++)
		text_addf(&t, "module = %s%s%s\n", l->module[i].name, *l->module[i].args ? " " : "",
			  l->module[i].args);
	if (l->policy_name)
		text_addf(&t, "cpu.policy = %s\n", l->policy_name);
	text_addf(&t, "%s", l->vm_lines);
	for (unsigned i = 0; i < l->beside_count; i++)
		text_addf(&t, "[vm %s]\nimage = %s\ncmdline = %s\nmemory = %lluM\n", l->beside[i].name,
			  l->beside[i].name, l->beside[i].cmdline, LAUNCH_BESIDE_BYTES >> 20);
	if (l->policy_text)
		text_addf(&t, "%s", l->policy_text);
	return t.data;
}

static int make_bundle(struct launch *l)
{
	struct bundle_image image[NB_BOOT_MODULES_MAX + LAUNCH_BESIDE_MAX] = {
		{l->guest, l->image}
        };
	struct l0_config *parsed = zalloc(sizeof(*parsed));
	struct config_error error;
	unsigned bad, count = l->incoming ? 0 : 1;
	int err;

	l->config = write_config(l);
	err = config_parse(l->config, strlen(l->config), parsed, &error);
	free(parsed);
	if (err) {
		fprintf(stderr, "nestbed: %s: the VM's configuration: %s\n%s", l->name, error.text,
			l->config);
		return CLI_USAGE;
	}
	for (unsigned i = 0; i < l->module_count; i++)
		image[count++] = (struct bundle_image){l->module[i].name, l->module[i].image};
	for (unsigned i = 0; i < l->beside_count; i++)
		image[count++] = (struct bundle_image){l->beside[i].name, l->beside[i].image};
	err = bundle_write(l->config, image, count, &l->bundle, &bad);
	if (!err)
		return 0;
	fprintf(stderr, "nestbed: %s: the boot bundle: %s%s%s\n", l->name, bad < count ? image[bad].name : "",
		bad < count ? ": " : "", strerror(-err));
	return CLI_USAGE;
}

static int prepare_bare(struct launch *l)
{
	/* it begins with the kernel's name, as under L0 and as GRUB gives it */
	l->kernel_cmdline = text_format("%s%s%s", l->guest, *l->cmdline ? " " : "", l->cmdline);
	l->spec.kernel = l->image;
	l->spec.cmdline = l->kernel_cmdline;
	l->spec.memory = l->memory;
	l->spec.cpus = l->cpus ? l->cpus : 1;
	for (unsigned i = 0; i < l->module_count; i++) {
		const struct launch_module *m = &l->module[i];

		l->module_cmdline[i] = text_format("%s%s%s", m->name, *m->args ? " " : "", m->args);
		l->spec.module[i] = (struct machine_module){m->image, l->module_cmdline[i]};
	}
	l->spec.module_count = l->module_count;
	return 0;
}

static int prepare_l0(struct launch *l)
{
	int status;

	if (build_file_read("l0.elf", &l->l0))
		return CLI_REFUSED;
	status = make_bundle(l);
	if (status)
		return status;
	l->spec.kernel = l->l0;
	l->spec.cmdline = "";
	l->spec.module[0] = (struct machine_module){l->bundle, "bundle"};
	l->spec.module_count = 1;
	l->spec.cpus = 1; /* L0 shares one processor among all virtual ones */
	l->spec.memory = 2 * l->memory + 2 * LAUNCH_BESIDE_BYTES * l->beside_count + L0_MEMORY +
			 ((l->bundle.size + MIB - 1) & ~(MIB - 1));
	if (l->spec.memory < CLI_DEFAULT_MEMORY)
		l->spec.memory = CLI_DEFAULT_MEMORY;
	return 0;
}

int launch_prepare(struct launch *l)
{
	l->spec = (struct machine_spec){
		.name = l->name,
		.cpu = l->cpu,
		.seconds = l->seconds,
		.trace = l->trace,
		.keep_dir = l->keep_dir,
	};
	if (build_file_read("rom.bin", &l->rom))
		return CLI_REFUSED;
	l->spec.rom = l->rom;
	return l->bare ? prepare_bare(l) : prepare_l0(l);
}

void launch_free(struct launch *l)
{
	free(l->config);
	free(l->kernel_cmdline);
	free(l->bundle.data);
	free(l->rom.data);
	free(l->l0.data);
	for (unsigned i = 0; i < NB_BOOT_MODULES_MAX; i++)
		free(l->module_cmdline[i]);
	memset(l, 0, sizeof(*l));
}
