# SPDX-License-Identifier: MIT
# Tests of the devices and of the decoder.
DEVICE_TEST := tests/unit/device_script.c $(DEVICE_SRC)
$(call unit_test,test_devices_pic,tests/unit/test_devices_pic.c $(DEVICE_TEST))
$(call unit_test,test_devices_ports,tests/unit/test_devices_ports.c $(DEVICE_TEST))
$(call unit_test,test_devices_lapic,tests/unit/test_devices_lapic.c $(DEVICE_TEST))
$(call unit_test,test_devices_mtrr,tests/unit/test_devices_mtrr.c l0hv/devices/mtrr.c)
$(call unit_test,test_insn,tests/unit/test_insn.c $(EMULATE_SRC))
$(call unit_test,test_insn_native,tests/unit/test_insn_native.c $(EMULATE_SRC))
$(call unit_test,test_device_part,tests/unit/test_device_part.c tests/unit/device_guest.c l0hv/migrate/device_part.c $(DEVICE_SRC))
$(call fuzzer,migration_state,tests/fuzz/fuzz_migration_state.c tests/unit/device_guest.c l0hv/migrate/device_part.c $(DEVICE_SRC))
$(call fuzzer,devices,tests/fuzz/fuzz_devices.c $(DEVICE_SRC))
$(call fuzzer,insn,tests/fuzz/fuzz_insn.c $(EMULATE_SRC))
