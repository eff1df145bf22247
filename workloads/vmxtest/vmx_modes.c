// SPDX-License-Identifier: MIT
/*
 * VMX instructions of L1 at CPL 3: #GP; in compatibility mode: #UD. SDM "VMX Instruction Reference". Real and
 * virtual-8086 mode can't be had in VMX operation; badvmx has CR4.VMXE clear and what is outside VMX
 * operation.
 */
#include "lab_impl.h"

#define SEL_USER_CODE 0x2bull /* of rt's GDT */
#define SEL_USER_DATA 0x23ull
#define SEL_RT_CODE32 0x18ull
#define SEL_RT_DATA   0x10ull

/* Each is followed by INT3: it did not fault. */
#define SNIPPET(name, text64, text32)                                                                        \
	__asm__(".pushsection .text.modes, \"ax\"\n" #name "_64: " text64 "\nint3\n" #name                   \
		"_32: .code32\n" text32 "\nint3\n.code64\n.popsection\n");                                   \
	extern const uint8_t name##_64[], name##_32[]

SNIPPET(m_vmxon, "vmxon (%rdi)", "vmxon (%edi)");
SNIPPET(m_vmxoff, "vmxoff", "vmxoff");
SNIPPET(m_vmclear, "vmclear (%rdi)", "vmclear (%edi)");
SNIPPET(m_vmptrld, "vmptrld (%rdi)", "vmptrld (%edi)");
SNIPPET(m_vmptrst, "vmptrst (%rdi)", "vmptrst (%edi)");
SNIPPET(m_vmread, "vmread %rsi, %rax", "vmread %esi, %eax");
SNIPPET(m_vmread_memory, "vmread %rsi, (%rdi)", "vmread %esi, (%edi)");
SNIPPET(m_vmwrite, "vmwrite %rax, %rsi", "vmwrite %eax, %esi");
SNIPPET(m_vmwrite_memory, "vmwrite (%rdi), %rsi", "vmwrite (%edi), %esi");
SNIPPET(m_vmlaunch, "vmlaunch", "vmlaunch");
SNIPPET(m_vmresume, "vmresume", "vmresume");
SNIPPET(m_invept, "invept (%rdi), %rsi", "invept (%edi), %esi");
SNIPPET(m_invvpid, "invvpid (%rdi), %rsi", "invvpid (%edi), %esi");

static const struct {
	const char *user, *compatible;
	const uint8_t *code64, *code32;
	int need; /* enum need, or -1 */
} rows[] = {
#define BOTH(text, snippet, needed)                                                                          \
	{                                                                                                    \
		text " at CPL 3: #GP", text " in compatibility mode: #UD", snippet##_64, snippet##_32,       \
			needed                                                                               \
	}
	BOTH("VMXON", m_vmxon, -1),
	BOTH("VMXOFF", m_vmxoff, -1),
	BOTH("VMCLEAR", m_vmclear, -1),
	BOTH("VMPTRLD", m_vmptrld, -1),
	BOTH("VMPTRST", m_vmptrst, -1),
	BOTH("VMREAD", m_vmread, -1),
	BOTH("VMREAD to memory", m_vmread_memory, -1),
	BOTH("VMWRITE", m_vmwrite, -1),
	BOTH("VMWRITE from memory", m_vmwrite_memory, -1),
	BOTH("VMLAUNCH", m_vmlaunch, -1),
	BOTH("VMRESUME", m_vmresume, -1),
	BOTH("INVEPT", m_invept, NEED_INVEPT),
	BOTH("INVVPID", m_invvpid, NEED_INVVPID),
};

struct jump {
	const uint8_t *code;
	uint64_t cs, ss;
	uint64_t operand;
};

/* Comes back by the exception at the end of the code alone. */
static void jump(void *p)
{
	const struct jump *j = p;

	__asm__ volatile("movq %%rsp, %%rax; pushq %0; pushq %%rax; pushfq; pushq %1; pushq %2; iretq"
			 :
			 : "r"(j->ss), "r"(j->cs), "r"(j->code), "D"(j->operand), "S"((uint64_t)GUEST_RIP)
			 : "rax", "memory");
}

static void check(const char *name, int need, const uint8_t *code, uint64_t cs, uint64_t ss, uint32_t vector)
{
	static uint64_t operand[2] __attribute__((aligned(16)));
	struct jump j = {code, cs, ss, address_of(operand)};
	struct rt_fault fault;

	if (!lab_selected(name))
		return;
	if (need >= 0 && lab_lacks((enum need)need)) {
		rt_skip(name, lab_lacks((enum need)need));
		return;
	}
	operand[0] = lab_vmcs();
	rt_try(jump, &j, &fault);
	if (fault.vector == vector && fault.rip != address_of(code))
		rt_fail(name, "at another instruction");
	else if (fault.vector == vector && vector == GP && fault.error_code)
		rt_fail(name, "error code 0x%lx", fault.error_code);
	else
		rt_check_u64(name, fault.vector, vector);
}

L2_CODE(modes_code, "nop");

void test_vmx_modes(void)
{
	lab_reset(&code_modes_code, KERNEL64);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].user, rows[i].need, rows[i].code64, SEL_USER_CODE, SEL_USER_DATA, GP);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].compatible, rows[i].need, rows[i].code32, SEL_RT_CODE32, SEL_RT_DATA, UD);
	lab_reset(&code_modes_code, KERNEL64);
}
