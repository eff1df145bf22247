/* SPDX-License-Identifier: MIT */
/*
 * The workload with the two places marked between which an operation's instructions are traced: Bochs' magic
 * breakpoint, which does nothing elsewhere. They lie between the marks of L0's window, and outside what is
 * timed. An image of its own, since two instructions more would move the clock of all that follows, and with
 * it results that depend on its value.
 */
#define TRACE_MARK() __asm__ volatile("xchg %bx, %bx")
#include "../main.c" /* NOLINT(bugprone-suspicious-include): the same program, but for the mark */
