// SPDX-License-Identifier: MIT
/* SDM volume 3, "Host-State Area". */
#include "host_state.h"
#include "vmx.h"
#include "workloads/rt/x86.h"

struct descriptor_table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* Base from the 16-byte TSS descriptor in the GDT. */
static uint64_t tss_base(const struct descriptor_table *gdt, uint16_t selector)
{
	const uint64_t *descriptor = (const uint64_t *)(uintptr_t)(gdt->base + (selector & ~7u));

	return (descriptor[0] >> 16 & 0xFFFFFF) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
}

static void write_tables(void)
{
	struct descriptor_table gdt, idt;
	uint16_t cs, ss, tr;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	__asm__ volatile("mov %%ss, %0" : "=r"(ss));
	__asm__ volatile("str %0" : "=r"(tr));
	vmwrite(HOST_CS_SEL, cs & 0xFFF8);
	vmwrite(HOST_SS_SEL, ss & 0xFFF8);
	vmwrite(HOST_DS_SEL, ss & 0xFFF8);
	vmwrite(HOST_ES_SEL, ss & 0xFFF8);
	vmwrite(HOST_FS_SEL, 0);
	vmwrite(HOST_GS_SEL, 0);
	vmwrite(HOST_TR_SEL, tr & 0xFFF8);
	vmwrite(HOST_TR_BASE, tss_base(&gdt, tr));
	vmwrite(HOST_GDTR_BASE, gdt.base);
	vmwrite(HOST_IDTR_BASE, idt.base);
}

void vmx_host_state(void (*exit)(void), bool pat, bool efer)
{
	write_tables();
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_FS_BASE, rdmsr(IA32_FS_BASE));
	vmwrite(HOST_GS_BASE, 0);
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_RIP, (uint64_t)(uintptr_t)exit);
	if (pat)
		vmwrite(HOST_PAT, rdmsr(IA32_PAT));
	if (efer)
		vmwrite(HOST_EFER, rdmsr(IA32_EFER));
}
