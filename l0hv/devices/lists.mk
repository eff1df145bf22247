# SPDX-License-Identifier: MIT
# Emulated devices and the instruction decoder: linked into L0 freestanding, into tests and fuzzers hosted.
DEVICE_SRC  := $(sort $(wildcard l0hv/devices/*.c))
EMULATE_SRC := $(sort $(wildcard l0hv/emulate/*.c))
