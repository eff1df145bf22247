/* SPDX-License-Identifier: MIT */
/* What `cpu-baseline --json` prints. */
#include "tests/fuzz/fuzz_cpu_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(json_read, NULL, data, size);
	return 0;
}
