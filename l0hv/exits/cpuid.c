/* SPDX-License-Identifier: MIT */
/*
 * CPUID of a guest: SDM Vol. 2A, "CPUID". What its VM's policy says, with the leaves that are the VM's own.
 * All answers are made when the vCPU is; an exit only adds what changes as it runs.
 */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_offer.h"
#include "l0hv/exits/cpuid.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/vmx/vmx.h"
#include "nestbed/hypercall.h"

#define BIT(n)            (1u << (n))
#define EXTENDED          0x80000000u
#define HYPERVISORS       0x10000000u /* leaves from 40000000H on that are no processor's */
#define XSAVE_LEGACY      576u /* bytes: legacy region and header */
#define XSAVE_COMPACTED   0xAu /* XSAVEC, XSAVES: they tell of a size */
#define BASIC_SLOTS       (CPU_OFFER_BASIC + 1)
#define EXTENDED_SLOTS    (CPU_OFFER_EXTENDED - EXTENDED + 1)
#define CPUID1_HYPERVISOR BIT(31)
#define CPUID1_XSAVE      BIT(26)
#define CPUID1_OSXSAVE    BIT(27)
#define CPUID1_APIC       BIT(9) /* EDX */
#define LEAF_FEATURES     0x1u
#define LEAF_CACHES       0x4u
#define LEAF_TOPOLOGY     0xBu
#define LEAF_XSAVE        0xDu
#define TOPOLOGY_LEVELS   2u
#define CACHE_LEVEL_LAST  (3u << 5)

typedef void patch_fn(const struct vcpu *v, uint32_t subleaf, struct cpuid *c);

/* ---- the VM's own ---- */

static void own_features(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)subleaf;
	c->ebx = (c->ebx & 0xFFFF) | v->vm->vcpu_count << 16 | v->id << 24;
	c->ecx |= CPUID1_HYPERVISOR;
}

static void features_now(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)subleaf;
	if (c->ecx & CPUID1_XSAVE && vmread(GUEST_CR4) & CR4_OSXSAVE)
		c->ecx |= CPUID1_OSXSAVE;
	if (!lapic_is_on(&v->devices->lapic))
		c->edx &= ~CPUID1_APIC;
}

/* Cores that the package may have: as many as leaf 0BH has IDs for. All share the last cache. */
static void own_caches(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	if (!(c->eax & 0x1F))
		return;
	c->eax |= 7u << 26;
	if ((c->eax & 7u << 5) == CACHE_LEVEL_LAST)
		c->eax |= 7u << 14;
}

/* One package of single-threaded cores. */
static void own_topology(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	c->eax = subleaf == 1 ? 3 : 0; /* bits of the x2APIC ID below the package: up to 8 vCPUs */
	c->ebx = subleaf == 0 ? 1 : subleaf == 1 ? v->vm->vcpu_count : 0;
	c->ecx = (subleaf & 0xFF) | (subleaf == 0 ? 1u << 8 : subleaf == 1 ? 2u << 8 : 0);
	c->edx = v->id;
}

/* XCR0 is 1 at the start. */
static void own_xsave(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	if (subleaf == 0)
		c->ebx = c->eax ? XSAVE_LEGACY : 0;
	if (subleaf == 1)
		c->ebx = c->eax & XSAVE_COMPACTED ? XSAVE_LEGACY : 0;
}

/* Sizes follow XCR0, which is the processor's while the guest runs. */
static void xsave_now(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	if (subleaf < 2 && c->ebx)
		c->ebx = cpuid(LEAF_XSAVE, subleaf).ebx;
}

/* The TSC counts ticks, 10^9 a second, as do the local APIC's timer and with it the core crystal clock. */
static void own_tsc(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	*c = (struct cpuid){1, 1, 1000000000, 0};
}

static void own_frequency(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	*c = (struct cpuid){1000, 1000, 100, 0}; /* MHz: base, highest, bus */
}

static void own_hypervisor(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	c->eax = NB_CPUID_HYPERVISOR;
	memcpy(&c->ebx, NB_SIGNATURE_L0, 4);
	memcpy(&c->ecx, &NB_SIGNATURE_L0[4], 4);
	memcpy(&c->edx, &NB_SIGNATURE_L0[8], 4);
}

enum kind {
	NOT_MADE, /* to be asked at each CPUID */
	PLAIN, /* no sub-leaves */
	SUBLEAVES, /* one behind the last is like the last, which is 0 */
	TOPOLOGY, /* one behind the last tells its number */
	FEATURES, /* changes as the vCPU runs */
};

static const struct own {
	uint32_t leaf;
	enum kind kind;
	patch_fn *patch; /* what is the VM's own; NULL: nothing */
	patch_fn *now; /* what its state changes then; NULL: nothing */
} own[] = {
	{LEAF_FEATURES,       FEATURES,  own_features,   features_now},
	{LEAF_CACHES,         SUBLEAVES, own_caches,     NULL        },
	{0x7,		 SUBLEAVES, NULL,           NULL        },
	{LEAF_TOPOLOGY,       TOPOLOGY,  own_topology,   NULL        },
	{LEAF_XSAVE,          SUBLEAVES, own_xsave,      xsave_now   },
	{0x15,		PLAIN,     own_tsc,        NULL        },
	{0x16,		PLAIN,     own_frequency,  NULL        },
	{NB_CPUID_HYPERVISOR, PLAIN,     own_hypervisor, NULL        },
};

static const struct own *own_find(uint32_t leaf)
{
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i].leaf == leaf)
			return &own[i];
	return NULL;
}

/* ---- an answer ---- */

/* "CPUID": what is neither a basic nor an extended leaf gives the highest basic one. */
static uint32_t leaf_shown(const struct cpu_policy *policy, uint32_t leaf)
{
	uint32_t highest = cpu_policy_reg(policy, 0, 0, CPU_EAX);
	uint32_t extended = cpu_policy_reg(policy, EXTENDED, 0, CPU_EAX);
	bool there = leaf <= highest || leaf - NB_CPUID_HYPERVISOR < HYPERVISORS ||
		     (leaf >= EXTENDED && leaf <= extended);

	return there ? leaf : highest;
}

/* Without what the vCPU's state changes. */
static void compose(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid *c)
{
	const struct own *mine = own_find(leaf);
	const struct cpu_policy *policy = &v->vm->cpu.policy;
	const struct cpu_leaf *row;

	row = cpu_policy_leaf(policy, leaf, mine && mine->kind == SUBLEAVES ? subleaf : 0);
	*c = row ? (struct cpuid){row->reg[CPU_EAX], row->reg[CPU_EBX], row->reg[CPU_ECX], row->reg[CPU_EDX]}
		 : (struct cpuid){0, 0, 0, 0};
	if (mine && mine->patch)
		mine->patch(v, subleaf, c);
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid *c)
{
	const struct own *mine;

	leaf = leaf_shown(&v->vm->cpu.policy, leaf);
	mine = own_find(leaf);
	compose(v, leaf, subleaf, c);
	if (mine && mine->now)
		mine->now(v, subleaf, c);
}

/* ---- answers made in advance ---- */

struct slot {
	struct cpuid answer; /* PLAIN, FEATURES */
	uint16_t row; /* SUBLEAVES, TOPOLOGY: that of sub-leaf 0 */
	uint8_t rows; /* and how many there are */
	uint8_t kind; /* enum kind */
} __attribute__((aligned(32)));

struct cpuid_table {
	struct slot basic[BASIC_SLOTS], extended[EXTENDED_SLOTS];
	uint32_t extended_count; /* all of them PLAIN; 0 where nothing is made in advance */
	uint32_t highest_basic;
	bool made;
	struct slot hypervisor;
	uint16_t row_count;
	struct cpuid row[CPU_POLICY_LEAVES + 2 * TOPOLOGY_LEVELS];
};

/* Sub-leaves of a leaf up to one that is 0, which stands for all behind it. */
static unsigned count_subleaves(const struct cpu_policy *policy, uint32_t leaf)
{
	unsigned last = 0;

	for (uint32_t i = 0; i < policy->leaf_count; i++)
		if (policy->leaf[i].leaf == leaf)
			last = policy->leaf[i].subleaf;
	return last + 2;
}

static void make(struct cpuid_table *t, const struct vcpu *v, struct slot *slot, uint32_t leaf)
{
	const struct own *mine = own_find(leaf);
	const unsigned room = sizeof(t->row) / sizeof(t->row[0]) - t->row_count;
	unsigned rows;

	slot->kind = (uint8_t)(mine ? mine->kind : PLAIN);
	compose(v, leaf, 0, &slot->answer);
	if (slot->kind != SUBLEAVES && slot->kind != TOPOLOGY)
		return;
	rows = slot->kind == TOPOLOGY ? TOPOLOGY_LEVELS + 1 : count_subleaves(&v->vm->cpu.policy, leaf);
	if (rows > room || rows > UINT8_MAX) {
		slot->kind = NOT_MADE;
		return;
	}
	slot->row = t->row_count;
	slot->rows = (uint8_t)rows;
	t->row_count = (uint16_t)(t->row_count + rows);
	for (unsigned i = 0; i < rows; i++)
		compose(v, leaf, i, &t->row[slot->row + i]);
}

struct cpuid_table *cpuid_table_create(const struct vcpu *v)
{
	uint64_t pa = pages_alloc_contiguous(sizeof(struct cpuid_table), PAGE_SIZE);
	struct cpuid_table *t = pa ? phys_to_virt(pa) : NULL;
	uint32_t extended;

	if (!t || !v->vm->config->cached_cpuid)
		return t;
	t->made = true;
	t->highest_basic = cpu_policy_reg(&v->vm->cpu.policy, 0, 0, CPU_EAX);
	extended = cpu_policy_reg(&v->vm->cpu.policy, EXTENDED, 0, CPU_EAX);
	for (uint32_t i = 0; i <= t->highest_basic && i < BASIC_SLOTS; i++)
		make(t, v, &t->basic[i], i);
	for (uint32_t i = EXTENDED; i <= extended && i - EXTENDED < EXTENDED_SLOTS; i++)
		make(t, v, &t->extended[t->extended_count++], i);
	make(t, v, &t->hypervisor, NB_CPUID_HYPERVISOR);
	return t;
}

void cpuid_xcr0_changed(struct vcpu *v)
{
	struct cpuid_table *t = v->cpuid;
	const struct slot *slot = &t->basic[LEAF_XSAVE];

	if (slot->kind != SUBLEAVES)
		return;
	xsave_now(v, 0, &t->row[slot->row]);
	xsave_now(v, 1, &t->row[slot->row + 1]);
}

static inline __attribute__((always_inline)) void answer(struct vcpu *v, const struct cpuid *c)
{
	v->gpr[0] = c->eax;
	v->gpr[3] = c->ebx;
	v->gpr[1] = c->ecx;
	v->gpr[2] = c->edx;
}

static void answer_features(struct vcpu *v, const struct slot *slot)
{
	answer(v, &slot->answer);
	if (slot->answer.ecx & CPUID1_XSAVE && vmread(GUEST_CR4) & CR4_OSXSAVE)
		v->gpr[1] |= CPUID1_OSXSAVE;
	if (!lapic_is_on(&v->devices->lapic))
		v->gpr[2] &= ~(uint64_t)CPUID1_APIC;
}

static const struct slot *find_slot(const struct cpuid_table *t, uint32_t leaf)
{
	static const struct slot zero = {.kind = PLAIN};

	if (leaf <= t->highest_basic && leaf < BASIC_SLOTS)
		return &t->basic[leaf];
	if (leaf == NB_CPUID_HYPERVISOR)
		return &t->hypervisor;
	if (leaf - NB_CPUID_HYPERVISOR < HYPERVISORS)
		return &zero;
	return &t->basic[t->highest_basic];
}

/* All but the plain ones of the processor. */
static __attribute__((noinline)) void answer_rest(struct vcpu *v, const struct cpuid_table *t, uint32_t leaf)
{
	const struct slot *slot = find_slot(t, leaf);
	uint32_t subleaf = (uint32_t)v->gpr[1];
	struct cpuid c;

	switch ((enum kind)slot->kind) {
	case PLAIN:
		answer(v, &slot->answer);
		return;
	case FEATURES:
		answer_features(v, slot);
		return;
	case SUBLEAVES:
	case TOPOLOGY:
		answer(v, &t->row[slot->row + (subleaf < slot->rows ? subleaf : slot->rows - 1u)]);
		if (slot->kind == TOPOLOGY && subleaf >= slot->rows)
			v->gpr[1] = subleaf & 0xFF;
		return;
	case NOT_MADE:
	default:
		guest_cpuid(v, leaf, subleaf, &c);
		answer(v, &c);
	}
}

enum verdict on_cpuid(struct vcpu *v)
{
	const struct cpuid_table *t = v->cpuid;
	uint32_t leaf = (uint32_t)v->gpr[0];

	if (leaf < BASIC_SLOTS && t->basic[leaf].kind == PLAIN)
		answer(v, &t->basic[leaf].answer);
	else if (leaf - EXTENDED < t->extended_count)
		answer(v, &t->extended[leaf - EXTENDED].answer);
	else
		answer_rest(v, t, leaf);
	return SKIP_AND_RESUME;
}
