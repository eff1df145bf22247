# SPDX-License-Identifier: MIT
$(call guest,vmxreflect,$(sort $(wildcard workloads/vmxreflect/*.c workloads/vmxreflect/*.S)))
