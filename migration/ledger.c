/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "migration/ledger.h"

void ledger_init(struct ledger *l, uint32_t *written, uint32_t *sent, uint32_t pages)
{
	*l = (struct ledger){.written = written, .sent = sent, .pages = pages};
	memset(written, 0, (size_t)pages * sizeof(written[0]));
	memset(sent, 0, (size_t)pages * sizeof(sent[0]));
}

void ledger_written(struct ledger *l, uint32_t page, uint32_t epoch)
{
	if (page < l->pages && epoch > l->written[page])
		l->written[page] = epoch;
}

void ledger_sent(struct ledger *l, uint32_t page, uint32_t epoch)
{
	if (page < l->pages && epoch > l->sent[page])
		l->sent[page] = epoch;
}

int ledger_check(const struct ledger *l, uint32_t *page)
{
	for (uint32_t i = 0; i < l->pages; i++) {
		if (l->written[i] < l->sent[i])
			continue;
		if (page)
			*page = i;
		return -ESTALE;
	}
	return 0;
}
