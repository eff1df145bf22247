/* SPDX-License-Identifier: MIT */
#include "experiments/bochsrc.h"

#include <inttypes.h>

/*
 * Everything that could make two runs differ is fixed: the clock starts at a constant and runs by
 * instructions. ips only says how many instructions make an emulated second (timers, CMOS clock).
 */
#define IPS   50000000u
#define TIME0 946684800u /* 2000-01-01 00:00:00 UTC */

void bochsrc_write(struct text *out, const struct bochsrc *rc)
{
	unsigned mib = (unsigned)(rc->memory >> 20);

	text_addf(out, "# Written by nestbed. Run: bochs-bin -q -f FILE -rc DEBUGGER-COMMANDS\n");
	text_addf(out, "cpu: model=%s, count=%u, ips=%u, reset_on_triple_fault=0\n", rc->cpu, rc->cpus, IPS);
	text_addf(out, "memory: guest=%u, host=%u\n", mib, mib);
	text_addf(out, "romimage: file=%s, address=0x%08" PRIx64 "\n", rc->rom,
		  UINT64_C(0x100000000) - (uint64_t)rc->rom_size);
	text_addf(out, "optramimage1: file=%s, address=0x%08" PRIx32 "\n", rc->table, rc->table_address);
	text_addf(out, "optramimage2: file=%s, address=0x%08" PRIx32 "\n", rc->pack, rc->pack_address);
	text_addf(out, "clock: sync=none, time0=%u\n", TIME0);
	text_addf(out, "port_e9_hack: enabled=1\n");
	text_addf(out, "com1: enabled=1, mode=file, dev=%s\n", rc->com1);
	text_addf(out, "log: %s\n", rc->log);
	text_addf(out,
		  "panic: action=fatal\nerror: action=report\ninfo: action=report\ndebug: action=ignore\n");
	/* The display listens on the network: bochs.c takes the network away. */
	text_addf(out, "display_library: rfb, options=\"timeout=0\"\n");
	/* Bochs aborts while it probes for sound hardware that a server lacks. */
	text_addf(out, "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\nspeaker: enabled=0\n");
	text_addf(out, "plugin_ctrl: speaker=0, sb16=0, es1370=0, voodoo=0\n");
}
