/* SPDX-License-Identifier: MIT */
/*
 * Every VM-execution, VM-exit and VM-entry control bit (SDM, "VM-Execution Control Fields", "VM-Exit Control
 * Fields", "VM-Entry Control Fields"): one row a bit.
 *   X(a, b, word, name, bit, rule, offered, reason); a and b are the caller's, passed to each row
 * rule:    how vmcs02 gets the bit (controls.h, control_rule); L0's policy may set or clear it on top
 * offered: does L0 let L1 set it (when the processor can)
 */
#ifndef VMCS_MERGE_CONTROLS_LIST_H
#define VMCS_MERGE_CONTROLS_LIST_H

/* clang-format off */
#define VMX_CONTROLS(X, a, b) \
	X(a, b, PIN,   PIN_EXT_INT_EXITING,          0, BIT_OR,     OFFERED,  "interrupts are L0's; L1's wish is honoured when L0 reflects") \
	X(a, b, PIN,   PIN_NMI_EXITING,              3, BIT_OR,     OFFERED,  "NMIs are L0's; L1's wish is honoured when L0 reflects") \
	X(a, b, PIN,   PIN_VIRTUAL_NMIS,             5, BIT_OR,     OFFERED,  "NMI blocking is tracked for whoever injects") \
	X(a, b, PIN,   PIN_PREEMPTION_TIMER,         6, BIT_FROM01, OFFERED,  "L0 has the one timer: it counts for L1's and its own, whichever is due first") \
	X(a, b, PIN,   PIN_POSTED_INTERRUPTS,        7, BIT_OFF,    WITHHELD, "L0 delivers L1's interrupts: no vector of the processor's is L1's to be notified by") \
	X(a, b, CPU,   CPU_INTR_WINDOW,              2, BIT_FROM12, OFFERED,  "L1 waits for L2's window; L0 for its own by policy") \
	X(a, b, CPU,   CPU_TSC_OFFSETTING,           3, BIT_OR,     OFFERED,  "offsets add: either needs it on") \
	X(a, b, CPU,   CPU_HLT_EXITING,              7, BIT_OR,     OFFERED,  "either may trap: a halted L2 leaves the processor to L0") \
	X(a, b, CPU,   CPU_INVLPG_EXITING,           9, BIT_FROM12, OFFERED,  "L0 needs no INVLPG of L2: it uses EPT") \
	X(a, b, CPU,   CPU_MWAIT_EXITING,           10, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_RDPMC_EXITING,           11, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_RDTSC_EXITING,           12, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_CR3_LOAD_EXITING,        15, BIT_FROM12, OFFERED,  "L0 needs no CR3 of L2: it uses EPT") \
	X(a, b, CPU,   CPU_CR3_STORE_EXITING,       16, BIT_FROM12, OFFERED,  "L0 needs no CR3 of L2: it uses EPT") \
	X(a, b, CPU,   CPU_ACTIVATE_CTLS3,          17, BIT_OFF,    WITHHELD, "none of the tertiary controls is offered") \
	X(a, b, CPU,   CPU_CR8_LOAD_EXITING,        19, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_CR8_STORE_EXITING,       20, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_TPR_SHADOW,              21, BIT_FROM12, OFFERED,  "L1 gives L2 a TPR in a page of its own; L0 uses none for L1") \
	X(a, b, CPU,   CPU_NMI_WINDOW,              22, BIT_FROM12, OFFERED,  "L1 waits for L2's window; L0 for its own by policy") \
	X(a, b, CPU,   CPU_MOV_DR_EXITING,          23, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_UNCOND_IO_EXITING,       24, BIT_OR,     OFFERED,  "either may trap, also in place of bitmaps that L2 does not run on; ignored while I/O bitmaps are used") \
	X(a, b, CPU,   CPU_IO_BITMAPS,              25, BIT_POLICY, OFFERED,  "L0 decides whether L2 runs on the merged bitmaps") \
	X(a, b, CPU,   CPU_MTF,                     27, BIT_FROM12, OFFERED,  "L1 steps L2; L0 for its own by policy") \
	X(a, b, CPU,   CPU_MSR_BITMAPS,             28, BIT_POLICY, OFFERED,  "L0 decides whether L2 runs on the merged bitmap") \
	X(a, b, CPU,   CPU_MONITOR_EXITING,         29, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_PAUSE_EXITING,           30, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU,   CPU_ACTIVATE_CTLS2,          31, BIT_OR,     OFFERED,  "either's secondary controls need it") \
	X(a, b, CPU2,  CTL2_APIC_ACCESSES,           0, BIT_FROM12, OFFERED,  "L1 virtualizes L2's APIC; L0 uses none of this for L1") \
	X(a, b, CPU2,  CTL2_EPT,                     1, BIT_FROM01, OFFERED,  "L0 always translates: EPT02 holds EPT12 over EPT01, or EPT01 alone") \
	X(a, b, CPU2,  CTL2_DESC_TABLE_EXITING,      2, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU2,  CTL2_RDTSCP,                  3, BIT_AND,    OFFERED,  "an instruction that is enabled needs both") \
	X(a, b, CPU2,  CTL2_X2APIC_MODE,             4, BIT_FROM12, OFFERED,  "L1 virtualizes L2's APIC; the merged MSR bitmap lets through what the processor then virtualizes") \
	X(a, b, CPU2,  CTL2_VPID,                    5, BIT_FROM01, OFFERED,  "L0 tags L2's translations itself") \
	X(a, b, CPU2,  CTL2_WBINVD_EXITING,          6, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU2,  CTL2_UNRESTRICTED_GUEST,      7, BIT_FROM12, OFFERED,  "L1 decides whether L2 may run unpaged") \
	X(a, b, CPU2,  CTL2_APIC_REGISTERS,          8, BIT_FROM12, OFFERED,  "L1 virtualizes L2's APIC") \
	X(a, b, CPU2,  CTL2_VIRTUAL_INTR_DELIVERY,   9, BIT_FROM12, OFFERED,  "L1 virtualizes L2's APIC") \
	X(a, b, CPU2,  CTL2_PAUSE_LOOP_EXITING,     10, BIT_FROM12, OFFERED,  "L1 finds L2's spinning vCPUs") \
	X(a, b, CPU2,  CTL2_RDRAND_EXITING,         11, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU2,  CTL2_INVPCID,                12, BIT_AND,    OFFERED,  "an instruction that is enabled needs both") \
	X(a, b, CPU2,  CTL2_VMFUNC,                 13, BIT_FROM12, OFFERED,  "EPT02 is L0's to switch: no function is enabled, so that each VMFUNC exits to L0") \
	X(a, b, CPU2,  CTL2_VMCS_SHADOWING,         14, BIT_OFF,    OFFERED,  "L2's VMREAD and VMWRITE exit to L0, which serves them from L1's shadow VMCS") \
	X(a, b, CPU2,  CTL2_ENCLS_EXITING,          15, BIT_FROM01, WITHHELD, "SGX is not offered") \
	X(a, b, CPU2,  CTL2_RDSEED_EXITING,         16, BIT_OR,     OFFERED,  "either may trap") \
	X(a, b, CPU2,  CTL2_PML,                    17, BIT_POLICY, OFFERED,  "the processor would log into L0's page: L0 sets EPT12's dirty flags, and logs for L1 as it does") \
	X(a, b, CPU2,  CTL2_VE,                     18, BIT_OFF,    OFFERED,  "EPT02 lacks what L2 has not touched yet: L0 tells EPT12's violations from those, and raises #VE itself") \
	X(a, b, CPU2,  CTL2_CONCEAL_PT,             19, BIT_FROM01, WITHHELD, "processor trace is L0's") \
	X(a, b, CPU2,  CTL2_XSAVES,                 20, BIT_AND,    OFFERED,  "an instruction that is enabled needs both") \
	X(a, b, CPU2,  CTL2_PASID,                  21, BIT_OFF,    WITHHELD, "no device of the VM takes a PASID") \
	X(a, b, CPU2,  CTL2_MODE_BASED_EXECUTE,     22, BIT_OFF,    WITHHELD, "EPT02 has one execute bit") \
	X(a, b, CPU2,  CTL2_SUB_PAGE,               23, BIT_OFF,    WITHHELD, "EPT02 has no sub-page permissions") \
	X(a, b, CPU2,  CTL2_PT_GUEST_PHYSICAL,      24, BIT_OFF,    WITHHELD, "processor trace is L0's") \
	X(a, b, CPU2,  CTL2_TSC_SCALING,            25, BIT_FROM12, OFFERED,  "L1 scales its own TSC for L2; L0 scales none") \
	X(a, b, CPU2,  CTL2_USER_WAIT_PAUSE,        26, BIT_OFF,    WITHHELD, "TPAUSE, UMONITOR and UMWAIT are not offered to guests") \
	X(a, b, CPU2,  CTL2_PCONFIG,                27, BIT_OFF,    WITHHELD, "PCONFIG is not offered to guests") \
	X(a, b, CPU2,  CTL2_ENCLV_EXITING,          28, BIT_FROM01, WITHHELD, "SGX is not offered") \
	X(a, b, CPU2,  CTL2_EPC_VIRT,               29, BIT_OFF,    WITHHELD, "SGX is not offered") \
	X(a, b, CPU2,  CTL2_BUS_LOCK_DETECTION,     30, BIT_FROM01, WITHHELD, "L0's policy stands") \
	X(a, b, CPU2,  CTL2_INSTR_TIMEOUT,          31, BIT_FROM01, WITHHELD, "L0's policy stands") \
	X(a, b, EXIT,  EXIT_CTL_SAVE_DEBUG,          2, BIT_ON,     OFFERED,  "L0 needs L2's DR7 and IA32_DEBUGCTL; L1 gets them if it asks") \
	X(a, b, EXIT,  EXIT_CTL_HOST_64,             9, BIT_FROM01, OFFERED,  "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_LOAD_PERF_GLOBAL,   12, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_ACK_INTERRUPT,      15, BIT_FROM01, OFFERED,  "L0 takes the interrupt; L1's wish is honoured when L0 reflects") \
	X(a, b, EXIT,  EXIT_CTL_SAVE_PAT,           18, BIT_FROM01, OFFERED,  "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_LOAD_PAT,           19, BIT_FROM01, OFFERED,  "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_SAVE_EFER,          20, BIT_FROM01, OFFERED,  "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_LOAD_EFER,          21, BIT_FROM01, OFFERED,  "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_SAVE_TIMER,         22, BIT_FROM01, OFFERED,  "L0 computes what L1's timer has left") \
	X(a, b, EXIT,  EXIT_CTL_CLEAR_BNDCFGS,      23, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_CONCEAL_PT,         24, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_CLEAR_RTIT,         25, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_CLEAR_LBR,          26, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_CLEAR_UINV,         27, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_LOAD_CET,           28, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_LOAD_PKRS,          29, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_SAVE_PERF_GLOBAL,   30, BIT_FROM01, WITHHELD, "every exit lands in L0") \
	X(a, b, EXIT,  EXIT_CTL_ACTIVATE_CTLS2,     31, BIT_OFF,    WITHHELD, "none of the secondary exit controls is offered") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_DEBUG,         2, BIT_ON,     OFFERED,  "L2 gets vmcs12's values, or L1's own if vmcs12 loads none") \
	X(a, b, ENTRY, ENTRY_CTL_IA32E_GUEST,        9, BIT_FROM12, OFFERED,  "L2 state is L1's") \
	X(a, b, ENTRY, ENTRY_CTL_ENTRY_TO_SMM,      10, BIT_OFF,    WITHHELD, "allowed in SMM only") \
	X(a, b, ENTRY, ENTRY_CTL_DEACTIVATE_DUAL,   11, BIT_OFF,    WITHHELD, "allowed in SMM only") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_PERF_GLOBAL,  13, BIT_FROM01, WITHHELD, "performance counters are not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_PAT,          14, BIT_OR,     OFFERED,  "L2 gets vmcs12's value, or L1's own if vmcs12 loads none") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_EFER,         15, BIT_OR,     OFFERED,  "L2 gets vmcs12's value, or L1's own if vmcs12 loads none") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_BNDCFGS,      16, BIT_FROM01, WITHHELD, "MPX is not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_CONCEAL_PT,        17, BIT_FROM01, WITHHELD, "processor trace is L0's") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_RTIT,         18, BIT_FROM01, WITHHELD, "processor trace is L0's") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_UINV,         19, BIT_OFF,    WITHHELD, "user interrupts are not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_CET,          20, BIT_FROM01, WITHHELD, "CET is not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_LBR,          21, BIT_FROM01, WITHHELD, "architectural LBRs are not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_PKRS,         22, BIT_FROM01, WITHHELD, "supervisor protection keys are not offered to guests") \
	X(a, b, ENTRY, ENTRY_CTL_LOAD_FRED,         23, BIT_FROM01, WITHHELD, "FRED is not offered to guests")
/* clang-format on */

#endif
