/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/connection.h"

#include <libvirt/virterror.h>
#include <libxml/uri.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/libvirt/ability.h"
#include "experiments/text.h"

const char *connection_error(void)
{
	const char *text = virGetLastErrorMessage();

	return text ? text : "no reason is given";
}

/* They are told by what returns them. */
static void keep_quiet(void *ctx, virErrorPtr error)
{
	(void)ctx;
	(void)error;
}

/* Another computer's name, or NULL. */
static char *other_computer(virConnectPtr libvirt)
{
	char *uri = virConnectGetURI(libvirt);
	xmlURIPtr parsed = uri ? xmlParseURI(uri) : NULL;
	char *server = parsed && parsed->server && *parsed->server && strcmp(parsed->server, "localhost") != 0
			       ? text_copy(parsed->server)
			       : NULL;

	xmlFreeURI(parsed);
	free(uri);
	return server;
}

static char *lack_of(struct connection *c, bool kvm)
{
	char *capabilities = virConnectGetCapabilities(c->libvirt);
	char *domain = NULL, *lack;
	struct ability ability = {.capabilities = capabilities};

	if (!capabilities)
		return text_format("it does not tell its capabilities: %s", connection_error());
	if (kvm) {
		domain = virConnectGetDomainCapabilities(c->libvirt, NULL, "x86_64", NULL, "kvm", 0);
		ability.domain = domain;
		ability.domain_error = domain ? NULL : connection_error();
	}
	lack = kvm ? ability_lacks_vmx(&ability) : ability_lacks_qemu(&ability);
	c->relabels = ability_relabels(&ability);
	free(capabilities);
	free(domain);
	if (!lack) {
		char *other = other_computer(c->libvirt);

		if (other)
			lack = text_format("%s could run machines, but reads no files of this computer: run "
					   "nestbed there",
					   other);
		free(other);
	}
	return lack;
}

static char *version_of(virConnectPtr libvirt)
{
	unsigned long library = 0, qemu = 0;
	char *host = virConnectGetHostname(libvirt);
	char *line;

	(void)virConnectGetLibVersion(libvirt, &library);
	(void)virConnectGetVersion(libvirt, &qemu);
	line = text_format("libvirt %lu.%lu.%lu, QEMU %lu.%lu.%lu on %s", library / 1000000,
			   library / 1000 % 1000, library % 1000, qemu / 1000000, qemu / 1000 % 1000,
			   qemu % 1000, host ? host : "?");
	free(host);
	return line;
}

/* Nobody answers at what the URI names, or not to this user. VIR_ERR_NO_CONNECT: no driver knows the URI. */
static bool is_unreachable(void)
{
	static const int codes[] = {VIR_ERR_SYSTEM_ERROR, VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED,
				    VIR_ERR_AUTH_UNAVAILABLE};
	const int code = virGetLastErrorCode();

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

int connection_open(struct connection *c, const char *uri, bool kvm, char **why)
{
	char *lack;

	*c = (struct connection){0};
	virSetErrorFunc(NULL, keep_quiet);
	c->libvirt = virConnectOpen(uri);
	if (!c->libvirt) {
		*why = text_format("libvirt: %s: %s (%s)", uri, connection_error(),
				   is_unreachable()
					   ? "is a libvirtd there, and may this user ask it? apt-get "
					     "install libvirt-daemon-system; adduser USER libvirt"
					   : "is the URI right? https://libvirt.org/uri.html");
		return -1;
	}
	lack = lack_of(c, kvm);
	if (lack) {
		*why = text_format("libvirt: %s can't run this machine: %s", uri, lack);
		free(lack);
		connection_close(c);
		return -1;
	}
	c->version = version_of(c->libvirt);
	return 0;
}

void connection_close(struct connection *c)
{
	if (c->libvirt)
		virConnectClose(c->libvirt);
	free(c->version);
	*c = (struct connection){0};
}
