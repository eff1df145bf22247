/* SPDX-License-Identifier: MIT */
/*
 * A laboratory for L1: runs one snippet of L2 code from a known state to its first exit, and compares what L1
 * then finds in the VMCS with what the SDM says. A row of a table is one such run.
 *
 * L2: 64-bit, its own IDT, GDT, TSS and page tables. Linear addresses of the image are L1's; L2-physical is
 * L1-physical + L2_BASE, so no EPT mapping is the identity. Each vector of L2's IDT is a VMCALL: its exit
 * shows that L2 itself took the vector, with the frame on L2's stack.
 */
#ifndef VMXTEST_LAB_H
#define VMXTEST_LAB_H

#include "workloads/rt/rt.h"
#include "workloads/rt/rt_check.h"
#include "workloads/vmx/vmx.h"

enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC, MC, XM };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

#define L2_BASE 0x40000000ull

/* 4 KiB pages for rows to spoil: linear, and L2-physical. Shown through lab_page[]. */
#define WINDOW        0x10000000ull
#define WINDOW_L2     0x50000000ull
#define WINDOW_PAGES  8u
#define PAGE(n)       (WINDOW + 4096ull * (n))
#define PAGE_L2(n)    (WINDOW_L2 + 4096ull * (n))
#define WINDOW_APIC   7u /* L2's way to the local APIC's registers of L1 */
#define WINDOW_ACCESS 6u /* is the APIC-access page once APIC accesses are virtualized */
#define CR2_SENTINEL  0x5a5a5000ull
#define NON_CANONICAL 0x8000000000000000ull
#define USER_IOPL     0x3000ull

/* Selectors of L2's GDT */
enum {
	SEL_CODE = 0x08,
	SEL_DATA = 0x10,
	SEL_CODE32 = 0x18,
	SEL_ABSENT = 0x20, /* data segment, not present */
	SEL_UDATA = 0x2b,
	SEL_UCODE = 0x33,
	SEL_UCODE32 = 0x3b,
	SEL_TSS = 0x40,
	SEL_BEHIND = 0x80, /* outside the GDT */
};

/* Any field, whichever header names it. */
static inline void put(uint32_t field, uint64_t value)
{
	vmwrite((enum vmcs_field)field, value);
}

static inline uint64_t get(uint32_t field)
{
	return vmread((enum vmcs_field)field);
}

/* ---- snippets of L2 code ---- */

struct code {
	const uint8_t *start, *at, *next;
};

/*
 * Label 9 in `text` is the instruction that is looked at, label 8 the one behind it; without them both are
 * the start. A snippet that runs to its end exits by VMCALL.
 */
#define L2_CODE_BITS(name, bits, text)                                                                       \
	__asm__(".pushsection .text.l2." #name ", \"ax\"\n.balign 16\n" bits "\n" #name ":\n8:\n9:\n" text   \
		"\nvmcall\n7: hlt\njmp 7b\n.code64\n"                                                        \
		".set " #name "_at, 9b\n.set " #name "_next, 8b\n.popsection\n");                            \
	extern const uint8_t name[], name##_at[], name##_next[];                                             \
	static const struct code code_##name = {name, name##_at, name##_next}
#define L2_CODE(name, text)   L2_CODE_BITS(name, ".code64", text)
#define L2_CODE32(name, text) L2_CODE_BITS(name, ".code32", text)
#define L2_CODE16(name, text) L2_CODE_BITS(name, ".code16", text)

/* Debug exceptions: exit qualification and pending debug exceptions */
#define DEBUG_BD  (1ull << 13)
#define DEBUG_BS  (1ull << 14)
#define DEBUG_ANY (1ull << 12) /* pending only: an enabled breakpoint */

/* ---- rows ---- */

enum mode {
	KERNEL64,
	KERNEL32, /* compatibility mode */
	USER64,
	USER32,
	/* Not IA-32e: snippets by L2_CODE32 or L2_CODE16 whose exceptions L1 intercepts: their IDT is 64-bit.
	 */
	PAE, /* 32-bit, PAE paging; PDPTEs from the VMCS */
	LEGACY, /* 32-bit, two levels, 4 MiB pages */
	UNPAGED, /* protected mode; segments begin at L2_BASE. This and REAL: unrestricted guest */
	REAL, /* CS begins at the snippet's page, the others at L2_BASE + WINDOW_L2's page */
};

/* A field to write, or one of: */
#define OR(field)      (0x10000u | (field)) /* bits to set; SKIP when the processor doesn't allow it */
#define CLEAR(field)   (0x20000u | (field)) /* bits to clear; SKIP likewise */
#define L2_PTE(n)      (0x30000u + (n)) /* window page n in L2's page table: flags, RT_* */
#define L2_EPTE(n)     (0x31000u + (n)) /* the same in the EPT: low 12 bits */
#define L2_GATE(v)     (0x32000u + (v)) /* type byte of the IDT's gate v; 0: not present */
#define L2_REG(r)      (0x33000u + (r)) /* general register */
#define L2_WORD(n)     (0x34000u + (n)) /* window page n: its first 64-bit word */
#define L2_IO_BIT(p)   (0x40000u + (p)) /* I/O bitmap, 0 or 1; outside sets they are 0 */
#define L2_MSR_BIT     0x35000u /* value: MSR | MSR_WRITE: exits */
#define L2_EPT_WORD(n) (0x36000u + (n)) /* the whole EPT entry of window page n */
#define L1_CR2         0x37000u
#define L1_DR(n)       (0x38000u + (n))
#define L2_PDE         0x39000u /* page-directory entry of linear WINDOW + 2 MiB */
#define L2_VMCS_BIT    0x3a000u /* VMREAD and VMWRITE bitmap; value: field | MSR_WRITE: exits */
#define VAPIC(offset)  (0x3b000u + (offset)) /* 32-bit register of the virtual-APIC page */
#define PML_ENTRY(n)   (0x3c000u + (n))
#define EPTP_ENTRY(n)  (0x3d000u + (n)) /* EPTP list; value: EPTP_OWN, EPTP_OTHER or any */
#define VE_WORD(n)     (0x3e000u + (n)) /* 32-bit word n of the virtualization-exception information */
#define NEED(n)        (0x3f000u + (n)) /* SKIP without it: enum need */
#define SHADOW(field)  (0x60000u | (field)) /* a field of the shadow VMCS */
#define MSR_WRITE      (1ull << 63)
#define EPTP_OWN       1ull
#define EPTP_OTHER     2ull /* the same, but window pages 0 and 1 are exchanged */
#define L2_PTE_TO(n)   (0x57000u + (n)) /* linear window page n is physical window page `value` */
#define FAR_ENTRY(level)                                                                                     \
	(0x58000u + (level)) /* EPT entry of FAR_MAP: 3: PDPTE, 2: PDE, 1: PTE; all but the address */
#define L2_GDT(n) (0x59000u + (n)) /* descriptor n */
#define L1_MSR(n) (0x5a000u + (n)) /* enum lab_msr; set and want */
/* Set only; value 0 where nothing is said */
#define SKIPPED 0x50005u /* RIP past the instruction that exited */
#define FAR_MAP                                                                                              \
	0x5000bu /* linear window page 0 + 2 MiB goes by FAR_ENTRY() to lab_page[0]; its address: RBX */
#define EPT_SWITCH   0x5000cu /* EPT pointer: EPTP_OWN, EPTP_OTHER */
#define L2_PT_IN     0x5000eu /* value: register that gets the linear address of the window's page table */
#define L2_TASK      0x50011u /* value: access byte of descriptor 9, a TSS; zeros are in it */
#define L2_BACK_LINK 0x50012u /* value: in the current TSS */
#define L2_OWN_IDT   0x50013u /* IDTR has its usual base again */
#define L2_VPID      0x5000fu /* the field whose encoding, 0, ends a list of sets */
#define FORGET_VPID  0x5000du /* value: type; of VPID 1, address PAGE(0); with NEED of the type */
#define L2_PDPTE     0x5000au /* value: the first PDPTE in memory, of PAE */
#define L1_IPI       0x50009u /* value: L1 sends it to itself with IF clear: it is pending at the entry */
#define SHADOW_LINK  0x50007u /* a cleared shadow VMCS, linked */
#define EPT_DIRTY    0x50008u /* in the EPT all but the window is accessed and dirty already */

/* MSRs of L1 */
enum lab_msr {
	LAB_PAT,
	LAB_EFER,
	LAB_DEBUGCTL,
	LAB_PERF_GLOBAL,
	LAB_BNDCFGS,
	LAB_SYSENTER_EIP,
	LAB_GS_BASE,
	LAB_XSS,
	LAB_MSRS
};

enum need {
	NEED_EXECUTE_ONLY,
	NEED_1G,
	NEED_EPT_FLAGS,
	NEED_INVEPT,
	NEED_INVVPID,
	NEED_SHUTDOWN,
	NEED_SIPI,
	NEED_VMWRITE_ANY, /* VMWRITE to read-only fields */
	NEED_NO_VMWRITE_ANY,
	NEED_EPTP_SWITCHING,
	NEED_XSAVE,
	NEED_XSS, /* a user CET component, which XSS can select */
	NEED_NO_1G,
	NEED_INVVPID_ADDRESS, /* the types in their order */
	NEED_INVVPID_SINGLE,
	NEED_INVVPID_ALL,
	NEED_INVVPID_NO_GLOBAL,
	NEED_MONITOR,
	NEED_STRICT_CODES, /* injected exceptions have an error code where the processor's own have one */
	NEED_NO_MTF,
	NEED_X2APIC,
	NEED_XAPIC, /* L1's own local APIC, not in x2APIC mode */
	NEEDS
};

/*
 * A field to compare, or one of the above L2_PTE, L2_EPTE, L2_REG, L2_WORD, L1_CR2, L1_DR, VAPIC, PML_ENTRY,
 * VE_WORD, SHADOW, or:
 */
#define RIP_START    0x50000u /* RIP, less the snippet's start; set and want */
#define RIP_AT       0x50001u /* RIP, less label 9 */
#define RIP_NEXT     0x50002u /* RIP, less label 8 */
#define RIP_HANDLER  0x50010u /* vector at whose first instruction L2 is */
#define EPTP_NOW     0x50006u /* EPT pointer: EPTP_OWN, EPTP_OTHER */
#define RIP_VECTOR   0x50003u /* vector whose gate L2 went through; -1 when none */
#define FRAME(n)     (0x51000u + (n)) /* word n of L2's stack */
#define FRAME_START  0x52000u /* FRAME(0) less the snippet's start */
#define FRAME_AT     0x52001u
#define FRAME_NEXT   0x52002u
#define FRAME1_START 0x52003u /* FRAME(1), behind an error code */
#define FRAME1_AT    0x52004u

struct set {
	uint32_t field;
	uint64_t value;
};
struct want {
	uint32_t field;
	uint64_t value;
	uint64_t mask; /* bits that matter; 0: all */
};

#define SETS_MAX  10u
#define WANTS_MAX 10u

struct shot {
	const char *name;
	const struct code *code;
	enum mode mode;
	struct set set[SETS_MAX]; /* up to the first with field 0 */
	struct want want[WANTS_MAX];
	const char *bochs; /* a deviation of Bochs from the SDM: skipped where the bare machine is one */
	bool inherited; /* L0 on Bochs cannot see past it: skipped there as well */
	bool resumed; /* goes on from the exit of the row before, by VMRESUME; code and mode are that row's */
};

/* {field, value}, and the same as sets and wants */
#define PUT(field, value)                                                                                    \
	{                                                                                                    \
		field, value                                                                                 \
	}
#define IS(field, value)                                                                                     \
	{                                                                                                    \
		field, value, 0                                                                              \
	}
#define BITS(field, value, mask)                                                                             \
	{                                                                                                    \
		field, value, mask                                                                           \
	}
#define SETS(...)                                                                                            \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define WANTS(...)                                                                                           \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define ROW(row_name, snippet, cpu_mode, sets, wants)                                                        \
	{                                                                                                    \
		.name = (row_name), .code = &code_##snippet, .mode = (cpu_mode), .set = sets, .want = wants  \
	}
/* Goes on where the row before it, which has to be selected and fit, left L2. */
#define ROW_THEN(row_name, sets, wants)                                                                      \
	{                                                                                                    \
		.name = (row_name), .set = sets, .want = wants, .resumed = true                              \
	}
/* Bochs differs from the SDM here, L0 does not: docs/bochs-differences.md */
#define ROW_NOT_BOCHS(row_name, snippet, cpu_mode, sets, wants, why)                                         \
	{                                                                                                    \
		.name = (row_name), .code = &code_##snippet, .mode = (cpu_mode), .set = sets, .want = wants, \
		.bochs = (why)                                                                               \
	}
/* L0 on Bochs does as Bochs does. */
#define ROW_NOT_ON_BOCHS(row_name, snippet, cpu_mode, sets, wants, why)                                      \
	{                                                                                                    \
		.name = (row_name), .code = &code_##snippet, .mode = (cpu_mode), .set = sets, .want = wants, \
		.bochs = (why), .inherited = true                                                            \
	}

#define EXITS(reason) IS(EXIT_REASON, reason)
/* For rows whose L2 might sleep for ever: the preemption timer ends it. */
/* Of the preemption timer: much more than L2 needs to get anywhere, even some levels further down. */
#define LONG_TIME    1000000u
#define AWAKE        PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER), PUT(PREEMPTION_TIMER, LONG_TIME)
#define INTERCEPT(v) PUT(EXCEPTION_BITMAP, 1u << (v))
/* Exits by an event. */
#define EXIT_INFO(type, vector, extra)                                                                       \
	EXITS(EXIT_EXCEPTION_NMI), IS(EXIT_INTR_INFO, INTR_INFO(type, vector) | (extra))
/* A fault; nothing was being delivered. */
#define FAULT_AT(vector) EXIT_INFO(INTR_HARDWARE, vector, 0), IS(RIP_AT, 0), NOT_IN_DELIVERY
#define FAULT_AT_WITH(vector, code)                                                                          \
	EXIT_INFO(INTR_HARDWARE, vector, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, code), IS(RIP_AT, 0),         \
		NOT_IN_DELIVERY
#define NOT_IN_DELIVERY  BITS(IDT_VECTORING_INFO, 0, INTR_VALID)
#define NO_QUALIFICATION IS(EXIT_QUALIFICATION, 0)
#define RF               0x10000ull

#define TO_THE_END     EXITS(EXIT_VMCALL), IS(RIP_VECTOR, ~0ull)
#define TAKEN_BY_L2(v) EXITS(EXIT_VMCALL), IS(RIP_VECTOR, v)

/* Runs the rows that `only=` selects, with those before them that they go on from. */
void shots_run(const struct shot *shot, unsigned int count);
#define SHOTS_RUN(table) shots_run(table, sizeof(table) / sizeof((table)[0]))

/* ---- the parts, for rows that need several runs ---- */

struct l2_regs {
	uint64_t r[16]; /* RSP's is in the VMCS */
};
extern struct l2_regs lab_regs;
extern uint64_t lab_page[WINDOW_PAGES][512];
extern uint64_t lab_msr_list[3][512]; /* for entry load, exit store, exit load */
extern bool lab_on_bochs; /* at the bottom of everything */
/* Does a deviation of Bochs show here? */
bool lab_deviates(bool inherited);

enum run { RAN, FAIL_INVALID, FAIL_VALID };

/* Why the row can't be run here, or NULL. Checks what the processor allows only. */
const char *lab_unfit(const struct shot *shot);
void lab_reset(const struct code *code, enum mode mode); /* the known state, in a cleared VMCS */
void lab_set(const struct set *set);
enum run lab_run(void); /* VMLAUNCH, then VMRESUME; registers from and to lab_regs */
uint64_t lab_get(uint32_t field, const struct code *code);
/* Compares; on a difference FAIL with all of them. */
bool lab_compare(const char *name, const struct code *code, const struct want *want, unsigned int count);
/* Does `only=` select the check? For `list` its name is printed instead, and the answer is no. */
bool lab_selected(const char *name);
bool lab_group(const char *prefix); /* the same for several checks whose names begin like this */
const char *lab_lacks(enum need need); /* why not, or NULL */
uint64_t lab_l2_physical(const void *p);
uint64_t lab_eptp(void);
uint64_t lab_eptp_other(void);
void lab_flush(void); /* after a change of an EPT entry that was in use */
void lab_unblock_nmis(void);
void lab_forget_launch(void); /* the VMCS was cleared or changed by hand */
uint64_t lab_vmcs(void);
uint64_t lab_vmxon_region(void);

/* lab_events.c: around rows that L1 or L2 sends interrupts in; not in x2APIC mode */
#define LAB_VECTOR 0x50u
void lab_events_on(void);
void lab_events_off(void);
unsigned int lab_events_settle(void); /* after a row: how many came to L1 only now */
void lab_ipi(uint32_t command);

/* lab_caps.c */
struct capabilities {
	uint64_t basic, misc, ept_vpid;
	uint64_t pin, cpu, cpu2, exit, entry; /* low half: must be 1; high: may be */
	uint64_t functions; /* VM functions */
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	unsigned int physical_bits;
	bool efer, pat; /* switched by entry and exit controls */
};
extern struct capabilities lab_caps;
const char *caps_probe(void); /* what is missing, or NULL */
/* May these bits of a control field be 1, or 0? Fields that are no controls: true. */
bool caps_allow(uint32_t field, uint32_t ones, uint32_t zeros);

/* ---- subjects, a file each ---- */
void test_entry_controls(void);
void test_entry_host(void);
void test_entry_guest(void);
void test_entry_lists(void);
void test_vmx_abort(const char *which); /* "store", "load", "base" */
void test_capabilities(void);
void test_vmx_modes(void);
void test_vmx_addressing(void);
void test_vmx_nmi(void);
void test_vmx_invalidations(void);
void test_vmx_protected(void);
void test_vmx_regions(void);
void test_exceptions(void);
void test_pfec(void);
void test_delivery(void);
void test_injection(void);
void test_events(void);
void test_debug(void);
void test_control_registers(void);
void test_io(void);
void test_msr(void);
void test_instructions(void);
void test_ept(void);
void test_entry_checks(void);
void test_operands(void);
void test_state(void);
void test_kept(void);
void test_apic_access(void);
void test_apic_delivery(void);
void test_x2apic(void);
void test_vmfunc(void);
void test_shadowing(void);
void test_pml(void);
void test_virtualization_exceptions(void);
void test_activity(void);
void test_modes(void);
void test_ept_tables(void);
void test_vpid(void);
void test_timer(void);
void test_tsc(void);
void test_pause(void);
void test_sensitive(void);
void test_instruction_info(void);
void test_task_switch(void);
void test_double_faults(void);
void test_loads(void);
void test_xsaves(void);

#endif
