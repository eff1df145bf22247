# SPDX-License-Identifier: MIT
# Tests of the link's pure part; L0's rules compile the folder.
$(call unit_test,test_reliable,tests/unit/test_reliable.c l0hv/net/reliable.c)
$(call fuzzer,reliable,tests/fuzz/fuzz_reliable.c l0hv/net/reliable.c)
