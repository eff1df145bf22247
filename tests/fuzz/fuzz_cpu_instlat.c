/* SPDX-License-Identifier: MIT */
/* Dumps of InstLatx64. */
#include "tests/fuzz/fuzz_cpu_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(instlat_read, NULL, data, size);
	return 0;
}
