// SPDX-License-Identifier: MIT
/* What a row may write: VMCS fields, and L2's memory and registers. The kinds are explained in lab.h. */
#include "lab_impl.h"

#define OF_16_BITS (~0xffffu)
#define OF_12_BITS (~0xfffu)
#define ALONE      (~0u)
#define FLAGS_ALL  0x67ull /* of a page-table entry: present, writable, user, accessed, dirty */

/* ---- VMCS ---- */

static void set_field(uint32_t field, uint64_t value)
{
	put(field, value);
}

static void set_bits(uint32_t field, uint64_t value)
{
	put(field, get(field) | value);
}

static void clear_bits(uint32_t field, uint64_t value)
{
	put(field, get(field) & ~value);
}

static void set_rip(uint32_t none, uint64_t value)
{
	(void)none;
	put(GUEST_RIP, address_of(lab_current->start) - lab_rip_base + value);
}

static void skip_instruction(uint32_t none, uint64_t value)
{
	(void)none;
	(void)value;
	put(GUEST_RIP, get(GUEST_RIP) + get(EXIT_INSTR_LEN));
}

static void link_shadow(uint32_t none, uint64_t value)
{
	(void)none;
	(void)value;
	lab_shadow_link();
}

static void switch_ept(uint32_t none, uint64_t value)
{
	(void)none;
	put(EPT_POINTER, value == EPTP_OTHER ? lab_eptp_other() : lab_eptp());
}

/* ---- L2's memory ---- */

static void set_pte(uint32_t page, uint64_t value)
{
	l2.pt[page] = value ? PAGE_L2(page) | value : 0;
}

static void set_pte_to(uint32_t page, uint64_t value)
{
	l2.pt[page] = PAGE_L2(value) | FLAGS_ALL;
}

static void set_pde(uint32_t none, uint64_t value)
{
	(void)none;
	l2.pd[(WINDOW >> 21) + 1] = value;
}

static void set_pdpte(uint32_t none, uint64_t value)
{
	(void)none;
	l2.pae_pdpt[0] = value;
}

static void set_epte(uint32_t page, uint64_t value)
{
	l2.ept_pt[page] = (l2.ept_pt[page] & ~0xfffull) | value;
}

static void set_ept_word(uint32_t page, uint64_t value)
{
	l2.ept_pt[page] = value;
}

static void map_far(uint32_t none, uint64_t value)
{
	(void)none;
	(void)value;
	l2_far_map();
}

static void make_dirty(uint32_t none, uint64_t value)
{
	(void)none;
	(void)value;
	l2_ept_dirty();
}

static void set_word(uint32_t page, uint64_t value)
{
	lab_page[page][0] = value;
}

static void set_gate(uint32_t vector, uint64_t value)
{
	l2_gate(vector, (uint8_t)value);
}

static void set_task(uint32_t none, uint64_t type)
{
	static uint8_t task[104];
	const uint64_t at = address_of(task);

	(void)none;
	l2.gdt[9] = (sizeof(task) - 1) | (at & 0xffffff) << 16 | type << 40 | (at >> 24 & 0xff) << 56;
}

static void set_back_link(uint32_t none, uint64_t selector)
{
	(void)none;
	memcpy(l2.tss, &selector, 2);
}

static void set_own_idt(uint32_t none, uint64_t value)
{
	(void)none;
	(void)value;
	put(GUEST_IDTR_BASE, address_of(l2.idt));
}

static void set_descriptor(uint32_t n, uint64_t value)
{
	l2.gdt[n] = value;
}

/* ---- bitmaps and what features use ---- */

static void set_io_bit(uint32_t port, uint64_t value)
{
	l2.io_bitmap[port >> 15][port % 0x8000 / 8] |= (uint8_t)(value << port % 8);
}

static void set_msr_bit(uint32_t none, uint64_t value)
{
	(void)none;
	l2_msr_exits((uint32_t)value, value & MSR_WRITE);
}

static void set_vmcs_bit(uint32_t none, uint64_t value)
{
	(void)none;
	l2_vmcs_exits((uint32_t)value, value & MSR_WRITE);
}

static void set_virtual_apic(uint32_t offset, uint64_t value)
{
	l2.virtual_apic[offset / 4] = (uint32_t)value;
}

static void set_pml_entry(uint32_t n, uint64_t value)
{
	l2.pml[n] = value;
}

static void set_eptp_entry(uint32_t n, uint64_t value)
{
	l2.eptp_list[n] = value == EPTP_OWN ? lab_eptp() : value == EPTP_OTHER ? lab_eptp_other() : value;
}

static void set_ve_word(uint32_t n, uint64_t value)
{
	l2.ve[n] = (uint32_t)value;
}

static void set_vpid(uint32_t none, uint64_t value)
{
	(void)none;
	put(VPID, value);
}

static void invalidate_vpid(uint32_t none, uint64_t type)
{
	const uint64_t descriptor[2] = {1, PAGE(0)};

	(void)none;
	__asm__ volatile("invvpid %0, %1" : : "m"(descriptor), "r"(type) : "memory", "cc");
}

/* ---- registers ---- */

static void set_register(uint32_t n, uint64_t value)
{
	lab_regs.r[n] = value;
}

static void set_to_page_table(uint32_t none, uint64_t n)
{
	(void)none;
	lab_regs.r[n] = address_of(l2.pt);
}

const uint32_t lab_msr_number[LAB_MSRS] = {
	[LAB_PAT] = IA32_PAT,         [LAB_EFER] = IA32_EFER, [LAB_DEBUGCTL] = IA32_DEBUGCTL,
	[LAB_PERF_GLOBAL] = 0x38f,    [LAB_BNDCFGS] = 0xd90,  [LAB_SYSENTER_EIP] = IA32_SYSENTER_EIP,
	[LAB_GS_BASE] = IA32_GS_BASE, [LAB_XSS] = IA32_XSS,
};

static void set_msr(uint32_t n, uint64_t value)
{
	wrmsr(lab_msr_number[n], value);
}

static void set_cr2(uint32_t none, uint64_t value)
{
	(void)none;
	write_cr2(value);
}

static void set_debug_register(uint32_t number, uint64_t value)
{
	void (*const write[])(uint64_t) = {write_dr0, write_dr1, write_dr2, write_dr3};

	if (number < 4)
		write[number](value);
	else if (number == 6)
		write_dr6(value);
}

static void send_ipi(uint32_t none, uint64_t value)
{
	(void)none;
	lab_ipi((uint32_t)value);
}

static void nothing(uint32_t number, uint64_t value)
{
	(void)number;
	(void)value;
}

static const struct setter {
	uint32_t kind, mask; /* the rest of the field's number is the function's first argument */
	void (*set)(uint32_t number, uint64_t value);
} setters[] = {
	{0,	      OF_16_BITS, set_field         },
	{OR(0),          OF_16_BITS, set_bits          },
	{CLEAR(0),       OF_16_BITS, clear_bits        },
	{SHADOW(0),      OF_16_BITS, lab_shadow_put    },
	{SHADOW_LINK,    ALONE,      link_shadow       },
	{EPT_SWITCH,     ALONE,      switch_ept        },
	{L2_VPID,        ALONE,      set_vpid          },
	{RIP_START,      ALONE,      set_rip           },
	{SKIPPED,        ALONE,      skip_instruction  },
	{L2_PTE(0),      OF_12_BITS, set_pte           },
	{L2_PTE_TO(0),   OF_12_BITS, set_pte_to        },
	{L2_PDE,         ALONE,      set_pde           },
	{L2_PDPTE,       ALONE,      set_pdpte         },
	{L2_EPTE(0),     OF_12_BITS, set_epte          },
	{L2_EPT_WORD(0), OF_12_BITS, set_ept_word      },
	{FAR_MAP,        ALONE,      map_far           },
	{FAR_ENTRY(0),   OF_12_BITS, l2_far_set        },
	{EPT_DIRTY,      ALONE,      make_dirty        },
	{L2_WORD(0),     OF_12_BITS, set_word          },
	{L2_GATE(0),     OF_12_BITS, set_gate          },
	{L2_GDT(0),      OF_12_BITS, set_descriptor    },
	{L2_IO_BIT(0),   OF_16_BITS, set_io_bit        },
	{L2_MSR_BIT,     ALONE,      set_msr_bit       },
	{L2_VMCS_BIT,    ALONE,      set_vmcs_bit      },
	{VAPIC(0),       OF_12_BITS, set_virtual_apic  },
	{PML_ENTRY(0),   OF_12_BITS, set_pml_entry     },
	{EPTP_ENTRY(0),  OF_12_BITS, set_eptp_entry    },
	{VE_WORD(0),     OF_12_BITS, set_ve_word       },
	{FORGET_VPID,    ALONE,      invalidate_vpid   },
	{L2_REG(0),      OF_12_BITS, set_register      },
	{L2_PT_IN,       ALONE,      set_to_page_table },
	{L1_MSR(0),      OF_12_BITS, set_msr           },
	{L2_TASK,        ALONE,      set_task          },
	{L2_BACK_LINK,   ALONE,      set_back_link     },
	{L2_OWN_IDT,     ALONE,      set_own_idt       },
	{L1_CR2,         ALONE,      set_cr2           },
	{L1_DR(0),       OF_12_BITS, set_debug_register},
	{L1_IPI,         ALONE,      send_ipi          },
	{NEED(0),        OF_12_BITS, nothing           },
};

void lab_set(const struct set *set)
{
	for (unsigned int i = 0; i < sizeof(setters) / sizeof(setters[0]); i++)
		if ((set->field & setters[i].mask) == setters[i].kind) {
			setters[i].set(set->field & ~setters[i].mask, set->value);
			return;
		}
	rt_panic("vmxtest: no set 0x%x", set->field);
}
