/* SPDX-License-Identifier: MIT */
/* CRC32C (Castagnoli, reflected, initial and final inversion: RFC 3720, appendix B.4), eight bytes a step. */
#ifndef MIGRATION_CRC32C_H
#define MIGRATION_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* before is 0, or what the bytes before these gave: crc32c(crc32c(0, a), b) is that of a and b in a row. */
uint32_t crc32c(uint32_t before, const void *data, size_t n);

#endif
