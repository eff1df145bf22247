/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"
#include "experiments/wire.h"

#define MOST_RATE  1000000000000u /* 1 Tbit */
#define MOST_TIME  3600000000000u /* an hour, ns */
#define MOST_ROUND 1000000u

struct unit {
	const char *name;
	uint64_t scale;
};
static const struct unit rates[] = {
	{"Gbit",   1000000000},
        {"Mbit",        1000000},
        {"kbit",1000},
        {"bit",   1},
        {0       },
};
static const struct unit times[] = {
	{"ns",  1},
        {"us",     1000},
        {"ms",1000000},
        {"s",  1000000000},
        {0    },
};
static const struct unit chances[] = {
	{"%", WIRE_SCALE / 100},
	{0  },
};
static const struct unit plain[] = {
	{"", 1},
	{0 },
};

static const struct key {
	const char *name;
	const struct unit *units;
	uint64_t most;
	size_t offset, width;
	const char *expected;
} keys[] = {
#define FIELD(f) offsetof(struct wire_script, f), sizeof(((struct wire_script *)0)->f)
	{"rate",    rates,   MOST_RATE,  FIELD(rate),    "a rate such as 1Gbit, 100Mbit or 64kbit"},
	{"delay",   times,   MOST_TIME,  FIELD(delay),   "a time such as 50us, 2ms or 1s"         },
	{"loss",    chances, WIRE_SCALE, FIELD(loss),    "a percentage such as 0.1%"              },
	{"dup",     chances, WIRE_SCALE, FIELD(twice),   "a percentage such as 0.1%"              },
	{"reorder", chances, WIRE_SCALE, FIELD(reorder), "a percentage such as 0.1%"              },
	{"corrupt", chances, WIRE_SCALE, FIELD(corrupt), "a percentage such as 0.1%"              },
	{"seed",    plain,   UINT64_MAX, FIELD(seed),    "a number"                               },
#undef FIELD
};
#define CUT          "cut@round"
#define CUT_EXPECTED "ROUND:TIME such as 2:500ms"

/* Digits with a fraction or none, then one of the units; exact. */
static bool quantity(const char *p, size_t n, const struct unit *units, uint64_t most, uint64_t *value)
{
	uint64_t scale = 0, v = 0;
	size_t at = 0, digits;

	while (at < n && (strchr("0123456789.", p[at]) && p[at]))
		at++;
	for (; units->name && !scale; units++)
		if (strlen(units->name) == n - at && !memcmp(units->name, p + at, n - at))
			scale = units->scale;
	digits = at;
	if (!scale || !digits || p[0] == '.' || p[digits - 1] == '.')
		return false;
	for (at = 0; at < digits && p[at] != '.'; at++) {
		const unsigned digit = (unsigned)(p[at] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > UINT64_MAX / scale)
		return false;
	v *= scale;
	for (at++; at < digits; at++) {
		if (p[at] == '.' || scale % 10)
			return false; /* finer than can be kept */
		scale /= 10;
		if (v > UINT64_MAX - scale * 9)
			return false;
		v += scale * (unsigned)(p[at] - '0');
	}
	*value = v;
	return v <= most;
}

static int refuse(char **why, const char *name, size_t name_size, const char *expected, const char *p,
		  size_t n)
{
	*why = text_format("'%.*s' must be %s, got '%.*s'", (int)name_size, name, expected, (int)n, p);
	return -EINVAL;
}

static int cut(struct wire_script *s, const char *p, size_t n, char **why)
{
	const char *colon = memchr(p, ':', n);
	uint64_t round, length;

	if (s->cuts == WIRE_CUTS_MAX) {
		*why = text_format("more than %u cuts", WIRE_CUTS_MAX);
		return -EINVAL;
	}
	if (!colon || !quantity(p, (size_t)(colon - p), plain, MOST_ROUND, &round) ||
	    !quantity(colon + 1, n - (size_t)(colon + 1 - p), times, MOST_TIME, &length))
		return refuse(why, CUT, strlen(CUT), CUT_EXPECTED, p, n);
	s->cut[s->cuts++] = (struct wire_cut){(uint32_t)round, length};
	return 0;
}

static int unknown(const char *p, size_t n, char **why)
{
	struct text names = {0};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		text_addf(&names, "%s, ", keys[i].name);
	*why = text_format("'%.*s' is no KEY=VALUE of a link; keys are %s" CUT, (int)n, p, names.data);
	text_free(&names);
	return -EINVAL;
}

/* `seen`: bit i for keys[i]. */
static int word(struct wire_script *s, const char *p, size_t n, unsigned *seen, char **why)
{
	const char *equal = memchr(p, '=', n);
	const size_t name = equal ? (size_t)(equal - p) : 0;
	const char *value = p + name + 1;
	uint64_t v;

	if (name == strlen(CUT) && !memcmp(p, CUT, name))
		return cut(s, value, n - name - 1, why);
	for (unsigned i = 0; equal && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];

		if (strlen(k->name) != name || memcmp(k->name, p, name) != 0)
			continue;
		if (*seen & 1u << i) {
			*why = text_format("'%s' was given before", k->name);
			return -EINVAL;
		}
		*seen |= 1u << i;
		if (!quantity(value, n - name - 1, k->units, k->most, &v))
			return refuse(why, p, name, k->expected, value, n - name - 1);
		memcpy((char *)s + k->offset, &v, k->width); /* little endian */
		return 0;
	}
	return unknown(p, n, why);
}

int wire_script_parse(const char *text, struct wire_script *script, char **why)
{
	unsigned seen = 0;
	int err = 0;

	memset(script, 0, sizeof(*script));
	script->seed = 1;
	while (*text && !err) {
		const size_t n = strcspn(text, ",");

		err = word(script, text, n, &seen, why);
		text += n;
		if (!err && *text && !*++text)
			err = word(script, text, 0, &seen, why); /* nothing behind a comma */
	}
	return err;
}
