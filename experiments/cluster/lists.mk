# SPDX-License-Identifier: MIT
# Where MPI's headers are; those are not ours to warn about.
CLUSTER_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I ompi-c yaml-0.1 2>/dev/null))
