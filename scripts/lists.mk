# SPDX-License-Identifier: MIT
# What every folder's rules.mk may use to add its tests.
#   $(call unit_test,NAME,SOURCES[,LIBRARIES])   $(BUILD)/tests/NAME, a cmocka program under ASan and UBSan
#   $(call fuzzer,NAME,SOURCES[,FLAGS])          $(BUILD)/fuzz/fuzz_NAME; seeds in tests/fuzz/corpus/NAME
SAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_CFLAGS = $(filter-out -O2,$(HOST_CFLAGS)) -O1 $(SAN_FLAGS)
FUZZ_CC   ?= clang

$(BUILD)/san/%.c.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(SAN_CFLAGS) -MMD -MP -c -o $@ $<

define unit_test_rules
UNIT_TESTS += $(BUILD)/tests/$(1)
$(BUILD)/tests/$(1): $(patsubst %,$(BUILD)/san/%.o,$(2))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(SAN_CFLAGS) -o $$@ $$^ $(3) -lcmocka
endef
unit_test = $(eval $(call unit_test_rules,$(strip $(1)),$(strip $(2)),$(3)))

# Several fuzzers share most of their objects.
$(BUILD)/fuzz.o/%.c.o: %.c | $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN) $(AGENT_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(SAN_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

define fuzzer_rules
FUZZERS += $(BUILD)/fuzz/fuzz_$(1)
$(BUILD)/fuzz/fuzz_$(1): $(patsubst %.c,$(BUILD)/fuzz.o/%.c.o,$(filter %.c,$(2)))
	$$(call say,FUZZER,$$@)
	$$(Q)mkdir -p $$(@D) && $$(FUZZ_CC) $$(SAN_CFLAGS) -fsanitize=fuzzer -o $$@ $$(filter $(BUILD)/fuzz.o/%,$$^) $(3)
endef
fuzzer = $(eval $(call fuzzer_rules,$(strip $(1)),$(strip $(2)),$(3)))
