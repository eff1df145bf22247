/* SPDX-License-Identifier: MIT */
#include "experiments/report_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/decode.h"
#include "experiments/files.h"

static void add_part(struct report_input *in, enum report_kind kind, unsigned first, unsigned second,
		     char *title)
{
	in->part = array_grow(in->part, in->part_count, sizeof(*in->part));
	in->part[in->part_count] = (struct report_part){
		.kind = kind,
		.first = first,
		.second = second,
		.id = text_format("part-%u", in->part_count + 1),
		.title = title,
	};
	in->part_count++;
}

static bool there(const char *dir, const char *name)
{
	char *path = text_format("%s/%s", dir, name);
	const bool found = !access(path, F_OK);

	free(path);
	return found;
}

/* ---- records ---- */

static const char *kind_of(const Nestbed__Record *record)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
		&nestbed__record__descriptor, (unsigned)record->body_case);

	return field ? field->name : "unknown";
}

static void count_one(struct report_run *run, const char *from, const char *kind)
{
	struct report_count *c = run->count;

	for (; c < run->count + run->count_count; c++)
		if (!strcmp(c->from, from) && !strcmp(c->kind, kind)) {
			c->count++;
			return;
		}
	run->count = array_grow(run->count, run->count_count, sizeof(*run->count));
	run->count[run->count_count++] = (struct report_count){text_copy(from), text_copy(kind), 1};
}

static void take_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	count_one(ctx, from->name, kind_of(record));
}

static void take_bad(void *ctx, const struct decode_source *from, size_t size)
{
	(void)size;
	count_one(ctx, from->name, "no record, though framed as one");
}

static char *read_records(struct report_run *run)
{
	const struct decode_sink sink = {.record = take_record, .bad = take_bad, .ctx = run};
	char *path = text_format("%s/records.pb", run->result.dir), *bad = NULL;
	struct decode *decode;
	struct blob file;
	int err;

	run->records = there(run->result.dir, "records.pb");
	err = run->records ? file_read(path, &file) : -ENOENT;
	if (err && run->records)
		bad = text_format("%s: %s", path, strerror(-err));
	free(path);
	if (err)
		return bad;
	decode = decode_new(&sink);
	decode_feed(decode, file.data, file.size);
	decode_end(decode);
	decode_free(decode);
	free(file.data);
	return NULL;
}

/* ---- figures ---- */

static char *read_figures(struct report_run *run)
{
	unsigned count;
	char **names = folder_names(run->result.dir, ".svg", &count), *bad = NULL;

	for (unsigned i = 0; i < count && !bad; i++) {
		char *path = text_format("%s/%s", run->result.dir, names[i]);
		struct blob file;
		int err = file_read(path, &file);

		if (err) {
			bad = text_format("%s: %s", path, strerror(-err));
		} else {
			run->figure = array_grow(run->figure, run->figure_count, sizeof(*run->figure));
			run->figure[run->figure_count++] =
				(struct report_figure){text_copy(names[i]), (char *)file.data};
		}
		free(path);
	}
	names_free(names, count);
	return bad;
}

/* ---- a run ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static char *add_run(struct report_input *in, const char *dir)
{
	struct report_run run = {0};
	char *why = NULL;

	if (result_read(dir, &run.result, &why))
		return why;
	run.title = text_format("%s, %s", run.result.experiment, last_part(run.result.dir));
	why = read_records(&run);
	if (!why)
		why = read_figures(&run);
	if (why) {
		report_run_free(&run);
		return why;
	}
	in->run = array_grow(in->run, in->run_count, sizeof(*in->run));
	in->run[in->run_count] = run;
	add_part(in, REPORT_RUN, in->run_count, in->run_count, text_copy(run.title));
	in->run_count++;
	return NULL;
}

/* ---- a cluster's folder ---- */

static char *read_cluster(struct report_cluster *c, const char *dir)
{
	char *path = text_format("%s/cluster.json", dir), *tables = text_format("%s/tables", dir),
	     *bad = NULL;
	json_error_t error;

	c->state = json_load_file(path, 0, &error);
	if (!c->state)
		bad = text_format("%s:%d: %s", path, error.line, error.text);
	if (!bad)
		bad = result_tables_read(dir, "", &c->table, &c->table_count);
	if (!bad)
		bad = result_tables_read(tables, "tables/", &c->table, &c->table_count);
	free(path);
	free(tables);
	return bad;
}

static char *add_tasks(struct report_input *in, const char *dir, unsigned *added)
{
	char *tasks = text_format("%s/tasks", dir), *bad = NULL;
	unsigned count;
	char **names = folder_names(tasks, "", &count);

	for (unsigned i = 0; i < count && !bad; i++) {
		char *task = text_format("%s/%s", tasks, names[i]);

		if (there(task, "meta.json")) {
			bad = add_run(in, task);
			*added += !bad;
		}
		free(task);
	}
	names_free(names, count);
	free(tasks);
	return bad;
}

static char *add_cluster(struct report_input *in, const char *dir)
{
	struct report_cluster c = {.title = text_format("cluster, %s", last_part(dir))};
	char *why = read_cluster(&c, dir);

	if (!why) {
		add_part(in, REPORT_CLUSTER, in->cluster_count, in->cluster_count, text_copy(c.title));
		why = add_tasks(in, dir, &c.tasks);
	}
	if (why) {
		report_cluster_free(&c);
		return why;
	}
	in->cluster = array_grow(in->cluster, in->cluster_count, sizeof(*in->cluster));
	in->cluster[in->cluster_count++] = c;
	return NULL;
}

char *report_add(struct report_input *in, const char *dir)
{
	return there(dir, "cluster.json") && there(dir, "tasks") ? add_cluster(in, dir) : add_run(in, dir);
}

void report_order(struct report_input *in)
{
	const unsigned count = in->part_count;

	for (unsigned i = 1; i < count && !in->cluster_count; i++) {
		const struct report_run *a = &in->run[i - 1], *b = &in->run[i];

		if (!strcmp(a->result.experiment, b->result.experiment))
			add_part(in, REPORT_DIFFERENCES, i - 1, i,
				 text_format("Differences: %s against %s", a->title, b->title));
	}
}

void report_input_free(struct report_input *in)
{
	for (unsigned i = 0; i < in->run_count; i++)
		report_run_free(&in->run[i]);
	for (unsigned i = 0; i < in->cluster_count; i++)
		report_cluster_free(&in->cluster[i]);
	for (unsigned i = 0; i < in->part_count; i++) {
		free(in->part[i].id);
		free(in->part[i].title);
	}
	free(in->run);
	free(in->cluster);
	free(in->part);
}
