/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "migration/digest.h"

#define MULTIPLIER 0x9E3779B97F4A7C15ull /* 2^64 divided by the golden ratio, odd */
#define SECOND     0xD6E8FEB86659FD93ull /* odd; any other would do */

static uint64_t step(uint64_t lane, uint64_t word)
{
	const uint64_t v = (lane ^ word) * MULTIPLIER;

	return v << 29 | v >> 35;
}

static void block(struct digest *d, const uint8_t *p)
{
	uint64_t word[4];

	memcpy(word, p, sizeof(word));
	for (unsigned i = 0; i < 4; i++)
		d->lane[i] = step(d->lane[i], word[i]);
}

void digest_init(struct digest *d, uint64_t seed)
{
	*d = (struct digest){0};
	for (unsigned i = 0; i < 4; i++)
		d->lane[i] = step(seed, SECOND + i);
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	const uint8_t *p = data;
	const size_t have = d->length % sizeof(d->rest);

	d->length += n;
	if (have) {
		const size_t take = n < sizeof(d->rest) - have ? n : sizeof(d->rest) - have;

		memcpy(d->rest + have, p, take);
		if (have + take < sizeof(d->rest))
			return;
		block(d, d->rest);
		p += take;
		n -= take;
	}
	for (; n >= sizeof(d->rest); n -= sizeof(d->rest), p += sizeof(d->rest))
		block(d, p);
	if (n)
		memcpy(d->rest, p, n);
}

uint64_t digest_value(const struct digest *d)
{
	const size_t have = d->length % sizeof(d->rest);
	struct digest last = *d;
	uint64_t v;

	if (have) {
		memset(last.rest + have, 0, sizeof(last.rest) - have);
		block(&last, last.rest);
	}
	v = last.length;
	for (unsigned i = 0; i < 4; i++)
		v = step(v, last.lane[i]);
	v = (v ^ v >> 32) * SECOND;
	return v ^ v >> 29;
}

bool page_is_zero(const void *page)
{
	const uint8_t *p = page;

	for (size_t at = 0; at < DIGEST_PAGE; at += 32) {
		uint64_t w[4];

		memcpy(w, p + at, sizeof(w));
		if (w[0] | w[1] | w[2] | w[3])
			return false;
	}
	return true;
}

uint64_t digest_page(uint32_t number, const void *page)
{
	struct digest d;
	uint64_t v;

	if (page_is_zero(page))
		return 0;
	digest_init(&d, number);
	digest_add(&d, page, DIGEST_PAGE);
	v = digest_value(&d);
	return v ? v : 1;
}
