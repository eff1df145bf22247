# SPDX-License-Identifier: MIT
# Tests and fuzzers of the readers.
CPU_READ_HOSTED := $(CPU_READ_SRC) cpu_baseline/policy.c
CPU_READ_FUZZ   := cpuid instlat cpudata model section json

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_cpu_read*.c)),$(call unit_test,$(t),tests/unit/$(t).c $(CPU_READ_HOSTED),$(CPU_READ_LIBS)))
$(foreach f,$(CPU_READ_FUZZ),$(call fuzzer,cpu_$(f),tests/fuzz/fuzz_cpu_$(f).c $(CPU_READ_HOSTED),$(CPU_READ_LIBS)))
