/* SPDX-License-Identifier: MIT */
#include "experiments/result.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/files.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *name, const char *ending)
{
	const size_t n = strlen(name), m = strlen(ending);

	return n > m && !strcmp(name + n - m, ending);
}

char **folder_names(const char *dir, const char *ending, unsigned *count)
{
	DIR *d = opendir(dir);
	char **names;
	const struct dirent *e;

	*count = 0;
	if (!d)
		return NULL;
	names = zalloc(sizeof(*names));
	while ((e = readdir(d))) {
		if (*e->d_name == '.' || !ends_with(e->d_name, ending))
			continue;
		names = array_grow(names, *count, sizeof(*names));
		names[(*count)++] = text_copy(e->d_name);
	}
	closedir(d);
	if (*count)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}

void names_free(char **names, unsigned count)
{
	for (unsigned i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

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

static char *read_table(struct result *r, const char *name)
{
	char *path = text_format("%s/%s", r->dir, name), *bad = NULL;
	struct result_table t = {.name = text_copy(name)};
	struct blob file;
	int err = file_read(path, &file);

	if (err) {
		bad = text_format("%s: %s", path, strerror(-err));
	} else {
		err = table_parse(file.data, file.size, path, &t.table, &bad);
		free(file.data);
	}
	free(path);
	if (err) {
		free(t.name);
		return bad;
	}
	r->table = array_grow(r->table, r->table_count, sizeof(*r->table));
	r->table[r->table_count++] = t;
	return NULL;
}

int result_read(const char *dir, struct result *result, char **why)
{
	unsigned count = 0;
	char **names = NULL;

	*result = (struct result){.dir = text_copy(dir)};
	for (size_t n = strlen(result->dir); n > 1 && result->dir[n - 1] == '/'; n--)
		result->dir[n - 1] = '\0';
	*why = read_meta(result);
	if (!*why)
		names = folder_names(result->dir, ".csv", &count);
	for (unsigned i = 0; i < count && !*why; i++)
		*why = read_table(result, names[i]);
	names_free(names, count);
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
	for (unsigned i = 0; i < result->table_count; i++) {
		free(result->table[i].name);
		table_free(&result->table[i].table);
	}
	free(result->table);
	json_decref(result->meta);
	free(result->dir);
	*result = (struct result){0};
}
