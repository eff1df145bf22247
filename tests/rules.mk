# SPDX-License-Identifier: MIT
# Tests of L0's pure parts.
$(call unit_test,test_ept,tests/unit/test_ept.c l0hv/mm/ept.c)
$(call unit_test,test_ept_dirty,tests/unit/test_ept_dirty.c l0hv/mm/ept_dirty.c l0hv/mm/ept.c)
$(call unit_test,test_ept02,tests/unit/test_ept02.c tests/unit/reference_walk.c l0hv/nested/ept02.c l0hv/mm/ept.c)
$(call unit_test,test_gwalk,tests/unit/test_gwalk.c l0hv/mm/gwalk.c)
$(call unit_test,test_cpu_vmx,tests/unit/test_cpu_vmx.c l0hv/exits/cpu_vmx.c $(CPU_SRC) $(MERGE_SRC))
$(call unit_test,test_config,tests/unit/test_config.c $(CONFIG_SRC) bundle/bundle.c)
$(call unit_test,test_bundle,tests/unit/test_bundle.c bundle/bundle.c)
$(call fuzzer,config,tests/fuzz/fuzz_config.c $(CONFIG_SRC) bundle/bundle.c)
$(call fuzzer,bundle,tests/fuzz/fuzz_bundle.c bundle/bundle.c)
$(call fuzzer,ept02,tests/fuzz/fuzz_ept02.c tests/unit/reference_walk.c l0hv/nested/ept02.c l0hv/mm/ept.c)
