# SPDX-License-Identifier: MIT
# Each folder says in its rules.mk what it builds; this file holds what they share.
BUILD ?= build
V     ?= 0
Q      = $(if $(filter 1,$(V)),,@)
say    = $(if $(filter 1,$(V)),@:,@printf '  %-8s%s\n' $(1) $(2))

ifeq ($(origin CC),default)
CC         = gcc
endif
HOST_CC   ?= $(CC)
WARN       = -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wvla -Wmissing-prototypes -Werror
# Always 18 characters: L0 and l1hv report it, and a longer one takes more instructions.
COMMIT    := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
VERSION   := $(if $(COMMIT),$(COMMIT)$(if $(shell git status --porcelain -uno 2>/dev/null),-dirty,-clean),no-git-information)

# Host programs and tests. SAN=1 adds ASan and UBSan.
san_flags  = -fsanitize=address,undefined -fno-sanitize-recover=all
SANFLAGS   = $(if $(filter 1,$(SAN)),$(san_flags))
HOST_CFLAGS = -std=gnu11 -O2 -g $(WARN) $(SANFLAGS) -D_GNU_SOURCE -Iinclude -I. -I$(BUILD)/gen
# Freestanding code for L0 and 64-bit guests: no FPU, no red zone, runs where it is linked.
FREE_CFLAGS = -std=gnu11 -O2 -g -m64 -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none \
	-ffunction-sections -fdata-sections $(WARN) -Iinclude -I. -I$(BUILD)/gen -ffile-prefix-map=$(BUILD)/=build/

.DEFAULT_GOAL := all
.SECONDARY:
ALL        :=
UNIT_TESTS :=# cmocka binaries, each added by its folder's rules.mk
FUZZERS    :=# libFuzzer binaries named fuzz_NAME; corpus in tests/fuzz/corpus/NAME
# lists.mk: what several folders name in prerequisites, so read before every rules.mk.
include $(filter-out $(BUILD)/% build/%,$(wildcard */lists.mk */*/lists.mk))
include $(filter-out $(BUILD)/% build/%,$(foreach depth,* */* */*/* */*/*/*,$(wildcard $(depth)/rules.mk)))

all: $(ALL) ## Build everything

clean: ## Remove what was built
	rm -rf $(BUILD)

# protobuf-c sources, shared by L0, guests and host programs
$(BUILD)/gen/nestbed/record.pb-c.c: include/nestbed/record.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(BUILD)/gen/nestbed && protoc-c --proto_path=include --c_out=$(BUILD)/gen nestbed/record.proto
$(BUILD)/gen/nestbed/record.pb-c.h: $(BUILD)/gen/nestbed/record.pb-c.c ;

# What holds the version is compiled again only when it has changed.
$(BUILD)/version.txt: FORCE
	$(Q)mkdir -p $(@D) && echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

FORCE:

help: ## List every target
	@grep -hE '^[a-zA-Z_-]+:.*## ' $(filter Makefile %.mk,$(MAKEFILE_LIST)) | sort | \
	awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: all clean help FORCE
-include $(shell find $(BUILD) -path $(BUILD)/labs -prune -o -name '*.d' -print 2>/dev/null)
