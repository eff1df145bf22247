/* SPDX-License-Identifier: MIT */
/* The host behind a libvirt connection. */
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/read/reader.h"

/* "SCHEME://…": letters, digits, '+' */
bool reader_is_uri(const char *source)
{
	size_t n = strspn(source, "abcdefghijklmnopqrstuvwxyz0123456789+");

	return n && !strncmp(source + n, "://", 3);
}

/* libvirt would print its errors; they are told in ours. */
static void quiet(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static int failed(const char *uri, const char *what, struct cpu_read_report *report)
{
	const char *message = virGetLastErrorMessage();

	memset(report, 0, sizeof(*report));
	snprintf(report->error, sizeof(report->error), "%.255s: %s: %.160s", uri, what,
		 message ? message : "no reason given");
	for (char *c = report->error; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	return -EIO;
}

int reader_uri(const char *uri, const struct cpu_read_options *options, struct cpu_policy *out,
	       struct cpu_read_report *report)
{
	virConnectPtr connection;
	char *text;
	int status;

	virSetErrorFunc(NULL, quiet);
	connection = virConnectOpenReadOnly(uri);
	if (!connection)
		return failed(uri, "libvirt does not connect", report);
	text = virConnectGetCapabilities(connection);
	status = text ? cpu_read_text(uri, text, strlen(text), options, out, report)
		      : failed(uri, "libvirt does not tell capabilities", report);
	free(text);
	virConnectClose(connection);
	return status;
}
