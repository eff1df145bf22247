# SPDX-License-Identifier: MIT
# What reads the configuration text, for hosted programs; L0 compiles the whole folder.
CONFIG_SRC := bundle/config.c bundle/cpu_section.c bundle/ports.c bundle/words.c cpu_baseline/policy.c
