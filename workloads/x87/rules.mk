# SPDX-License-Identifier: MIT
# x87: the same results with an FPU that CPUID shows and with one that it hides (docs/cpu-policy.md).
$(call guest,x87,workloads/x87/main.c workloads/x87/table.c)
