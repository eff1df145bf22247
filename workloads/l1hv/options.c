// SPDX-License-Identifier: MIT
/* l1hv's command line; docs/l1.md explains the words. */
#include "ept.h"
#include "hv.h"

#define EINVAL 22

static const struct {
	const char *word;
	uint32_t bits;
} exiting_words[] = {
	{"hlt",    CPU_HLT                     },
	{"rdtsc",  CPU_RDTSC                   },
	{"pause",  CPU_PAUSE                   },
	{"cr3",    CPU_CR3_LOAD | CPU_CR3_STORE},
	{"cr8",    CPU_CR8_LOAD | CPU_CR8_STORE},
	{"none",   0			   },
	{"invlpg", CPU_INVLPG                  },
};

/* Decimal or 0x…; *end behind the last digit. false: no number, or too big. */
static bool number(const char *text, uint64_t *value, const char **end)
{
	const uint64_t base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
	const char *p = base == 16 ? text + 2 : text, *first = p;

	for (*value = 0;; p++) {
		const uint64_t digit = *p >= '0' && *p <= '9'   ? (uint64_t)(*p - '0')
				       : *p >= 'a' && *p <= 'f' ? (uint64_t)(*p - 'a' + 10)
								: base;

		if (digit >= base)
			break;
		if (*value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	*end = p;
	return p != first;
}

static bool parse_memory(const char *value, struct options *opt)
{
	const char *end;
	uint64_t n;
	unsigned int shift = 0;

	if (!number(value, &n, &end))
		return false;
	if (*end == 'K' || *end == 'M' || *end == 'G')
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30, end++;
	if (*end || n > EPT_MEMORY_MAX >> shift)
		return false;
	opt->memory = n << shift;
	return opt->memory >= EPT_MEMORY_MIN && opt->memory % EPT_CHUNK == 0;
}

static bool parse_exiting(const char *value, struct options *opt)
{
	opt->cpu_ctls = 0;
	for (;;) {
		size_t n = 0, i = 0;

		while (value[n] && value[n] != ',')
			n++;
		while (i < sizeof(exiting_words) / sizeof(exiting_words[0]) &&
		       (strlen(exiting_words[i].word) != n || strncmp(exiting_words[i].word, value, n) != 0))
			i++;
		if (i == sizeof(exiting_words) / sizeof(exiting_words[0]))
			return false;
		opt->cpu_ctls |= exiting_words[i].bits;
		if (!value[n])
			return true;
		value += n + 1;
	}
}

static bool parse_u32(const char *value, uint32_t *out, const char **end)
{
	uint64_t n;

	if (!number(value, &n, end) || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool parse_exceptions(const char *value, struct options *opt)
{
	const char *end;

	return parse_u32(value, &opt->exceptions, &end) && !*end;
}

static bool parse_pfec(const char *value, struct options *opt)
{
	const char *end;

	return parse_u32(value, &opt->pfec_mask, &end) && *end == ':' &&
	       parse_u32(end + 1, &opt->pfec_match, &end) && !*end;
}

static bool parse_switch(const char *value, bool *on)
{
	*on = !strcmp(value, "on");
	return *on || !strcmp(value, "off");
}

static bool parse_vpid(const char *value, struct options *opt)
{
	return parse_switch(value, &opt->vpid);
}

static bool parse_wbinvd(const char *value, struct options *opt)
{
	return parse_switch(value, &opt->wbinvd);
}

static bool parse_unit(const char *value, struct options *opt)
{
	opt->unit = !strcmp(value, "cycles") ? "cycles" : "insns";
	return !strcmp(value, opt->unit);
}

static const struct {
	const char *key;
	bool (*parse)(const char *value, struct options *opt);
} keys[] = {
	{"memory=",     parse_memory    },
        {"exiting=",    parse_exiting   },
        {"exceptions=", parse_exceptions},
	{"pfec=",       parse_pfec      },
        {"vpid=",       parse_vpid      },
        {"wbinvd=",     parse_wbinvd    },
	{"unit=",       parse_unit      },
};

static bool parse_word(const char *word, struct options *opt)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const size_t n = strlen(keys[i].key);

		if (!strncmp(word, keys[i].key, n))
			return keys[i].parse(word + n, opt);
	}
	return false;
}

int options_parse(const char *cmdline, struct options *opt, const char **bad)
{
	static char word[256];
	bool first = true; /* some loaders put the image's name in front */

	*opt = (struct options){
		.memory = 32ull << 20, .cpu_ctls = CPU_HLT, .vpid = true, .wbinvd = true, .unit = "insns"};
	for (;;) {
		size_t n = 0;

		while (*cmdline == ' ')
			cmdline++;
		if (!*cmdline)
			return 0;
		while (cmdline[n] && cmdline[n] != ' ' && n < sizeof(word) - 1) {
			word[n] = cmdline[n];
			n++;
		}
		word[n] = 0;
		cmdline += n;
		if (first && !strchr(word, '=')) {
			first = false;
			continue;
		}
		first = false;
		if (!parse_word(word, opt)) {
			*bad = word;
			return -EINVAL;
		}
	}
}
