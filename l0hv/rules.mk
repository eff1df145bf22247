# SPDX-License-Identifier: MIT
# L0: one freestanding image, linked twice so that it can hold its own symbol table.
L0_SRC := $(sort $(wildcard l0hv/*/*.c bundle/*.c vmcs_merge/*.c) $(CPU_SRC) $(MIG_SRC))
L0_ASM := $(wildcard l0hv/*/*.S)
L0_OBJ := $(L0_SRC:%.c=$(BUILD)/l0/%.o) $(L0_ASM:%.S=$(BUILD)/l0/%.o) $(BUILD)/l0/record.pb-c.o \
	$(BUILD)/l0/stream.pb-c.o
L0_CFLAGS = $(FREE_CFLAGS) -fno-omit-frame-pointer
L0_LIBS := $(shell $(CC) -print-file-name=libprotobuf-c.a)
L0_LDFLAGS = -nostdlib -static -Wl,-T,l0hv/boot/l0.ld -Wl,--build-id=none -Wl,--gc-sections \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments
ALL += $(BUILD)/l0.elf

$(BUILD)/l0/%.o: %.c | $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(L0_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/l0/%.o: %.S
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(L0_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/l0/l0hv/vmx/probe.o: $(BUILD)/version.txt
$(BUILD)/l0/l0hv/vmx/probe.o: L0_CFLAGS += -DNESTBED_VERSION='"$(VERSION)"'

# Freestanding code calls memcpy() even for eight bytes; where memory is sent and checked that is most of the work.
$(MIG_SRC:%.c=$(BUILD)/l0/%.o) $(BUILD)/l0/l0hv/net/reliable.o: L0_CFLAGS += -fbuiltin

$(BUILD)/l0/record.pb-c.o: $(BUILD)/gen/nestbed/record.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(L0_CFLAGS) -w -c -o $@ $<

$(BUILD)/l0/symbols-none.c:
	$(Q)mkdir -p $(@D) && printf '#include "l0hv/cpu/symbols.h"\nconst struct symbol l0_symbols[]\n\t__attribute__((section(".l0_symbols"))) = {{0, 0}};\n' > $@

$(BUILD)/l0/l0.1.elf: $(L0_OBJ) $(BUILD)/l0/symbols-none.c l0hv/boot/l0.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(L0_CFLAGS) $(L0_LDFLAGS) -o $@ $(BUILD)/l0/symbols-none.c $(L0_OBJ) $(L0_LIBS)

$(BUILD)/l0/symbols.c: $(BUILD)/l0/l0.1.elf
	$(Q)scripts/symbols $< > $@

$(BUILD)/l0/l0.2.elf: $(BUILD)/l0/symbols.c
	$(call say,LD,$@)
	$(Q)$(CC) $(L0_CFLAGS) $(L0_LDFLAGS) -o $@ $(BUILD)/l0/symbols.c $(L0_OBJ) $(L0_LIBS)

# Multiboot-1 loaders take 32-bit ELF only; L0 lies below 4 GiB, so that its headers can be made so.
$(BUILD)/l0.elf: $(BUILD)/l0/l0.2.elf
	$(call say,IMAGE,$@)
	$(Q)objcopy -O elf32-i386 --strip-debug $< $@
