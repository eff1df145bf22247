# SPDX-License-Identifier: MIT
# hidden: what CPUID hides is off, what it shows works (docs/cpu-policy.md).
$(call guest,hidden,workloads/hidden/main.c workloads/hidden/registers.c workloads/hidden/instructions.c)
