# SPDX-License-Identifier: MIT
# Tests and fuzzers of the readers.
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_cpu_read*.c)),$(call unit_test,$(t),tests/unit/$(t).c $(CPU_READ_SRC) $(CPU_SRC),$(CPU_READ_LIBS)))
