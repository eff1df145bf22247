// SPDX-License-Identifier: MIT
/*
 * l1hv: a VT-x hypervisor that runs its first multiboot module as its guest. Bare it is an L0 for that guest,
 * under another hypervisor an L1. docs/l1.md describes it.
 */
#include "capability.h"
#include "ept.h"
#include "events.h"
#include "loader.h"
#include "pages.h"
#include "report.h"

#define MEMORY_TOP    0xC0000000ull /* rt maps what is behind it uncached */
#define VECTOR_OF_NMI 2

extern char rt_image_end[]; /* rt.ld */

/* The widest range of RAM that neither the image nor a module covers. */
static void find_memory(void)
{
	const uint64_t top = rt_boot_info.memory_bytes < MEMORY_TOP ? rt_boot_info.memory_bytes : MEMORY_TOP;
	uint64_t best_start = 0, best_end = 0;

	for (uint32_t i = 0; i <= rt_boot_info.module_count; i++) {
		const uint64_t start = i ? rt_boot_info.module[i - 1].end : (uint64_t)rt_image_end;
		uint64_t end = top;

		if (start < (uint64_t)rt_image_end)
			continue;
		for (uint32_t j = 0; j < rt_boot_info.module_count; j++)
			if (rt_boot_info.module[j].end > start && rt_boot_info.module[j].start < end)
				end = rt_boot_info.module[j].start;
		if (end > start && end - start > best_end - best_start) {
			best_start = start;
			best_end = end;
		}
	}
	pages_init(best_start, best_end);
}

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	events_nmi_in_root();
}

/* What L2's world begins with, where l1hv shares a register with it. */
static void reset_shared_state(void)
{
	if (read_cr4() & CR4_OSXSAVE)
		xsetbv(0, 1);
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
	write_dr6(0xFFFF0FF0);
}

void rt_main(void)
{
	struct missing missing = {0};
	const char *bad;
	uint32_t entry_point = 0, info = 0;
	uint64_t eptp;

	if (options_parse(rt_boot_info.cmdline, &hv.opt, &bad)) {
		missing_add(&missing, bad);
		report_refusal("command line has a word that l1hv does not know, or a bad value", &missing);
	}
	capability_probe(&hv.cap, &hv.opt, &missing);
	report_hello(&hv.cap, hv.opt.unit);
	if (missing.count)
		report_refusal("this processor lacks what l1hv needs", &missing);
	find_memory();
	vmx_on(&hv.cap);
	eptp = ept_build(hv.opt.memory, &hv.cap);
	if (!eptp)
		report_refusal("not enough memory for L2: see memory=", &missing);
	bad = l2_load(hv.opt.memory, &entry_point, &info);
	if (bad)
		report_refusal(bad, &missing);
	rt_on(VECTOR_OF_NMI, on_nmi);
	vmcs_setup(eptp, entry_point, info);
	reset_shared_state();
	vmx_launch();
}
