/* SPDX-License-Identifier: MIT */
/* What the readers share: a text line by line, the rows found with where they were found, and errors. */
#ifndef CPU_BASELINE_READ_READER_H
#define CPU_BASELINE_READ_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "cpu_baseline/read/read.h"

/* A piece of the text. */
struct piece {
	const char *at;
	size_t n;
};

/* More than a policy has room for: rows that belong to no range of leaves are left out in the end. */
#define READER_LEAVES 256u
#define READER_MSRS   64u

struct reader_rows {
	unsigned leaf_count, msr_count;
	struct cpu_leaf leaf[READER_LEAVES]; /* as they came */
	unsigned leaf_line[READER_LEAVES];
	struct cpu_msr msr[READER_MSRS];
	unsigned msr_line[READER_MSRS];
};

/* Which absent rows a format's own writers never leave out. */
struct reader_promises {
	bool every_leaf; /* each up to the highest; else an absent one is 0 */
	bool but_empty_lists; /* except leaves that list something, where there is nothing to list */
	bool every_subleaf; /* each of leaf 7 */
	bool every_component; /* each of leaf 0xD that XCR0 or IA32_XSS has */
	bool last_subleaf; /* the one behind the last cache or topology level */
};

struct reader {
	const char *name; /* of the text, for messages */
	struct piece rest; /* not read yet */
	unsigned line; /* number of the last line read, from 1 */
	const struct cpu_read_options *options;
	struct cpu_read_report *report;
	struct cpu_policy *policy; /* name and features_only are the reader's to set; rows go in below */
	struct reader_promises promises; /* of the format; to be set before a processor ends */
	struct reader_rows *rows; /* where rows go now: of the first processor, or of a later one */
	struct reader_rows first, later;
};

typedef int reader_fn(struct reader *r);

/* The formats, each with the reader of its text. Their order is that of recognition. */
struct reader_format {
	const char *name; /* "cpuid -r", … for messages */
	bool (*is)(struct piece text);
	reader_fn *read;
};
extern const struct reader_format reader_formats[];
extern const size_t reader_format_count;

/* One format's reader on a text; cpu_read_text without recognition. */
__attribute__((warn_unused_result)) int reader_run(reader_fn *read, const char *name, struct piece text,
						   const struct cpu_read_options *options,
						   struct cpu_policy *out, struct cpu_read_report *report);

bool cpuid_text_is(struct piece text), section_is(struct piece text), xml_is(struct piece text),
	json_is(struct piece text), instlat_is(struct piece text);
reader_fn cpuid_text_read, section_read, xml_read, json_read, instlat_read;

/* Rows of what is no text. */
__attribute__((warn_unused_result)) int reader_self(struct cpu_policy *out, struct cpu_read_report *report);
bool reader_is_uri(const char *source);
__attribute__((warn_unused_result)) int reader_uri(const char *uri, const struct cpu_read_options *options,
						   struct cpu_policy *out, struct cpu_read_report *report);

/* -EINVAL, with the error "NAME:LINE: …"; line 0: "NAME: …". Only the first error is kept. */
__attribute__((format(printf, 3, 4))) int reader_wrong_at(struct reader *r, unsigned line, const char *format,
							  ...);
#define reader_wrong(r, ...) reader_wrong_at(r, (r)->line, __VA_ARGS__)

/* Adds a line to the notes; the last one that does not fit is cut. */
__attribute__((format(printf, 2, 3))) void reader_note(struct reader *r, const char *format, ...);

/* The next line without its line end and the blanks around it: 1; 0: there is none; -EINVAL: it is too long
 * or holds a 0 byte. */
__attribute__((warn_unused_result)) int reader_line(struct reader *r, struct piece *line);

/* A processor's rows begin; the first may begin without. */
__attribute__((warn_unused_result)) int reader_cpu(struct reader *r);
/* A row of the current processor. The same one twice is an error where they differ. */
__attribute__((warn_unused_result)) int reader_leaf(struct reader *r, const struct cpu_leaf *leaf);
__attribute__((warn_unused_result)) int reader_msr(struct reader *r, uint32_t number, uint64_t value);
/* All is read: the last processor ends, the first one's rows go into the policy. */
__attribute__((warn_unused_result)) int reader_finish(struct reader *r);

/* complete.c: nothing is missing in the current processor's rows; drops those that are not its own. */
__attribute__((warn_unused_result)) int reader_complete(struct reader *r);
const struct cpu_leaf *rows_find(const struct reader_rows *rows, uint32_t leaf, uint32_t subleaf);

/* A whole file, which is to be freed; 0, or a negative errno with the error. */
__attribute__((warn_unused_result)) int reader_load(const char *path, struct cpu_read_report *report,
						    char **text, size_t *n);

/* ---- piece.c ---- */
/* A string of C as a piece. */
struct piece piece_of(const char *text);
struct piece piece_trim(struct piece s);
/* Up to the next line end, which is taken from *rest too. */
struct piece piece_line(struct piece *rest);
bool piece_is(struct piece s, const char *text);
/* Takes the text from the front of *s if it is there; so does the next with blanks. */
bool piece_take(struct piece *s, const char *text);
bool piece_blanks(struct piece *s);
/* Takes a number of min to max hexadecimal digits. */
bool piece_hex(struct piece *s, unsigned min, unsigned max, uint64_t *value);
/* Takes a decimal number up to max. */
bool piece_decimal(struct piece *s, uint64_t max, uint64_t *value);
/* All of s is a number of at most max, decimal or hexadecimal behind 0x. */
bool piece_number(struct piece s, uint64_t max, uint64_t *value);
/* For messages: cut to fit, and what is no printable ASCII character becomes '?'. */
#define PIECE_SHOWN 48u
const char *piece_show(struct piece s, char buffer[PIECE_SHOWN + 1]);

#endif
