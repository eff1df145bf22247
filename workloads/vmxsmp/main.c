/* SPDX-License-Identifier: MIT */
/*
 * Two processors in VMX operation: each with an L2 of its own, a VMCS that moves, and INIT, SIPI, NMI and
 * interrupts from one to the other (SDM "Other Causes of VM Exits", "Activity State", "INIT Signal").
 */
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "workloads/vmx/feature.h"
#include "workloads/vmx/host_state.h"
#include "workloads/vmx/vmx.h"

#define ROUNDS         50u
#define PATIENCE       400000000ull /* ticks */
#define SHORT_WHILE    3000000ull
#define VECTOR         0x51u
#define NOTHING_VECTOR 0x52
#define GP             13u
#define SIPI_VECTOR    0x9Au

struct vmx_cpu {
	uint64_t vmxon_region[512] __attribute__((aligned(4096)));
	uint64_t vmcs[512] __attribute__((aligned(4096)));
	uint64_t l2_stack[64] __attribute__((aligned(16)));
	volatile uint64_t l2_count; /* RDI of L2 points here */
	volatile bool in_l2; /* about to enter */
	uint32_t reason;
	uint64_t qualification;
	uint32_t intr_info;
};

static struct vmx_cpu cpus[2];
static volatile uint64_t nmis; /* that L1 took */
static volatile uint64_t ticks1; /* of CPU 1 while it waits for work */
static void (*volatile work)(struct vmx_cpu *); /* of CPU 1; it clears this when done */

_Static_assert(__builtin_offsetof(struct vmx_cpu, l2_count) % 8 == 0, "L2 counts there");

static uint8_t apic_page[4096] __attribute__((aligned(4096), used));

void l2_counts(void);
void l2_spins(void);
void l2_reads_ram(void);
void l2_reads_apic(void);
__asm__("l2_reads_ram: movl apic_page+0x20(%rip), %eax; vmcall\n"
	"l2_reads_apic: movl $0xfee00020, %eax; movl (%rax), %eax; vmcall\n"
	"l2_counts: incq (%rdi); vmcall; jmp l2_counts\n"
	"l2_spins: incq (%rdi); pause; jmp l2_spins\n");

void vmx_instruction_failed(const char *what, uint64_t operand)
{
	rt_panic("%s 0x%lx failed on CPU %u", what, operand, rt_cpu());
}

static uint64_t address_of(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void root(struct vmx_cpu *c)
{
	(void)vmx_feature_on();
	write_cr0((read_cr0() | rdmsr(IA32_VMX_CR0_FIXED0)) & rdmsr(IA32_VMX_CR0_FIXED1));
	write_cr4((read_cr4() | rdmsr(IA32_VMX_CR4_FIXED0)) & rdmsr(IA32_VMX_CR4_FIXED1));
	*(uint32_t *)c->vmxon_region = *(uint32_t *)c->vmcs = (uint32_t)rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
	vmxon(address_of(c->vmxon_region));
}

static uint32_t controls(uint32_t msr, uint32_t wanted)
{
	uint64_t allowed = rdmsr(msr);

	return (wanted | (uint32_t)allowed) & (uint32_t)(allowed >> 32);
}

/* L2 is the processor as it is, in another function. */
static void guest_state(struct vmx_cpu *c, void (*code)(void))
{
	const struct {
		uint32_t field;
		uint64_t value;
	} rows[] = {
		{GUEST_CR0,              read_cr0()                  },
		{GUEST_CR3,              read_cr3()                  },
		{GUEST_CR4,              read_cr4()                  },
		{GUEST_DR7,              0x400                       },
		{GUEST_RFLAGS,           2 | RFLAGS_IF               }, /* with IF clear Bochs exits late */
		{GUEST_RSP,              address_of(&c->l2_stack[64])},
		{GUEST_RIP,              (uint64_t)(uintptr_t)code   },
		{GUEST_EFER,             rdmsr(IA32_EFER)            },
		{GUEST_GDTR_BASE,        vmread(HOST_GDTR_BASE)      },
		{GUEST_IDTR_BASE,        vmread(HOST_IDTR_BASE)      },
		{GUEST_GDTR_LIMIT,       0xffff                      },
		{GUEST_IDTR_LIMIT,       0xffff                      },
		{GUEST_CS_SEL,           vmread(HOST_CS_SEL)         },
		{GUEST_CS_LIMIT,         0xffffffff                  },
		{GUEST_CS_AR,            0xa09b                      },
		{GUEST_SS_SEL,           vmread(HOST_SS_SEL)         },
		{GUEST_SS_LIMIT,         0xffffffff                  },
		{GUEST_SS_AR,            0xc093                      },
		{GUEST_DS_AR,            AR_UNUSABLE                 },
		{GUEST_ES_AR,            AR_UNUSABLE                 },
		{GUEST_DS_AR + 2,        AR_UNUSABLE                 }, /* FS */
		{GUEST_DS_AR + 4,        AR_UNUSABLE                 }, /* GS */
		{GUEST_LDTR_AR,          AR_UNUSABLE                 },
		{GUEST_TR_SEL,           vmread(HOST_TR_SEL)         },
		{GUEST_TR_BASE,          vmread(HOST_TR_BASE)        },
		{GUEST_TR_LIMIT,         0x67                        },
		{GUEST_TR_AR,            0x8b                        },
		{GUEST_INTERRUPTIBILITY, 0                           },
		{GUEST_ACTIVITY,         ACTIVITY_ACTIVE             },
		{GUEST_PENDING_DEBUG,    0                           },
		{GUEST_SYSENTER_CS,      0                           },
		{GUEST_SYSENTER_ESP,     0                           },
		{GUEST_SYSENTER_EIP,     0                           },
		{GUEST_DEBUGCTL,         0                           },
		{VMCS_LINK_POINTER,      ~0ull                       },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		vmwrite((enum vmcs_field)rows[i].field, rows[i].value);
}

void l2_exit(void); /* in enter() */

static void make_vmcs(struct vmx_cpu *c, void (*code)(void))
{
	static const uint32_t zero[] = {EXCEPTION_BITMAP,
					PFEC_MASK,
					PFEC_MATCH,
					CR3_TARGET_COUNT,
					EXIT_MSR_STORE_COUNT,
					EXIT_MSR_LOAD_COUNT,
					ENTRY_MSR_LOAD_COUNT,
					ENTRY_INTR_INFO,
					CR0_MASK,
					CR4_MASK};

	vmclear(address_of(c->vmcs));
	vmptrld(address_of(c->vmcs));
	vmwrite(PIN_CTLS, controls(IA32_VMX_PIN, PIN_EXTERNAL_INTERRUPT | PIN_NMI));
	vmwrite(CPU_CTLS, controls(IA32_VMX_CPU, 0));
	vmwrite(EXIT_CTLS, controls(IA32_VMX_EXIT, EXIT_HOST_64 | EXIT_ACK_INTERRUPT | EXIT_LOAD_EFER));
	vmwrite(ENTRY_CTLS, controls(IA32_VMX_ENTRY, ENTRY_IA32E | ENTRY_LOAD_EFER));
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		vmwrite((enum vmcs_field)zero[i], 0);
	vmx_host_state(l2_exit, false, true);
	guest_state(c, code);
}

/* The exit lands behind the entry, with RSP as it was. False: VMfail. */
static __attribute__((noinline)) bool enter(struct vmx_cpu *c, bool launch)
{
	bool entered;

	__asm__ volatile("pushq %%rbx; pushq %%rbp; pushq %[c]\n\t"
			 "movl %[host_rsp], %%eax; vmwrite %%rsp, %%rax\n\t"
			 "testb %[launch], %[launch]; jz 1f\n\t"
			 "vmlaunch; jmp 2f\n"
			 "1: vmresume\n"
			 "2: popq %[c]; popq %%rbp; popq %%rbx; xorl %%eax, %%eax; jmp 3f\n"
			 "l2_exit: popq %[c]; popq %%rbp; popq %%rbx; movl $1, %%eax\n"
			 "3:"
			 : "=&a"(entered)
			 : [c] "D"(&c->l2_count), [launch] "r"(launch), [host_rsp] "i"(HOST_RSP)
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
			   "memory");
	return entered;
}

/* Runs L2 to its next exit, which it notes. */
static void run(struct vmx_cpu *c, bool launch)
{
	c->in_l2 = true;
	if (!enter(c, launch))
		rt_panic("VM entry on CPU %u failed: %lu", rt_cpu(), vmread(VM_INSTRUCTION_ERROR));
	c->in_l2 = false;
	c->reason = vmread32(EXIT_REASON);
	c->qualification = vmread(EXIT_QUALIFICATION);
	c->intr_info = vmread32(EXIT_INTR_INFO);
	if (c->reason == EXIT_EXTERNAL_INTERRUPT)
		rt_apic_eoi();
	if (c->reason == EXIT_EXCEPTION_NMI) /* the exit blocks NMIs until an IRET */
		__asm__ volatile("int %0" : : "i"(NOTHING_VECTOR) : "memory");
}

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	nmis++;
}

static void nothing(struct rt_regs *regs)
{
	(void)regs;
}

static void skip(void)
{
	vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_INSTR_LEN));
}

static bool wait_until(volatile const bool *condition, bool value)
{
	for (uint64_t begin = rdtsc(); *condition != value && rdtsc() - begin < PATIENCE;)
		rt_yield();
	return *condition == value;
}

static bool idle(void)
{
	for (uint64_t begin = rdtsc(); work && rdtsc() - begin < PATIENCE;)
		rt_yield();
	return !work;
}

static bool counts_on(volatile const uint64_t *counter)
{
	uint64_t was = *counter;

	for (uint64_t begin = rdtsc(); *counter == was && rdtsc() - begin < PATIENCE;)
		rt_yield();
	return *counter != was;
}

static void while_passes(uint64_t ticks)
{
	for (uint64_t begin = rdtsc(); rdtsc() - begin < ticks;)
		rt_yield();
}

/* ---- what CPU 1 is told to do ---- */

static void go(void (*what)(struct vmx_cpu *))
{
	work = what;
}

static void to_root(struct vmx_cpu *c)
{
	root(c);
}

static void count_rounds(struct vmx_cpu *c)
{
	make_vmcs(c, l2_counts);
	c->l2_count = 0;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		run(c, !i);
		skip();
	}
}

static void spin(struct vmx_cpu *c)
{
	make_vmcs(c, l2_spins);
	run(c, true);
}

static void sleep_for_sipi(struct vmx_cpu *c)
{
	make_vmcs(c, l2_spins);
	vmwrite(GUEST_ACTIVITY, ACTIVITY_SIPI);
	run(c, true);
}

static void leave_root(struct vmx_cpu *c)
{
	(void)c;
	__asm__ volatile("vmxoff" : : : "cc", "memory");
}

/* Goes on with the VMCS of CPU 0, as that left it. */
static void take_over(struct vmx_cpu *c)
{
	vmclear(address_of(c->vmcs));
	vmptrld(address_of(cpus[0].vmcs));
	vmx_host_state(l2_exit, false, true);
	run(&cpus[0], true);
	vmclear(address_of(cpus[0].vmcs));
}

static void other(void *p)
{
	struct vmx_cpu *c = p;

	rt_apic_enable();
	for (;;) {
		ticks1++;
		if (work) {
			work(c);
			work = NULL;
		}
		rt_yield();
	}
}

/* ---- the checks ---- */

static void check_exit(const char *name, uint32_t reason, uint64_t qualification)
{
	struct vmx_cpu *c = &cpus[1];

	if (!idle())
		rt_fail(name, "no exit");
	else if (c->reason != reason || c->qualification != qualification)
		rt_fail(name, "exit %u, qualification 0x%lx; wanted %u, 0x%lx", c->reason, c->qualification,
			reason, qualification);
	else
		rt_pass(name);
}

static void start_spinning(void)
{
	cpus[1].l2_count = 0;
	go(spin);
	(void)wait_until(&cpus[1].in_l2, true);
	(void)counts_on(&cpus[1].l2_count);
}

static void side_by_side(void)
{
	go(count_rounds);
	count_rounds(&cpus[0]);
	rt_check_u64("L2 of CPU 0 runs", cpus[0].l2_count, ROUNDS);
	(void)idle();
	rt_check_u64("L2 of CPU 1 runs beside it", cpus[1].l2_count, ROUNDS);
	vmclear(address_of(cpus[0].vmcs));
	go(take_over);
	check_exit("a VMCS moves to the other CPU", EXIT_VMCALL, 0);
	rt_check_u64("its L2 goes on where it was", cpus[0].l2_count, ROUNDS + 1);
}

static void interrupts(void)
{
	start_spinning();
	rt_apic_ipi(1, ICR_FIXED | ICR_ASSERT | VECTOR);
	cpus[1].qualification = 0;
	if (rt_check("interrupt from CPU 0: exit", idle()))
		rt_check_u64("the exit acknowledges it", cpus[1].intr_info, INTR_INFO(INTR_EXTERNAL, VECTOR));
	start_spinning();
	rt_apic_ipi(1, ICR_NMI | ICR_ASSERT);
	if (rt_check("NMI from CPU 0: exit", idle()))
		rt_check_u64("the exit tells of it", cpus[1].intr_info, INTR_INFO(INTR_NMI, 2));
}

/* An exit that tells of a delivery; then one that comes before L2 runs again. */
static void cut_off_twice(struct vmx_cpu *c)
{
	make_vmcs(c, l2_spins);
	vmwrite(EXCEPTION_BITMAP, 1u << GP);
	vmwrite(GUEST_IDTR_LIMIT, 0);
	vmwrite(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, VECTOR));
	run(c, true);
	rt_check_u64("an injected interrupt meets #GP", vmread(IDT_VECTORING_INFO),
		     INTR_INFO(INTR_EXTERNAL, VECTOR));
	rt_apic_ipi(0, ICR_FIXED | ICR_ASSERT | ICR_SELF | VECTOR);
	run(c, false);
	if (rt_check_u64("L1 drops it; the next exit is an interrupt", c->reason, EXIT_EXTERNAL_INTERRUPT))
		rt_check_u64("no delivery is told of", vmread(IDT_VECTORING_INFO), 0);
	vmclear(address_of(c->vmcs));
}

/* Without EPT of L1's: a page of RAM, and one where a device is. */
static void apic_access(struct vmx_cpu *c)
{
	static const struct {
		const char *name;
		void (*code)(void);
		uint64_t page; /* 0: apic_page */
	} rows[] = {
		{"APIC access without EPT: RAM",      l2_reads_ram,  0        },
		{"APIC access without EPT: a device", l2_reads_apic, APIC_MMIO},
	};
	const uint32_t secondary = (uint32_t)(rdmsr(IA32_VMX_CPU) >> 32) & CPU_SECONDARY;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!secondary || !(rdmsr(IA32_VMX_CPU2) >> 32 & CPU2_APIC_ACCESSES)) {
			rt_skip(rows[i].name, "the processor does not offer the control");
			continue;
		}
		make_vmcs(c, rows[i].code);
		vmwrite(CPU_CTLS, vmread(CPU_CTLS) | CPU_SECONDARY);
		vmwrite(CPU_CTLS2, controls(IA32_VMX_CPU2, CPU2_APIC_ACCESSES));
		vmwrite(APIC_ACCESS_PAGE, rows[i].page ? rows[i].page : address_of(apic_page));
		run(c, true);
		if (rt_check_u64(rows[i].name, c->reason, EXIT_APIC_ACCESS))
			rt_check_u64("a linear read of its offset", c->qualification, APIC_ID);
		vmclear(address_of(c->vmcs));
	}
}

static void sipi(void)
{
	start_spinning();
	rt_apic_ipi(1, ICR_STARTUP | SIPI_VECTOR);
	while_passes(SHORT_WHILE);
	rt_check("SIPI while L2 is active: dropped", cpus[1].in_l2 && counts_on(&cpus[1].l2_count));
	rt_apic_ipi(1, ICR_NMI | ICR_ASSERT);
	(void)idle();
	go(sleep_for_sipi);
	(void)wait_until(&cpus[1].in_l2, true);
	while_passes(SHORT_WHILE);
	rt_apic_ipi(1, ICR_FIXED | ICR_ASSERT | VECTOR);
	rt_apic_ipi(1, ICR_NMI | ICR_ASSERT);
	while_passes(SHORT_WHILE);
	rt_check("interrupts and NMIs while L2 waits for SIPI: blocked", cpus[1].in_l2);
	rt_apic_ipi(1, ICR_STARTUP | SIPI_VECTOR);
	check_exit("SIPI while L2 waits for it: exit with its vector", EXIT_SIPI, SIPI_VECTOR);
	if (rt_has_hypervisor())
		rt_check_u64("the NMI that was blocked comes to L1", nmis, 1);
	else
		rt_skip("the NMI that was blocked comes to L1", "Bochs drops it");
	go(spin);
	if (rt_check("the interrupt that was blocked is the next L2's exit", idle()))
		rt_check_u64("acknowledged", cpus[1].intr_info, INTR_INFO(INTR_EXTERNAL, VECTOR));
}

/* Last: Bochs 2.7 keeps an INIT pending after its exit, so that every later L2 of this CPU exits by it. */
static void init(void)
{
	start_spinning();
	rt_apic_ipi(1, ICR_INIT | ICR_ASSERT);
	check_exit("INIT while L2 is active: exit", EXIT_INIT, 0);
	rt_apic_ipi(1, ICR_INIT | ICR_ASSERT);
	while_passes(SHORT_WHILE);
	rt_check("INIT in VMX root operation waits", counts_on(&ticks1));
	cpus[1].l2_count = 0;
	go(spin);
	check_exit("for the next L2: exit", EXIT_INIT, 0);
	rt_check_u64("before its first instruction", cpus[1].l2_count, 0);
	if (!rt_has_hypervisor()) {
		rt_skip("the exit takes the INIT", "Bochs keeps it pending");
		return;
	}
	start_spinning();
	rt_check("the exit takes the INIT", counts_on(&cpus[1].l2_count));
	rt_apic_ipi(1, ICR_NMI | ICR_ASSERT);
	(void)idle();
}

static void after_vmxoff(void)
{
	uint64_t was;

	rt_apic_ipi(1, ICR_INIT | ICR_ASSERT);
	while_passes(SHORT_WHILE);
	go(leave_root);
	while_passes(SHORT_WHILE);
	was = ticks1;
	while_passes(SHORT_WHILE);
	rt_check("INIT that waited for VMXOFF stops the CPU", ticks1 == was);
	work = NULL;
	rt_check("it starts again by SIPI",
		 rt_start_cpu(1, 1, other, &cpus[1], PATIENCE) && counts_on(&ticks1));
}

void rt_main(void)
{
	rt_apic_enable();
	rt_on(NOTHING_VECTOR, nothing);
	rt_on(2, on_nmi);
	root(&cpus[0]);
	if (!rt_check("CPU 1 starts", rt_start_cpu(1, 1, other, &cpus[1], PATIENCE))) {
		rt_check_end();
		return;
	}
	go(to_root);
	if (rt_check("CPU 1 enters VMX operation", idle())) {
		side_by_side();
		interrupts();
		cut_off_twice(&cpus[0]);
		apic_access(&cpus[0]);
		sipi();
		init();
		after_vmxoff();
	}
	rt_check_end();
}
