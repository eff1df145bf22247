/* SPDX-License-Identifier: MIT */
/* What kvm-run tells: records (include/nestbed/record.proto), framed, and between them what the VM wrote. */
#ifndef KVM_VMM_RECORDS_H
#define KVM_VMM_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nestbed/record.pb-c.h"

#define OUTPUT_ROOM 65536u /* bytes of a channel that wait */

struct output {
	size_t length;
	uint8_t bytes[OUTPUT_ROOM];
};

struct records {
	const char *vm; /* its name */
	bool port; /* to the computer's port 0xE9, else to standard output */
	bool held; /* a window is open: what the VM writes waits */
	int error; /* negative errno of the first write that failed; the rest is not written */
	struct output output[2]; /* per Nestbed__Output__Channel */
};

/* 0; -ENODEV: this computer has no debug console at port 0xE9; another negative errno: no right to it. */
__attribute__((warn_unused_result)) int records_open(struct records *r, const char *vm, bool port);

/* What the VM has written before goes out first. */
void records_emit(struct records *r, Nestbed__Record__BodyCase which, void *body);
void records_log(struct records *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A byte from the VM. */
void records_output(struct records *r, Nestbed__Output__Channel channel, uint8_t byte);
void records_flush(struct records *r);

/*
 * Nothing was run, and why: a Refusal record, and a line on standard error. missing: what this computer
 * lacks, a name each. An exit status.
 */
int records_refuse(struct records *r, const char *const *missing, size_t count, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same of something that the kernel refused: "what: strerror(errno)". */
int records_refuse_errno(struct records *r, const char *what);

#endif
