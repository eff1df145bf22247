# SPDX-License-Identifier: MIT
$(call guest,vmxsmp,workloads/vmxsmp/main.c workloads/vmx/host_state.c)
