# SPDX-License-Identifier: MIT
$(call guest,vmxtest,$(sort $(wildcard workloads/vmxtest/*.c workloads/vmxtest/*.S)))
