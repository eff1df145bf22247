/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/durations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/csv.h"
#include "experiments/setting.h"

#define HEAD    "task,host,ms"
#define COLUMNS 3u
#define MS_MAX  1000000000u

void durations_free(struct durations *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		free(d->row[i].key);
		free(d->row[i].host);
	}
	free(d->row);
	*d = (struct durations){0};
}

/* The oldest of this task goes when there are enough. */
static void make_room(struct durations *d, const char *key)
{
	unsigned have = 0, oldest = d->count;

	for (unsigned i = d->count; i-- > 0;) {
		if (strcmp(d->row[i].key, key) != 0)
			continue;
		have++;
		oldest = i;
	}
	if (have < DURATIONS_KEPT)
		return;
	free(d->row[oldest].key);
	free(d->row[oldest].host);
	d->count--;
	memmove(&d->row[oldest], &d->row[oldest + 1], (d->count - oldest) * sizeof(*d->row));
}

void durations_add(struct durations *d, const char *key, const char *host, uint64_t ms)
{
	make_room(d, key);
	d->row = array_grow(d->row, d->count, sizeof(*d->row));
	d->row[d->count++] = (struct duration){text_copy(key), text_copy(host), ms};
}

static int read_row(struct durations *d, char *line, char **why)
{
	char *field[COLUMNS + 1];
	const int fields = csv_split(line, field, COLUMNS + 1);
	uint64_t ms;

	if (fields != (int)COLUMNS) {
		*why = text_format("expected %u fields: " HEAD, COLUMNS);
		return -EINVAL;
	}
	if (number_parse(field[2], 0, MS_MAX, &ms, why))
		return -EINVAL;
	durations_add(d, field[0], field[1], ms);
	return 0;
}

int durations_read(struct durations *d, const char *path, char *text, char **why)
{
	unsigned number = 1;
	char *bad = NULL;
	int err = 0;

	*d = (struct durations){0};
	for (char *line = text, *end; *line && !err; line = end, number++) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (number == 1 && strcmp(line, HEAD) != 0) {
			bad = text_copy("expected " HEAD);
			err = -EINVAL;
		} else if (number > 1) {
			err = read_row(d, line, &bad);
		}
		if (err)
			*why = text_format("%s:%u: %s", path, number, bad);
	}
	free(bad);
	if (err)
		durations_free(d);
	return err;
}

void durations_write(const struct durations *d, struct text *table)
{
	struct csv csv;

	csv_start(&csv, HEAD);
	for (unsigned i = 0; i < d->count; i++) {
		csv_word(&csv, d->row[i].key);
		csv_word(&csv, d->row[i].host);
		csv_number(&csv, d->row[i].ms);
		csv_end_row(&csv);
	}
	text_add(table, csv.text.data, csv.text.size);
	csv_free(&csv);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (int)(*x > *y) - (int)(*x < *y);
}

/* Of the rows whose key begins with so many characters of `key`, and has a space or its end behind them. */
static uint64_t median(const struct durations *d, const char *key, size_t size, unsigned *found)
{
	uint64_t *ms = zalloc((d->count + 1) * sizeof(*ms));
	uint64_t middle;

	*found = 0;
	for (unsigned i = 0; i < d->count; i++) {
		const char *have = d->row[i].key;

		if (!strncmp(have, key, size) && (!size || !have[size] || have[size] == ' '))
			ms[(*found)++] = d->row[i].ms;
	}
	qsort(ms, *found, sizeof(*ms), by_size);
	middle = *found ? ms[*found / 2] : 0;
	free(ms);
	return middle;
}

/* Of this very task: nothing may follow its key. */
static uint64_t median_same(const struct durations *d, const char *key, unsigned *found)
{
	struct durations same = {0};
	uint64_t ms;

	for (unsigned i = 0; i < d->count; i++)
		if (!strcmp(d->row[i].key, key))
			durations_add(&same, key, "", d->row[i].ms);
	ms = median(&same, "", 0, found);
	durations_free(&same);
	return ms;
}

uint64_t durations_guess(const struct durations *d, const struct plan_task *task, enum durations_basis *basis)
{
	unsigned found;
	uint64_t ms = median_same(d, task->key, &found);

	*basis = DURATIONS_SAME;
	if (found)
		return ms;
	*basis = DURATIONS_EXPERIMENT;
	ms = median(d, task->key, strcspn(task->key, " "), &found);
	if (found)
		return ms;
	*basis = DURATIONS_ANY;
	ms = median(d, "", 0, &found);
	if (found)
		return ms;
	*basis = DURATIONS_NOTHING;
	return DURATIONS_ASSUMED;
}

const char *durations_basis_name(enum durations_basis basis)
{
	static const char *const names[] = {"same task", "experiment", "any task", "assumed"};

	return names[basis];
}
