/* SPDX-License-Identifier: MIT */
#include "experiments/meta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/pool.h"

/* Only fixed commands of this program's own come here, never a user's words. */
char *first_line_of(const char *command)
{
	FILE *p = popen(command, "re");
	char line[4096] = "";
	char *got;

	if (!p)
		return NULL;
	got = fgets(line, sizeof(line), p);
	while (fgetc(p) != EOF)
		;
	if (pclose(p) == -1 || !got)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return *line ? text_copy(line) : NULL;
}

static void set_command_output(json_t *object, const char *key, const char *command)
{
	char *line = first_line_of(command);

	json_object_set_new(object, key, line ? json_string(line) : json_null());
	free(line);
}

json_t *meta_versions(const struct machine_driver *driver)
{
	json_t *v = json_object();

	json_object_set_new(v, "nestbed", json_string(nestbed_version));
	json_object_set_new(v, "compiler", json_string(nestbed_compiler));
	set_command_output(
		v, "bochs",
		"bochs-bin --help 2>&1 </dev/null | sed -n 's/^ *\\(Bochs x86 Emulator.*\\)/\\1/p'");
	if (driver && driver->version && driver->version())
		json_object_set_new(v, driver->name, json_string(driver->version()));
	set_command_output(v, "gnuplot", "gnuplot --version 2>/dev/null");
	return v;
}

/* What stands behind "KEY : " in the kernel's description of the first processor. */
static json_t *processor_word(const char *key)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	const size_t n = strlen(key);
	char line[4096];
	json_t *word = NULL;

	while (f && !word && fgets(line, sizeof(line), f) && *line != '\n') {
		const char *colon = strchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, key, n) && colon && line[n + strspn(line + n, "\t ")] == ':')
			word = json_string(colon + 1 + strspn(colon + 1, " "));
	}
	if (f)
		(void)fclose(f);
	return word ? word : json_null();
}

/* Absent where the kernel changes no frequency: that is a VM, as a rule. */
static void set_governor(json_t *computer)
{
	struct blob file;

	if (file_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", &file))
		return;
	((char *)file.data)[strcspn(file.data, "\n")] = '\0';
	json_object_set_new(computer, "governor", json_string(file.data));
	free((void *)file.data);
}

json_t *meta_computer(void)
{
	struct utsname u;
	json_t *c = json_object();

	uname(&u);
	json_object_set_new(c, "kernel", json_sprintf("%s %s", u.sysname, u.release));
	json_object_set_new(c, "architecture", json_string(u.machine));
	json_object_set_new(c, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(c, "processor", processor_word("model name"));
	json_object_set_new(c, "microcode", processor_word("microcode"));
	set_governor(c);
	return c;
}

/* 0 where nothing is drawn at random. */
static uint64_t seed_of(const struct run *run)
{
	for (size_t i = 0; i < run->experiment->key_count; i++)
		if (!strcmp(run->experiment->keys[i].name, "seed"))
			return strtoull(run->values[i], NULL, 10);
	return 0;
}

json_t *meta_new(const struct run *run, json_t *command_line)
{
	json_t *m = json_object();
	json_t *settings = json_object();
	char date[32];
	time_t t = time(NULL);
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	for (size_t i = 0; i < run->experiment->key_count; i++)
		json_object_set_new(settings, run->experiment->keys[i].name, json_string(run->values[i]));
	json_object_set_new(m, "experiment", json_string(run->experiment->name));
	json_object_set_new(m, "command_line", command_line);
	json_object_set_new(m, "date", json_string(date));
	json_object_set_new(m, "settings", settings);
	json_object_set_new(m, "seed", json_integer((json_int_t)seed_of(run)));
	json_object_set_new(m, "machine", json_string(run->driver->name));
	if (run->driver->pinned && run->driver->pinned())
		json_object_set_new(m, "pin", json_string(run->driver->pinned()));
	if (run->agent)
		json_object_set_new(m, "agent", json_string(run->agent));
	json_object_set_new(m, "host_cpu", json_string(run->cpu));
	json_object_set_new(m, "versions", meta_versions(run->driver));
	json_object_set_new(m, "computer", meta_computer());
	return m;
}

json_t *meta_machine(const struct launch *launch, const struct machine_result *result, int status,
		     const char *why)
{
	json_t *m = json_object();

	json_object_set_new(m, "name", json_string(launch->name));
	json_object_set_new(m, "guest", json_string(launch->guest));
	json_object_set_new(m, "cmdline", json_string(launch->cmdline));
	json_object_set_new(m, "memory_bytes", json_integer((json_int_t)launch->spec.memory));
	json_object_set_new(m, "config", launch->config ? json_string(launch->config) : json_null());
	json_object_set_new(m, "wall_seconds", json_real((double)(long)(result->wall_seconds * 1000) / 1000));
	json_object_set_new(m, "end", json_string(machine_end_name(result->end)));
	json_object_set_new(m, "wait_status", json_integer(result->wait_status));
	json_object_set_new(m, "exit_status", json_integer(status));
	json_object_set_new(m, "outcome", json_string(why));
	return m;
}
