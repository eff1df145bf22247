# SPDX-License-Identifier: MIT
# Linux's KVM as L0: what boots it on Bochs, and what it runs there. Its kernel comes when it is first needed
# (experiments/peers/kvm/prepare).
PEER_KVM        := experiments/peers/kvm
PEER_KVM_CFLAGS  = $(filter-out -m64 -fcf-protection=none -mno-red-zone,$(FREE_CFLAGS)) -m32 -march=i686 -Wno-int-to-pointer-cast \
	-Wno-pointer-to-int-cast -MMD -MP
ALL += $(BUILD)/peers/linux.elf $(BUILD)/peers/machine-end $(BUILD)/peers/init $(BUILD)/peers/prepare

$(BUILD)/peers/boot/%.o: $(PEER_KVM)/boot/%
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(PEER_KVM_CFLAGS) -c -o $@ $<

$(BUILD)/peers/linux.elf: $(addprefix $(BUILD)/peers/boot/,entry.S.o linux.c.o acpi.c.o) $(PEER_KVM)/boot/linux.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(PEER_KVM_CFLAGS) -nostdlib -static -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,norelro \
		-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,-T,$(PEER_KVM)/boot/linux.ld -o $@ $(filter %.o,$^)
	$(Q)objcopy -S $@

$(BUILD)/peers/machine-end: $(PEER_KVM)/machine-end.c include/nestbed/ports.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(filter-out $(san_flags),$(HOST_CFLAGS)) -static -s -Wl,--build-id=none -o $@ $<

$(BUILD)/peers/init $(BUILD)/peers/prepare: $(BUILD)/peers/%: $(PEER_KVM)/%
	$(Q)mkdir -p $(@D) && cp $< $@
