/* SPDX-License-Identifier: MIT */
/*
 * Control bits as masks (CPU_HLT_EXITING is bit 7 of CPU_CTLS), made from controls_list.h, and the table of
 * them.
 */
#ifndef VMCS_MERGE_CONTROLS_H
#define VMCS_MERGE_CONTROLS_H

#include <stdint.h>

#include "vmcs_merge/controls_list.h"

/* The five 32-bit control words that merge bit by bit. */
enum control_word { WORD_PIN, WORD_CPU, WORD_CPU2, WORD_EXIT, WORD_ENTRY, CONTROL_WORDS };

/* How vmcs02 gets a bit. vmcs01 stands for what L0 asks of the processor while L1 runs. */
enum control_rule {
	BIT_FROM12, /* as in vmcs12 */
	BIT_FROM01, /* as in vmcs01 */
	BIT_OR, /* set if vmcs12 or vmcs01 sets it */
	BIT_AND, /* set if vmcs12 and vmcs01 set it */
	BIT_ON,
	BIT_OFF,
	BIT_POLICY, /* clear, unless L0's merge policy sets it */
};

enum vmx_control_bit {
#define VMX_CONTROL_BITNUM(a, b, word, name, bit, rule, offered, reason) BITNUM_##name = (bit),
	VMX_CONTROLS(VMX_CONTROL_BITNUM, , )
#undef VMX_CONTROL_BITNUM
};

#define PIN_EXT_INT_EXITING        (1u << BITNUM_PIN_EXT_INT_EXITING)
#define PIN_NMI_EXITING            (1u << BITNUM_PIN_NMI_EXITING)
#define PIN_VIRTUAL_NMIS           (1u << BITNUM_PIN_VIRTUAL_NMIS)
#define PIN_PREEMPTION_TIMER       (1u << BITNUM_PIN_PREEMPTION_TIMER)
#define PIN_POSTED_INTERRUPTS      (1u << BITNUM_PIN_POSTED_INTERRUPTS)
#define CPU_INTR_WINDOW            (1u << BITNUM_CPU_INTR_WINDOW)
#define CPU_TSC_OFFSETTING         (1u << BITNUM_CPU_TSC_OFFSETTING)
#define CPU_HLT_EXITING            (1u << BITNUM_CPU_HLT_EXITING)
#define CPU_INVLPG_EXITING         (1u << BITNUM_CPU_INVLPG_EXITING)
#define CPU_MWAIT_EXITING          (1u << BITNUM_CPU_MWAIT_EXITING)
#define CPU_RDPMC_EXITING          (1u << BITNUM_CPU_RDPMC_EXITING)
#define CPU_RDTSC_EXITING          (1u << BITNUM_CPU_RDTSC_EXITING)
#define CPU_CR3_LOAD_EXITING       (1u << BITNUM_CPU_CR3_LOAD_EXITING)
#define CPU_CR3_STORE_EXITING      (1u << BITNUM_CPU_CR3_STORE_EXITING)
#define CPU_ACTIVATE_CTLS3         (1u << BITNUM_CPU_ACTIVATE_CTLS3)
#define CPU_CR8_LOAD_EXITING       (1u << BITNUM_CPU_CR8_LOAD_EXITING)
#define CPU_CR8_STORE_EXITING      (1u << BITNUM_CPU_CR8_STORE_EXITING)
#define CPU_TPR_SHADOW             (1u << BITNUM_CPU_TPR_SHADOW)
#define CPU_NMI_WINDOW             (1u << BITNUM_CPU_NMI_WINDOW)
#define CPU_MOV_DR_EXITING         (1u << BITNUM_CPU_MOV_DR_EXITING)
#define CPU_UNCOND_IO_EXITING      (1u << BITNUM_CPU_UNCOND_IO_EXITING)
#define CPU_IO_BITMAPS             (1u << BITNUM_CPU_IO_BITMAPS)
#define CPU_MTF                    (1u << BITNUM_CPU_MTF)
#define CPU_MSR_BITMAPS            (1u << BITNUM_CPU_MSR_BITMAPS)
#define CPU_MONITOR_EXITING        (1u << BITNUM_CPU_MONITOR_EXITING)
#define CPU_PAUSE_EXITING          (1u << BITNUM_CPU_PAUSE_EXITING)
#define CPU_ACTIVATE_CTLS2         (1u << BITNUM_CPU_ACTIVATE_CTLS2)
#define CTL2_APIC_ACCESSES         (1u << BITNUM_CTL2_APIC_ACCESSES)
#define CTL2_EPT                   (1u << BITNUM_CTL2_EPT)
#define CTL2_DESC_TABLE_EXITING    (1u << BITNUM_CTL2_DESC_TABLE_EXITING)
#define CTL2_RDTSCP                (1u << BITNUM_CTL2_RDTSCP)
#define CTL2_X2APIC_MODE           (1u << BITNUM_CTL2_X2APIC_MODE)
#define CTL2_VPID                  (1u << BITNUM_CTL2_VPID)
#define CTL2_WBINVD_EXITING        (1u << BITNUM_CTL2_WBINVD_EXITING)
#define CTL2_UNRESTRICTED_GUEST    (1u << BITNUM_CTL2_UNRESTRICTED_GUEST)
#define CTL2_APIC_REGISTERS        (1u << BITNUM_CTL2_APIC_REGISTERS)
#define CTL2_VIRTUAL_INTR_DELIVERY (1u << BITNUM_CTL2_VIRTUAL_INTR_DELIVERY)
#define CTL2_PAUSE_LOOP_EXITING    (1u << BITNUM_CTL2_PAUSE_LOOP_EXITING)
#define CTL2_RDRAND_EXITING        (1u << BITNUM_CTL2_RDRAND_EXITING)
#define CTL2_INVPCID               (1u << BITNUM_CTL2_INVPCID)
#define CTL2_VMFUNC                (1u << BITNUM_CTL2_VMFUNC)
#define CTL2_VMCS_SHADOWING        (1u << BITNUM_CTL2_VMCS_SHADOWING)
#define CTL2_ENCLS_EXITING         (1u << BITNUM_CTL2_ENCLS_EXITING)
#define CTL2_RDSEED_EXITING        (1u << BITNUM_CTL2_RDSEED_EXITING)
#define CTL2_PML                   (1u << BITNUM_CTL2_PML)
#define CTL2_VE                    (1u << BITNUM_CTL2_VE)
#define CTL2_CONCEAL_PT            (1u << BITNUM_CTL2_CONCEAL_PT)
#define CTL2_XSAVES                (1u << BITNUM_CTL2_XSAVES)
#define CTL2_PASID                 (1u << BITNUM_CTL2_PASID)
#define CTL2_MODE_BASED_EXECUTE    (1u << BITNUM_CTL2_MODE_BASED_EXECUTE)
#define CTL2_SUB_PAGE              (1u << BITNUM_CTL2_SUB_PAGE)
#define CTL2_PT_GUEST_PHYSICAL     (1u << BITNUM_CTL2_PT_GUEST_PHYSICAL)
#define CTL2_TSC_SCALING           (1u << BITNUM_CTL2_TSC_SCALING)
#define CTL2_USER_WAIT_PAUSE       (1u << BITNUM_CTL2_USER_WAIT_PAUSE)
#define CTL2_PCONFIG               (1u << BITNUM_CTL2_PCONFIG)
#define CTL2_ENCLV_EXITING         (1u << BITNUM_CTL2_ENCLV_EXITING)
#define CTL2_EPC_VIRT              (1u << BITNUM_CTL2_EPC_VIRT)
#define CTL2_BUS_LOCK_DETECTION    (1u << BITNUM_CTL2_BUS_LOCK_DETECTION)
#define CTL2_INSTR_TIMEOUT         (1u << BITNUM_CTL2_INSTR_TIMEOUT)
#define EXIT_CTL_SAVE_DEBUG        (1u << BITNUM_EXIT_CTL_SAVE_DEBUG)
#define EXIT_CTL_HOST_64           (1u << BITNUM_EXIT_CTL_HOST_64)
#define EXIT_CTL_LOAD_PERF_GLOBAL  (1u << BITNUM_EXIT_CTL_LOAD_PERF_GLOBAL)
#define EXIT_CTL_ACK_INTERRUPT     (1u << BITNUM_EXIT_CTL_ACK_INTERRUPT)
#define EXIT_CTL_SAVE_PAT          (1u << BITNUM_EXIT_CTL_SAVE_PAT)
#define EXIT_CTL_LOAD_PAT          (1u << BITNUM_EXIT_CTL_LOAD_PAT)
#define EXIT_CTL_SAVE_EFER         (1u << BITNUM_EXIT_CTL_SAVE_EFER)
#define EXIT_CTL_LOAD_EFER         (1u << BITNUM_EXIT_CTL_LOAD_EFER)
#define EXIT_CTL_SAVE_TIMER        (1u << BITNUM_EXIT_CTL_SAVE_TIMER)
#define EXIT_CTL_CLEAR_BNDCFGS     (1u << BITNUM_EXIT_CTL_CLEAR_BNDCFGS)
#define EXIT_CTL_CONCEAL_PT        (1u << BITNUM_EXIT_CTL_CONCEAL_PT)
#define EXIT_CTL_CLEAR_RTIT        (1u << BITNUM_EXIT_CTL_CLEAR_RTIT)
#define EXIT_CTL_CLEAR_LBR         (1u << BITNUM_EXIT_CTL_CLEAR_LBR)
#define EXIT_CTL_CLEAR_UINV        (1u << BITNUM_EXIT_CTL_CLEAR_UINV)
#define EXIT_CTL_LOAD_CET          (1u << BITNUM_EXIT_CTL_LOAD_CET)
#define EXIT_CTL_LOAD_PKRS         (1u << BITNUM_EXIT_CTL_LOAD_PKRS)
#define EXIT_CTL_SAVE_PERF_GLOBAL  (1u << BITNUM_EXIT_CTL_SAVE_PERF_GLOBAL)
#define EXIT_CTL_ACTIVATE_CTLS2    (1u << BITNUM_EXIT_CTL_ACTIVATE_CTLS2)
#define ENTRY_CTL_LOAD_DEBUG       (1u << BITNUM_ENTRY_CTL_LOAD_DEBUG)
#define ENTRY_CTL_IA32E_GUEST      (1u << BITNUM_ENTRY_CTL_IA32E_GUEST)
#define ENTRY_CTL_ENTRY_TO_SMM     (1u << BITNUM_ENTRY_CTL_ENTRY_TO_SMM)
#define ENTRY_CTL_DEACTIVATE_DUAL  (1u << BITNUM_ENTRY_CTL_DEACTIVATE_DUAL)
#define ENTRY_CTL_LOAD_PERF_GLOBAL (1u << BITNUM_ENTRY_CTL_LOAD_PERF_GLOBAL)
#define ENTRY_CTL_LOAD_PAT         (1u << BITNUM_ENTRY_CTL_LOAD_PAT)
#define ENTRY_CTL_LOAD_EFER        (1u << BITNUM_ENTRY_CTL_LOAD_EFER)
#define ENTRY_CTL_LOAD_BNDCFGS     (1u << BITNUM_ENTRY_CTL_LOAD_BNDCFGS)
#define ENTRY_CTL_CONCEAL_PT       (1u << BITNUM_ENTRY_CTL_CONCEAL_PT)
#define ENTRY_CTL_LOAD_RTIT        (1u << BITNUM_ENTRY_CTL_LOAD_RTIT)
#define ENTRY_CTL_LOAD_UINV        (1u << BITNUM_ENTRY_CTL_LOAD_UINV)
#define ENTRY_CTL_LOAD_CET         (1u << BITNUM_ENTRY_CTL_LOAD_CET)
#define ENTRY_CTL_LOAD_LBR         (1u << BITNUM_ENTRY_CTL_LOAD_LBR)
#define ENTRY_CTL_LOAD_PKRS        (1u << BITNUM_ENTRY_CTL_LOAD_PKRS)
#define ENTRY_CTL_LOAD_FRED        (1u << BITNUM_ENTRY_CTL_LOAD_FRED)

struct control_row {
	uint8_t word; /* enum control_word */
	uint8_t bit;
	uint8_t rule; /* enum control_rule */
	uint8_t offered;
	const char *name;
	const char *reason;
};

extern const struct control_row control_table[];
extern const unsigned control_count;
extern const char *const control_rule_name[];
extern const char *const control_word_name[CONTROL_WORDS]; /* the field that holds the word */

/* The row of a bit, or NULL: a reserved bit, which only the capability MSRs decide. */
const struct control_row *control_find(enum control_word word, unsigned bit);

/* Masks of each word's bits by rule, for the merge, and of those that L1 may set. */
struct control_masks {
	uint32_t from12, from01, either, both, on, off, policy;
	uint32_t offered, known;
};
extern const struct control_masks control_masks[CONTROL_WORDS];

#endif
