/* SPDX-License-Identifier: MIT */
/* Plans: what they are multiplied out to, and what is said of wrong ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "experiments/cluster/plan.h"

static int check_small(const char *value, char **why)
{
	uint64_t n;

	return number_parse(value, 1, 9, &n, why);
}

static const struct experiment_key keys[] = {
	{"count",  "1", "a number", check_small},
	{"ops",    "",  "words",    NULL       },
	{"colour", "",  "a word",   NULL       },
};
static const struct experiment still = {.name = "still", .keys = keys, .key_count = 3, .any_machine = true};
static const struct experiment moving = {.name = "moving", .keys = keys, .key_count = 3, .agents = true};
static const struct experiment *const known[] = {&still, &moving};

static int read_text(const char *text, struct plan *plan, char **why)
{
	return plan_read("p.yaml", text, strlen(text), known, 2, plan, why);
}

static void expect_names(const char *text, const char *names)
{
	struct text got = {0};
	struct plan plan;
	char *why;

	if (read_text(text, &plan, &why))
		fail_msg("refused: %s", why);
	for (unsigned i = 0; i < plan.count; i++)
		text_addf(&got, "%s%s", i ? " " : "", plan.task[i].name);
	assert_string_equal(got.data, names);
	text_free(&got);
	plan_free(&plan);
}

static void multiplied_out(void **state)
{
	(void)state;
	expect_names("tasks:\n- experiment: still\n", "still-corei7_skylake_x");
	expect_names("tasks:\n"
		     "- experiment: still\n"
		     "  cpu: [corei7_haswell_4770, corei7_skylake_x]\n"
		     "  set: {count: [1, 2], ops: 'a,b'}\n",
		     "still-corei7_haswell_4770-count=1 still-corei7_haswell_4770-count=2 "
		     "still-corei7_skylake_x-count=1 still-corei7_skylake_x-count=2");
	expect_names("tasks:\n- {experiment: still, repeats: 2}\n",
		     "still-corei7_skylake_x-1 still-corei7_skylake_x-2");
	expect_names("tasks:\n- {experiment: moving, across: yes, name: far}\n- experiment: moving\n",
		     "far-corei7_skylake_x-across moving-corei7_skylake_x");
	expect_names("tasks:\n- {experiment: still, machine: 'libvirt:qemu+ssh://h/system', cpu: [a, b]}\n"
		     "- {experiment: still, machine: libvirt-tcg}\n- {experiment: still, machine: bochs}\n",
		     "still-libvirt_qemu_ssh___h_system-a still-libvirt_qemu_ssh___h_system-b "
		     "still-libvirt-tcg-host still-bochs-corei7_skylake_x");
	/* what a folder's name can't have */
	expect_names("tasks:\n- {experiment: still, set: {ops: ['a/b', '..', 'x y']}}\n",
		     "still-corei7_skylake_x-ops=a_b still-corei7_skylake_x-ops=.. "
		     "still-corei7_skylake_x-ops=x_y");
}

static void says_all_of_a_task(void **state)
{
	struct plan plan;
	char *why;

	(void)state;
	assert_int_equal(read_text("name: n\ntimeout: 7\nlimit: 0\ntasks:\n- experiment: moving\n"
				   "  set: {ops: 'a,b', count: 3}\n  across: true\n  repeats: 3\n- "
				   "{experiment: still, timeout: 2}\n",
				   &plan, &why),
			 0);
	assert_string_equal(plan.name, "n");
	assert_int_equal(plan.timeout, 7);
	assert_int_equal(plan.limit, 0);
	assert_int_equal(plan.count, 4);
	assert_int_equal(plan.task[2].timeout, 7);
	assert_int_equal(plan.task[3].timeout, 2);
	assert_ptr_equal(plan.task[2].experiment, &moving);
	assert_int_equal(plan.task[2].repeat, 3);
	assert_int_equal(plan.task[2].line, 5);
	assert_true(plan.task[2].across);
	assert_int_equal(plan.task[2].setting_count, 2);
	assert_string_equal(plan.task[2].settings[0].key, "ops");
	assert_string_equal(plan.task[2].settings[0].value, "a,b");
	/* repeats take equally long */
	assert_string_equal(plan.task[2].key, "moving corei7_skylake_x count=3 ops=a,b across");
	assert_string_equal(plan.task[0].key, plan.task[2].key);
	plan_free(&plan);
}

static const struct {
	const char *name, *text, *why;
} wrong[] = {
	{"nothing",			"",							     "p.yaml:1: there is nothing in it"                         },
	{"no mapping",                     "- a\n",							"p.yaml:1: a plan: expected lines of the form 'key: value'"},
	{"no YAML",			"tasks: [\n",						   "p.yaml:2: this is no YAML: "                              },
	{"two documents",                  "tasks: []\n---\na: b\n",                                       "p.yaml:3: a second document begins here"                  },
	{"unknown key",                    "name: n\ntask: []\n",
	 "p.yaml:2: there is no key 'task' here; expected name, timeout, limit or tasks"                                                                              },
	{"key twice",		      "name: a\nname: b\n",                                           "p.yaml:2: key 'name' is given twice"                      },
	{"a key that is a list",           "[a, b]: c\n",						  "p.yaml:1: a plan: expected a value"                       },
	{"no tasks",		       "name: n\n",						    "p.yaml:1: expected 'tasks:' and a list of entries"        },
	{"empty tasks",                    "tasks: []\n",						  "p.yaml:1: tasks: expected a value or a list of values"    },
	{"a word of an entry",             "tasks:\n- still\n",                                            "p.yaml:2: an entry of tasks: expected lines"              },
	{"no experiment",                  "tasks:\n- cpu: tigerlake\n",
	 "p.yaml:2: an entry of tasks needs 'experiment: NAME'"												       },
	{"unknown experiment",             "tasks:\n- experiment: stil\n",
	 "p.yaml:2: no experiment 'stil'; `nestbed list` shows them"												  },
	{"unknown entry key",              "tasks:\n- experiment: still\n  cpus: x\n",
	 "p.yaml:3: there is no key 'cpus' here; expected experiment, cpu, set, repeats, across, name, "
	 "timeout or machine"																	 },
	{"unknown model",                  "tasks:\n- experiment: still\n  cpu: i486\n",                   "p.yaml:3: cpu: "                                          },
	{"unknown setting",                "tasks:\n- experiment: still\n  set: {colours: red}\n",
	 "p.yaml:3: set: still has no setting 'colours'; it has count, ops, colour"										   },
	{"bad value",		      "tasks:\n- experiment: still\n  set:\n    count: [1, 12]\n",    "p.yaml:4: set: count: "                                   },
	{"a value that is a mapping",      "tasks:\n- experiment: still\n  set:\n    count: {a: b}\n",
	 "p.yaml:4: count: expected a value or a list of values"												      },
	{"a list in a list",               "tasks:\n- experiment: still\n  set:\n    count: [[1]]\n",
	 "p.yaml:4: count: expected a value"															  },
	{"an empty list",                  "tasks:\n- experiment: still\n  cpu: []\n",
	 "p.yaml:3: cpu: expected a value or a list of values"													},
	{"a value of two lines",           "tasks:\n- experiment: still\n  set: {ops: \"a\\nb\"}\n",
	 "p.yaml:3: ops: expected a value of one line"														},
	{"bad repeats",                    "tasks:\n- experiment: still\n  repeats: 0\n",                  "p.yaml:3: repeats: "                                      },
	{"bad timeout",                    "timeout: soon\ntasks:\n- experiment: still\n",                 "p.yaml:1: timeout: "                                      },
	{"bad across",                     "tasks:\n- experiment: moving\n  across: maybe\n",
	 "p.yaml:3: across: expected yes or no, not 'maybe'"													  },
	{"across what does not move",      "tasks:\n- experiment: still\n  across: yes\n",
	 "p.yaml:3: across: experiment still moves nothing between hosts"											     },
	{"no machine",                     "tasks:\n- experiment: still\n  machine: libvirt2\n",
	 "p.yaml:3: machine: no machine 'libvirt2'; there are bochs, libvirt[:URI]"										   },
	{"no URI",			 "tasks:\n- experiment: still\n  machine: 'libvirt:'\n",         "p.yaml:3: machine: no machine"                            },
	{"a model of Bochs' machine",      "tasks:\n- experiment: still\n  machine: bochs\n  cpu: host\n",
	 "p.yaml:4: cpu: "																	    },
	{"a machine for what has its own", "tasks:\n- experiment: moving\n  machine: libvirt\n",
	 "p.yaml:3: machine: experiment moving has one kind of machine"											       },
	{"a name that is a path",          "name: ../x\ntasks:\n- experiment: still\n",
	 "p.yaml:1: name: expected letters"															   },
	{"a hidden name",                  "tasks:\n- experiment: still\n  name: .x\n",                    "p.yaml:3: name: expected letters"                         },
	{"the same twice",                 "tasks:\n- experiment: still\n- experiment: still\n",
	 "p.yaml:1: two tasks are named 'still-corei7_skylake_x': of the entries in lines 2 and 3; give one "
	 "of "
	 "them another 'name:'"																       },
	{"the same value twice",           "tasks:\n- experiment: still\n  set: {count: [1, 1]}\n",
	 "p.yaml:1: two tasks are named"															      },
	{"a name that is too long",
	 "tasks:\n- experiment: still\n  set: {ops: [a, "
	 "0123456789012345678901234567890123456789012345678901234567"
	 "8901234567890123456789012345678901234567890123456789]}\n",				       "p.yaml:2: a task's name is longer than 120 characters: "  },
	{"too many tasks",
	 "tasks:\n- {experiment: still, set: {count: [1,2,3,4,5,6,7,8,9], ops: [a,b,c,d,e,f,g,h,i,j,"
	 "k,l], colour: [a,b,c,d,e,f,g,h,i,j]}, repeats: 100}\n",					  "p.yaml:2: more than 100000 tasks"                         },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct plan plan;
		char *why = NULL;

		if (read_text(wrong[i].text, &plan, &why) != -EINVAL)
			fail_msg("%s: taken", wrong[i].name);
		if (!why || strncmp(why, wrong[i].why, strlen(wrong[i].why)) != 0)
			fail_msg("%s: '%s', not '%s'", wrong[i].name, why ? why : "", wrong[i].why);
		assert_null(plan.task);
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiplied_out),
		cmocka_unit_test(says_all_of_a_task),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("cluster_plan", tests, NULL, NULL);
}
