# SPDX-License-Identifier: MIT
# dirtier: writes pages by a seeded pattern and checks that none is lost (docs/workloads.md).
$(call guest,dirtier,workloads/dirtier/main.c workloads/dirtier/pages.c workloads/dirtier/fill.c)
