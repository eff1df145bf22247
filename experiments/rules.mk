# SPDX-License-Identifier: MIT
# The host program `nestbed`.
NESTBED_SOURCES := $(sort $(wildcard experiments/*.c)) l0hv/boot/config.c l0hv/boot/bundle.c
NESTBED_OBJECTS := $(NESTBED_SOURCES:%.c=$(BUILD)/nestbed.o/%.o) $(BUILD)/nestbed.o/record.pb-c.o
NESTBED_LIBS    := -lprotobuf-c -ljansson
NESTBED_CFLAGS   = $(HOST_CFLAGS) -MMD -MP

ALL += $(BUILD)/nestbed

$(BUILD)/nestbed: $(NESTBED_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(NESTBED_LIBS)

$(BUILD)/nestbed.o/%.o: %.c | $(BUILD)/gen/nestbed/record.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -c -o $@ $<

# Generated: warnings there are not ours.
$(BUILD)/nestbed.o/record.pb-c.o: $(BUILD)/gen/nestbed/record.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -w -c -o $@ $<

# Compiled again only when the version has changed.
$(BUILD)/nestbed.o/version.txt: FORCE
	$(Q)mkdir -p $(@D) && echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(BUILD)/nestbed.o/experiments/version.o: $(BUILD)/nestbed.o/version.txt
$(BUILD)/nestbed.o/experiments/version.o: NESTBED_CFLAGS += -DNESTBED_VERSION='"$(VERSION)"'

FORCE:
.PHONY: FORCE

# Figures are drawn by scripts beside the program.
NESTBED_PLOTS := $(wildcard scripts/plots/*.gp)
ALL += $(NESTBED_PLOTS:scripts/plots/%=$(BUILD)/plots/%)

$(BUILD)/plots/%: scripts/plots/%
	$(Q)mkdir -p $(@D) && cp $< $@
