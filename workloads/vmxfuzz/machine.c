// SPDX-License-Identifier: MIT
/*
 * Three VMCSs. What each holds is known, so that only what differs from the plan is written: L0 sees few
 * fields change, as under a real L1.
 */
#include "fuzz.h"
#include "workloads/vmx/host_state.h"

#define REGIONS 3u

int fuzz_enter(struct registers *regs, int how);
void fuzz_exit(void);

static uint64_t page[REGIONS + 2][512] __attribute__((aligned(4096)));
static struct region {
	struct image now;
	bool known; /* `now` is what the VMCS holds */
	bool launched;
} region[REGIONS];
static struct region *current;
static struct image host; /* the host fields, read once */
static uint64_t timer;

/* Fields that a plan gives; `word`: there is such a field if this control can be set. */
static const struct {
	uint16_t first, last;
	uint8_t word;
	uint32_t control;
} fields[] = {
	{VPID,		   VPID,                   WORD_CPU2,  CPU2_VPID      },
	{GUEST_ES_SEL,           GUEST_TR_SEL,           WORDS,      0              },
	{HOST_ES_SEL,            HOST_TR_SEL,            WORDS,      0              },
	{IO_BITMAP_A,            IO_BITMAP_B,            WORDS,      0              },
	{MSR_BITMAP,             MSR_BITMAP,             WORD_CPU,   CPU_MSR_BITMAPS},
	{EXIT_MSR_STORE_ADDRESS, ENTRY_MSR_LOAD_ADDRESS, WORDS,      0              },
	{TSC_OFFSET,             TSC_OFFSET,             WORDS,      0              },
	{VIRTUAL_APIC_PAGE,      VIRTUAL_APIC_PAGE,      WORD_CPU,   CPU_TPR_SHADOW },
	{EPT_POINTER,            EPT_POINTER,            WORD_CPU2,  CPU2_EPT       },
	{VMCS_LINK_POINTER,      GUEST_DEBUGCTL,         WORDS,      0              },
	{GUEST_PAT,              GUEST_PAT,              WORD_ENTRY, ENTRY_LOAD_PAT },
	{GUEST_EFER,             GUEST_EFER,             WORD_ENTRY, ENTRY_LOAD_EFER},
	{GUEST_PDPTE0,           GUEST_PDPTE0 + 6,       WORD_CPU2,  CPU2_EPT       },
	{HOST_PAT,               HOST_PAT,               WORD_EXIT,  EXIT_LOAD_PAT  },
	{HOST_EFER,              HOST_EFER,              WORD_EXIT,  EXIT_LOAD_EFER },
	{PIN_CTLS,               ENTRY_INSTR_LEN,        WORDS,      0              },
	{TPR_THRESHOLD,          TPR_THRESHOLD,          WORD_CPU,   CPU_TPR_SHADOW },
	{CPU_CTLS2,              CPU_CTLS2,              WORDS,      0              },
	{GUEST_ES_LIMIT,         GUEST_ACTIVITY,         WORDS,      0              },
	{GUEST_SYSENTER_CS,      GUEST_SYSENTER_CS,      WORDS,      0              },
	{PREEMPTION_TIMER,       PREEMPTION_TIMER,       WORDS,      0              },
	{HOST_SYSENTER_CS,       HOST_SYSENTER_CS,       WORDS,      0              },
	{CR0_MASK,               CR3_TARGET0 + 6,        WORDS,      0              },
	{GUEST_CR0,              GUEST_SYSENTER_EIP,     WORDS,      0              },
	{HOST_CR0,               HOST_SYSENTER_EIP,      WORDS,      0              },
	{HOST_RIP,               HOST_RIP,               WORDS,      0              },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

void vmx_instruction_failed(const char *what, uint64_t operand)
{
	rt_panic("%s 0x%lx failed", what, operand);
}

uint64_t machine_region(unsigned int n)
{
	return address_of(page[1 + n]);
}

uint64_t machine_vmxon_region(void)
{
	return address_of(page[0]);
}

static bool there(unsigned int row)
{
	return fields[row].word == WORDS || offers_can((enum word)fields[row].word, fields[row].control);
}

void machine_on(void)
{
	write_cr0((read_cr0() | offers.cr0_fixed0) & offers.cr0_fixed1);
	write_cr4((read_cr4() | offers.cr4_fixed0) & offers.cr4_fixed1);
	for (unsigned int i = 0; i < REGIONS + 2; i++)
		*(uint32_t *)page[i] = offers.revision + (i == REGIONS + 1);
	vmxon(machine_vmxon_region());
	vmclear(machine_region(0));
	vmptrld(machine_region(0));
	vmx_host_state(fuzz_exit, offers_can(WORD_EXIT, EXIT_LOAD_PAT),
		       offers_can(WORD_EXIT, EXIT_LOAD_EFER));
	for (unsigned int i = 0; i < FIELDS; i++)
		for (uint32_t f = fields[i].first; f <= fields[i].last; f += 2)
			if ((f & 0xc00) == 0xc00 && there(i))
				V(&host, f) = vmread((enum vmcs_field)f);
	timer = rt_arg_u64("limit", 3000000) >> offers.timer_rate;
}

void machine_forget(void)
{
	for (unsigned int i = 0; i < REGIONS; i++)
		region[i].known = region[i].launched = false;
	current = NULL;
}

static void select(void)
{
	const unsigned int n = (unsigned int)draw_below(one_in(4) ? REGIONS : 1);
	struct region *r = &region[n];
	const bool clear = one_in(16); /* drawn in any case: what was before must not change what is drawn */

	if (!r->known || clear) {
		vmclear(machine_region(n));
		r->launched = false;
	}
	if (current != r || !r->known || !r->launched)
		vmptrld(machine_region(n));
	current = r;
}

void machine_prepare(struct plan *p)
{
	select();
	V(&p->want, PREEMPTION_TIMER) = timer;
	for (unsigned int i = 0; i < FIELDS; i++) {
		if (!there(i))
			continue;
		for (uint32_t f = fields[i].first; f <= fields[i].last; f += 2) {
			const uint64_t value = V(&p->want, f);

			if (current->known && V(&current->now, f) == value)
				continue;
			vmwrite((enum vmcs_field)f, value);
			V(&current->now, f) = value;
		}
	}
	current->known = true;
}

void machine_host(struct image *want)
{
	for (unsigned int i = 0; i < FIELDS; i++)
		for (uint32_t f = fields[i].first; f <= fields[i].last; f += 2)
			if ((f & 0xc00) == 0xc00)
				V(want, f) = V(&host, f);
}

void machine_saved(uint32_t field, uint64_t value)
{
	V(&current->now, field) = value;
}

enum entered machine_enter(struct registers *regs, bool wrong, bool blocked)
{
	const bool resume = current->launched != wrong;
	const enum entered how = (enum entered)fuzz_enter(regs, resume | (blocked ? 2 : 0));

	if (how == ENTERED && !(vmread32(EXIT_REASON) & EXIT_ENTRY_FAILURE))
		current->launched = true;
	return how;
}
