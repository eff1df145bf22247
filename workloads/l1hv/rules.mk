# SPDX-License-Identifier: MIT
# l1hv: a VT-x hypervisor as a guest, the L1 of docs/l1.md.
$(call guest,l1hv,$(wildcard workloads/l1hv/*.c workloads/l1hv/*.S) workloads/vmx/host_state.c)
$(BUILD)/workloads/l1hv/report.c.o: $(BUILD)/version.txt
$(BUILD)/workloads/l1hv/report.c.o: GUEST_CFLAGS += -DNB_VERSION='"$(VERSION)"'
