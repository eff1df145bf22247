# SPDX-License-Identifier: MIT
# exits: what each operation costs, bare, as L1 and as L2.
$(call guest,exits,$(wildcard workloads/exits/*.c workloads/exits/*.S))
# The same, marked for a trace of what it makes L0 execute (docs/experiments.md).
$(call guest,exits-traced,workloads/exits/traced/main.c $(filter-out %/main.c,$(wildcard workloads/exits/*.c)) \
	$(wildcard workloads/exits/*.S))
