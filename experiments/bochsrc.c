/* SPDX-License-Identifier: MIT */
#include "experiments/bochsrc.h"

#include <inttypes.h>

#include "experiments/machine.h"
#include "nestbed/link.h"

/*
 * Everything that could make two runs differ is fixed: the clock starts at a constant and runs by
 * instructions. ips only says how many instructions make an emulated second (timers, CMOS clock).
 */
#define IPS 50000000u
/*
 * The e1000 takes one frame from its socket each emulated millisecond, so with a NIC that has few
 * instructions. L0 runs guests by the TSC, which counts instructions at any ips.
 */
#define IPS_NIC  1000000u
#define NIC_PORT 40000u /* experiments/wire.h */
#define TIME0    946684800u /* 2000-01-01 00:00:00 UTC */

static void add_nic(struct text *out, unsigned host)
{
	static const uint8_t mac[5] = NB_LINK_MAC_HEAD;

	text_addf(out, "pci: enabled=1, chipset=i440fx, slot1=e1000\n");
	text_addf(out, "e1000: enabled=1, mac=%02x:%02x:%02x:%02x:%02x:%02x, ethmod=socket, ethdev=%u\n",
		  mac[0], mac[1], mac[2], mac[3], mac[4], host, NIC_PORT);
}

void bochsrc_write(struct text *out, const struct bochsrc *rc)
{
	unsigned mib = (unsigned)(rc->memory >> 20);
	const uint64_t ips = rc->ips ? rc->ips : rc->nic ? IPS_NIC : IPS;

	text_addf(out, "# Written by nestbed. Run: bochs-bin -q -f FILE -rc DEBUGGER-COMMANDS\n");
	text_addf(out, "cpu: model=%s, count=%u, ips=%" PRIu64 ", reset_on_triple_fault=0\n", rc->cpu,
		  rc->cpus, ips);
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
	text_addf(out, "plugin_ctrl: speaker=0, sb16=0, es1370=0, voodoo=0%s\n", rc->nic ? ", e1000=1" : "");
	if (rc->traced)
		text_addf(out, "magic_break: enabled=1\n");
	if (rc->nic)
		add_nic(out, rc->host);
}

/* Without a command the debugger ends the machine: there is one more than pairs of breakpoints. */
void bochsrc_debugger(struct text *out, bool traced)
{
	for (unsigned i = 0; traced && i < MACHINE_TRACES_MAX; i++)
		text_addf(out, "c\ntrace on\nc\ntrace off\n");
	text_addf(out, "c\n");
}
