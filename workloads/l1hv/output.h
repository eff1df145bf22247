/* SPDX-License-Identifier: MIT */
/*
 * What L2 writes to its console and COM1, sent as Output records: a line each, or OUTPUT_MAX bytes. Nothing
 * is sent unless L2 writes, so L2 decides that nothing is between its marks.
 */
#ifndef L1HV_OUTPUT_H
#define L1HV_OUTPUT_H

#include <stdint.h>

#define OUTPUT_MAX 200u

enum output_channel { OUTPUT_CONSOLE, OUTPUT_COM1, OUTPUT_CHANNELS };

void output_byte(enum output_channel channel, uint8_t byte);
void output_flush(void);

#endif
