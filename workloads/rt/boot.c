/* SPDX-License-Identifier: MIT */
/* From the assembly entry to rt_main(). */
#include "internal.h"
#include "rt.h"
#include "rt_apic.h"

void rt_boot(uint32_t magic, const struct multiboot_info *info)
{
	rt_traps_init();
	rt_cpu_init(0);
	rt_multiboot(magic, info);
	rt_pic_mask();
	rt_main();
	rt_shutdown();
}
