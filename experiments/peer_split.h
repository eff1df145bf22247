/* SPDX-License-Identifier: MIT */
/* The stream of a machine on which one hypervisor after another reports, each from its Hello on. */
#ifndef EXPERIMENTS_PEER_SPLIT_H
#define EXPERIMENTS_PEER_SPLIT_H

#include "experiments/capture.h"

struct peer_split;

/* `capture`: of those expected, in their order. What is sent before the first Hello, or by more than these,
 * is dropped. Free by peer_split_free(). */
struct peer_split *peer_split_new(struct capture *const *capture, unsigned count);
/* Output of the machine; size 0: its end. For struct job. */
void peer_split_output(void *ctx, const uint8_t *data, size_t size);
/* How many of them said Hello. */
unsigned peer_split_begun(const struct peer_split *split);
void peer_split_free(struct peer_split *split);

#endif
