# SPDX-License-Identifier: MIT
# What L0 and hosted programs compile from this folder; L0 does so with FREE_CFLAGS. All of it needs the messages' code, stream.pb-c.o
# of L0 or of the host, and libprotobuf-c.
MIG_SRC := $(wildcard migration/*.c)
MIG_GEN := $(BUILD)/gen/migration/stream.pb-c.h
