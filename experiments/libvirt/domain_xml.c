/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/domain_xml.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nestbed/ports.h"

/* Text or the value of an attribute in either kind of quotes. */
static void add_escaped(struct text *out, const char *s)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{'&',  "&amp;" },
                {'<',  "&lt;"  },
                {'>',  "&gt;"  },
                {'"',  "&quot;"},
		{'\'', "&apos;"},
                {'\t', "&#9;"  },
                {'\n', "&#10;" },
                {'\r', "&#13;" },
	};
	const size_t count = sizeof(entities) / sizeof(entities[0]);

	for (; *s; s++) {
		size_t i = 0;

		while (i < count && entities[i].c != *s)
			i++;
		if (i < count)
			text_addf(out, "%s", entities[i].entity);
		else
			text_add(out, s, 1);
	}
}

/* XML 1.0 has no other control characters, however they are written. */
static bool expressible(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' && !strchr("\t\n\r", *s))
			return false;
	return true;
}

/* <TAG>S</TAG> */
static void add_element(struct text *out, const char *tag, const char *s)
{
	text_addf(out, "    <%s>", tag);
	add_escaped(out, s);
	text_addf(out, "</%s>\n", tag);
}

static void add_cpuset(struct text *out, const char *set)
{
	text_addf(out, " cpuset='");
	add_escaped(out, set);
	text_addf(out, "'/>\n");
}

/* What QEMU does beside running the processors, its consoles and its NIC, is kept off theirs. */
static void add_tuning(struct text *out, const struct domain *d)
{
	text_addf(out, "  <cputune>\n");
	for (unsigned i = 0; i < d->cpus; i++) {
		text_addf(out, "    <vcpupin vcpu='%u'", i);
		add_cpuset(out, d->pin);
	}
	text_addf(out, "    <emulatorpin");
	add_cpuset(out, d->others ? d->others : d->pin);
	text_addf(out, "  </cputune>\n");
}

static void add_os(struct text *out, const struct domain *d)
{
	text_addf(out, "  <os>\n    <type arch='x86_64' machine='pc'>hvm</type>\n");
	add_element(out, "kernel", d->kernel);
	if (d->initrd)
		add_element(out, "initrd", d->initrd);
	if (*d->cmdline)
		add_element(out, "cmdline", d->cmdline);
	text_addf(out, "  </os>\n");
}

static void add_cpu(struct text *out, const struct domain *d)
{
	const char *vmx = d->kvm ? "    <feature policy='require' name='vmx'/>\n" : "";

	if (strcmp(d->cpu, DOMAIN_CPU_HOST) != 0) {
		text_addf(
			out,
			"  <cpu mode='custom' match='exact' check='partial'>\n    <model fallback='forbid'>");
		add_escaped(out, d->cpu);
		text_addf(out, "</model>\n%s  </cpu>\n", vmx);
	} else if (d->kvm) {
		text_addf(out, "  <cpu mode='host-passthrough' migratable='off'>\n%s  </cpu>\n", vmx);
	} else {
		text_addf(out, "  <cpu mode='maximum'/>\n"); /* all that QEMU can emulate */
	}
}

static void add_serial(struct text *out, const char *socket, const char *rest)
{
	text_addf(out, "    <serial type='unix'>\n      <source mode='connect' path='");
	add_escaped(out, socket);
	text_addf(out, "'/>\n%s    </serial>\n", rest);
}

/* QEMU's debug console is at any port; one at the shutdown port brings the word that is written there. */
static void add_debug_console(struct text *out, const char *socket, unsigned port, unsigned io)
{
	struct text rest = {0};

	text_addf(&rest,
		  "      <target type='isa-debug' port='%u'>\n        <model name='isa-debugcon'/>\n"
		  "      </target>\n      <address type='isa' iobase='0x%x'/>\n",
		  port, io);
	add_serial(out, socket, rest.data);
	text_free(&rest);
}

static void add_nic(struct text *out, const struct domain_nic *nic)
{
	const uint8_t *mac = nic->mac;

	text_addf(out,
		  "    <interface type='udp'>\n      <mac address='%02x:%02x:%02x:%02x:%02x:%02x'/>\n"
		  "      <source address='127.0.0.1' port='%u'>\n"
		  "        <local address='127.0.0.1' port='%u'/>\n      </source>\n"
		  "      <model type='e1000'/>\n    </interface>\n",
		  mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], nic->peer, nic->port);
}

static void add_devices(struct text *out, const struct domain *d)
{
	text_addf(out, "  <devices>\n");
	add_serial(out, d->com1, "      <target type='isa-serial' port='0'/>\n");
	add_debug_console(out, d->console, 1, NB_PORT_CONSOLE);
	add_debug_console(out, d->shutdown, 2, NB_PORT_SHUTDOWN);
	if (d->nic)
		add_nic(out, d->nic);
	text_addf(out, "    <controller type='usb' model='none'/>\n    <memballoon model='none'/>\n"
		       "  </devices>\n");
}

int domain_xml(struct text *out, const struct domain *d, char **why)
{
	const char *const strings[] = {d->name, d->cpu,    d->kernel,  d->cmdline,  d->initrd,
				       d->pin,  d->others, d->console, d->shutdown, d->com1};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (!strings[i] || expressible(strings[i]))
			continue;
		*why = text_format("a control character, which libvirt's XML can't hold, is in: %s",
				   strings[i]);
		return -EINVAL;
	}
	text_addf(out, "<domain type='%s'>\n  <name>", d->kvm ? "kvm" : "qemu");
	add_escaped(out, d->name);
	text_addf(out,
		  "</name>\n  <memory unit='b'>%" PRIu64 "</memory>\n  <vcpu placement='static'>%u</vcpu>\n",
		  d->memory, d->cpus);
	if (d->pin)
		add_tuning(out, d);
	add_os(out, d);
	text_addf(out, "  <features>\n    <acpi/>\n    <apic/>\n  </features>\n");
	add_cpu(out, d);
	/* A triple fault is the machine's end, not a new beginning. */
	text_addf(out, "  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>destroy</on_reboot>\n"
		       "  <on_crash>destroy</on_crash>\n");
	if (d->unlabelled)
		text_addf(out, "  <seclabel type='none' model='dac'/>\n");
	add_devices(out, d);
	text_addf(out, "</domain>\n");
	return 0;
}

static void add_doubled(struct text *out, const char *s)
{
	for (; *s; s++)
		text_addf(out, *s == ',' ? ",," : "%c", *s);
}

int domain_module(struct text *initrd, const char *file, const char *words)
{
	if (strchr(file, ' '))
		return -EINVAL;
	if (initrd->size)
		text_add(initrd, ",", 1);
	add_doubled(initrd, file);
	if (*words)
		text_add(initrd, " ", 1);
	add_doubled(initrd, words);
	return 0;
}
