# SPDX-License-Identifier: MIT
# Small guests that system tests boot bare, as L1 and as L2: one file each.
$(foreach g,$(sort $(wildcard workloads/testguests/*.c)),$(call guest,$(notdir $(basename $(g))),$(g)))

# One that is no ELF file. The stack is the last of what the loader zeroes.
ALL += $(BUILD)/guests/aout.bin
$(BUILD)/guests/aout.bin: workloads/testguests/aout.S include/nestbed/ports.h
	$(call say,AS,$@)
	$(Q)mkdir -p $(@D) && $(CC) -m32 -nostdlib -static -Iinclude -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-Ttext=0x1fffc0 -o $(BUILD)/aout.elf $<
	$(Q)objcopy -O binary -j .text $(BUILD)/aout.elf $@
