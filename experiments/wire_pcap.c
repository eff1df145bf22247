/* SPDX-License-Identifier: MIT */
/* A capture file in the format of libpcap (pcap-savefile), with nanoseconds, of Ethernet frames. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiments/text.h"
#include "experiments/wire.h"

#define MAGIC_NS      0xA1B23C4Du
#define LINK_ETHERNET 1u

struct wire_pcap {
	FILE *file;
	int err;
};

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, length_most, link;
};
_Static_assert(sizeof(struct pcap_head) == 24, "");

struct pcap_record {
	uint32_t seconds, ns, length, length_on_wire;
};
_Static_assert(sizeof(struct pcap_record) == 16, "");

static void put(struct wire_pcap *p, const void *data, size_t n)
{
	if (!p->err && fwrite(data, 1, n, p->file) != n)
		p->err = errno ? -errno : -EIO;
}

struct wire_pcap *wire_pcap_new(const char *path)
{
	static const struct pcap_head head = {MAGIC_NS, 2, 4, 0, 0, 65535, LINK_ETHERNET};
	FILE *file = fopen(path, "we");
	struct wire_pcap *p;

	if (!file)
		return NULL;
	p = zalloc(sizeof(*p));
	p->file = file;
	put(p, &head, sizeof(head));
	return p;
}

void wire_pcap_frame(struct wire_pcap *p, uint64_t ns, const uint8_t *frame, size_t n)
{
	const struct pcap_record record = {
		.seconds = (uint32_t)(ns / 1000000000u),
		.ns = (uint32_t)(ns % 1000000000u),
		.length = (uint32_t)n,
		.length_on_wire = (uint32_t)n,
	};

	put(p, &record, sizeof(record));
	put(p, frame, n);
}

int wire_pcap_close(struct wire_pcap *p)
{
	int err = p->err;

	if (fclose(p->file) && !err)
		err = -errno;
	free(p);
	return err;
}
