/* SPDX-License-Identifier: MIT */
#include "experiments/report.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/claims.h"
#include "experiments/experiment.h"
#include "experiments/html.h"

#define OPEN_ROWS         60u /* a longer table is folded */
#define WIDE_COLUMNS      12u /* a wider one has smaller letters on paper */
#define DIFFERENCES_SHOWN 500u

/* ---- page ---- */

void report_begin(struct report_page *page, const char *title, const char *style)
{
	html_addf(&page->out,
		  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		  "<meta name=\"color-scheme\" content=\"light dark\">\n"
		  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		  "'unsafe-inline'; "
		  "script-src 'unsafe-inline'\">\n<title>%s</title>\n<style>\n",
		  title);
	text_addf(&page->out, "%s", style);
	html_addf(&page->out, "</style>\n</head>\n<body>\n<header>\n<h1>%s</h1>\n</header>\n", title);
}

void report_index_begin(struct report_page *page)
{
	text_addf(&page->out, "<nav aria-label=\"Contents\">\n<ol>\n");
}

void report_index(struct report_page *page, const char *id, const char *title)
{
	html_addf(&page->out, "<li><a href=\"#%s\">%s</a></li>\n", id, title);
}

void report_index_end(struct report_page *page)
{
	text_addf(&page->out, "</ol>\n</nav>\n");
}

void report_end(struct report_page *page, const char *script)
{
	text_addf(&page->out, "<script>\n%s</script>\n</body>\n</html>\n", script);
}

static void section(struct report_page *page, const char *id, const char *title)
{
	html_addf(&page->out,
		  "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", id, id,
		  id, title);
}

/* Names and lists may be broken behind these characters; words and digests should not be anywhere. */
#define ENDS "_;=,"

static void breakable(struct report_page *page, const char *value)
{
	for (size_t n; *value; value += n) {
		char *part;

		n = strcspn(value, ENDS);
		n += value[n] != '\0';
		part = text_format("%.*s", (int)n, value);
		html_text(&page->out, part);
		text_addf(&page->out, value[n] && strchr(ENDS, value[n - 1]) ? "<wbr>" : "");
		free(part);
	}
}

/* ---- lists of what is known: a row a name ---- */

static void facts_begin(struct report_page *page, const char *caption)
{
	html_addf(&page->out,
		  "<div class=\"across\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n<table "
		  "class=\"facts\">\n"
		  "<caption>%s</caption>\n",
		  caption, caption);
}

static void facts_rows(struct report_page *page)
{
	text_addf(&page->out, "<tbody>\n");
}

static void fact(struct report_page *page, const char *name, const char *value)
{
	if (!value)
		return;
	html_addf(&page->out, "<tr><th scope=\"row\">%s</th><td>", name);
	breakable(page, value);
	text_addf(&page->out, "</td></tr>\n");
}

static void facts_end(struct report_page *page)
{
	text_addf(&page->out, "</tbody>\n</table>\n</div>\n");
}

/* malloc'd: a value of meta.json as a reader wants it, or NULL. */
static char *shown(const json_t *value)
{
	struct text t = {0};
	char *dump, *copy;

	if (!value || json_is_null(value))
		return NULL;
	if (json_is_string(value))
		return text_copy(json_string_value(value));
	if (json_is_array(value)) {
		size_t i;
		json_t *item;

		json_array_foreach(value, i, item)
		{
			char *word = shown(item);

			text_addf(&t, "%s%s", i ? " " : "", word ? word : "null");
			free(word);
		}
		return t.data ? t.data : text_copy("");
	}
	dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	copy = dump ? text_copy(dump) : NULL;
	free(dump);
	return copy;
}

/* malloc'd, as shown(): words of a command line, which a shell runs again. */
static char *shown_command(const json_t *words)
{
	struct text t = {0};
	size_t i;
	json_t *word;

	if (!json_is_array(words))
		return shown(words);
	text_add(&t, "", 0);
	json_array_foreach(words, i, word)
	{
		char *text = shown(word);

		text_addf(&t, i ? " " : "");
		text_add_shell(&t, text ? text : "null");
		free(text);
	}
	return t.data;
}

static void json_fact(struct report_page *page, const char *name, const json_t *value)
{
	char *text = shown(value);

	fact(page, name, text);
	free(text);
}

/* Each member of an object. */
static void members(struct report_page *page, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		json_fact(page, key, value);
	}
}

static void what_ran(struct report_page *page, const struct report_run *run)
{
	static const struct {
		const char *key, *name;
	} rows[] = {
		{"date",        "begun"       },
		{"host_cpu",    "processor"   },
		{"machine",     "machine"     },
		{"unit",        "unit of time"},
		{"seed",        "seed"        },
		{"kvm",         "KVM"         },
		{"exit_status", "exit status" },
	};
	const struct experiment *e = experiment_find(run->result.experiment);
	char *command = shown_command(json_object_get(run->result.meta, "command_line"));

	facts_begin(page, "What ran");
	facts_rows(page);
	fact(page, "experiment", run->result.experiment);
	fact(page, "about", e ? e->what : NULL);
	fact(page, "command line", command);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_fact(page, rows[i].name, json_object_get(run->result.meta, rows[i].key));
	fact(page, "folder", run->result.dir);
	facts_end(page);
	free(command);
}

static const char *setting_about(const struct experiment *e, const char *key)
{
	for (size_t i = 0; e && i < e->key_count; i++)
		if (!strcmp(e->keys[i].name, key))
			return e->keys[i].what;
	return "";
}

static void settings(struct report_page *page, const struct report_run *run)
{
	const json_t *object = json_object_get(run->result.meta, "settings");
	const struct experiment *e = experiment_find(run->result.experiment);
	const char *key;
	json_t *value;

	if (!json_object_size(object))
		return;
	facts_begin(page, "Settings");
	text_addf(&page->out, "<thead>\n<tr><th scope=\"col\">setting</th><th scope=\"col\">value</th>"
			      "<th scope=\"col\">about</th></tr>\n</thead>\n");
	facts_rows(page);
	json_object_foreach((json_t *)object, key, value)
	{
		char *text = shown(value);

		html_addf(&page->out, "<tr><th scope=\"row\">%s</th><td>", key);
		breakable(page, text ? text : "");
		html_addf(&page->out, "</td><td>%s</td></tr>\n", setting_about(e, key));
		free(text);
	}
	facts_end(page);
}

static void host(struct report_page *page, const struct report_run *run)
{
	facts_begin(page, "Computer and versions");
	facts_rows(page);
	members(page, json_object_get(run->result.meta, "computer"));
	members(page, json_object_get(run->result.meta, "versions"));
	facts_end(page);
}

/* ---- tables that can be sorted ---- */

static unsigned next_id(struct report_page *page)
{
	return ++page->ids;
}

/* `rows`: how many follow. */
static void sortable_begin(struct report_page *page, const char *caption, unsigned rows)
{
	char *many = text_format("%u row%s", rows, rows == 1 ? "" : "s");

	html_addf(&page->out, rows > OPEN_ROWS ? "<details>\n" : "<details open>\n");
	html_addf(&page->out, "<summary>%s, %s</summary>\n", caption, many);
	free(many);
}

/* The table itself, whose headings follow; `columns`: how many paper has. */
static void sortable_heads(struct report_page *page, const char *caption, size_t columns)
{
	char *id = text_format("caption-%u", next_id(page));

	html_addf(&page->out,
		  "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s\">\n"
		  "<table class=\"%s\">\n<caption id=\"%s\">%s</caption>\n<thead>\n<tr>",
		  id, columns > WIDE_COLUMNS ? "sortable wide" : "sortable", id, caption);
	free(id);
}

struct column {
	bool number;
	bool same; /* all rows have one value: on paper it stands above the table */
};

/* "thing", or with the column's classes `thing class="..."` */
static void tag(struct report_page *page, const char *thing, struct column c)
{
	static const char *const classes[2][2] = {
		{"",                  " class=\"same\""       },
                {" class=\"number\"", " class=\"number same\""}
        };

	text_addf(&page->out, "<%s%s>", thing, classes[c.number][c.same]);
}

static void heading(struct report_page *page, const char *name, struct column c)
{
	tag(page, "th scope=\"col\"", c);
	breakable(page, name);
	text_addf(&page->out, "</th>");
}

static void cell(struct report_page *page, const char *value, struct column c)
{
	tag(page, "td", c);
	breakable(page, value);
	text_addf(&page->out, "</td>");
}

static void sortable_rows(struct report_page *page)
{
	text_addf(&page->out, "</tr>\n</thead>\n<tbody>\n");
}

static void sortable_end(struct report_page *page)
{
	text_addf(&page->out, "</tbody>\n</table>\n</div>\n</details>\n");
}

static bool is_same(const struct table *t, unsigned column)
{
	for (unsigned r = 1; r < t->rows; r++)
		if (strcmp(table_cell(t, r, column), table_cell(t, 0, column)) != 0)
			return false;
	return t->rows > 1;
}

/* How many columns of the table paper has; where no row differs from another, all of them. */
static unsigned look_at_columns(const struct table *t, struct column *columns)
{
	unsigned differ = 0;

	for (unsigned c = 0; c < t->columns; c++) {
		columns[c] = (struct column){table_is_numeric(t, c), is_same(t, c)};
		differ += !columns[c].same;
	}
	for (unsigned c = 0; !differ && c < t->columns; c++)
		columns[c].same = false;
	return differ ? differ : t->columns;
}

/* On paper: what the columns say that are not there. */
static void same_values(struct report_page *page, const struct table *t, const struct column *columns)
{
	bool any = false;

	for (unsigned c = 0; c < t->columns; c++) {
		if (!columns[c].same)
			continue;
		html_addf(&page->out, any ? ", %s " : "<p class=\"paper\">In all rows: %s ", t->head[c]);
		html_text(&page->out, table_cell(t, 0, c));
		any = true;
	}
	text_addf(&page->out, any ? "</p>\n" : "");
}

static void table(struct report_page *page, const struct result_table *t)
{
	struct column columns[TABLE_COLUMNS_MAX];
	const unsigned differ = look_at_columns(&t->table, columns);

	sortable_begin(page, t->name, t->table.rows);
	same_values(page, &t->table, columns);
	sortable_heads(page, t->name, differ);
	for (unsigned c = 0; c < t->table.columns; c++)
		heading(page, t->table.head[c], columns[c]);
	sortable_rows(page);
	for (unsigned r = 0; r < t->table.rows; r++) {
		text_addf(&page->out, "<tr>");
		for (unsigned c = 0; c < t->table.columns; c++)
			cell(page, table_cell(&t->table, r, c), columns[c]);
		text_addf(&page->out, "</tr>\n");
	}
	sortable_end(page);
}

static void machines(struct report_page *page, const struct report_run *run)
{
	static const struct {
		const char *key, *name;
		bool number;
	} columns[] = {
		{"name",         "machine",      false},
		{"guest",        "guest",        false},
		{"cmdline",      "command line", false},
		{"memory_bytes", "bytes",        true },
		{"end",          "end",          false},
		{"exit_status",  "exit status",  true },
		{"wall_seconds", "seconds",      true },
		{"outcome",      "outcome",      false},
	};
	const json_t *all = json_object_get(run->result.meta, "machines");
	json_t *machine;
	size_t i;

	if (!json_array_size(all))
		return;
	text_addf(&page->out, "<h3>Machines</h3>\n");
	sortable_begin(page, "Machines that ran", (unsigned)json_array_size(all));
	sortable_heads(page, "Machines that ran", sizeof(columns) / sizeof(columns[0]));
	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
		heading(page, columns[c].name, (struct column){.number = columns[c].number});
	sortable_rows(page);
	json_array_foreach(all, i, machine)
	{
		text_addf(&page->out, "<tr>");
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
			char *text = shown(json_object_get(machine, columns[c].key));

			cell(page, text ? text : "-", (struct column){.number = columns[c].number});
			free(text);
		}
		text_addf(&page->out, "</tr>\n");
	}
	sortable_end(page);
}

static void records(struct report_page *page, const struct report_run *run)
{
	if (!run->records)
		return;
	text_addf(&page->out, "<h3>Records</h3>\n");
	sortable_begin(page, "Records of all machines", run->count_count);
	sortable_heads(page, "Records of all machines", 3);
	heading(page, "from", (struct column){0});
	heading(page, "record", (struct column){0});
	heading(page, "count", (struct column){.number = true});
	sortable_rows(page);
	for (unsigned i = 0; i < run->count_count; i++) {
		char *number = text_format("%u", run->count[i].count);

		html_addf(&page->out, "<tr><td>%s</td><td>%s</td><td class=\"number\">%s</td></tr>\n",
			  *run->count[i].from ? run->count[i].from : "machine", run->count[i].kind, number);
		free(number);
	}
	sortable_end(page);
}

/* ---- claims, figures ---- */

/* The run has a row by which the claim is looked at. */
static bool looks_at(const struct report_run *run, const struct claim *c)
{
	const struct table *t = result_find(&run->result, c->table);
	const int column = t && c->column ? table_column(t, c->column) : -1;

	if (!t || strcmp(c->experiment, run->result.experiment) != 0)
		return false;
	if (!c->column)
		return t->rows;
	for (unsigned i = 0; column >= 0 && i < t->rows; i++)
		if (strstr(table_cell(t, i, (unsigned)column), c->word))
			return true;
	return false;
}

static void claim(struct report_page *page, const struct claim *c)
{
	html_addf(&page->out,
		  "<dt>%s: %s</dt>\n<dd>The literature says: %s.<br>Found, with the results that "
		  "PAPER_NOTES.md shows: %s. ",
		  c->id, c->mechanism, c->text, c->found);
	if (page->notes)
		html_addf(&page->out, "<a href=\"%s#%s\">%s in PAPER_NOTES.md</a>", page->notes, c->anchor,
			  c->id);
	text_addf(&page->out, "</dd>\n");
}

static void looked_at(struct report_page *page, const struct report_run *run)
{
	const char *last = ""; /* rows of the same claim follow each other */

	for (size_t i = 0; i < claim_count; i++) {
		if (!looks_at(run, &claims[i]) || !strcmp(claims[i].id, last))
			continue;
		if (!*last)
			text_addf(&page->out, "<h3>Claims that it looks at</h3>\n<dl>\n");
		last = claims[i].id;
		claim(page, &claims[i]);
	}
	if (*last)
		text_addf(&page->out, "</dl>\n");
}

static void figures(struct report_page *page, const struct report_run *run)
{
	if (run->figure_count)
		text_addf(&page->out, "<h3>Figures</h3>\n");
	for (unsigned i = 0; i < run->figure_count; i++) {
		const struct report_figure *f = &run->figure[i];
		char *prefix = text_format("f%u-", next_id(page)), *why = NULL;
		char *label = text_format("Figure %s of %s; its numbers are in the tables below", f->name,
					  run->title);

		html_addf(&page->out,
			  "<figure>\n<div class=\"card\" role=\"group\" tabindex=\"0\" aria-label=\"%s\">\n",
			  f->name);
		if (svg_inline(&page->out, f->svg, prefix, label, &why))
			html_addf(&page->out, "<p>Left out: %s.</p>\n", why);
		html_addf(&page->out, "</div>\n<figcaption>%s</figcaption>\n</figure>\n", f->name);
		free(why);
		free(prefix);
		free(label);
	}
}

void report_run(struct report_page *page, const char *id, const struct report_run *run)
{
	section(page, id, run->title);
	what_ran(page, run);
	settings(page, run);
	host(page, run);
	looked_at(page, run);
	figures(page, run);
	if (run->result.table_count)
		text_addf(&page->out, "<h3>Tables</h3>\n");
	for (unsigned i = 0; i < run->result.table_count; i++)
		table(page, &run->result.table[i]);
	machines(page, run);
	records(page, run);
	text_addf(&page->out, "</section>\n");
}

void report_cluster(struct report_page *page, const char *id, const struct report_cluster *cluster)
{
	char *tasks = text_format("%u", cluster->tasks);

	section(page, id, cluster->title);
	facts_begin(page, "The cluster's run");
	facts_rows(page);
	members(page, cluster->state);
	fact(page, "tasks in this report", tasks);
	facts_end(page);
	for (unsigned i = 0; i < cluster->table_count; i++)
		table(page, &cluster->table[i]);
	text_addf(&page->out, "</section>\n");
	free(tasks);
}

/* A paragraph a line. */
static void lines(struct report_page *page, const char *text)
{
	while (text && *text) {
		const size_t n = strcspn(text, "\n");
		char *line = text_format("%.*s", (int)n, text);

		html_addf(&page->out, "<p class=\"note\">%s</p>\n", line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

static void difference(struct report_page *page, const struct difference *d)
{
	text_addf(&page->out, "<tr>");
	for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
		cell(page, difference_word(d, i), (struct column){.number = difference_field[i].number});
	text_addf(&page->out, "</tr>\n");
}

void report_differences(struct report_page *page, const char *id, const struct report_run *first,
			const struct report_run *second, const struct comparison *comparison,
			const char *reasons)
{
	const unsigned count = comparison->count < DIFFERENCES_SHOWN ? comparison->count : DIFFERENCES_SHOWN;
	struct text summary = {0};
	char *title = text_format("Differences: %s against %s", first->title, second->title);

	section(page, id, title);
	lines(page, reasons);
	lines(page, comparison->notes.data);
	compare_summary(&summary, comparison);
	lines(page, summary.data);
	if (count) {
		sortable_begin(page, "What differs", count);
		sortable_heads(page, "What differs", DIFFERENCE_FIELDS);
		for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
			heading(page, difference_field[i].name,
				(struct column){.number = difference_field[i].number});
		sortable_rows(page);
		for (unsigned i = 0; i < count; i++)
			difference(page, &comparison->difference[i]);
		sortable_end(page);
	}
	if (count < comparison->count)
		lines(page, "There are more: nestbed compare --all prints them.");
	text_addf(&page->out, "</section>\n");
	text_free(&summary);
	free(title);
}

void report_run_free(struct report_run *run)
{
	for (unsigned i = 0; i < run->figure_count; i++) {
		free(run->figure[i].name);
		free(run->figure[i].svg);
	}
	for (unsigned i = 0; i < run->count_count; i++) {
		free(run->count[i].from);
		free(run->count[i].kind);
	}
	free(run->figure);
	free(run->count);
	free(run->title);
	result_free(&run->result);
}

void report_cluster_free(struct report_cluster *cluster)
{
	result_tables_free(cluster->table, cluster->table_count);
	free(cluster->title);
	json_decref(cluster->state);
}
