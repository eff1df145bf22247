# SPDX-License-Identifier: MIT
# idle: has memory, and halts between timer interrupts (docs/workloads.md).
$(call guest,idle,workloads/idle/main.c workloads/dirtier/fill.c)
