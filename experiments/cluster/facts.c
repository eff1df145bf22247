/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/facts.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu_baseline/write/program.h"
#include "experiments/cli.h"
#include "experiments/csv.h"
#include "experiments/files.h"
#include "experiments/machine.h"
#include "experiments/meta.h"
#include "migration/crc32c.h"

#define MIB (1 << 20)

static const char *fact(const json_t *facts, const char *key)
{
	const char *word = json_string_value(json_object_get(facts, key));

	return word ? word : "";
}

static const char *version_of(const json_t *facts, const char *what)
{
	return fact(json_object_get(facts, "versions"), what);
}

/* ---- the programs ---- */

static uint32_t sum_of(uint32_t sum, const char *path)
{
	struct blob blob;

	if (file_read(path, &blob))
		return sum;
	sum = crc32c(sum, path + strlen(build_dir()), strlen(path + strlen(build_dir())));
	sum = crc32c(sum, blob.data, blob.size);
	free(blob.data);
	return sum;
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

const char *facts_programs(void)
{
	static const char *const programs[] = {"nestbed", "l0.elf", "rom.bin"};
	static char word[9];
	struct dirent **guest;
	char *folder = text_format("%s/guests", build_dir()), *path;
	uint32_t sum = 0;
	int count;

	if (*word)
		return word;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		path = text_format("%s/%s", build_dir(), programs[i]);
		sum = sum_of(sum, path);
		free(path);
	}
	count = scandir(folder, &guest, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		path = text_format("%s/%s", folder, guest[i]->d_name);
		sum = sum_of(sum, path);
		free(path);
		free(guest[i]);
	}
	if (count >= 0)
		free(guest);
	free(folder);
	snprintf(word, sizeof(word), "%08x", sum);
	return word;
}

/* ---- one host ---- */

/* A host's name as a section's and a file's: 31 letters, digits, '_' and '-' at most. The rank tells those
 * apart that begin alike. */
static char *section_name(const char *host, unsigned rank)
{
	char *name = text_format("%.24s-r%u", *host ? host : "host", rank);

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			*p = '-';
	return name;
}

static void add_processor(json_t *facts, const char *host, unsigned rank, const char *cpu)
{
	char *name = section_name(host, rank);
	char *words[] = {text_format("%s/cpu-baseline", build_dir()), text_copy("--format=bundle"),
			 text_format("--name=%s", name), text_copy(cpu ? cpu : "self"), NULL};
	char why[512];
	char *text = program_output(words, why, sizeof(why));

	if (text)
		json_object_set_new(facts, "processor", json_string(text));
	else
		json_object_set_new(facts, "processor_error", json_string(why));
	free(text);
	free(name);
	for (unsigned i = 0; words[i]; i++)
		free(words[i]);
}

json_t *facts_here(unsigned rank, const char *cpu)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	char host[HOST_NAME_MAX + 1] = "?";
	json_t *facts = json_object();

	gethostname(host, sizeof(host) - 1);
	json_object_set_new(facts, "host", json_string(host));
	json_object_update_new(facts, meta_computer());
	json_object_set_new(facts, "memory_mib", json_integer((json_int_t)pages * page / MIB));
	json_object_set_new(facts, "versions", meta_versions(NULL));
	if (machine_bochs.lacks())
		json_object_set_new(facts, "lacks", json_string(machine_bochs.lacks()));
	json_object_set_new(facts, "programs", json_string(facts_programs()));
	add_processor(facts, host, rank, cpu);
	return facts;
}

/* ---- all of them ---- */

/* What of its processor a guest may see, without the section's name. */
static const char *processor_of(const json_t *facts)
{
	const char *text = fact(facts, "processor");

	return text + strcspn(text, "\n");
}

/* Several ranks may be on one host. */
static bool seen_before(json_t *const facts[], unsigned rank)
{
	for (unsigned i = 0; i < rank; i++)
		if (!strcmp(fact(facts[i], "host"), fact(facts[rank], "host")) &&
		    !strcmp(processor_of(facts[i]), processor_of(facts[rank])))
			return true;
	return false;
}

void facts_table(json_t *const facts[], unsigned ranks, struct text *table)
{
	struct csv csv;

	csv_start(&csv, "rank,host,kernel,cores,memory_mib,nestbed,bochs");
	for (unsigned i = 0; i < ranks; i++) {
		csv_number(&csv, i);
		csv_word(&csv, fact(facts[i], "host"));
		csv_word(&csv, fact(facts[i], "kernel"));
		csv_number(&csv, (uint64_t)json_integer_value(json_object_get(facts[i], "cores")));
		csv_number(&csv, (uint64_t)json_integer_value(json_object_get(facts[i], "memory_mib")));
		csv_word(&csv, version_of(facts[i], "nestbed"));
		csv_word(&csv, version_of(facts[i], "bochs"));
		csv_end_row(&csv);
	}
	text_add(table, csv.text.data, csv.text.size);
	csv_free(&csv);
}

/* True: they are the same there. */
static bool check_same(json_t *const facts[], unsigned rank, const char *what, const char *here,
		       const char *there, struct text *told)
{
	if (!strcmp(here, there))
		return true;
	text_addf(told, "host %s (rank %u) has %s '%s', rank 0 has '%s'\n", fact(facts[rank], "host"), rank,
		  what, there, here);
	return false;
}

unsigned facts_unfit(json_t *const facts[], unsigned ranks, bool bochs, struct text *told)
{
	unsigned unfit = 0;

	for (unsigned i = 0; i < ranks; i++) {
		const char *lacks = fact(facts[i], "lacks");
		bool fits = !bochs || !*lacks;

		if (!fits)
			text_addf(told, "host %s (rank %u): %s\n", fact(facts[i], "host"), i, lacks);
		if (fits && bochs)
			fits = check_same(facts, i, "Bochs", version_of(facts[0], "bochs"),
					  version_of(facts[i], "bochs"), told);
		if (fits)
			fits = check_same(facts, i, "nestbed", version_of(facts[0], "nestbed"),
					  version_of(facts[i], "nestbed"), told);
		if (fits)
			fits = check_same(facts, i, "programs with the checksum", fact(facts[0], "programs"),
					  fact(facts[i], "programs"), told);
		unfit += !fits;
	}
	return unfit;
}

/* The file of each host's processor, once; how many. */
static int write_processors(json_t *const facts[], unsigned ranks, const char *dir, char **file,
			    unsigned *files, struct text *told)
{
	for (unsigned i = 0; i < ranks; i++) {
		const char *host = fact(facts[i], "host"), *text = fact(facts[i], "processor");
		char *path, *name;
		int err;

		if (seen_before(facts, i))
			continue;
		if (!*text) {
			text_addf(told, "pool: host %s does not tell its processor: %s\n", host,
				  fact(facts[i], "processor_error"));
			continue;
		}
		name = section_name(host, i);
		path = text_format("%s/%s.cpu", dir, name);
		free(name);
		err = file_write(path, text, strlen(text));
		if (err) {
			fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
			free(path);
			return CLI_FAILED;
		}
		file[(*files)++] = path;
	}
	return CLI_OK;
}

/* Its first lines, and what each host takes from the others. */
static void tell_baseline(const char *text, unsigned hosts, struct text *told)
{
	const char *model = strchr(text, '\n'), *taken = strstr(text, "\nTaken from the others");
	const char *end = taken ? strstr(taken, "\nHidden from any guest") : NULL;

	text_addf(told, "pool: %u host%s; a guest that may run on each sees:\n", hosts,
		  hosts == 1 ? "" : "s");
	if (model)
		text_addf(told, "  %.*s\n", (int)strcspn(model + 1, "\n"), model + 1);
	for (const char *line = taken ? taken + 1 : NULL; line && end && line < end;) {
		const size_t n = strcspn(line, "\n");

		text_addf(told, "  %.*s\n", (int)n, line);
		line += n + 1;
	}
}

/* The text of "Refused: HOST contradicts ..." names the host. */
static void tell_refusal(const char *text, struct text *told)
{
	text_addf(told,
		  "pool: these hosts have no common baseline; no guest may move between all of them:\n");
	for (const char *line = text; *line;) {
		const size_t n = strcspn(line, "\n");

		text_addf(told, "  %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* What cpu-baseline says of these files; its exit status 1 is a refusal, which it explains. */
static char *ask(char *const *file, unsigned files)
{
	char *program = text_format("%s/cpu-baseline", build_dir());
	char **words = zalloc((files + 6) * sizeof(*words));
	char shell[] = "sh", option[] = "-c", command[] = "\"$0\" \"$@\" 2>&1 || [ $? -eq 1 ]", why[256];
	char *text;

	words[0] = shell;
	words[1] = option;
	words[2] = command;
	words[3] = program;
	memcpy(words + 4, file, files * sizeof(*words));
	text = program_output(words, why, sizeof(why));
	if (!text)
		fprintf(stderr, "nestbed: the pool's baseline: %s\n", why);
	free(words);
	free(program);
	return text;
}

int facts_pool(json_t *const facts[], unsigned ranks, const char *dir, struct text *told)
{
	static const char refused[] = "Refused:";
	char **file = zalloc((ranks + 1) * sizeof(*file));
	char *path = text_format("%s/pool.txt", dir);
	char *text = NULL;
	unsigned files = 0;
	int status = write_processors(facts, ranks, dir, file, &files, told);

	if (!status && files)
		text = ask(file, files);
	if (text && !strncmp(text, refused, strlen(refused)))
		tell_refusal(text, told);
	else if (text)
		tell_baseline(text, files, told);
	if (text && file_write(path, text, strlen(text)))
		status = CLI_FAILED;
	free(text);
	free(path);
	for (unsigned i = 0; i < files; i++)
		free(file[i]);
	free(file);
	return status;
}
