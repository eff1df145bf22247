/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/attempt.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void send_json(unsigned to, enum post_kind kind, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	post_send(to, kind, text, strlen(text));
	free(text);
	json_decref(message);
}

static json_t *read_json(const struct post_message *message)
{
	return json_loadb((const char *)message->data, message->size, 0, NULL);
}

static unsigned number(const json_t *object, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(object, key));
}

/* ---- an attempt ---- */

static void add_word(char ***words, unsigned *count, char *word)
{
	*words = array_grow(*words, *count, sizeof(**words));
	(*words)[(*count)++] = word;
}

char **attempt_words(const struct plan_task *task, bool keep)
{
	char **words = NULL;
	unsigned count = 0;

	add_word(&words, &count, text_copy("run"));
	add_word(&words, &count, text_copy(task->experiment->name));
	if (task->cpu)
		add_word(&words, &count, text_format("--cpu=%s", task->cpu));
	if (task->machine)
		add_word(&words, &count, text_format("--machine=%s", task->machine));
	add_word(&words, &count, text_copy("--jobs=1"));
	add_word(&words, &count, text_format("--timeout=%u", task->timeout));
	for (unsigned i = 0; i < task->setting_count; i++)
		add_word(&words, &count,
			 text_format("--set=%s=%s", task->settings[i].key, task->settings[i].value));
	if (keep)
		add_word(&words, &count, text_copy("--keep"));
	add_word(&words, &count, NULL);
	return words;
}

void attempt_send(unsigned to, enum post_kind kind, const struct attempt *attempt)
{
	json_t *words = json_array();

	for (unsigned i = 0; attempt->words && attempt->words[i]; i++)
		json_array_append_new(words, json_string(attempt->words[i]));
	send_json(to, kind,
		  json_pack("{s:i,s:i,s:I,s:i,s:s,s:o}", "task", (int)attempt->task, "attempt",
			    (int)attempt->attempt, "partner", (json_int_t)attempt->partner, "limit",
			    (int)attempt->limit, "name", attempt->name, "words", words));
}

int attempt_read(const struct post_message *message, struct attempt *attempt)
{
	json_t *object = read_json(message);
	const json_t *words = json_object_get(object, "words");
	const char *name = json_string_value(json_object_get(object, "name"));
	unsigned count = 0;

	*attempt = (struct attempt){
		.task = number(object, "task"),
		.attempt = number(object, "attempt"),
		.partner = number(object, "partner"),
		.limit = number(object, "limit"),
		.name = name ? text_copy(name) : NULL,
	};
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		if (word)
			add_word(&attempt->words, &count, text_copy(word));
	}
	add_word(&attempt->words, &count, NULL);
	json_decref(object);
	if (attempt->name)
		return 0;
	attempt_free(attempt);
	return -EINVAL;
}

void attempt_free(struct attempt *attempt)
{
	for (unsigned i = 0; attempt->words && attempt->words[i]; i++)
		free(attempt->words[i]);
	free(attempt->words);
	free(attempt->name);
	*attempt = (struct attempt){0};
}

/* ---- its files: "TASK ATTEMPT PATH\n", then bytes ---- */

void attempt_send_piece(const struct attempt_piece *piece)
{
	struct text t = {0};

	text_addf(&t, "%u %u %s\n", piece->task, piece->attempt, piece->path);
	text_add(&t, piece->data, piece->size);
	post_send(0, POST_FILE, t.data, t.size);
	text_free(&t);
}

/* Below the folder, whatever it says. */
static bool leads_out(const char *path)
{
	if (!*path || *path == '/')
		return true;
	for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/')
		if (!strncmp(p, "..", 2) && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

int attempt_read_piece(const struct post_message *message, struct attempt_piece *piece)
{
	char *text = (char *)message->data, *end = memchr(text, '\n', message->size);
	char *path;

	if (!end)
		return -EINVAL;
	*end = '\0';
	piece->task = (unsigned)strtoul(text, &path, 10);
	if (*path != ' ')
		return -EINVAL;
	piece->attempt = (unsigned)strtoul(path + 1, &path, 10);
	if (*path != ' ' || leads_out(path + 1))
		return -EINVAL;
	piece->path = path + 1;
	piece->data = (const uint8_t *)end + 1;
	piece->size = message->size - (size_t)(end + 1 - text);
	return 0;
}

/* ---- its end ---- */

void attempt_send_end(const struct attempt_end *end)
{
	send_json(0, POST_DONE,
		  json_pack("{s:i,s:i,s:i,s:b,s:b,s:b,s:I,s:I,s:s}", "task", (int)end->task, "attempt",
			    (int)end->attempt, "status", end->status, "over_limit", end->over_limit, "folder",
			    end->folder, "begun", end->begun, "ms", (json_int_t)end->ms, "bytes",
			    (json_int_t)end->bytes, "why", end->why));
}

int attempt_read_end(const struct post_message *message, struct attempt_end *end)
{
	json_t *object = read_json(message);
	const char *why = json_string_value(json_object_get(object, "why"));

	*end = (struct attempt_end){
		.task = number(object, "task"),
		.attempt = number(object, "attempt"),
		.status = (int)json_integer_value(json_object_get(object, "status")),
		.over_limit = json_is_true(json_object_get(object, "over_limit")),
		.folder = json_is_true(json_object_get(object, "folder")),
		.begun = json_is_true(json_object_get(object, "begun")),
		.ms = (uint64_t)json_integer_value(json_object_get(object, "ms")),
		.bytes = (uint64_t)json_integer_value(json_object_get(object, "bytes")),
	};
	snprintf(end->why, sizeof(end->why), "%s", why ? why : "");
	json_decref(object);
	return object ? 0 : -EINVAL;
}
