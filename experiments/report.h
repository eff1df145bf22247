/* SPDX-License-Identifier: MIT */
/* Results as one HTML page that needs nothing else. What it is made of is read before; this writes markup. */
#ifndef EXPERIMENTS_REPORT_H
#define EXPERIMENTS_REPORT_H

#include "experiments/compare.h"
#include "experiments/result.h"

struct report_figure {
	char *name; /* file */
	char *svg;
};

/* Records of one kind from one place. */
struct report_count {
	char *from, *kind;
	unsigned count;
};

struct report_run {
	char *title;
	struct result result;
	struct report_figure *figure;
	unsigned figure_count;
	struct report_count *count;
	unsigned count_count;
	bool records; /* there is a records.pb */
};

/* A folder of a cluster's run: what it says of itself, its tables; its tasks are runs. */
struct report_cluster {
	char *title;
	json_t *state;
	struct result_table *table;
	unsigned table_count;
	unsigned tasks;
};

struct report_page {
	struct text out;
	const char *notes; /* where PAPER_NOTES.md is, from the page; NULL: nowhere */
	unsigned ids; /* given out so far */
};

/* `style` and `script` are this project's own. */
void report_begin(struct report_page *page, const char *title, const char *style);
/* A contents list's entry; between report_index_begin and report_index_end. */
void report_index_begin(struct report_page *page);
void report_index(struct report_page *page, const char *id, const char *title);
void report_index_end(struct report_page *page);
/* `id` of its section */
void report_cluster(struct report_page *page, const char *id, const struct report_cluster *cluster);
void report_run(struct report_page *page, const char *id, const struct report_run *run);
/* What differs between two runs of one experiment; `reasons`: lines, why they are not of the same thing. */
void report_differences(struct report_page *page, const char *id, const struct report_run *first,
			const struct report_run *second, const struct comparison *comparison,
			const char *reasons);
void report_end(struct report_page *page, const char *script);

void report_run_free(struct report_run *run);
void report_cluster_free(struct report_cluster *cluster);

#endif
