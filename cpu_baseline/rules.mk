# SPDX-License-Identifier: MIT
# The table's and the baseline's tests.
CPU_TEST := tests/unit/cpu_properties.c tests/unit/cpu_random.c

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_cpu_baseline_*.c)),$(call unit_test,$(t),tests/unit/$(t).c $(CPU_TEST) $(CPU_SRC)))
$(call unit_test,test_cpu_pool,tests/unit/test_cpu_pool.c $(CPU_SRC))
