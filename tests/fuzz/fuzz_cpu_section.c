/* SPDX-License-Identifier: MIT */
/* A boot bundle's section that describes a CPU. */
#include "tests/fuzz/fuzz_cpu_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(section_read, NULL, data, size);
	return 0;
}
