/* SPDX-License-Identifier: MIT */
/* libvirt's <cpudata>. */
#include "tests/fuzz/fuzz_cpu_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(xml_read, NULL, data, size);
	return 0;
}
