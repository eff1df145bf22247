/* SPDX-License-Identifier: MIT */
/*
 * Streams of bytes to other L0s, over the NIC. Nothing happens but in link_poll: no interrupts. One stream
 * each way for each peer, for the life of L0 (docs/link.md).
 */
#ifndef L0HV_NET_LINK_H
#define L0HV_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l0hv/net/reliable.h"

struct link;

/*
 * Starts the NIC as this host. 0, or negative errno with *why: -ENODEV, -ENXIO, -EIO, -ENOMEM.
 */
__attribute__((warn_unused_result)) int link_start(uint8_t host, const char **why);
/* The stream to a peer: made at the first call. NULL: link_start did not succeed, or no memory. */
struct link *link_to(uint8_t peer);

/* Takes what came for any peer, sends what is due. Call it often while a link is in use. */
void link_poll(void);

/* As much as there is room for or has come; may be 0. */
size_t link_write(struct link *l, const void *data, size_t n);
size_t link_read(struct link *l, void *data, size_t room);
/* What was written goes even if it fills no frame. */
void link_flush(struct link *l);

/* Poll until all is written, read, or taken by the peer's reader: 0; -EPIPE: the link is dead; -ETIMEDOUT:
 * after `ticks` (0: no limit). Bytes written or read before that are so. */
__attribute__((warn_unused_result)) int link_write_all(struct link *l, const void *data, size_t n,
						       uint64_t ticks);
__attribute__((warn_unused_result)) int link_read_all(struct link *l, void *data, size_t n, uint64_t ticks);
__attribute__((warn_unused_result)) int link_drain(struct link *l, uint64_t ticks);
/* Go on answering a peer that did not hear the last acknowledgement, until it has been silent for a while, or
 * `over` (NULL: never) says that it needs none. */
void link_linger(struct link *l, bool (*over)(void));

bool link_idle(const struct link *l);
bool link_dead(const struct link *l);
/* Ticks without any answer after which it is dead, and after which it asks a silent peer though nothing is
 * owed (0: never). */
void link_set_limit(struct link *l, uint64_t ticks, uint64_t keep_alive);
void link_set_round(struct link *l, uint32_t round);
const struct reliable_counters *link_counters(const struct link *l);

/* What the wire said in a CONTROL frame since the last call. */
bool link_control(uint32_t *decision);

/* Ticks that are about a second of the clock on the wall: for limits, not for results. */
uint64_t link_second(void);

#endif
