/* SPDX-License-Identifier: MIT */
/*
 * 64-bit digests of memory and of the stream. They find mistakes, not forgers: nothing here is cryptographic.
 * Words are taken little endian, as on every processor that L0 runs on.
 *
 * Four lanes take a 64-bit word each out of 32 bytes: lane = rotate_left((lane ^ word) * K, 29). The rest is
 * filled up with zeros; at the end the lanes and the length are folded into one value by the same step and a
 * final mix.
 *
 * The digest of a memory is the sum, modulo 2^64, of digest_page() over its pages: in any order, and a page's
 * share can be taken out and put in again.
 */
#ifndef MIGRATION_DIGEST_H
#define MIGRATION_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_PAGE 4096u

struct digest {
	uint64_t lane[4];
	uint64_t length; /* bytes so far */
	uint8_t rest[32]; /* length % 32 of them */
};

void digest_init(struct digest *d, uint64_t seed);
/* However the bytes are cut, the value is the same. */
void digest_add(struct digest *d, const void *data, size_t n);
/* Of what was added so far; d goes on. */
uint64_t digest_value(const struct digest *d);

bool page_is_zero(const void *page);
/* A page's share in its memory's digest: 0 for a page of zeros, and never for another one. */
uint64_t digest_page(uint32_t number, const void *page);

#endif
