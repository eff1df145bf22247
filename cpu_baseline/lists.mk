# SPDX-License-Identifier: MIT
# What L0 and hosted programs compile from this folder; L0 does so with FREE_CFLAGS.
CPU_SRC := $(wildcard cpu_baseline/*.c)
# The readers of policies: hosted, and all that links them needs CPU_READ_LIBS.
CPU_READ_SRC := $(wildcard cpu_baseline/read/*.c)
CPU_READ_LIBS := $(shell pkg-config --libs libxml-2.0 libvirt jansson 2>/dev/null)
CPU_READ_CFLAGS := $(shell pkg-config --cflags libxml-2.0 libvirt jansson 2>/dev/null)
HOST_CFLAGS += $(CPU_READ_CFLAGS)
