/* SPDX-License-Identifier: MIT */
/* First light: what the loader gave, one record, the end. */
#include "rt.h"
#include "rt_record.h"

void rt_main(void)
{
	rt_printf("hello\n");
	rt_printf("memory %lu KiB\n", rt_boot_info.memory_bytes / 1024);
	rt_printf("cmdline \"%s\"\n", rt_boot_info.cmdline);
	for (uint32_t i = 0; i < rt_boot_info.module_count; i++)
		rt_printf("module %u: %lu bytes, \"%s\"\n", i,
			  rt_boot_info.module[i].end - rt_boot_info.module[i].start,
			  rt_boot_info.module[i].cmdline);
	rt_value("hello", 1, "");
	rt_printf("bye\n");
}
