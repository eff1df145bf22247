/* SPDX-License-Identifier: MIT */
/* `cpuid -r` text and records of cpudump. */
#include "tests/fuzz/fuzz_cpu_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(cpuid_text_read, NULL, data, size);
	return 0;
}
