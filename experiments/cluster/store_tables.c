/* SPDX-License-Identifier: MIT */
/* The rows of all tasks together: a table for each that an experiment makes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/cluster/store.h"
#include "experiments/csv.h"
#include "experiments/files.h"

/* One table of one experiment, as it grows. */
struct gathered {
	char *name; /* EXPERIMENT.TABLE.csv */
	char *head; /* of the first that was met */
	struct text text;
	bool mixed; /* another has another head */
};

struct gathering {
	const struct store *store;
	struct gathered *table;
	unsigned count;
};

static struct gathered *table_of(struct gathering *g, const char *experiment, const char *file)
{
	char *name = text_format("%s.%s", experiment, file);

	for (unsigned i = 0; i < g->count; i++) {
		if (strcmp(g->table[i].name, name) != 0)
			continue;
		free(name);
		return &g->table[i];
	}
	g->table = array_grow(g->table, g->count, sizeof(*g->table));
	g->table[g->count] = (struct gathered){.name = name};
	return &g->table[g->count++];
}

/* What one task says, its name and repeat in front of each row. */
static void add_rows(struct gathered *t, const struct plan_task *task, char *text)
{
	char *row = strchr(text, '\n');

	if (!row)
		return;
	*row++ = '\0';
	if (!t->head) {
		t->head = text_copy(text);
		text_addf(&t->text, "task,repeat,%s\n", text);
	} else if (strcmp(t->head, text) != 0) {
		t->mixed = true;
	}
	for (; *row && !t->mixed; row += strcspn(row, "\n"), row += *row == '\n')
		text_addf(&t->text, "\"%s\",%u,%.*s\n", task->name, task->repeat, (int)strcspn(row, "\n"),
			  row);
}

static void add_file(struct gathering *g, const struct plan_task *task, const char *folder, const char *file)
{
	const size_t n = strlen(file);
	char *path;
	struct blob blob;

	if (n < 5 || strcmp(file + n - 4, ".csv") != 0)
		return;
	path = text_format("%s/%s", folder, file);
	if (!file_read(path, &blob)) {
		add_rows(table_of(g, task->experiment->name, file), task, blob.data);
		free(blob.data);
	}
	free(path);
}

static void add_task(struct gathering *g, const struct plan_task *task)
{
	char *folder = text_format("%s/tasks/%s", g->store->dir, task->name);
	DIR *dir = opendir(folder);

	for (const struct dirent *e; dir && (e = readdir(dir));)
		add_file(g, task, folder, e->d_name);
	if (dir)
		closedir(dir);
	free(folder);
}

static int write_one(const struct store *s, const struct gathered *t)
{
	char *name = text_format("tables/%s", t->name);
	int status = CLI_FAILED;

	if (t->mixed)
		fprintf(stderr, "nestbed: %s/%s is left out: tasks have it with other columns\n", s->dir,
			name);
	else
		status = store_file(s, name, &t->text);
	free(name);
	return status;
}

/* Of an earlier session, which may have had another plan. */
static void remove_old(const struct store *s)
{
	char *path = text_format("%s/tables", s->dir);

	remove_folder(path);
	if (make_folders(path))
		fprintf(stderr, "nestbed: %s can't be made\n", path);
	free(path);
}

int store_tables(const struct store *s)
{
	struct gathering g = {.store = s};
	int status = CLI_OK;

	remove_old(s);
	for (unsigned i = 0; i < s->plan->count; i++)
		if (s->have[i])
			add_task(&g, &s->plan->task[i]);
	for (unsigned i = 0; i < g.count; i++) {
		if (!status)
			status = write_one(s, &g.table[i]);
		free(g.table[i].name);
		free(g.table[i].head);
		text_free(&g.table[i].text);
	}
	free(g.table);
	return status;
}
