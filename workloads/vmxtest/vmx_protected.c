// SPDX-License-Identifier: MIT
/*
 * L1 in 32-bit protected mode: operands of 32 bits, segments with bases, limits and types. SDM "VMX
 * Instruction Reference", "Limit Checking", "Type Checking".
 */
#include "lab_impl.h"
#include "protected32.h"

#define NO_VECTOR 0xffffffffu

/* Descriptors behind those of rt's GDT. */
enum { FIRST_OWN = 24, READ_ONLY = FIRST_OWN, BASED, EXPAND_DOWN, STACK, GDT_SIZE };
#define SELECTOR(n) ((n) << 3)

static uint64_t region[2][512] __attribute__((aligned(4096)));
static uint64_t pdpt[4] __attribute__((aligned(32)));
static uint64_t gdt[GDT_SIZE];
static uint64_t idt[32];
/* [0] is written, [1] read, [2] the VMXON pointer, [3] the VMCS pointer */
uint64_t lab_operand32[4] __attribute__((aligned(16)));

struct pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* EBX: the operand, ESI: a field or a selector, ECX: a value. */
#define CODE32(name, text)                                                                                   \
	__asm__(".pushsection .text.protected32, \"ax\"\n.code32\n" #name ": " text                          \
		"\nret\n.code64\n.popsection\n");                                                            \
	extern const uint8_t name[]

CODE32(p_vmxon, "vmxon (%ebx)");
CODE32(p_vmxoff, "vmxoff");
CODE32(p_vmclear, "vmclear (%ebx)");
CODE32(p_vmptrld, "vmptrld (%ebx)");
CODE32(p_vmptrst, "vmptrst (%ebx)");
CODE32(p_vmread, "vmread %esi, %eax");
CODE32(p_vmread_memory, "vmread %esi, (%ebx)");
CODE32(p_vmwrite, "vmwrite %ecx, %esi");
CODE32(p_vmwrite_memory, "vmwrite (%ebx), %esi");
CODE32(p_ptrst_disp, "leal -0x1234(%ebx), %edx; vmptrst 0x1234(%edx)");
CODE32(p_ptrst_index, "movl $-2, %ecx; leal 16(%ebx), %edx; vmptrst (%edx,%ecx,8)");
CODE32(p_ptrst_16, "movw %si, %es; movw $0xfff0, %bx; movw $8, %si; vmptrst %es:8(%bx,%si)");
CODE32(p_ptrst_ds, "movw %si, %ds; vmptrst (%ebx)");
CODE32(p_ptrld_ds, "movw %si, %ds; vmptrld (%ebx)");
CODE32(p_ptrst_es, "movw %si, %es; vmptrst %es:(%ebx)");
CODE32(p_ptrst_cs, "vmptrst %cs:(%ebx)");
CODE32(p_ptrld_cs, "vmptrld %cs:(%ebx)");
CODE32(p_ptrst_fs, "movw %si, %fs; vmptrst %fs:(%ebx)");
CODE32(p_ptrst_gs, "movw %si, %gs; vmptrst %gs:(%ebx)");
CODE32(p_ptrst_ss, "movw %si, %ss; movl %ebx, %ebp; vmptrst (%ebp)");
CODE32(p_read_ds, "movw %si, %ds; movl $0x681e, %esi; vmread %esi, (%ebx)");
CODE32(p_write_ds, "movw %si, %ds; movl $0x681e, %esi; vmwrite (%ebx), %esi");
CODE32(p_invept_fs, "movw %si, %fs; movl $2, %esi; invept %fs:(%ebx), %esi");

#define OPERAND 0x80000000u /* EBX: this and an offset from the operand */
#define DONE    NO_VECTOR, 0

/* clang-format off */
static const struct row {
	const char *name;
	const uint8_t *code;
	uint32_t ebx, ecx, esi;
	uint32_t vector, error;
	uint32_t flags; /* CF and ZF after it */
	uint64_t result; /* in the operand */
	bool stores; /* that is looked at */
} rows[] = {
	{"32-bit L1: VMREAD before VMXON: #UD", p_vmread, 0, 0, GUEST_RIP, UD, 0, 0, 0, false},
	{"32-bit L1: VMXON", p_vmxon, OPERAND + 16, 0, 0, DONE, 0, 0, false},
	{"32-bit L1: VMREAD without VMCS", p_vmread, 0, 0, GUEST_RIP, DONE, RFLAGS_CF, 0, false},
	{"32-bit L1: VMCLEAR", p_vmclear, OPERAND + 24, 0, 0, DONE, 0, 0, false},
	{"32-bit L1: VMPTRLD", p_vmptrld, OPERAND + 24, 0, 0, DONE, 0, 0, false},
	{"32-bit L1: VMPTRST", p_vmptrst, OPERAND, 0, 0, DONE, 0, 1, true},
	{"32-bit L1: VMWRITE of a 64-bit field", p_vmwrite, 0, 0x12345678, TSC_OFFSET, DONE, 0, 0, false},
	{"32-bit L1: VMWRITE of its upper half", p_vmwrite, 0, 0x9abcdef0, TSC_OFFSET | 1, DONE, 0, 0, false},
	{"32-bit L1: VMREAD to memory: 32 bits", p_vmread_memory, OPERAND, 0, TSC_OFFSET, DONE, 0, 0xaaaaaaaa12345678, true},
	{"32-bit L1: VMREAD of the upper half", p_vmread_memory, OPERAND, 0, TSC_OFFSET | 1, DONE, 0, 0xaaaaaaaa9abcdef0, true},
	{"32-bit L1: VMWRITE from memory: 32 bits", p_vmwrite_memory, OPERAND + 8, 0, TSC_OFFSET, DONE, 0, 0, false},
	{"32-bit L1: VMREAD of that", p_vmread_memory, OPERAND, 0, TSC_OFFSET, DONE, 0, 0xaaaaaaaa0badcafe, true},
	{"32-bit L1: its upper half was cleared", p_vmread_memory, OPERAND, 0, TSC_OFFSET | 1, DONE, 0, 0xaaaaaaaa00000000, true},
	{"32-bit L1: VMREAD of no field: 12", p_vmread, 0, 0, 0x6ffe, DONE, RFLAGS_ZF, 0, false},
	{"32-bit L1: displacement", p_ptrst_disp, OPERAND, 0, 0, DONE, 0, 1, true},
	{"32-bit L1: index", p_ptrst_index, OPERAND, 0, 0, DONE, 0, 1, true},
	{"32-bit L1: DS with a base", p_ptrst_ds, 0, 0, SELECTOR(BASED), DONE, 0, 1, true},
	{"32-bit L1: ES with a base", p_ptrst_es, 0, 0, SELECTOR(BASED), DONE, 0, 1, true},
	{"32-bit L1: FS with a base", p_ptrst_fs, 0, 0, SELECTOR(BASED), DONE, 0, 1, true},
	{"32-bit L1: GS with a base", p_ptrst_gs, 0, 0, SELECTOR(BASED), DONE, 0, 1, true},
	{"32-bit L1: 16-bit addresses wrap", p_ptrst_16, 0, 0, SELECTOR(BASED), DONE, 0, 1, true},
	{"32-bit L1: up to DS's limit", p_ptrst_ds, 24, 0, SELECTOR(BASED), DONE, 0, 0, false},
	{"32-bit L1: over DS's limit: #GP", p_ptrst_ds, 25, 0, SELECTOR(BASED), GP, 0, 0, 0, false},
	{"32-bit L1: far over FS's limit: #GP", p_ptrst_fs, 0xfffffff8, 0, SELECTOR(BASED), GP, 0, 0, 0, false},
	{"32-bit L1: VMREAD, 4 bytes up to the limit", p_read_ds, 28, 0, SELECTOR(BASED), DONE, 0, 0, false},
	{"32-bit L1: VMREAD over the limit: #GP", p_read_ds, 29, 0, SELECTOR(BASED), GP, 0, 0, 0, false},
	{"32-bit L1: VMPTRLD over the limit: #GP", p_ptrld_ds, 25, 0, SELECTOR(BASED), GP, 0, 0, 0, false},
	{"32-bit L1: INVEPT, 16 bytes over the limit: #GP", p_invept_fs, 17, 0, SELECTOR(BASED), GP, 0, 0, 0, false},
	{"32-bit L1: VMPTRST to a read-only segment: #GP", p_ptrst_ds, OPERAND, 0, SELECTOR(READ_ONLY), GP, 0, 0, 0, false},
	{"32-bit L1: VMREAD to a read-only segment: #GP", p_read_ds, OPERAND, 0, SELECTOR(READ_ONLY), GP, 0, 0, 0, false},
	{"32-bit L1: VMWRITE from a read-only segment", p_write_ds, OPERAND, 0, SELECTOR(READ_ONLY), DONE, 0, 0, false},
	{"32-bit L1: VMPTRLD from a read-only segment", p_ptrld_ds, OPERAND + 24, 0, SELECTOR(READ_ONLY), DONE, 0, 0, false},
	{"32-bit L1: VMPTRST to a code segment: #GP", p_ptrst_cs, OPERAND, 0, 0, GP, 0, 0, 0, false},
	{"32-bit L1: VMPTRLD from a readable code segment", p_ptrld_cs, OPERAND + 24, 0, 0, DONE, 0, 0, false},
	{"32-bit L1: null DS: #GP", p_ptrst_ds, OPERAND, 0, 0, GP, 0, 0, 0, false},
	{"32-bit L1: null FS: #GP", p_ptrst_fs, OPERAND, 0, 0, GP, 0, 0, 0, false},
	{"32-bit L1: expand-down segment, below its limit: #GP", p_ptrst_ds, 0x1000, 0, SELECTOR(EXPAND_DOWN), GP, 0, 0, 0, false},
	{"32-bit L1: expand-down segment, above its limit", p_ptrst_ds, OPERAND, 0, SELECTOR(EXPAND_DOWN), DONE, 0, 1, true},
	{"32-bit L1: by EBP over the limit of SS: #SS", p_ptrst_ss, 0x10000000, 0, SELECTOR(STACK), SS, 0, 0, 0, false},
	{"32-bit L1: by EBP in SS", p_ptrst_ss, OPERAND, 0, SELECTOR(STACK), DONE, 0, 1, true},
	{"32-bit L1: VMXOFF", p_vmxoff, 0, 0, 0, DONE, 0, 0, false},
	{"32-bit L1: VMPTRST after VMXOFF: #UD", p_vmptrst, OPERAND, 0, 0, UD, 0, 0, 0, false},
};
/* clang-format on */
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct call32 calls[ROWS];

/* Base and limit in bytes; type and flags as in the descriptor's access rights. */
static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t rights)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(rights & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(rights >> 12) << 52 |
	       (uint64_t)(base >> 24) << 56;
}

static void make_tables(const struct pointer *old)
{
	/* an exit of L2 leaves a limit of FFFFH */
	memcpy(gdt, (const void *)(uintptr_t)old->base, FIRST_OWN * sizeof(gdt[0]));
	gdt[READ_ONLY] = descriptor(0, 0xfffff, 0xc091);
	gdt[BASED] = descriptor((uint32_t)address_of(lab_operand32), sizeof(lab_operand32) - 1, 0x4093);
	gdt[EXPAND_DOWN] = descriptor(0, 0xf, 0xc097); /* 10000H and above */
	gdt[STACK] = descriptor(0, 0xffff, 0xc093); /* up to 256 MBytes */
	for (unsigned int i = 0; i < 4; i++)
		pdpt[i] = (((const uint64_t *)(uintptr_t)(*(const uint64_t *)(uintptr_t)read_cr3() &
							  ~0xfffull))[i] &
			   ~0xfffull) |
			  1;
	for (unsigned int v = 0; v < 32; v++) {
		const uint64_t to = address_of(lab_stubs32[v]);

		idt[v] = (to & 0xffff) | 0x18ull << 16 | 0x8e00ull << 32 | (to >> 16 & 0xffff) << 48;
	}
}

static uint32_t ebx_of(const struct row *row)
{
	return row->ebx & OPERAND && row->ebx < OPERAND + 0x100
		       ? (uint32_t)address_of(lab_operand32) + (row->ebx & ~OPERAND)
		       : row->ebx;
}

static void run_all(void)
{
	const uint64_t fs = rdmsr(MSR_FS_BASE), gs = rdmsr(MSR_GS_BASE);
	struct pointer old, own = {sizeof(gdt) - 1, address_of(gdt)},
			    idt32 = {sizeof(idt) - 1, address_of(idt)};

	__asm__ volatile("sgdt %0" : "=m"(old));
	make_tables(&old);
	__asm__ volatile("lgdt %0" : : "m"(own));
	lab_protected32(calls, ROWS, &idt32, (uint32_t)address_of(pdpt));
	__asm__ volatile("lgdt %0" : : "m"(old));
	wrmsr(MSR_FS_BASE, fs);
	wrmsr(MSR_GS_BASE, gs);
}

static void judge(const struct row *row, const struct call32 *call)
{
	const uint32_t flags = call->flags & (RFLAGS_CF | RFLAGS_ZF);

	if (call->vector != row->vector)
		rt_fail(row->name, "vector %u", call->vector);
	else if (row->vector != NO_VECTOR && row->vector != UD && call->error != row->error)
		rt_fail(row->name, "error code 0x%x", call->error);
	else if (row->vector == NO_VECTOR && flags != row->flags)
		rt_fail(row->name, "flags 0x%x", flags);
	else if (row->stores && call->result != (row->result == 1 ? address_of(region[1]) : row->result))
		rt_fail(row->name, "0x%lx is in memory", call->result);
	else
		rt_pass(row->name);
}

void test_vmx_protected(void)
{
	if (!lab_group("32-bit L1: "))
		return;
	vmclear(lab_vmcs());
	__asm__ volatile("vmxoff" : : : "cc");
	for (unsigned int i = 0; i < 2; i++)
		region[i][0] = lab_caps.basic & 0x7fffffff;
	lab_operand32[0] = 0xaaaaaaaaaaaaaaaa;
	lab_operand32[1] = 0x0badcafe;
	lab_operand32[2] = address_of(region[0]);
	lab_operand32[3] = address_of(region[1]);
	for (unsigned int i = 0; i < ROWS; i++)
		calls[i] = (struct call32){.code = (uint32_t)address_of(rows[i].code),
					   .ebx = ebx_of(&rows[i]),
					   .ecx = rows[i].ecx,
					   .esi = rows[i].esi};
	run_all();
	for (unsigned int i = 0; i < ROWS; i++)
		if (rows[i].code == p_invept_fs && lab_lacks(NEED_INVEPT))
			rt_skip(rows[i].name, lab_lacks(NEED_INVEPT));
		else
			judge(&rows[i], &calls[i]);
	lab_on();
	lab_forget_launch();
}
