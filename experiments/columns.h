/* SPDX-License-Identifier: MIT */
/* Which columns of a result's tables were found out; the others say of what: they are a row's key. Pure. */
#ifndef EXPERIMENTS_COLUMNS_H
#define EXPERIMENTS_COLUMNS_H

enum column_kind {
	COLUMN_KEY, /* words and configuration */
	COLUMN_EXACT, /* the same in each run, whatever the unit of time */
	COLUMN_NOISY, /* the same in each run as instructions, and not as cycles */
};

enum column_kind column_kind(const char *name);

#endif
