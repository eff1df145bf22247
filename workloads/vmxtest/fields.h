/* SPDX-License-Identifier: MIT */
/* Encodings and bits that l1hv has no use for. SDM volume 3, appendix "Field Encoding in VMCS". */
#ifndef VMXTEST_FIELDS_H
#define VMXTEST_FIELDS_H

#include "workloads/l1hv/vmcs.h"

enum more_fields {
	GUEST_SS_SEL = 0x0804,
	GUEST_DS_SEL = 0x0806,
	GUEST_LDTR_SEL = 0x080C,
	GUEST_TR_SEL = 0x080E,
	EXIT_MSR_STORE_ADDRESS = 0x2006,
	EXIT_MSR_LOAD_ADDRESS = 0x2008,
	ENTRY_MSR_LOAD_ADDRESS = 0x200A,
	VIRTUAL_APIC_PAGE = 0x2012,
	APIC_ACCESS_PAGE = 0x2014,
	VM_FUNCTION_CTLS = 0x2018,
	TSC_MULTIPLIER = 0x2032,
	TPR_THRESHOLD = 0x401C,
	PLE_GAP = 0x4020,
	PLE_WINDOW = 0x4022,
	GUEST_CS_LIMIT = 0x4802,
	GUEST_TR_LIMIT = 0x480E,
	GUEST_DS_AR = 0x481A,
	GUEST_LDTR_AR = 0x4820,
	GUEST_TR_AR = 0x4822,
	PREEMPTION_TIMER = 0x482E,
	CR3_TARGET0 = 0x6008,
	CR3_TARGET1 = 0x600A,
	GUEST_SS_BASE = 0x680A,
	GUEST_FS_BASE = 0x680E,
	GUEST_TR_BASE = 0x6814,
};

#define PIN_PREEMPTION_TIMER (1u << 6)

#define CPU_MWAIT            (1u << 10)
#define CPU_RDPMC            (1u << 11)
#define CPU_TPR_SHADOW       (1u << 21)
#define CPU_MOV_DR           (1u << 23)
#define CPU_UNCONDITIONAL_IO (1u << 24)
#define CPU_MONITOR_TRAP     (1u << 27)
#define CPU_MONITOR          (1u << 29)

#define CPU2_APIC_ACCESSES      (1u << 0)
#define CPU2_DESCRIPTOR_TABLES  (1u << 2)
#define CPU2_X2APIC             (1u << 4)
#define CPU2_APIC_REGISTERS     (1u << 8)
#define CPU2_INTERRUPT_DELIVERY (1u << 9)
#define CPU2_RDRAND             (1u << 11)
#define CPU2_RDSEED             (1u << 16)

#define EXIT_SAVE_TIMER (1u << 22)

#define INTR_INFO(type, vector) (INTR_VALID | (uint32_t)(type) << 8 | (uint32_t)(vector))

#define DEBUG_BD  (1ull << 13)
#define DEBUG_BS  (1ull << 14)
#define DEBUG_ANY (1ull << 12) /* pending debug exceptions: enabled breakpoint */

enum more_exits {
	EXIT_RDPMC = 15,
	EXIT_RSM = 17,
	EXIT_MOV_DR = 29,
	EXIT_GUEST_STATE = 33,
	EXIT_MSR_LOADING = 34,
	EXIT_MWAIT = 36,
	EXIT_MONITOR_TRAP = 37,
	EXIT_MONITOR = 39,
	EXIT_TPR_BELOW = 43,
	EXIT_GDTR_IDTR = 46,
	EXIT_LDTR_TR = 47,
	EXIT_TIMER = 52,
	EXIT_RDRAND = 57,
	EXIT_INVPCID = 58,
	EXIT_RDSEED = 61,
};

#endif
