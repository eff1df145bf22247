// SPDX-License-Identifier: MIT
/*
 * vmxtest: what an L1 hypervisor sees of its L2. A row is a tiny piece of L2 code, the controls it runs
 * under, and what the SDM says L1 must then find. `only=TEXT` selects the rows whose names begin with TEXT
 * (an underscore is a space); `list` prints names instead. `abort=store`, `load` or `base` ends by a VMX
 * abort. `machine=hardware` also runs the rows that Bochs, at the bottom of everything otherwise, gets wrong.
 */
#include "lab_impl.h"

void rt_main(void)
{
	const char *missing = caps_probe(), *machine = rt_arg("machine");

	if (missing) {
		rt_skip("VMX", missing);
		rt_check_end();
		return;
	}
	lab_on_bochs = !machine || !strcmp(machine, "bochs");
	lab_on();
	if (rt_arg("abort"))
		test_vmx_abort(rt_arg("abort"));
	test_exceptions();
	test_pfec();
	test_delivery();
	test_injection();
	test_events();
	test_debug();
	test_control_registers();
	test_io();
	test_msr();
	test_instructions();
	test_ept();
	test_entry_checks();
	test_entry_controls();
	test_entry_host();
	test_entry_guest();
	test_entry_lists();
	test_capabilities();
	test_vmx_regions();
	test_vmx_modes();
	test_vmx_addressing();
	test_vmx_nmi();
	test_vmx_invalidations();
	test_vmx_protected();
	test_operands();
	test_state();
	test_kept();
	test_apic_access();
	test_apic_delivery();
	test_x2apic();
	test_vmfunc();
	test_shadowing();
	test_pml();
	test_virtualization_exceptions();
	test_activity();
	test_modes();
	test_ept_tables();
	test_vpid();
	test_timer();
	test_tsc();
	test_pause();
	test_instruction_info();
	test_task_switch();
	test_double_faults();
	test_loads();
	test_xsaves();
	test_sensitive();
	rt_check_end();
}
