# SPDX-License-Identifier: MIT
$(call guest,vmxfuzz,$(sort $(wildcard workloads/vmxfuzz/*.c workloads/vmxfuzz/*.S)) workloads/vmx/host_state.c)
