# SPDX-License-Identifier: MIT
# Emulated devices and the instruction decoder: linked into L0 freestanding, into tests and fuzzers hosted.
DEVICE_SRC := $(wildcard l0hv/devices/*.c l0hv/emulate/*.c)

DEVICE_TESTS   := test_devices_pic test_devices_ports test_devices_lapic test_insn test_insn_native
DEVICE_FUZZERS := fuzz_insn fuzz_devices
UNIT_TESTS     += $(DEVICE_TESTS:%=$(BUILD)/tests/%)
FUZZERS        += $(DEVICE_FUZZERS:%=$(BUILD)/fuzz/%)
DEVICE_HDR     := $(wildcard l0hv/devices/*.h l0hv/emulate/*.h tests/unit/device_script.h)

# Host tests of hostile input are of little use without the sanitizers.
$(DEVICE_TESTS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: tests/unit/%.c tests/unit/device_script.c $(DEVICE_SRC) $(DEVICE_HDR)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(HOST_CFLAGS) -fsanitize=address,undefined -fno-sanitize-recover=all \
		-o $@ $(filter %.c,$^) -lcmocka

$(DEVICE_FUZZERS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: tests/fuzz/%.c $(DEVICE_SRC) $(DEVICE_HDR)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && clang $(HOST_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $(filter %.c,$^)
