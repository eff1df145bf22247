# SPDX-License-Identifier: MIT
# Small guests that system tests boot bare, as L1 and as L2: one file each.
$(foreach g,$(sort $(wildcard workloads/testguests/*.c)),$(call guest,$(notdir $(basename $(g))),$(g)))
