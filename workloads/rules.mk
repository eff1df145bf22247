# SPDX-License-Identifier: MIT
# $(call guest,NAME,SOURCES) builds $(BUILD)/guests/NAME.elf: SOURCES (C and assembly, paths from the
# top folder) linked with the guest runtime, as a multiboot-1 kernel that any loader takes.
# $(BUILD)/guests/NAME.sym is the same program with 64-bit symbols, for a debugger.
RT_DIR     := workloads/rt
RT_SOURCES := $(sort $(wildcard $(RT_DIR)/*.c $(RT_DIR)/*.S))
RT_OBJECTS := $(RT_SOURCES:%=$(BUILD)/%.o) $(BUILD)/workloads/record.pb-c.o
PROTOBUF_A ?= $(shell $(CC) -print-file-name=libprotobuf-c.a)

GUEST_CFLAGS = $(FREE_CFLAGS) -I$(RT_DIR) -MMD -MP

$(BUILD)/workloads/%.c.o: workloads/%.c | $(BUILD)/gen/nestbed/record.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(GUEST_CFLAGS) -c -o $@ $<

$(BUILD)/workloads/%.S.o: workloads/%.S
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(GUEST_CFLAGS) -c -o $@ $<

# Generated: warnings there are not ours.
$(BUILD)/workloads/record.pb-c.o: $(BUILD)/gen/nestbed/record.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(GUEST_CFLAGS) -w -c -o $@ $<

$(BUILD)/workloads/rt.a: $(RT_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

define guest_rules
ALL += $(BUILD)/guests/$(1).elf
$(BUILD)/guests/$(1).sym: $(patsubst %,$(BUILD)/%.o,$(2)) $(BUILD)/workloads/rt.a $(RT_DIR)/rt.ld
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) -m64 -nostdlib -static -Wl,--build-id=none -Wl,--gc-sections \
		-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,-T,$(RT_DIR)/rt.ld \
		-o $$@ $(patsubst %,$(BUILD)/%.o,$(2)) $(BUILD)/workloads/rt.a $$(PROTOBUF_A)
$(BUILD)/guests/$(1).elf: $(BUILD)/guests/$(1).sym
	$$(call say,OBJCOPY,$$@)
	$$(Q)objcopy -S -O elf32-i386 $$< $$@
endef
guest = $(eval $(call guest_rules,$(strip $(1)),$(strip $(2))))
