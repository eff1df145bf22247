# SPDX-License-Identifier: MIT
# What L0 and hosted programs compile from this folder; L0 does so with FREE_CFLAGS.
CPU_SRC := $(wildcard cpu_baseline/*.c)
