/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/cluster/yaml_tree.h"
#include "experiments/cpu_models.h"
#include "experiments/machine_kind.h"

#define AXES_MAX 32u

/* What a folder's name may have. */
static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=,-";

/* What an entry varies: a setting, or the processor. */
struct axis {
	const char *key; /* NULL: the processor */
	const yaml_node_t *values;
	unsigned count, at;
};

/* One entry of `tasks`, being multiplied out. */
struct entry {
	struct yaml_tree *tree;
	struct plan *plan;
	const yaml_node_t *node;
	const struct experiment *experiment;
	const char *machine; /* or NULL */
	bool emulated; /* it has Bochs' CPU models */
	const char *name; /* what its tasks' names begin with */
	struct axis axis[AXES_MAX];
	unsigned axes;
	unsigned repeats, timeout;
	bool across;
};

static void task_free(struct plan_task *task)
{
	for (unsigned i = 0; i < task->setting_count; i++)
		setting_free(&task->settings[i]);
	free(task->settings);
	free(task->name);
	free(task->key);
	free(task->cpu);
	free(task->machine);
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		task_free(&plan->task[i]);
	free(plan->task);
	free(plan->name);
	*plan = (struct plan){0};
}

/* ---- one task ---- */

/* A part of a folder's name. */
static void add_name(struct text *name, const char *word)
{
	text_addf(name, "%s", name->size ? "-" : "");
	for (; *word; word++)
		text_addf(name, "%c", strchr(fine, *word) ? *word : '_');
}

static void add_setting(struct plan_task *task, const char *key, const char *value)
{
	task->settings = array_grow(task->settings, task->setting_count, sizeof(*task->settings));
	task->settings[task->setting_count++] = (struct setting){text_copy(key), text_copy(value)};
}

static const struct setting *setting_of(const struct plan_task *task, const char *key)
{
	for (unsigned i = 0; i < task->setting_count; i++)
		if (!strcmp(task->settings[i].key, key))
			return &task->settings[i];
	return NULL;
}

/* What its entry gives several values. */
static bool varies(const struct entry *e, const char *key)
{
	for (unsigned i = 0; i < e->axes; i++)
		if (e->axis[i].key && !strcmp(e->axis[i].key, key))
			return e->axis[i].count > 1;
	return false;
}

/* Settings in the order in which the experiment has them, whatever that of the plan. */
static void name_settings(const struct entry *e, const struct plan_task *task, struct text *name,
			  struct text *key)
{
	for (size_t k = 0; k < e->experiment->key_count; k++) {
		const struct setting *s = setting_of(task, e->experiment->keys[k].name);
		char *word;

		if (!s)
			continue;
		word = text_format("%s=%s", s->key, s->value);
		text_addf(key, " %s", word);
		if (varies(e, s->key))
			add_name(name, word);
		free(word);
	}
}

/* Its name says what its entry varies, its key all that it is. */
static void name_task(const struct entry *e, struct plan_task *task)
{
	struct text name = {0}, key = {0};

	add_name(&name, e->name);
	if (task->machine)
		add_name(&name, task->machine);
	add_name(&name, task->cpu ? task->cpu : "host");
	text_addf(&key, "%s %s", e->experiment->name, task->cpu ? task->cpu : "host");
	if (task->machine)
		text_addf(&key, " on %s", task->machine);
	name_settings(e, task, &name, &key);
	if (task->across)
		text_addf(&key, " across");
	if (task->across)
		add_name(&name, "across");
	if (e->repeats > 1) {
		char *number = text_format("%u", task->repeat);

		add_name(&name, number);
		free(number);
	}
	task->name = name.data;
	task->key = key.data;
}

static int check_task(const struct entry *e, const struct plan_task *task)
{
	const char **values = zalloc((e->experiment->key_count + 1) * sizeof(*values));
	char *why;
	int err = 0;

	if (e->emulated && !cpu_model_find(task->cpu)) {
		why = cpu_model_unknown(task->cpu);
		err = yaml_tree_error(e->tree, yaml_tree_get(e->tree, e->node, "cpu"), "cpu: %s", why);
		free(why);
	}
	if (!err && experiment_apply(e->experiment, task->settings, task->setting_count, values, &why)) {
		err = yaml_tree_error(e->tree, yaml_tree_get(e->tree, e->node, "set"), "set: %s", why);
		free(why);
	}
	free(values);
	if (!err && strlen(task->name) > PLAN_NAME_MAX)
		err = yaml_tree_error(
			e->tree, e->node,
			"a task's name is longer than %u characters: '%s'; vary less in one entry",
			PLAN_NAME_MAX, task->name);
	return err;
}

static int add_task(const struct entry *e, unsigned repeat)
{
	struct plan *plan = e->plan;
	struct plan_task *task;

	if (plan->count == PLAN_TASKS_MAX)
		return yaml_tree_error(e->tree, e->node, "more than %u tasks", PLAN_TASKS_MAX);
	plan->task = array_grow(plan->task, plan->count, sizeof(*plan->task));
	task = &plan->task[plan->count++];
	*task = (struct plan_task){
		.experiment = e->experiment,
		.repeat = repeat,
		.timeout = e->timeout,
		.emulated = e->emulated,
		.across = e->across,
		.line = yaml_tree_line(e->node),
	};
	for (unsigned i = 0; i < e->axes; i++) {
		const struct axis *a = &e->axis[i];
		const yaml_node_t *at = yaml_tree_item(e->tree, a->values, a->at);
		const char *word = yaml_tree_word(e->tree, at, a->key ? a->key : "cpu");

		if (!word)
			return -EINVAL;
		if (a->key)
			add_setting(task, a->key, word);
		else
			task->cpu = text_copy(word);
	}
	if (!task->cpu && e->emulated)
		task->cpu = text_copy(CLI_DEFAULT_CPU);
	if (e->machine)
		task->machine = text_copy(e->machine);
	name_task(e, task);
	return repeat == 1 ? check_task(e, task) : 0;
}

/* ---- one entry ---- */

static int add_axis(struct entry *e, const char *key, const yaml_node_t *values)
{
	if (e->axes == AXES_MAX)
		return yaml_tree_error(e->tree, values, "more than %u settings", AXES_MAX);
	e->axis[e->axes] = (struct axis){key, values, yaml_tree_items(e->tree, values, key ? key : "cpu"), 0};
	return e->axis[e->axes++].count ? 0 : -EINVAL;
}

static int read_axes(struct entry *e)
{
	const yaml_node_t *cpu = yaml_tree_get(e->tree, e->node, "cpu");
	const yaml_node_t *set = yaml_tree_get(e->tree, e->node, "set");
	int err = cpu ? add_axis(e, NULL, cpu) : 0;

	if (err || !set)
		return err;
	err = yaml_tree_mapping(e->tree, set, "set", NULL);
	for (unsigned i = 0; !err && i < yaml_tree_pairs(set); i++)
		err = add_axis(e, yaml_tree_key(e->tree, set, i), yaml_tree_value(e->tree, set, i));
	return err;
}

/* NULL with an error: it can't be a folder's name. */
static const char *read_name(struct yaml_tree *t, const yaml_node_t *node, const char *otherwise)
{
	const yaml_node_t *at = yaml_tree_get(t, node, "name");
	const char *word = at ? yaml_tree_word(t, at, "name") : otherwise;

	if (!word || (*word && *word != '.' && !word[strspn(word, fine)]))
		return word;
	yaml_tree_error(t, at, "name: expected letters, digits, '_', '-', '=', ',' and '.', not '%s'", word);
	return NULL;
}

static int read_machine(struct entry *e)
{
	const yaml_node_t *at = yaml_tree_get(e->tree, e->node, "machine");
	enum machine_kind kind = MACHINE_KIND_BOCHS;
	const char *uri;
	char *why;
	int err;

	e->emulated = !e->experiment->driver;
	if (!at)
		return 0;
	e->machine = yaml_tree_word(e->tree, at, "machine");
	if (!e->machine)
		return -EINVAL;
	if (machine_kind_parse(e->machine, &kind, &uri, &why)) {
		err = yaml_tree_error(e->tree, at, "machine: %s", why);
		free(why);
		return err;
	}
	e->emulated = kind == MACHINE_KIND_BOCHS;
	if (!e->experiment->any_machine)
		return yaml_tree_error(e->tree, at, "machine: experiment %s has one kind of machine",
				       e->experiment->name);
	return 0;
}

static int read_across(struct entry *e)
{
	const yaml_node_t *at = yaml_tree_get(e->tree, e->node, "across");
	const char *word = at ? yaml_tree_word(e->tree, at, "across") : "no";

	if (!word)
		return -EINVAL;
	e->across = !strcmp(word, "yes") || !strcmp(word, "true");
	if (!e->across && strcmp(word, "no") != 0 && strcmp(word, "false") != 0)
		return yaml_tree_error(e->tree, at, "across: expected yes or no, not '%s'", word);
	if (e->across && !e->experiment->agents)
		return yaml_tree_error(e->tree, at, "across: experiment %s moves nothing between hosts",
				       e->experiment->name);
	return 0;
}

/* NULL with an error: there is none of that name. */
static const struct experiment *read_experiment(const struct entry *e, const struct experiment *const *known,
						size_t known_count)
{
	const yaml_node_t *at = yaml_tree_get(e->tree, e->node, "experiment");
	const char *word = at ? yaml_tree_word(e->tree, at, "experiment") : NULL;

	for (size_t i = 0; word && i < known_count; i++)
		if (!strcmp(known[i]->name, word))
			return known[i];
	if (word)
		yaml_tree_error(e->tree, at, "no experiment '%s'; `nestbed list` shows them", word);
	else
		yaml_tree_error(e->tree, e->node, "an entry of tasks needs 'experiment: NAME'");
	return NULL;
}

/* To the next combination, the last axis first; false: there is none. */
static bool advance(struct entry *e)
{
	for (unsigned i = e->axes; i-- > 0;) {
		if (++e->axis[i].at < e->axis[i].count)
			return true;
		e->axis[i].at = 0;
	}
	return false;
}

static int read_entry(struct entry *e, const struct experiment *const *known, size_t known_count)
{
	static const char *const keys[] = {"experiment", "cpu",     "set",     "repeats", "across",
					   "name",       "timeout", "machine", NULL};
	int err = yaml_tree_mapping(e->tree, e->node, "an entry of tasks", keys);

	if (err)
		return err;
	e->experiment = read_experiment(e, known, known_count);
	if (!e->experiment)
		return -EINVAL;
	e->name = read_name(e->tree, e->node, e->experiment->name);
	if (!e->name)
		return -EINVAL;
	err = read_machine(e);
	if (!err)
		err = read_across(e);
	if (!err)
		err = yaml_tree_number(e->tree, e->node, "repeats", 1, PLAN_REPEATS_MAX, 1, &e->repeats);
	if (!err)
		err = yaml_tree_number(e->tree, e->node, "timeout", 0, PLAN_SECONDS_MAX, e->plan->timeout,
				       &e->timeout);
	if (!err)
		err = read_axes(e);
	if (err)
		return err;
	do {
		for (unsigned r = 1; r <= e->repeats && !err; r++)
			err = add_task(e, r);
	} while (!err && advance(e));
	return err;
}

/* ---- the plan ---- */

static int by_name(const void *a, const void *b)
{
	const struct plan_task *const *x = a, *const *y = b;
	const int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (int)((*x)->line > (*y)->line) - (int)((*x)->line < (*y)->line);
}

/* Two tasks of one name would share a folder. */
static int check_names(struct yaml_tree *t, const struct plan *plan)
{
	const struct plan_task **sorted = zalloc((plan->count + 1) * sizeof(const struct plan_task *));
	int err = 0;

	for (unsigned i = 0; i < plan->count; i++)
		sorted[i] = &plan->task[i];
	qsort(sorted, plan->count, sizeof(const struct plan_task *), by_name);
	for (unsigned i = 1; i < plan->count && !err; i++)
		if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
			err = yaml_tree_error(
				t, NULL,
				"two tasks are named '%s': of the entries in lines %u and %u; give one "
				"of them another 'name:'",
				sorted[i]->name, sorted[i - 1]->line, sorted[i]->line);
	free(sorted);
	return err;
}

static int read_tasks(struct yaml_tree *t, const yaml_node_t *tasks, const struct experiment *const *known,
		      size_t known_count, struct plan *plan)
{
	int err = 0;

	if (!tasks || tasks->type != YAML_SEQUENCE_NODE || !yaml_tree_items(t, tasks, "tasks"))
		return yaml_tree_error(t, tasks, "expected 'tasks:' and a list of entries");
	for (unsigned i = 0; !err && i < yaml_tree_items(t, tasks, "tasks"); i++) {
		struct entry e = {.tree = t, .plan = plan, .node = yaml_tree_item(t, tasks, i)};

		err = read_entry(&e, known, known_count);
	}
	return err ? err : check_names(t, plan);
}

static int read_plan(struct yaml_tree *t, const struct experiment *const *known, size_t known_count,
		     struct plan *plan)
{
	static const char *const keys[] = {"name", "timeout", "limit", "tasks", NULL};
	const yaml_node_t *root = yaml_tree_root(t);
	const char *name;
	int err = yaml_tree_mapping(t, root, "a plan", keys);

	if (err)
		return err;
	name = read_name(t, root, "plan");
	if (!name)
		return -EINVAL;
	plan->name = text_copy(name);
	err = yaml_tree_number(t, root, "timeout", 0, PLAN_SECONDS_MAX, PLAN_TIMEOUT, &plan->timeout);
	if (!err)
		err = yaml_tree_number(t, root, "limit", 0, PLAN_SECONDS_MAX, PLAN_LIMIT, &plan->limit);
	return err ? err : read_tasks(t, yaml_tree_get(t, root, "tasks"), known, known_count, plan);
}

int plan_read(const char *path, const char *text, size_t size, const struct experiment *const *known,
	      size_t known_count, struct plan *plan, char **why)
{
	struct yaml_tree tree;
	int err;

	*plan = (struct plan){0};
	err = yaml_tree_open(&tree, path, text, size);
	if (!err)
		err = read_plan(&tree, known, known_count, plan);
	*why = yaml_tree_close(&tree);
	if (err)
		plan_free(plan);
	return err;
}
