# SPDX-License-Identifier: MIT
# What L0 and hosted programs compile from this folder; L0 does so with FREE_CFLAGS.
CPU_SRC := $(wildcard cpu_baseline/*.c)
# The readers of policies: hosted; whoever links them needs CPU_READ_LIBS.
CPU_READ_SRC := $(wildcard cpu_baseline/read/*.c)
