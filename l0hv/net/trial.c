/* SPDX-License-Identifier: MIT */
#include "l0hv/net/trial.h"

#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/net/e1000.h"
#include "l0hv/net/link.h"
#include "l0hv/record/record.h"

#define CHUNK_WORDS   1024u
#define LIMIT_SECONDS 6u /* the peer may start much later */
#define ODD           0x9E3779B97F4A7C15ull

/* Each way: a word with the number of bytes behind it, then those, rounded up to words. */
struct lane {
	uint64_t state; /* of the generator */
	uint64_t digest; /* of all whole words */
	uint64_t left; /* bytes, in whole words; of the reader only after `told` */
	uint64_t bytes;
	bool told; /* the number has come */
	uint64_t word[CHUNK_WORDS];
	size_t at, end; /* in bytes of `word` */
};

static uint64_t step(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t mix(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * ODD;
	return digest ^ digest >> 29;
}

static void lane_init(struct lane *l, unsigned host)
{
	memset(l, 0, sizeof(*l));
	l->state = (host + 1) * ODD;
}

static void refill(struct lane *l)
{
	size_t n = l->left < sizeof(l->word) ? (size_t)l->left : sizeof(l->word);

	for (size_t i = 0; i < n / 8; i++) {
		l->word[i] = step(&l->state);
		l->digest = mix(l->digest, l->word[i]);
	}
	l->at = 0;
	l->end = n;
	l->left -= n;
}

static void send_some(struct lane *l, struct link *link)
{
	if (l->at == l->end) {
		if (!l->left)
			return;
		refill(l);
	}
	l->at += link_write(link, (const uint8_t *)l->word + l->at, l->end - l->at);
	if (l->at == l->end && !l->left)
		link_flush(link);
}

/* Whether all that came is what the peer's generator makes. */
static bool take_some(struct lane *l, struct link *link)
{
	const size_t want = !l->told ? 8 : l->left < sizeof(l->word) ? (size_t)l->left : sizeof(l->word);

	if (want == l->at)
		return true;
	l->at += link_read(link, (uint8_t *)l->word + l->at, want - l->at);
	if (l->at < want)
		return true;
	l->at = 0;
	if (!l->told) {
		l->told = true;
		l->bytes = l->word[0];
		l->left = (l->bytes + 7) & ~7ull;
		return l->bytes <= INT64_MAX;
	}
	for (size_t i = 0; i < want / 8; i++) {
		if (l->word[i] != step(&l->state))
			return false;
		l->digest = mix(l->digest, l->word[i]);
	}
	l->left -= want;
	return true;
}

static void value(const char *name, uint64_t v, const char *unit)
{
	Nestbed__Value record = NESTBED__VALUE__INIT;

	record.name = (char *)(uintptr_t)name;
	record.value = v;
	record.unit = (char *)(uintptr_t)unit;
	record_emit(NESTBED__RECORD__BODY_VALUE, &record);
}

static void report(const struct link *link, const struct lane *out, const struct lane *in, uint64_t ticks)
{
	const struct reliable_counters *c = link_counters(link);
	const struct {
		const char *name, *unit;
		uint64_t value;
	} rows[] = {
		{"link.bytes_sent",      "bytes",  out->bytes                      },
		{"link.digest_sent",     "",       out->digest                     },
		{"link.bytes_received",  "bytes",  in->bytes                       },
		{"link.digest_received", "",       in->digest                      },
		{"link.ticks",           "ticks",  ticks                           },
		{"link.frames",          "frames", c->frames                       },
		{"link.wire_bytes",      "bytes",  c->bytes                        },
		{"link.data_frames",     "frames", c->data_frames                  },
		{"link.payload_bytes",   "bytes",  c->payload_bytes                },
		{"link.again_frames",    "frames", c->again_frames                 },
		{"link.again_bytes",     "bytes",  c->again_bytes                  },
		{"link.ack_frames",      "frames", c->ack_frames                   },
		{"link.ack_bytes",       "bytes",  c->ack_bytes                    },
		{"link.probe_frames",    "frames", c->probe_frames                 },
		{"link.come_frames",     "frames", c->come_frames                  },
		{"link.double_frames",   "frames", c->double_frames                },
		{"link.corrupt_frames",  "frames", c->corrupt_frames               },
		{"link.bad_frames",      "frames", c->bad_frames                   },
		{"link.foreign_frames",  "frames", c->foreign_frames               },
		{"link.nic_errors",      "frames", e1000_counters()->receive_errors},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		value(rows[i].name, rows[i].value, rows[i].unit);
}

static bool finished(const struct link *link, const struct lane *out, const struct lane *in)
{
	return in->told && !in->left && out->at == out->end && !out->left && link_idle(link);
}

int link_trial(uint8_t host, uint8_t peer, uint64_t bytes, const char **why)
{
	static struct lane out, in;
	struct link *link = link_to(peer);
	const uint64_t since = rdtsc();
	uint64_t ticks;

	*why = "memory for the link";
	if (!link)
		return -ENOMEM;
	link_set_limit(link, LIMIT_SECONDS * link_second(), link_second());
	lane_init(&out, host);
	lane_init(&in, peer);
	out.bytes = out.word[0] = bytes;
	out.end = 8;
	out.left = (bytes + 7) & ~7ull;
	while (!finished(link, &out, &in)) {
		link_poll();
		send_some(&out, link);
		*why = "a peer that sends what it says";
		if (!take_some(&in, link))
			return -EBADMSG;
		*why = "a peer that answers";
		if (link_dead(link))
			return -EPIPE;
	}
	ticks = rdtsc() - since;
	link_linger(link, NULL);
	report(link, &out, &in, ticks);
	return 0;
}
