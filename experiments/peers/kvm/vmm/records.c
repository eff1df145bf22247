/* SPDX-License-Identifier: MIT */
#include "experiments/record_frame.h"
#include "experiments/peers/kvm/vmm/records.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/text.h"
#include "nestbed/ports.h"

/* ---- where bytes go ---- */

static int send_file(const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

/*
 * The right to the port is held only meanwhile: with it, the kernel loads the task register anew on each way
 * from KVM to user mode, and that would be measured.
 */
static int send_port(const uint8_t *data, size_t n)
{
	if (ioperm(NB_PORT_CONSOLE, 1, 1))
		return -errno;
	__asm__ volatile("rep outsb" : "+S"(data), "+c"(n) : "d"(NB_PORT_CONSOLE) : "memory");
	return ioperm(NB_PORT_CONSOLE, 1, 0) ? -errno : 0;
}

static int probe_port(void)
{
	bool there;

	if (ioperm(NB_PORT_CONSOLE, 1, 1))
		return -errno;
	there = inb(NB_PORT_CONSOLE) == NB_PORT_CONSOLE;
	if (ioperm(NB_PORT_CONSOLE, 1, 0))
		return -errno;
	return there ? 0 : -ENODEV;
}

int records_open(struct records *r, const char *vm, bool port)
{
	*r = (struct records){.vm = vm, .port = port};
	return port ? probe_port() : 0;
}

/* ---- records ---- */

static void send_record(struct records *r, Nestbed__Record__BodyCase which, void *body)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	uint8_t *frame;
	size_t n;

	if (r->error)
		return;
	record.body_case = which;
	record.hello = body; /* one union: any member's pointer */
	frame = record_frame(&record, &n);
	r->error = r->port ? send_port(frame, n) : send_file(frame, n);
	free(frame);
}

void records_emit(struct records *r, Nestbed__Record__BodyCase which, void *body)
{
	records_flush(r);
	send_record(r, which, body);
}

void records_log(struct records *r, const char *format, ...)
{
	Nestbed__Log log = NESTBED__LOG__INIT;
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log.text = text;
	records_emit(r, NESTBED__RECORD__BODY_LOG, &log);
}

/* ---- what the VM writes ---- */

static void flush_channel(struct records *r, Nestbed__Output__Channel channel)
{
	struct output *o = &r->output[channel];
	Nestbed__Output output = NESTBED__OUTPUT__INIT;

	if (!o->length)
		return;
	output.vm = (char *)(uintptr_t)r->vm;
	output.channel = channel;
	output.data.data = o->bytes;
	output.data.len = o->length;
	o->length = 0;
	send_record(r, NESTBED__RECORD__BODY_OUTPUT, &output);
}

void records_flush(struct records *r)
{
	flush_channel(r, NESTBED__OUTPUT__CHANNEL__CONSOLE);
	flush_channel(r, NESTBED__OUTPUT__CHANNEL__COM1);
}

/* A line at a time, so that what a VM said that ends no more is known. */
void records_output(struct records *r, Nestbed__Output__Channel channel, uint8_t byte)
{
	struct output *o = &r->output[channel];

	o->bytes[o->length++] = byte;
	if (o->length == OUTPUT_ROOM || (byte == '\n' && !r->held))
		flush_channel(r, channel);
}

/* ---- refusals ---- */

static int refuse(struct records *r, const char *const *missing, size_t count, char *reason)
{
	Nestbed__Refusal refusal = NESTBED__REFUSAL__INIT;

	refusal.reason = reason;
	refusal.missing = (char **)(uintptr_t)missing;
	refusal.n_missing = count;
	records_emit(r, NESTBED__RECORD__BODY_REFUSAL, &refusal);
	fprintf(stderr, "kvm-run: %s", reason);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%s%s", i ? ", " : ": ", missing[i]);
	fputc('\n', stderr);
	free(reason);
	return CLI_REFUSED;
}

int records_refuse(struct records *r, const char *const *missing, size_t count, const char *format, ...)
{
	struct text reason = {0};
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_addf(&reason, "%s", text);
	return refuse(r, missing, count, reason.data);
}

int records_refuse_errno(struct records *r, const char *what)
{
	return refuse(r, NULL, 0, text_format("%s: %s", what, strerror(errno)));
}
