# SPDX-License-Identifier: MIT
# The command `cpu-baseline`.
CPU_CLI_SRC := $(wildcard cpu_baseline/cli/*.c) $(wildcard cpu_baseline/write/*.c) $(CPU_READ_SRC) $(CPU_SRC)
CPU_CLI_OBJECTS := $(CPU_CLI_SRC:%.c=$(BUILD)/cpu-baseline.o/%.o)
CPU_CLI_LIBS = $(CPU_READ_LIBS) -ljansson

ALL += $(BUILD)/cpu-baseline

$(BUILD)/cpu-baseline: $(CPU_CLI_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(CPU_CLI_LIBS)

$(BUILD)/cpu-baseline.o/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(HOST_CFLAGS) $(CPU_CLI_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/cpu-baseline.o/cpu_baseline/cli/main.o: $(BUILD)/version.txt
$(BUILD)/cpu-baseline.o/cpu_baseline/cli/main.o: CPU_CLI_CFLAGS = -DNESTBED_VERSION='"$(VERSION)"'
