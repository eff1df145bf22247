/* SPDX-License-Identifier: MIT */
/* A trial of the link (bundle keys `peer` and `link_test`): bytes both ways, checked, and what they cost. */
#ifndef L0HV_NET_TRIAL_H
#define L0HV_NET_TRIAL_H

#include <stdint.h>

/*
 * Sends `bytes` to the peer, takes what the peer sends, and reports Value records named link.*. 0, or
 * negative errno with *why: -ENOMEM, -EPIPE (no answer), -EBADMSG (what came is not what the peer sends).
 */
__attribute__((warn_unused_result)) int link_trial(uint8_t host, uint8_t peer, uint64_t bytes,
						   const char **why);

#endif
