// SPDX-License-Identifier: MIT
/*
 * Memory and register operands of VMX instructions, as L0 has to find them from the VM-exit
 * instruction-information field: every way to address memory in 64-bit mode, and what faults.
 */
#include "lab_impl.h"

L2_CODE(addressing_code, "nop");

uint64_t vmx_operand[2] __attribute__((aligned(16))); /* assembly below knows it */

/* RDI is the operand's address; what each snippet does not restore it may clobber. */
#define STORES(name, text)                                                                                   \
	static void name(void *p)                                                                            \
	{                                                                                                    \
		__asm__ volatile(text                                                                        \
				 :                                                                           \
				 : "D"(p)                                                                    \
				 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",       \
				   "r15", "memory", "cc");                                                   \
	}

STORES(by_base, "vmptrst (%%rdi)")
STORES(by_disp8, "leaq 8(%%rdi), %%rax; vmptrst -8(%%rax)")
STORES(by_disp32, "leaq -0x12345(%%rdi), %%rax; vmptrst 0x12345(%%rax)")
STORES(by_index1, "movl $40, %%ecx; leaq -40(%%rdi), %%rax; vmptrst (%%rax,%%rcx,1)")
STORES(by_index2, "movl $20, %%ecx; leaq -40(%%rdi), %%rax; vmptrst (%%rax,%%rcx,2)")
STORES(by_index4, "movq $-3, %%rcx; leaq 12(%%rdi), %%rax; vmptrst (%%rax,%%rcx,4)")
STORES(by_index8, "movl $5, %%ecx; leaq -56(%%rdi), %%rax; vmptrst 16(%%rax,%%rcx,8)")
STORES(by_index_alone, "movq %%rdi, %%rcx; shrq $3, %%rcx; vmptrst (,%%rcx,8)")
STORES(by_absolute, "vmptrst vmx_operand")
STORES(by_rip, "vmptrst vmx_operand(%%rip)")
STORES(by_r8, "movq %%rdi, %%r8; vmptrst (%%r8)")
STORES(by_r12, "movq %%rdi, %%r12; vmptrst (%%r12)")
STORES(by_r13, "movq %%rdi, %%r13; vmptrst (%%r13)")
STORES(by_r15_r14, "leaq -64(%%rdi), %%r15; movl $8, %%r14d; vmptrst (%%r15,%%r14,8)")
STORES(by_rsp, "movq %%rsp, %%rax; movq %%rdi, %%rsp; vmptrst (%%rsp); movq %%rax, %%rsp")
STORES(by_rsp_index,
       "movq %%rsp, %%rax; leaq -8(%%rdi), %%rsp; movl $4, %%ecx; vmptrst (%%rsp,%%rcx,2); movq %%rax, %%rsp")
STORES(by_rbp, "movq %%rbp, %%rax; movq %%rdi, %%rbp; vmptrst (%%rbp); movq %%rax, %%rbp")
STORES(by_edi, "movabsq $0x10000000000, %%rax; addq %%rdi, %%rax; vmptrst (%%eax)")
STORES(by_edi_index, "movl $0xfffffff8, %%ecx; leaq 8(%%rdi), %%rax; vmptrst (%%eax,%%ecx,1)")
STORES(by_eip, "vmptrst vmx_operand(%%eip)")
STORES(by_ds, ".byte 0x3e; vmptrst (%%rdi)")
STORES(by_ss, ".byte 0x36; vmptrst (%%rdi)")
STORES(by_fs, "leaq -0x1000(%%rdi), %%rax; vmptrst %%fs:(%%rax)")
STORES(by_gs, "leaq -0x2000(%%rdi), %%rax; vmptrst %%gs:(%%rax)")
STORES(by_fs32, "movabsq $0x10000000000, %%rax; leaq -0x1000(%%rdi,%%rax), %%rax; vmptrst %%fs:(%%eax)")

static const struct {
	const char *name;
	void (*fn)(void *);
} ways[] = {
	{"operand: base",			      by_base       },
	{"operand: base and 8-bit displacement",       by_disp8      },
	{"operand: base and 32-bit displacement",      by_disp32     },
	{"operand: base and index",                    by_index1     },
	{"operand: base and index by 2",               by_index2     },
	{"operand: base and negative index by 4",      by_index4     },
	{"operand: base, index by 8 and displacement", by_index8     },
	{"operand: index alone",                       by_index_alone},
	{"operand: absolute",                          by_absolute   },
	{"operand: by RIP",			    by_rip        },
	{"operand: by R8",			     by_r8         },
	{"operand: by R12",			    by_r12        },
	{"operand: by R13",			    by_r13        },
	{"operand: by R15 and R14",                    by_r15_r14    },
	{"operand: by RSP",			    by_rsp        },
	{"operand: by RSP and index",                  by_rsp_index  },
	{"operand: by RBP",			    by_rbp        },
	{"operand: 32-bit base",                       by_edi        },
	{"operand: 32-bit base and index wrap",        by_edi_index  },
	{"operand: by EIP",			    by_eip        },
	{"operand: DS prefix",                         by_ds         },
	{"operand: SS prefix",                         by_ss         },
	{"operand: in FS",			     by_fs         },
	{"operand: in GS",			     by_gs         },
	{"operand: 32-bit base in FS",                 by_fs32       },
};

static void stores(void)
{
	const uint64_t fs = rdmsr(MSR_FS_BASE), gs = rdmsr(MSR_GS_BASE);
	struct rt_fault fault;

	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!lab_selected(ways[i].name))
			continue;
		vmx_operand[0] = 1;
		wrmsr(MSR_FS_BASE, 0x1000);
		wrmsr(MSR_GS_BASE, 0x2000);
		rt_try(ways[i].fn, vmx_operand, &fault);
		wrmsr(MSR_FS_BASE, fs);
		wrmsr(MSR_GS_BASE, gs);
		if (fault.vector != RT_NO_FAULT)
			rt_fail(ways[i].name, "vector %u", fault.vector);
		else
			rt_check_u64(ways[i].name, vmx_operand[0], lab_vmcs());
	}
}

/* ---- registers ---- */

static uint64_t read_into(unsigned int reg)
{
	uint64_t got = 0;

#define CASE(number, name)                                                                                   \
	case number:                                                                                         \
		__asm__ volatile("vmread %1, %%" name "; movq %%" name ", %0"                                \
				 : "=m"(got)                                                                 \
				 : "r"((uint64_t)GUEST_RIP)                                                  \
				 : name, "cc");                                                              \
		break
	switch (reg) {
		CASE(0, "rax");
		CASE(1, "rcx");
		CASE(2, "rdx");
		CASE(3, "rbx");
		CASE(6, "rsi");
		CASE(7, "rdi");
		CASE(8, "r8");
		CASE(9, "r9");
		CASE(10, "r10");
		CASE(11, "r11");
		CASE(12, "r12");
		CASE(13, "r13");
		CASE(14, "r14");
		CASE(15, "r15");
	default: /* RSP, and RBP */
		__asm__ volatile("movq %%rsp, %%r8; vmread %1, %%rsp; movq %%rsp, %%r9; movq %%r8, %%rsp\n"
				 "movq %%rbp, %%r8; vmread %1, %%rbp; movq %%rbp, %%r10; movq %%r8, %%rbp\n"
				 "andq %%r9, %%r10; movq %%r10, %0"
				 : "=r"(got)
				 : "r"((uint64_t)GUEST_RIP)
				 : "r8", "r9", "r10", "cc", "memory");
		break;
	}
#undef CASE
	return got;
}

static uint64_t write_from(unsigned int reg, uint64_t value)
{
	put(GUEST_RIP, 0);
#define CASE(number, name)                                                                                   \
	case number:                                                                                         \
		__asm__ volatile("movq %0, %%" name "; vmwrite %%" name ", %1"                               \
				 :                                                                           \
				 : "m"(value), "r"((uint64_t)GUEST_RIP)                                      \
				 : name, "cc");                                                              \
		break
	switch (reg) {
		CASE(0, "rax");
		CASE(1, "rcx");
		CASE(2, "rdx");
		CASE(3, "rbx");
		CASE(6, "rsi");
		CASE(7, "rdi");
		CASE(8, "r8");
		CASE(9, "r9");
		CASE(10, "r10");
		CASE(11, "r11");
		CASE(12, "r12");
		CASE(13, "r13");
		CASE(14, "r14");
		CASE(15, "r15");
	default:
		__asm__ volatile("movq %%rsp, %%r8; movq %0, %%rsp; vmwrite %%rsp, %1; movq %%r8, %%rsp"
				 :
				 : "r"(value), "r"((uint64_t)GUEST_RIP)
				 : "r8", "cc", "memory");
		break;
	}
#undef CASE
	return get(GUEST_RIP);
}

static void registers(void)
{
	bool reads = true, writes = true;

	if (lab_selected("operand: VMREAD to each register")) {
		for (unsigned int reg = 0; reg < 16; reg++) {
			put(GUEST_RIP, 0x8765432112345678ull + reg);
			reads &= read_into(reg) == 0x8765432112345678ull + reg;
		}
		rt_check("operand: VMREAD to each register", reads);
	}
	if (lab_selected("operand: VMWRITE from each register")) {
		for (unsigned int reg = 0; reg < 16; reg++)
			writes &= write_from(reg, 0x1234567887654321ull + reg) == 0x1234567887654321ull + reg;
		rt_check("operand: VMWRITE from each register", writes);
	}
}

/* ---- faults ---- */

#define AT(name, text)                                                                                       \
	static void name(void *p)                                                                            \
	{                                                                                                    \
		__asm__ volatile(text                                                                        \
				 :                                                                           \
				 : "D"(p), "S"((uint64_t)GUEST_RIP), "a"(2ull)                               \
				 : "rcx", "memory", "cc");                                                   \
	}

AT(ptrst, "vmptrst (%%rdi)")
AT(ptrld, "vmptrld (%%rdi)")
AT(clear, "vmclear (%%rdi)")
AT(on, "vmxon (%%rdi)")
AT(read, "vmread %%rsi, (%%rdi)")
AT(write, "vmwrite (%%rdi), %%rsi")
AT(invept, "invept (%%rdi), %%rax")
AT(invvpid, "invvpid (%%rdi), %%rax")
AT(ptrst_rbp, "movq %%rbp, %%rcx; movq %%rdi, %%rbp; vmptrst (%%rbp); movq %%rcx, %%rbp")
AT(read_rbp, "movq %%rbp, %%rcx; movq %%rdi, %%rbp; vmread %%rsi, (%%rbp); movq %%rcx, %%rbp")
AT(write_ss, "vmwrite %%ss:(%%rdi), %%rsi")
AT(ptrst_fs, "vmptrst %%fs:(%%rdi)")

#define NO_VECTOR RT_NO_FAULT
#define FIRST     RT_WINDOW /* mapped, but as the row says */
#define SECOND    (RT_WINDOW + 4096) /* not mapped */

static const struct fault_row {
	const char *name;
	void (*fn)(void *);
	uint64_t at;
	uint64_t first; /* flags of the first page */
	uint32_t vector;
	uint32_t error_code;
	uint64_t cr2;
	int need;
} faults[] = {
	{"operand fault: VMPTRST, not canonical: #GP",           ptrst,     NON_CANONICAL,  0,                        GP,        0, 0,         -1          },
	{"operand fault: VMCLEAR, not canonical: #GP",           clear,     1ull << 47,     0,                        GP,        0, 0,         -1          },
	{"operand fault: VMREAD, not canonical: #GP",            read,      NON_CANONICAL,  0,                        GP,        0, 0,         -1          },
	{"operand fault: VMWRITE, not canonical: #GP",           write,     NON_CANONICAL,  0,                        GP,        0, 0,         -1          },
	{"operand fault: INVEPT, not canonical: #GP",            invept,    NON_CANONICAL,  0,                        GP,        0, 0,         NEED_INVEPT },
	{"operand fault: INVVPID, not canonical: #GP",           invvpid,   NON_CANONICAL,  0,                        GP,        0, 0,         NEED_INVVPID},
	{"operand fault: VMPTRST by RBP, not canonical: #SS",    ptrst_rbp, NON_CANONICAL,  0,                        SS,        0, 0,         -1          },
	{"operand fault: VMREAD by RBP, not canonical: #SS",     read_rbp,  NON_CANONICAL,  0,                        SS,        0, 0,         -1          },
	{"operand fault: VMPTRST in FS, sum not canonical: #GP", ptrst_fs,  0x7ffffffff000, 0,                        GP,        0, 0,         -1          },
	{"operand fault: VMPTRST to nothing",                    ptrst,     FIRST,          0,                        PF,        2, FIRST,     -1          },
	{"operand fault: VMPTRST to a read-only page",           ptrst,     FIRST + 8,      RT_PRESENT,               PF,        3, FIRST + 8, -1          },
	{"operand fault: VMREAD to nothing",                     read,      FIRST,          0,                        PF,        2, FIRST,     -1          },
	{"operand fault: VMREAD to a read-only page",            read,      FIRST,          RT_PRESENT,               PF,        3, FIRST,     -1          },
	{"operand fault: VMPTRLD of nothing",                    ptrld,     FIRST,          0,                        PF,        0, FIRST,     -1          },
	{"operand fault: VMCLEAR of nothing",                    clear,     FIRST,          0,                        PF,        0, FIRST,     -1          },
	{"operand fault: VMWRITE of nothing",                    write,     FIRST,          0,                        PF,        0, FIRST,     -1          },
	{"operand fault: VMWRITE of nothing in SS",              write_ss,  FIRST,          0,                        PF,        0, FIRST,     -1          },
	{"operand fault: INVEPT of nothing",                     invept,    FIRST,          0,                        PF,        0, FIRST,     NEED_INVEPT },
	{"operand fault: INVVPID of nothing",                    invvpid,   FIRST,          0,                        PF,        0, FIRST,     NEED_INVVPID},
	{"operand fault: VMPTRST into the next page",            ptrst,     SECOND - 4,     RT_PRESENT | RT_WRITABLE, PF,        2,
	 SECOND,															       -1          },
	{"operand fault: VMREAD into the next page",             read,      SECOND - 1,     RT_PRESENT | RT_WRITABLE, PF,        2,
	 SECOND,															       -1          },
	{"operand fault: VMPTRLD from the next page",            ptrld,     SECOND - 4,     RT_PRESENT,               PF,        0, SECOND,    -1          },
	{"operand fault: VMWRITE from the next page",            write,     SECOND - 7,     RT_PRESENT,               PF,        0, SECOND,    -1          },
	{"operand fault: INVEPT from the next page",             invept,    SECOND - 8,     RT_PRESENT,               PF,        0, SECOND,
	 NEED_INVEPT																       },
	{"operand fault: INVVPID from the next page",            invvpid,   SECOND - 15,    RT_PRESENT,               PF,        0, SECOND,
	 NEED_INVVPID																      },
	{"operand fault: VMXON in VMX operation reads none",     on,        FIRST,          0,                        NO_VECTOR, 0, 0,         -1          },
	{"operand fault: VMPTRST up to the page's end",          ptrst,     SECOND - 8,     RT_PRESENT | RT_WRITABLE,
	 NO_VECTOR,													      0, 0,         -1          },
};

static void check_fault(const struct fault_row *row)
{
	const uint64_t fs = rdmsr(MSR_FS_BASE);
	struct rt_fault fault;

	if (!lab_selected(row->name))
		return;
	if (row->need >= 0 && lab_lacks((enum need)row->need)) {
		rt_skip(row->name, lab_lacks((enum need)row->need));
		return;
	}
	memset(lab_page[0], 0x5a, 4096);
	rt_map(FIRST, row->first ? address_of(lab_page[0]) : 0, row->first);
	rt_map(SECOND, 0, 0);
	wrmsr(MSR_FS_BASE, 0x2000);
	write_cr2(CR2_SENTINEL);
	rt_try(row->fn, (void *)row->at, &fault);
	wrmsr(MSR_FS_BASE, fs);
	rt_map(FIRST, 0, 0);
	if (fault.vector != row->vector)
		rt_fail(row->name, "vector %u", fault.vector);
	else if (fault.vector != NO_VECTOR && fault.error_code != row->error_code)
		rt_fail(row->name, "error code 0x%lx", fault.error_code);
	else if (row->vector == PF && fault.cr2 != row->cr2)
		rt_fail(row->name, "CR2 0x%lx", fault.cr2);
	else if (row->vector == PF && lab_page[0][511] != 0x5a5a5a5a5a5a5a5a)
		rt_fail(row->name, "a part was written");
	else
		rt_pass(row->name);
}

void test_vmx_addressing(void)
{
	lab_reset(&code_addressing_code, KERNEL64);
	stores();
	registers();
	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		check_fault(&faults[i]);
	lab_reset(&code_addressing_code, KERNEL64);
}
