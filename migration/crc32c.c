/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "migration/crc32c.h"

/*
 * A table's entries are linear in their index: entry i is the sum (exclusive or) of what i's bits stand for.
 * Row s holds what a byte becomes when s more bytes follow it.
 */
#define BIT(i, k, v) ((i) >> (k)&1u ? (v) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                     \
	(BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^           \
	 BIT(i, 6, g) ^ BIT(i, 7, h))
#define FOUR(i, ...)                                                                                         \
	ENTRY(i, __VA_ARGS__), ENTRY(i + 1u, __VA_ARGS__), ENTRY(i + 2u, __VA_ARGS__),                       \
		ENTRY(i + 3u, __VA_ARGS__)
#define SIXTEEN(i, ...)                                                                                      \
	FOUR(i, __VA_ARGS__), FOUR(i + 4u, __VA_ARGS__), FOUR(i + 8u, __VA_ARGS__), FOUR(i + 12u, __VA_ARGS__)
#define SIXTY_FOUR(i, ...)                                                                                   \
	SIXTEEN(i, __VA_ARGS__), SIXTEEN(i + 16u, __VA_ARGS__), SIXTEEN(i + 32u, __VA_ARGS__),               \
		SIXTEEN(i + 48u, __VA_ARGS__)
#define TABLE(...)                                                                                           \
	SIXTY_FOUR(0u, __VA_ARGS__), SIXTY_FOUR(64u, __VA_ARGS__), SIXTY_FOUR(128u, __VA_ARGS__),            \
		SIXTY_FOUR(192u, __VA_ARGS__)

static const uint32_t table[8][256] = {
	{TABLE(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu, 0x417B1DBCu,
	       0x82F63B78u)},
	{TABLE(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u, 0xFF17C604u,
	       0xFBC3FAF9u)},
	{TABLE(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u, 0xC76580D9u,
	       0x8B277743u)},
	{TABLE(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu, 0xABA65FE7u,
	       0x52A0C93Fu)},
	{TABLE(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u, 0x37516AAEu,
	       0x6EA2D55Cu)},
	{TABLE(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du, 0x0E045BEBu,
	       0x1C08B7D6u)},
	{TABLE(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu, 0x7AB7077Au,
	       0xF56E0EF4u)},
	{TABLE(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u, 0x1A00CB32u,
	       0x34019664u)},
};

uint32_t crc32c(uint32_t before, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t crc = ~before;

	for (; n >= 8; n -= 8, p += 8) {
		uint32_t low, high;

		memcpy(&low, p, 4);
		memcpy(&high, p + 4, 4);
		low ^= crc;
		crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^
		      table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
		      table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
	}
	for (; n; n--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xFF];
	return ~crc;
}
