/* SPDX-License-Identifier: MIT */
#ifndef CPU_BASELINE_WRITE_PROGRAM_H
#define CPU_BASELINE_WRITE_PROGRAM_H

/*
 * Runs a program with nothing on standard input, and what it says on standard output as text, malloc'd, with
 * its NUL. argv ends with NULL; argv[0] is looked for in PATH. NULL: it could not be run, or did not end with
 * 0; `why`, of `size` bytes, says so.
 */
char *program_output(char *const argv[], char *why, unsigned size);

#endif
