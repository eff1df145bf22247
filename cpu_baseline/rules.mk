# SPDX-License-Identifier: MIT
# The table's and the baseline's tests.
CPU_TEST := tests/unit/cpu_dumps.c tests/unit/cpu_properties.c tests/unit/cpu_random.c

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_cpu_baseline_*.c)),$(call unit_test,$(t),tests/unit/$(t).c $(CPU_TEST) $(CPU_SRC)))
$(call unit_test,test_cpu_pool,tests/unit/test_cpu_pool.c $(CPU_SRC))
$(call fuzzer,cpu_baseline,tests/fuzz/fuzz_cpu_baseline.c $(CPU_TEST) $(CPU_SRC))

mutate-cpu: ## Break each rule of the CPU baseline in turn; a test must fail each time
	$(Q)cpu_baseline/mutate $(BUILD)/mutants
.PHONY: mutate-cpu
