# SPDX-License-Identifier: MIT
# The merge library's tests, and vmcs-explain. Read once, whoever includes it first.
ifndef MERGE_RULES_READ
MERGE_RULES_READ := 1

MERGE_EXPLAIN := vmcs_merge/explain/parse.c vmcs_merge/explain/print.c

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_vmcs_merge*.c)),$(call unit_test,$(t),tests/unit/$(t).c $(MERGE_SRC)))
$(call unit_test,test_vmcs_explain,tests/unit/test_vmcs_explain.c $(MERGE_EXPLAIN) $(MERGE_SRC))
$(call fuzzer,vmcs_merge,tests/fuzz/fuzz_vmcs_merge.c $(MERGE_SRC))
$(call fuzzer,vmcs_checks,tests/fuzz/fuzz_vmcs_checks.c $(MERGE_SRC))
$(call fuzzer,vmcs_ownership,tests/fuzz/fuzz_vmcs_ownership.c $(MERGE_SRC))
$(call fuzzer,vmcs_bitmaps,tests/fuzz/fuzz_vmcs_bitmaps.c $(MERGE_SRC))
$(call fuzzer,vmcs_explain,tests/fuzz/fuzz_vmcs_explain.c $(MERGE_EXPLAIN) $(MERGE_SRC))

ALL += $(BUILD)/vmcs-explain
$(BUILD)/vmcs-explain: vmcs_merge/explain/main.c $(MERGE_EXPLAIN) $(MERGE_SRC) $(wildcard vmcs_merge/*.h vmcs_merge/*.def vmcs_merge/explain/*.h)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(HOST_CFLAGS) -DNESTBED_VERSION='"$(VERSION)"' -o $@ $(filter %.c,$^)

mutate-merge: ## Break each merge rule in turn; a test must fail each time
	$(Q)vmcs_merge/mutate $(BUILD)/mutants
.PHONY: mutate-merge

endif
