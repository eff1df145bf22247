# SPDX-License-Identifier: MIT
$(call guest,cpudump,workloads/cpudump/main.c)
