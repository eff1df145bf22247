# SPDX-License-Identifier: MIT
# The program `kvm-run`: one VM under Linux KVM, linked statically, so that an initramfs holds it and nothing else;
# stripped and with names of files from the build folder on, so that it is the same in every folder.
KVM_RUN_DIR     := experiments/peers/kvm/vmm
KVM_RUN_SOURCES := $(sort $(wildcard $(KVM_RUN_DIR)/*.c)) experiments/files.c experiments/record_frame.c experiments/setting.c experiments/text.c \
	migration/dirty.c
KVM_RUN_OBJECTS := $(KVM_RUN_SOURCES:%.c=$(BUILD)/nestbed.o/%.o) $(BUILD)/nestbed.o/record.pb-c.o
# The sanitizers have no static form.
KVM_RUN_STATIC   = $(if $(filter 1,$(SAN)),,-static)

ALL += $(BUILD)/peers/kvm-run

$(BUILD)/peers/kvm-run: $(KVM_RUN_OBJECTS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(HOST_CFLAGS) $(KVM_RUN_STATIC) -s -Wl,--build-id=none -o $@ $^ -lprotobuf-c

$(call unit_test,test_kvm_load,tests/unit/test_kvm_load.c $(KVM_RUN_DIR)/load.c)
$(call unit_test,test_kvm_devices,tests/unit/test_kvm_devices.c $(KVM_RUN_DIR)/devices.c)
$(call unit_test,test_kvm_sets,tests/unit/test_kvm_sets.c $(KVM_RUN_DIR)/sets.c migration/dirty.c)
$(call fuzzer,kvm_load,tests/fuzz/fuzz_kvm_load.c $(KVM_RUN_DIR)/load.c)
