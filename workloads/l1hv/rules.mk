# SPDX-License-Identifier: MIT
# l1hv: a VT-x hypervisor as a guest, the L1 of docs/l1.md.
L1HV := $(wildcard workloads/l1hv/*.c workloads/l1hv/*.S) workloads/vmx/host_state.c
$(call guest,l1hv,$(L1HV) workloads/l1hv/write_back/skipped.c)
# The same, but what L2 does to caches it does for it.
$(call guest,l1hv-wbinvd,$(L1HV) workloads/l1hv/write_back/executed.c)
