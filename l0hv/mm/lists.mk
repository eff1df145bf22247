# SPDX-License-Identifier: MIT
# Pure parts of L0: the same files are linked into L0 and, hosted, into tests and fuzzers.
PURE_L0_SRC := l0hv/mm/ept.c l0hv/mm/gwalk.c l0hv/nested/ept02.c l0hv/boot/config.c l0hv/boot/bundle.c
