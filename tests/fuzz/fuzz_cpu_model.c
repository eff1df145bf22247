/* SPDX-License-Identifier: MIT */
/* libvirt's <cpu>, with its CPU map; a small one of the tests where libvirt is not installed. */
#include "cpu_baseline/read/cpu_map.h"
#include "tests/fuzz/fuzz_cpu_read.h"

static struct cpu_map *load(void)
{
	struct cpu_read_report report;
	struct cpu_map *map = cpu_map_load(NULL, &report);

	if (!map)
		map = cpu_map_load("tests/unit/data/cpu/map3", &report);
	if (!map)
		abort();
	return map;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cpu_map *map;
	struct cpu_read_options options;

	if (!map)
		map = load();
	options = (struct cpu_read_options){.map = map};
	fuzz_reader(xml_read, &options, data, size);
	return 0;
}
