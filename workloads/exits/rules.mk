# SPDX-License-Identifier: MIT
# exits: what each operation costs, bare, as L1 and as L2.
$(call guest,exits,$(wildcard workloads/exits/*.c workloads/exits/*.S))
