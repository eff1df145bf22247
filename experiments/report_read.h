/* SPDX-License-Identifier: MIT */
/* What a report is made of, read from results' folders and clusters'. */
#ifndef EXPERIMENTS_REPORT_READ_H
#define EXPERIMENTS_REPORT_READ_H

#include "experiments/report.h"

enum report_kind { REPORT_CLUSTER, REPORT_RUN, REPORT_DIFFERENCES };

/* A section of the page, in its order. */
struct report_part {
	enum report_kind kind;
	unsigned first, second; /* clusters or runs */
	char *id, *title;
};

struct report_input {
	struct report_run *run;
	unsigned run_count;
	struct report_cluster *cluster;
	unsigned cluster_count;
	struct report_part *part;
	unsigned part_count;
};

/* NULL, or why the folder can't be read (malloc'd). */
char *report_add(struct report_input *in, const char *dir);
/* When all are there: adds the differences of each two neighbours that are runs of one experiment and were
 * named, not found in a cluster. */
void report_order(struct report_input *in);
void report_input_free(struct report_input *in);

#endif
