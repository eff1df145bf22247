/* SPDX-License-Identifier: MIT */
/*
 * Many VM entries for one check: from a known state with one field changed at a time, which is put back after
 * each. The check fails at the first that ends otherwise than the SDM says.
 */
#ifndef VMXTEST_TRIES_H
#define VMXTEST_TRIES_H

#include "lab.h"

/* How an entry ends: TRY_RUNS, the number of a VMfailValid, or an entry failure with its qualification. */
#define TRY_RUNS                    0x10000u
#define TRY_CONTROLS                7u
#define TRY_HOST                    8u
#define TRY_EXIT(reason, qualified) (0x20000u | (reason) | (uint32_t)(qualified) << 8)
#define TRY_GUEST                   TRY_EXIT(EXIT_GUEST_STATE, 0)
#define TRY_LINK                    TRY_EXIT(EXIT_GUEST_STATE, 4)
#define TRY_PDPTE                   TRY_EXIT(EXIT_GUEST_STATE, 2)

/* The known state with the sets; up to the first with field 0. False: not selected, or skipped. */
bool tries_begin(const char *name, enum mode mode, const struct set *sets);
/* The same where Bochs differs from the SDM and L0 does not. */
bool tries_begin_not_bochs(const char *name, enum mode mode, const struct set *sets, const char *why);
void try_value(uint32_t field, uint64_t value, uint32_t wanted);
/* The field with each bit of the mask, one after the other, inverted. */
void try_bits(uint32_t field, uint64_t mask, uint32_t wanted);
/* The entry as it is. */
void try_now(uint32_t wanted);
void tries_end(void);

/* clang-format off */
#define TRY_SETS(...) ((const struct set[]){__VA_ARGS__, {0, 0}})
/* clang-format on */

/* Some of the bits that a physical address must not have: beyond the processor's width. */
uint64_t beyond_width(void);
/* Bits that IA32_EFER must not have, those of features that CPUID hides among them. */
uint64_t efer_reserved(void);

#endif
