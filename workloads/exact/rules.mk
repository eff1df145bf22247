# SPDX-License-Identifier: MIT
# exact: an instruction that a hypervisor completes leaves what the processor leaves (docs/exact.md).
$(call guest,exact,$(sort $(wildcard workloads/exact/*.c workloads/exact/*.S)))
