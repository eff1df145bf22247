# SPDX-License-Identifier: MIT
$(call guest,vmxtest,$(sort $(wildcard workloads/vmxtest/*.c workloads/vmxtest/*.S)) workloads/vmx/host_state.c)
