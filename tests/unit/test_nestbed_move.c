/* SPDX-License-Identifier: MIT */
/* The pure parts of `nestbed move`: the path, the umpire over all hosts' records, the tap, the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/move_rows.h"
#include "experiments/move_tap.h"
#include "migration/frame.h"
#include "nestbed/frame.h"

#define SKYLAKE "corei7_skylake_x"
#define HASWELL "corei7_haswell_4770"

/* ---- path ---- */

static void make_path(struct move_path *path, const char *words)
{
	char *copy = text_copy(words), *rest = copy, *word, *why;

	*path = (struct move_path){0};
	while ((word = strsep(&rest, " ")))
		assert_int_equal(move_path_add(path, *word >= '0' && *word <= '9' ? word : SKYLAKE, &why), 0);
	free(copy);
}

static void lines_of_paths(void **state)
{
	static const struct {
		const char *words;
		unsigned host;
		const char *want;
	} rows[] = {
		{"S S",     0, "migrate.to = 1\n"                                     },
		{"S S",     1, "migrate.from = 0\n"                                   },
		{"S S S 0", 0, "migrate.to = 1\nmigrate.from = 2\n"                   },
		{"S S S 0", 2, "migrate.to = 0\nmigrate.from = 1\n"                   },
		{"S S 0 1", 0, "migrate.to = 1\nmigrate.from = 1\nmigrate.moves = 2\n"},
		{"S S 0 1", 1, "migrate.to = 0\nmigrate.from = 0\n"                   },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct move_path path;
		struct text lines = {0};

		make_path(&path, rows[i].words);
		move_path_lines(&path, rows[i].host, &lines);
		assert_string_equal(lines.data, rows[i].want);
		text_free(&lines);
	}
}

static void paths_refused(void **state)
{
	static const struct {
		const char *words, *word, *why;
	} rows[] = {
		{"S",     "0",     "at host 0 already"                       },
		{"S S",   "2",     "'2' is not a number from 0 to 1"         },
		{"S",     "486",   "is not a number from 0 to 0"             },
		{"S S",   "i486",  "no CPU model 'i486'"                     },
		{"S S 0", HASWELL, "leaves host 0 always does so by host 1"  },
		{"S S S", "1",     "comes to host 1 always does so by host 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct move_path path, before;
		char *why = NULL;

		make_path(&path, rows[i].words);
		before = path;
		assert_int_equal(move_path_add(&path, rows[i].word, &why), -EINVAL);
		assert_memory_equal(&path, &before, sizeof(path));
		if (!strstr(why, rows[i].why))
			fail_msg("%s: '%s'", rows[i].why, why);
		free(why);
	}
}

static void other_machines_have_other_models(void **state)
{
	struct move_path path = {.any_model = true};
	char *why = NULL;

	(void)state;
	assert_int_equal(move_path_add(&path, "host-passthrough", &why), 0);
	assert_int_equal(move_path_add(&path, "i486", &why), 0);
	assert_int_equal(path.hosts, 2);
	assert_string_equal(path.host[1].cpu, "i486");
	assert_int_equal(move_path_add(&path, "7", &why), -EINVAL); /* a number is a host's still */
	free(why);
}

/* ---- watch ---- */

static void say(struct move_watch *w, unsigned host, uint32_t hop, Nestbed__Move__Said said,
		const char *reason)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Move m = NESTBED__MOVE__INIT;
	char *reasons[] = {(char *)(uintptr_t)reason};

	m.vm = (char *)(uintptr_t) "g";
	m.hop = hop;
	m.said = said;
	m.reason = reasons;
	m.n_reason = reason != NULL;
	record.body_case = NESTBED__RECORD__BODY_MOVE;
	record.move = &m;
	move_watch_record(w, host, "g", &record);
}

static void stop(struct move_watch *w, unsigned host)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Stop s = NESTBED__STOP__INIT;

	s.vm = (char *)(uintptr_t) "g";
	record.body_case = NESTBED__RECORD__BODY_STOP;
	record.stop = &s;
	move_watch_record(w, host, "g", &record);
}

/*
 * Words "HOSTx", with x of: s started, c committed, k kept, f refused, d in doubt, m moved, r ready, g runs
 * (goes), x dropped, ! its machine died, e the VM's end.
 */
static void play(struct move_watch *w, const char *words)
{
	static const struct {
		char letter;
		Nestbed__Move__Said said;
	} letters[] = {
		{'s', NESTBED__MOVE__SAID__STARTED  },
                {'c', NESTBED__MOVE__SAID__COMMITTED},
		{'k', NESTBED__MOVE__SAID__KEPT     },
                {'f', NESTBED__MOVE__SAID__KEPT     },
		{'d', NESTBED__MOVE__SAID__IN_DOUBT },
                {'m', NESTBED__MOVE__SAID__MOVED    },
		{'r', NESTBED__MOVE__SAID__READY    },
                {'g', NESTBED__MOVE__SAID__RUNNING  },
		{'x', NESTBED__MOVE__SAID__DROPPED  },
	};
	uint32_t hop = 0;

	for (; *words; words += 2 + (words[2] == ' ')) {
		const unsigned host = (unsigned)(words[0] - '0');

		if (words[0] == '+') {
			hop = (uint32_t)(words[1] - '0');
			continue;
		}
		if (words[1] == '!')
			move_watch_dead(w, host);
		if (words[1] == 'e')
			stop(w, host);
		for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
			if (letters[i].letter == words[1])
				say(w, host, hop, letters[i].said, words[1] == 'f' ? "no avx2" : NULL);
	}
}

static void decisions(void **state)
{
	/* tell: of each host, - nothing, r run, d drop, e end */
	static const struct {
		const char *path, *words, *tell, *outcome;
		unsigned holder, writes;
		bool over, lost;
	} rows[] = {
  /* as it should be */
		{"S S",   "0s",			       "--",  "unfinished", 0, 0, false, false},
		{"S S",   "0s 1r 0c",                         "--",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 1g",                      "--",  "moved",      1, 1, false, false},
		{"S S",   "0s 1r 0c 1g 0m 0! 1e",             "-e",  "moved",      1, 1, true,  false},
		{"S S",   "0s 1r 0c 1g 0m 1e",                "ee",  "moved",      1, 1, true,  false},
 /* refused, kept: the VM ends at the source, who waits is told so then */
		{"S S",   "0s 0f 1x",                         "--",  "refused",    0, 0, false, false},
		{"S S S", "0s 0f 0e",                         "eee", "refused",    0, 0, true,  false},
		{"S S",   "0s 0k 1!",                         "--",  "kept",       0, 0, false, false},
		{"S S",   "0s 0f 1x 0e 0!",                   "-e",  "refused",    0, 0, true,  false},
		{"S S",   "0s 0e",                            "ee",  "ended",      0, 0, true,  false},
		{"S S",   "0s 0e 0k",                         "ee",  "ended",      0, 0, true,  false},
		{"S S",   "0s 0k 0e",                         "ee",  "kept",       0, 0, true,  false},
		{"S S",   "0e",			       "ee",  "none",       0, 0, true,  false},
 /* doubt: first who is to run, the other when that one does */
		{"S S",   "0s 1r 0c 0d",                      "-r",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 0d 1g",                   "d-",  "moved",      1, 1, false, false},
		{"S S",   "0s 1r 0c 0d 1g 0m",                "--",  "moved",      1, 1, false, false},
		{"S S",   "0s 1r 1d",                         "--",  "unfinished", 0, 0, false, false},
		{"S S",   "0s 1r 1d 0k",                      "-d",  "kept",       0, 0, false, false},
		{"S S",   "0s 1r 1d 0k 1x",                   "--",  "kept",       0, 0, false, false},
		{"S S",   "0s 1r 0c 1d",                      "-r",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 0d 1x",                   "r-",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 0d 1x 0k",                "--",  "kept",       0, 0, false, false},
 /* somebody died */
		{"S S",   "0!",			       "-e",  "none",       0, 0, true,  true },
		{"S S",   "0s 0!",                            "-e",  "lost",       0, 0, true,  true },
		{"S S",   "0s 1r 0!",                         "-r",  "unfinished", 0, 0, false, false},
		{"S S",   "0s 1r 0! 1g",                      "--",  "moved",      1, 1, false, false},
		{"S S",   "0s 1r 0c 0! 1g",                   "--",  "moved",      1, 1, false, false},
		{"S S",   "0s 1r 0c 0!",                      "-r",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 0! 1x",                   "-e",  "lost",       0, 1, true,  true },
		{"S S",   "0s 1!",                            "--",  "unfinished", 0, 0, false, false},
		{"S S",   "0s 1r 0c 1!",                      "r-",  "unfinished", 0, 1, false, false},
		{"S S",   "0s 1r 0c 1! 0k",                   "--",  "kept",       0, 0, false, false},
		{"S S",   "0s 1r 0c 1g 1!",                   "e-",  "moved",      1, 1, true,  true },
		{"S S",   "0s 0k 0!",                         "-e",  "kept",       0, 0, true,  true },
 /* a chain, and there and back */
		{"S S S", "0s 1r 0c 1g 0m +1 1s 2r 1c",       "---", "moved",      1, 2, false, false},
		{"S S S", "0s 1r 0c 1g 0m 0! +1 1s 2r 1!",    "--r", "moved",      1, 1, false, false},
		{"S S S", "0s 1r 0c 1g 0m 1!",                "e-e", "moved",      1, 1, true,  true },
		{"S S 0", "0s 1r 0c 1g 0m +1 1s 0r 1c 0g 1m", "--",  "moved",      0, 2, false, false},
		{"S S 0", "0s 1r 0c 1g 0m +1 1s 0r 1c 1d",    "r-",  "moved",      1, 2, false, false},
		{"S S 0", "0s 1r 0c 1g 0m +1 1s 1k 1e",       "ee",  "moved",      1, 1, true,  false},
 /* one more try */
		{"S S",   "0s 0f 1x 0s",                      "--",  "unfinished", 0, 0, false, false},
	};
	static const char letter[] = {'-', 'r', 'd', 'e'};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct move_path path;
		struct move_watch w;
		enum move_tell tell[NB_LINK_HOSTS];
		char got[NB_LINK_HOSTS + 1] = "";

		make_path(&path, rows[i].path);
		move_watch_init(&w, &path);
		play(&w, rows[i].words);
		move_watch_decide(&w, tell);
		move_watch_decide(&w, tell); /* it may be asked again and again */
		for (unsigned h = 0; h < path.hosts; h++)
			got[h] = letter[tell[h]];
		if (strcmp(got, rows[i].tell) != 0 ||
		    strcmp(move_watch_outcome(&w, 0), rows[i].outcome) != 0 ||
		    move_watch_holder(&w) != rows[i].holder || w.writes != rows[i].writes ||
		    move_watch_over(&w) != rows[i].over || w.lost != rows[i].lost)
			fail_msg("%s: %s: told %s, %s, at %u, text %u, over %d, lost %d", rows[i].path,
				 rows[i].words, got, move_watch_outcome(&w, 0), move_watch_holder(&w),
				 w.writes, move_watch_over(&w), w.lost);
		move_watch_free(&w);
	}
}

static void reasons_once(void **state)
{
	struct move_path path;
	struct move_watch w;

	(void)state;
	make_path(&path, "S S");
	for (unsigned order = 0; order < 2; order++) {
		move_watch_init(&w, &path);
		say(&w, 0, 0, NESTBED__MOVE__SAID__STARTED, NULL);
		say(&w, order, 0, order ? NESTBED__MOVE__SAID__DROPPED : NESTBED__MOVE__SAID__KEPT,
		    "no avx2");
		say(&w, !order, 0, order ? NESTBED__MOVE__SAID__KEPT : NESTBED__MOVE__SAID__DROPPED,
		    "no avx2");
		assert_string_equal(w.hop[0].reasons.data, "no avx2");
		move_watch_free(&w);
	}
}

/* ---- tap ---- */

struct seen {
	struct move_tap *tap;
	uint32_t sequence[2]; /* of the link, by sender 0 and 1 */
	struct text begun; /* "0S0:1 " a message: move, side, number, type */
};

static void begins(void *ctx, const struct move_tap_message *m)
{
	struct seen *s = ctx;

	text_addf(&s->begun, "%u%c%u:%u ", m->move, m->by_target ? 'T' : 'S', m->number, m->type);
}

static size_t link_frame(uint8_t *out, unsigned from, enum nb_link_type type, uint32_t sequence,
			 uint32_t acknowledge, const void *payload, size_t size)
{
	struct nb_link_frame head = {
		.destination = NB_LINK_MAC_HEAD,
		.source = NB_LINK_MAC_HEAD,
		.ethertype = {NB_LINK_ETHERTYPE >> 8, NB_LINK_ETHERTYPE & 0xFF},
		.version = NB_LINK_VERSION,
		.type = (uint8_t)type,
		.payload_bytes = (uint16_t)size,
		.sequence = sequence,
		.acknowledge = acknowledge,
	};

	head.source[5] = (uint8_t)from;
	head.destination[5] = (uint8_t)!from;
	memcpy(out, &head, sizeof(head));
	if (size)
		memcpy(out + sizeof(head), payload, size);
	head.crc = nb_crc32c(out, sizeof(head) + size);
	memcpy(out, &head, sizeof(head));
	return sizeof(head) + size;
}

static void tap(struct seen *s, unsigned from, enum nb_link_type type, uint32_t sequence,
		uint32_t acknowledge, const void *payload, size_t size)
{
	uint8_t frame[NB_LINK_FRAME_MAX];
	const size_t n = link_frame(frame, from, type, sequence, acknowledge, payload, size);

	move_tap_frame(s->tap, frame, n);
}

static void data(struct seen *s, unsigned from, uint32_t acknowledge, const void *payload, size_t size)
{
	tap(s, from, NB_LINK_DATA, s->sequence[from]++, acknowledge, payload, size);
}

/* A message of so many bytes of body; its bytes are *size. */
static const uint8_t *message(uint16_t type, uint32_t length, uint8_t fill, size_t *size)
{
	static uint8_t m[FRAME_HEAD + 8000];
	const uint32_t number = 1; /* nobody counts it here; the first is 0, which shows strays */

	memset(m, 0, FRAME_HEAD);
	memcpy(m, FRAME_MAGIC, 4);
	memcpy(m + 4, &type, 2);
	memcpy(m + 8, &length, 4);
	memcpy(m + 12, &number, 4);
	memset(m + FRAME_HEAD, fill, length);
	*size = FRAME_HEAD + length;
	return m;
}

static void stream_is(const struct seen *s, unsigned move, const char *types)
{
	const struct text *t = move_tap_stream(s->tap, move);
	struct text got = {0};
	uint32_t length;

	for (size_t at = 0; at + FRAME_HEAD <= t->size; at += FRAME_HEAD + length) {
		assert_memory_equal(t->data + at, FRAME_MAGIC, 4);
		memcpy(&length, t->data + at + 8, 4);
		text_addf(&got, "%u ", (unsigned)(uint8_t)t->data[at + 4]);
	}
	assert_string_equal(got.data ? got.data : "", types);
	text_free(&got);
}

static void whole_message(struct seen *s, unsigned from, uint32_t acknowledge, uint16_t type, uint32_t length)
{
	size_t size;
	const uint8_t *m = message(type, length, (uint8_t)type, &size);

	for (size_t at = 0, n; at < size; at += n) {
		n = size - at < NB_LINK_PAYLOAD_MAX ? size - at : NB_LINK_PAYLOAD_MAX;
		data(s, from, acknowledge, m + at, n);
	}
}

static void tap_new(struct seen *s)
{
	*s = (struct seen){0};
	s->tap = move_tap_new(begins, s);
	text_addf(&s->begun, "%s", "");
}

static void tap_end(struct seen *s)
{
	move_tap_free(s->tap);
	text_free(&s->begun);
}

/* The target's messages stand where the source has taken them, not where they were sent. */
static void tap_order(void **state)
{
	struct seen s;

	(void)state;
	tap_new(&s);
	whole_message(&s, 0, 0, STREAM_HELLO, 100);
	whole_message(&s, 1, 1, STREAM_ACCEPT, 0);
	whole_message(&s, 0, 1, STREAM_PAGE_BATCH, 4200);
	whole_message(&s, 1, 2, STREAM_ABORT, 10); /* while pages are on their way */
	whole_message(&s, 0, 1, STREAM_PAGE_BATCH, 50);
	tap(&s, 0, NB_LINK_ACK, 0, 2, "\0\0\0\0\0\0\0", 8);
	whole_message(&s, 0, 2, STREAM_END, 5);
	assert_int_equal(move_tap_moves(s.tap), 1);
	stream_is(&s, 0, "1 2 4 4 15 11 ");
	/* Back: the other side is the source now, and numbers begin anew. */
	whole_message(&s, 1, 0, STREAM_HELLO, 3000);
	whole_message(&s, 0, 0, STREAM_ACCEPT, 0);
	stream_is(&s, 1, "1 ");
	move_tap_end(s.tap);
	stream_is(&s, 1, "1 2 ");
	stream_is(&s, 0, "1 2 4 4 15 11 ");
	assert_string_equal(s.begun.data, "0S0:1 0T0:2 0S1:4 0T1:15 0S2:4 0S3:11 1S0:1 1T0:2 ");
	tap_end(&s);
}

/* A source that gave up takes nothing any more. */
static void tap_too_late(void **state)
{
	struct seen s;

	(void)state;
	tap_new(&s);
	whole_message(&s, 0, 0, STREAM_HELLO, 100);
	whole_message(&s, 1, 1, STREAM_ACCEPT, 0);
	whole_message(&s, 0, 1, STREAM_ABORT, 0);
	whole_message(&s, 1, 2, STREAM_READY, 0);
	tap(&s, 0, NB_LINK_ACK, 0, 2, "\0\0\0\0\0\0\0", 8);
	move_tap_end(s.tap);
	stream_is(&s, 0, "1 2 15 ");
	tap_end(&s);
}

/* Host 0, which the VM has left, waits for it, is told not to, and says so as a target. */
static void tap_stray(void **state)
{
	struct seen s;
	uint8_t m[FRAME_HEAD];
	size_t size;

	(void)state;
	tap_new(&s);
	whole_message(&s, 0, 0, STREAM_HELLO, 100);
	whole_message(&s, 1, 1, STREAM_ACCEPT, 0);
	memcpy(m, message(STREAM_ABORT, 0, 0, &size), sizeof(m));
	m[6] = FRAME_SENDER(SENDER_TARGET);
	m[12] = 0;
	data(&s, 0, 1, m, sizeof(m));
	m[12] = 7; /* no first word: one that was spoilt, and is shown */
	data(&s, 0, 1, m, sizeof(m));
	stream_is(&s, 0, "1 2 15 ");
	assert_string_equal(s.begun.data, "0S0:1 0T0:2 0S1:15 ");
	tap_end(&s);
}

/* Lost before the tap, sent again, twice, in another order: each byte counts once. */
static void tap_again(void **state)
{
	uint8_t all[3 * FRAME_HEAD];
	struct seen s;
	size_t size;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *m = message(i ? STREAM_COMMIT : STREAM_HELLO, 0, 0, &size);

		memcpy(all + i * FRAME_HEAD, m, size);
	}
	tap_new(&s);
	tap(&s, 0, NB_LINK_DATA, 2, 0, all + 30, 30);
	tap(&s, 0, NB_LINK_DATA, 0, 0, all, 7);
	tap(&s, 0, NB_LINK_DATA, 0, 0, all, 7);
	assert_string_equal(s.begun.data, "");
	tap(&s, 0, NB_LINK_DATA, 64 + 2, 0, all, 30); /* behind the window */
	tap(&s, 0, NB_LINK_DATA, 1, 0, all + 7, 23);
	tap(&s, 0, NB_LINK_DATA, 2, 0, all + 30, 30);
	tap(&s, 0, NB_LINK_DATA, 1, 0, all + 7, 23);
	assert_string_equal(s.begun.data, "0S0:1 0S1:13 0S2:13 ");
	stream_is(&s, 0, "1 13 13 ");
	tap_end(&s);
}

/* What is no message stays in the file as it came; what is no frame counts for nothing. */
static void tap_rubbish(void **state)
{
	static const char rubbish[] = "this is no message at all";
	uint8_t frame[NB_LINK_FRAME_MAX];
	struct seen s;
	size_t size;

	(void)state;
	tap_new(&s);
	data(&s, 1, 0, rubbish, sizeof(rubbish)); /* before any move */
	assert_int_equal(move_tap_moves(s.tap), 0);
	whole_message(&s, 0, 0, STREAM_HELLO, 0);
	size = link_frame(frame, 0, NB_LINK_DATA, s.sequence[0], 0, rubbish, 21);
	for (size_t bit = 0; bit < size * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		move_tap_frame(s.tap, frame, size);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < size; n++)
		move_tap_frame(s.tap, frame, n);
	assert_int_equal(move_tap_stream(s.tap, 0)->size, FRAME_HEAD);
	data(&s, 0, 0, rubbish, 25);
	data(&s, 0, 0, rubbish, 3);
	assert_int_equal(move_tap_stream(s.tap, 0)->size, FRAME_HEAD + 28);
	assert_memory_equal(move_tap_stream(s.tap, 0)->data + FRAME_HEAD, rubbish, 25);
	tap_end(&s);

	tap_new(&s); /* torn off: it is there in the end */
	data(&s, 0, 0, message(STREAM_HELLO, 100, 7, &size), 50);
	assert_string_equal(s.begun.data, "0S0:1 ");
	move_tap_end(s.tap);
	assert_int_equal(move_tap_stream(s.tap, 0)->size, 50);
	tap_end(&s);
}

/* ---- tables ---- */

static void tables(void **state)
{
	Nestbed__MoveRound round = NESTBED__MOVE_ROUND__INIT;
	Nestbed__MoveTotal total = NESTBED__MOVE_TOTAL__INIT;
	Nestbed__MoveArrival arrival = NESTBED__MOVE_ARRIVAL__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Move m = NESTBED__MOVE__INIT;
	const struct move_row row = {"dirtier", "L1", "auto", 64, 1000000000, 5000};
	struct move_tables t;
	struct move_path path = {0};
	struct move_watch w;
	struct text line = {0};
	char *why;

	(void)state;
	assert_int_equal(move_path_add(&path, SKYLAKE, &why), 0);
	assert_int_equal(move_path_add(&path, HASWELL, &why), 0);
	move_watch_init(&w, &path);
	play(&w, "0s");
	round.vm = m.vm = (char *)(uintptr_t) "g";
	round.round = 1;
	round.epoch = 2;
	round.pages = 30;
	round.zero_pages = 4;
	round.bytes = 123000;
	round.ticks = 984000;
	round.dirty = 7;
	round.set = 0xabc;
	round.verdict = (char *)(uintptr_t) "go on";
	record.body_case = NESTBED__RECORD__BODY_MOVE_ROUND;
	record.move_round = &round;
	assert_int_equal(move_watch_record(&w, 0, "g", &record), 0);
	assert_int_equal(move_watch_record(&w, 0, "another", &record), -1);
	total.tracker = (char *)(uintptr_t) "pml";
	total.rounds = 1;
	total.total_ticks = 1000;
	total.stop_ticks = 1;
	total.drain_ticks = 20;
	total.pages_ticks = 300;
	total.state_ticks = 4000;
	total.bytes = 130000;
	total.pages_sent = 31;
	total.pages_zero = 5;
	total.pages_nonzero = 30;
	total.barriers = 4;
	total.barrier_ticks = 10;
	total.stream_digest = 0x1234;
	record.body_case = NESTBED__RECORD__BODY_MOVE;
	record.move = &m;
	m.said = NESTBED__MOVE__SAID__MOVED;
	m.total = &total;
	assert_int_equal(move_watch_record(&w, 0, "g", &record), 0);
	m.said = NESTBED__MOVE__SAID__RUNNING;
	m.total = NULL;
	m.arrival = &arrival;
	arrival.load_ticks = 50000;
	arrival.resume_ticks = 600000;
	assert_int_equal(move_watch_record(&w, 1, "g", &record), 0);

	move_tables_start(&t);
	move_tables_add(&t, &w, &row);
#define KEYS "from_cpu,to_cpu,workload,level,guest_mib,link_mbit,dirty_pages_per_s,tracker,"
#define ROW  SKYLAKE "," HASWELL ",dirtier,L1,64,1000,5000,pml,"
	assert_string_equal(
		t.moves.text.data,
		KEYS "rounds,total_ticks,down_ticks,bytes,lower_bound_bytes,pages_sent,pages_zero,barriers,"
		     "outcome,digest\n" ROW "1,651000,654321,130000,122880,31,5,4,moved,0000000000001234\n");
	assert_string_equal(t.rounds.text.data, KEYS
			    "hop,round,epoch,pages,zero_pages,bytes,ticks,dirtied,throttle_percent,barriers,"
			    "set_digest,verdict\n" ROW
			    "0,1,2,30,4,123000,984000,7,0,0,0000000000000abc,go on\n");
	assert_string_equal(t.down.text.data, KEYS "hop,cause,ticks\n" ROW "0,stop,1\n" ROW "0,drain,20\n" ROW
						   "0,last pages,300\n" ROW "0,state,4000\n" ROW
						   "0,load,50000\n" ROW "0,resume,600000\n");
	assert_string_equal(t.barriers.text.data,
			    KEYS "hop,barriers,ticks,ticks_per_barrier\n" ROW "0,4,10,2.5\n");
	move_outcome_text(&line, &w, 0);
	assert_string_equal(line.data,
			    "0->1 moved: 1 rounds, 130000 bytes, 651000 ticks, down for 654321 ticks, "
			    "stream 0000000000001234");
	text_free(&line);
	move_tables_free(&t);
	move_watch_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_machines_have_other_models),
		cmocka_unit_test(lines_of_paths),
		cmocka_unit_test(paths_refused),
		cmocka_unit_test(decisions),
		cmocka_unit_test(reasons_once),
		cmocka_unit_test(tap_order),
		cmocka_unit_test(tap_again),
		cmocka_unit_test(tap_too_late),
		cmocka_unit_test(tap_stray),
		cmocka_unit_test(tap_rubbish),
		cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
