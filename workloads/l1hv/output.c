// SPDX-License-Identifier: MIT
#include "output.h"
#include "report.h"

static struct {
	uint32_t used;
	uint8_t bytes[OUTPUT_MAX];
} buffers[OUTPUT_CHANNELS];

static void flush(enum output_channel channel)
{
	if (buffers[channel].used)
		report_output(channel, buffers[channel].bytes, buffers[channel].used);
	buffers[channel].used = 0;
}

void output_byte(enum output_channel channel, uint8_t byte)
{
	buffers[channel].bytes[buffers[channel].used++] = byte;
	if (byte == '\n' || buffers[channel].used == OUTPUT_MAX)
		flush(channel);
}

void output_flush(void)
{
	flush(OUTPUT_CONSOLE);
	flush(OUTPUT_COM1);
}
