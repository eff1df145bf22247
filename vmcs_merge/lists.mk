# SPDX-License-Identifier: MIT
# What L0 and hosted programs compile from this folder; L0 does so with FREE_CFLAGS.
MERGE_SRC := vmcs_merge/fields.c vmcs_merge/caps.c vmcs_merge/controls.c vmcs_merge/merge_table.c vmcs_merge/merge.c \
	vmcs_merge/unmerge.c vmcs_merge/lazy.c vmcs_merge/bitmaps.c vmcs_merge/ownership.c vmcs_merge/checks.c \
	vmcs_merge/checks_controls.c vmcs_merge/checks_host.c vmcs_merge/checks_guest.c
