/* SPDX-License-Identifier: MIT */
/* A record in its frame (include/nestbed/frame.h), for programs with a heap. */
#ifndef EXPERIMENTS_RECORD_FRAME_H
#define EXPERIMENTS_RECORD_FRAME_H

#include <nestbed/record.pb-c.h>
#include <stddef.h>
#include <stdint.h>

/* malloc'd, *size bytes. */
uint8_t *record_frame(const Nestbed__Record *record, size_t *size);

#endif
