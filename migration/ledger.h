/* SPDX-License-Identifier: MIT */
/*
 * The ledger: for each page the epoch of its last write, and the epoch in which it was last sent.
 *
 * An epoch begins when the dirty set is collected. Epoch 0 is before the move; pages collected at the start
 * of epoch E are sent in E, with all writes of the epochs before. So what was written in the epoch of its
 * sending may have come after it: a page is settled when its last write is of an older epoch than its last
 * send.
 */
#ifndef MIGRATION_LEDGER_H
#define MIGRATION_LEDGER_H

#include <stdint.h>

struct ledger {
	uint32_t *written, *sent; /* the caller's, `pages` of each; sent 0: never */
	uint32_t pages;
};

/* No page has been sent, all were written before the move. */
void ledger_init(struct ledger *l, uint32_t *written, uint32_t *sent, uint32_t pages);
/* Epochs only grow: an older one changes nothing. Pages that there are not are ignored. */
void ledger_written(struct ledger *l, uint32_t page, uint32_t epoch);
void ledger_sent(struct ledger *l, uint32_t page, uint32_t epoch);
/* 0: all pages are settled; else -ESTALE and *page is the first that is not. page may be NULL. */
__attribute__((warn_unused_result)) int ledger_check(const struct ledger *l, uint32_t *page);

#endif
