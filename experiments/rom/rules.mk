# SPDX-License-Identifier: MIT
# The boot ROM of the Bochs machine.
ROM_CFLAGS = $(filter-out -m64 -fcf-protection=none -mno-red-zone,$(FREE_CFLAGS)) -m32 -march=i686 -Wno-int-to-pointer-cast \
	-Wno-pointer-to-int-cast
ALL += $(BUILD)/rom.bin

$(BUILD)/rom.bin: experiments/rom/reset.S experiments/rom/rom.c experiments/rom/rom.ld experiments/rom/bare.h include/nestbed/boot.h \
		include/nestbed/mptable.h include/nestbed/multiboot.h include/nestbed/ports.h
	$(call say,ROM,$@)
	$(Q)mkdir -p $(BUILD)
	$(Q)$(CC) $(ROM_CFLAGS) -nostdlib -static -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noexecstack \
		-Wl,-T,experiments/rom/rom.ld -o $(BUILD)/rom.elf experiments/rom/reset.S experiments/rom/rom.c
	$(Q)objcopy -O binary --gap-fill 0xff $(BUILD)/rom.elf $@
	$(Q)test $$(stat -c %s $@) -eq 131072
