/* SPDX-License-Identifier: MIT */
#include "experiments/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/files.h"

static char *read_meta(struct result *r)
{
	char *path = text_format("%s/meta.json", r->dir), *bad = NULL;
	json_error_t error;
	struct stat st;

	if (stat(r->dir, &st) || !S_ISDIR(st.st_mode)) {
		bad = text_format("%s: no such folder", r->dir);
	} else if (stat(path, &st)) {
		bad = text_format("%s: no result of a run: there is no meta.json", r->dir);
	} else {
		r->meta = json_load_file(path, 0, &error);
		r->experiment = json_string_value(json_object_get(r->meta, "experiment"));
		if (!r->meta)
			bad = text_format("%s:%d: %s", path, error.line, error.text);
		else if (!r->experiment)
			bad = text_format("%s: an object with a string \"experiment\" was expected", path);
	}
	free(path);
	return bad;
}

static char *read_table(const char *dir, const char *name, struct table *table)
{
	char *path = text_format("%s/%s", dir, name), *bad = NULL;
	struct blob file;
	int err = file_read(path, &file);

	if (err) {
		bad = text_format("%s: %s", path, strerror(-err));
	} else {
		err = table_parse(file.data, file.size, path, table, &bad);
		free(file.data);
	}
	free(path);
	return err ? bad : NULL;
}

char *result_tables_read(const char *dir, const char *before, struct result_table **table, unsigned *count)
{
	unsigned name_count;
	char **names = folder_names(dir, ".csv", &name_count), *bad = NULL;

	for (unsigned i = 0; i < name_count && !bad; i++) {
		struct table t;

		bad = read_table(dir, names[i], &t);
		if (bad)
			break;
		*table = array_grow(*table, *count, sizeof(**table));
		(*table)[(*count)++] =
			(struct result_table){.name = text_format("%s%s", before, names[i]), .table = t};
	}
	names_free(names, name_count);
	return bad;
}

void result_tables_free(struct result_table *table, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		free(table[i].name);
		table_free(&table[i].table);
	}
	free(table);
}

int result_read(const char *dir, struct result *result, char **why)
{
	*result = (struct result){.dir = text_copy(dir)};
	for (size_t n = strlen(result->dir); n > 1 && result->dir[n - 1] == '/'; n--)
		result->dir[n - 1] = '\0';
	*why = read_meta(result);
	if (!*why)
		*why = result_tables_read(result->dir, "", &result->table, &result->table_count);
	if (*why)
		result_free(result);
	return *why ? -EINVAL : 0;
}

const struct table *result_find(const struct result *result, const char *name)
{
	for (unsigned i = 0; i < result->table_count; i++)
		if (!strcmp(result->table[i].name, name))
			return &result->table[i].table;
	return NULL;
}

const char *result_word(const struct result *result, const char *object, const char *key)
{
	const json_t *at = object ? json_object_get(result->meta, object) : result->meta;

	return json_string_value(json_object_get(at, key));
}

void result_free(struct result *result)
{
	result_tables_free(result->table, result->table_count);
	json_decref(result->meta);
	free(result->dir);
	*result = (struct result){0};
}
