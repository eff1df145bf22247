# SPDX-License-Identifier: MIT
# wbinvd: WBINVD, WBNOINVD and INVD between writes (docs/workloads.md).
$(call guest,wbinvd,workloads/wbinvd/main.c workloads/dirtier/pages.c workloads/dirtier/fill.c)
