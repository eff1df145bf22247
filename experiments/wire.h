/* SPDX-License-Identifier: MIT */
/*
 * The wire between machines' NICs (docs/link.md). Each machine's end is a UDP socket inside the machine's own
 * network namespace; frames go from end to end by their destination's MAC, shaped and spoilt by a script.
 * Everything that machines send is taken for hostile.
 */
#ifndef EXPERIMENTS_WIRE_H
#define EXPERIMENTS_WIRE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "nestbed/link.h"

#define WIRE_CUTS_MAX 8u
#define WIRE_SCALE    1000000u /* chances are millionths */

/* What `--link` says. Times are of the clock on the wall. */
struct wire_script {
	uint64_t rate; /* bits a second, each way of each pair; 0: as fast as it goes */
	uint64_t delay; /* ns */
	uint32_t loss, twice, reorder, corrupt; /* of WIRE_SCALE frames */
	uint64_t seed;
	struct wire_cut {
		uint32_t round; /* from the first frame of this round on ... */
		uint64_t length; /* ... for so many ns nothing passes, in any direction */
	} cut[WIRE_CUTS_MAX];
	unsigned cuts;
};

/* "rate=1Gbit,delay=50us,loss=0.1%,dup=1%,reorder=1%,corrupt=1%,seed=7,cut@round=2:500ms": any of these, ""
 * none. 0, or -EINVAL with a sentence in *why (malloc'd). Pure. */
__attribute__((warn_unused_result)) int wire_script_parse(const char *text, struct wire_script *script,
							  char **why);

struct wire_counters {
	uint64_t frames, bytes; /* sent by this host */
	uint64_t lost, doubled, reordered, corrupted; /* by the script's chances */
	uint64_t cut; /* lost in a cut */
	uint64_t astray; /* no frame of the link, or for a host that is not there */
	uint64_t crowded; /* the wire had no room */
	uint64_t delivered; /* to this host */
};

struct wire;

/* pcap: a file to write frames to as they are delivered, or NULL. NULL with errno when it can't be written.
 */
struct wire *wire_new(const struct wire_script *script, const char *pcap);
/* Takes the descriptor. */
void wire_attach(struct wire *w, unsigned host, int fd);
void wire_detach(struct wire *w, unsigned host);
/* Fills at most NB_LINK_HOSTS; how many. */
unsigned wire_poll(const struct wire *w, struct pollfd *fds);
/* ns until a frame is due; UINT64_MAX: none waits. */
uint64_t wire_wait(const struct wire *w);
/* Takes what machines sent, hands on what is due. */
void wire_turn(struct wire *w);
/* Tells a host's L0 what was decided: a CONTROL frame, not subject to the script. */
void wire_control(struct wire *w, unsigned host, uint32_t decision);
/* Called for each frame of the link as it was sent, before the script; true: it is lost. */
void wire_tap(struct wire *w, bool (*tap)(void *ctx, const uint8_t *frame, size_t n), void *ctx);
const struct wire_counters *wire_counters(const struct wire *w, unsigned host);
/* 0, or negative errno: the pcap file is not whole. */
int wire_free(struct wire *w);

/* wire_pcap.c */
struct wire_pcap;
struct wire_pcap *wire_pcap_new(const char *path); /* NULL with errno */
void wire_pcap_frame(struct wire_pcap *p, uint64_t ns, const uint8_t *frame, size_t n);
int wire_pcap_close(struct wire_pcap *p); /* 0 or negative errno */

/* wire_end.c: how a machine's end comes out of its namespace. */
#define WIRE_NIC_PORT 40000u /* where Bochs' e1000 listens; it sends to the next */
/* In the machine's process, inside its namespace: opens the end and sends it through `channel`. 0 or negative
 * errno. */
__attribute__((warn_unused_result)) int wire_end_give(int channel);
/* In nestbed: the descriptor, or negative errno. */
__attribute__((warn_unused_result)) int wire_end_take(int channel);
/* To the machine. False: it has no room, and the frame is lost, as on any wire. */
bool wire_end_send(int fd, const uint8_t *frame, size_t size);

#endif
