# SPDX-License-Identifier: MIT
# avx2: chooses AVX2 or SSE2 once, by CPUID, and checks every round (docs/cpu-policy.md).
$(call guest,avx2,workloads/avx2/main.c workloads/avx2/steps.S)
