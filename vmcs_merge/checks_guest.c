/* SPDX-License-Identifier: MIT */
/* Clauses of "Checks on the Guest State Area". */
#include "vmcs_merge/checks_impl.h"
#include "vmcs_merge/x86.h"

/* SDM, "Segment-Access Rights" */
#define AR_TYPE(ar)     ((unsigned)(ar)&15u)
#define AR_S(ar)        ((ar) >> 4 & 1)
#define AR_DPL(ar)      ((unsigned)((ar) >> 5) & 3u)
#define AR_P(ar)        ((ar) >> 7 & 1)
#define AR_L(ar)        ((ar) >> 13 & 1)
#define AR_DB(ar)       ((ar) >> 14 & 1)
#define AR_G(ar)        ((ar) >> 15 & 1)
#define AR_UNUSABLE(ar) ((ar) >> 16 & 1)
#define AR_RESERVED     0xfffe0f00ull

/* SDM, "Guest Non-Register State" */
#define BLOCKING_STI    1ull
#define BLOCKING_MOV_SS 2ull
#define BLOCKING_SMI    4ull
#define BLOCKING_NMI    8ull
enum { ACTIVE, HLT, SHUTDOWN, WAIT_FOR_SIPI };
enum { EVENT_EXTERNAL = 0, EVENT_NMI = 2, EVENT_HARDWARE = 3, EVENT_OTHER = 7 };

static bool ia32e(const struct check_env *e)
{
	return V(ENTRY_CTLS) & ENTRY_CTL_IA32E_GUEST;
}

static bool unrestricted(const struct check_env *e)
{
	return cpu2(e) & CTL2_UNRESTRICTED_GUEST;
}

static bool v8086(const struct check_env *e)
{
	return V(GUEST_RFLAGS) & VM_RFLAGS_VM;
}

static bool injects(const struct check_env *e, unsigned type)
{
	return V(ENTRY_INTR_INFO) >> 31 & 1 && (V(ENTRY_INTR_INFO) >> 8 & 7) == type;
}

/* ---- control registers, debug registers, MSRs ---- */
CLAUSE(cr0)
{
	uint64_t must = e->caps->cr0_fixed0;

	if (unrestricted(e))
		must &= ~(VM_CR0_PE | VM_CR0_PG);
	return (V(GUEST_CR0) & must) == must && !(V(GUEST_CR0) & ~e->caps->cr0_fixed1);
}

CLAUSE(cr0_pg)
{
	return implies(V(GUEST_CR0) & VM_CR0_PG, V(GUEST_CR0) & VM_CR0_PE);
}

CLAUSE(cr4)
{
	return (V(GUEST_CR4) & e->caps->cr4_fixed0) == e->caps->cr4_fixed0 &&
	       !(V(GUEST_CR4) & ~e->caps->cr4_fixed1);
}

CLAUSE(cet)
{
	return implies(V(GUEST_CR4) & VM_CR4_CET, V(GUEST_CR0) & VM_CR0_WP);
}

CLAUSE(debugctl)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_DEBUG, !(V(GUEST_DEBUGCTL) & ~e->debugctl_bits));
}

CLAUSE(long_mode)
{
	return implies(ia32e(e), V(GUEST_CR0) & VM_CR0_PG && V(GUEST_CR4) & VM_CR4_PAE);
}

CLAUSE(pcide)
{
	return implies(!ia32e(e), !(V(GUEST_CR4) & VM_CR4_PCIDE));
}

CLAUSE(cr3)
{
	return V(GUEST_CR3) >> e->physical_address_bits == 0;
}

CLAUSE(dr7)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_DEBUG, V(GUEST_DR7) >> 32 == 0);
}

CLAUSE(sysenter)
{
	return check_canonical(e, V(GUEST_SYSENTER_ESP)) && check_canonical(e, V(GUEST_SYSENTER_EIP));
}

CLAUSE(pat)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_PAT, check_pat(V(GUEST_PAT)));
}

CLAUSE(efer)
{
	uint64_t efer = V(GUEST_EFER);
	uint64_t known = (VM_EFER_SCE | VM_EFER_LME | VM_EFER_LMA | VM_EFER_NXE) & ~e->efer_hidden;
	bool lma = efer & VM_EFER_LMA, lme = efer & VM_EFER_LME;

	if (!(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_EFER))
		return true;
	return !(efer & ~known) && lma == ia32e(e) && implies(V(GUEST_CR0) & VM_CR0_PG, lma == lme);
}

CLAUSE(perf)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_PERF_GLOBAL,
		       !(V(GUEST_PERF_GLOBAL_CTRL) & ~e->perf_global_bits));
}

/* Bit 0 EN, bit 1 BNDPRESERVE; the bound directory's address above bit 11. */
CLAUSE(bndcfgs)
{
	uint64_t bndcfgs = V(GUEST_BNDCFGS);

	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_BNDCFGS,
		       !(bndcfgs & 0xffc) && check_canonical(e, bndcfgs & ~0xfffull));
}

CLAUSE(pkrs)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_PKRS, V(GUEST_PKRS) >> 32 == 0);
}

CLAUSE(uinv)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_UINV, V(GUEST_UINV) >> 8 == 0);
}

CLAUSE(cet_state)
{
	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_CET,
		       check_s_cet(e, V(GUEST_S_CET), ia32e(e)) &&
			       check_canonical(e, V(GUEST_INTR_SSP_TABLE)));
}

/* ---- segment registers ---- */
struct segment {
	uint64_t selector, base, limit, ar;
};

/* The fields of ES to TR follow each other, eight of a kind. */
enum { ES, CS, SS, DS, FS, GS, LDTR, TR };
_Static_assert(F_GUEST_TR_SELECTOR == F_GUEST_ES_SELECTOR + TR, "selectors in order");
_Static_assert(F_GUEST_TR_BASE == F_GUEST_ES_BASE + TR, "bases in order");
_Static_assert(F_GUEST_TR_LIMIT == F_GUEST_ES_LIMIT + TR, "limits in order");
_Static_assert(F_GUEST_TR_ACCESS_RIGHTS == F_GUEST_ES_ACCESS_RIGHTS + TR, "access rights in order");

static struct segment segment(const struct check_env *e, unsigned which)
{
	const uint64_t *v = e->vmcs12->v;

	return (struct segment){v[F_GUEST_ES_SELECTOR + which], v[F_GUEST_ES_BASE + which],
				v[F_GUEST_ES_LIMIT + which], v[F_GUEST_ES_ACCESS_RIGHTS + which]};
}

CLAUSE(selectors)
{
	if (V(GUEST_TR_SELECTOR) & 4)
		return false;
	if (!AR_UNUSABLE(V(GUEST_LDTR_ACCESS_RIGHTS)) && V(GUEST_LDTR_SELECTOR) & 4)
		return false;
	return v8086(e) || unrestricted(e) || (V(GUEST_SS_SELECTOR) & 3) == (V(GUEST_CS_SELECTOR) & 3);
}

CLAUSE(v8086_segments)
{
	if (!v8086(e))
		return true;
	for (unsigned i = ES; i <= GS; i++) {
		struct segment s = segment(e, i);

		if (s.base != s.selector << 4 || s.limit != 0xffff || s.ar != 0xf3)
			return false;
	}
	return true;
}

CLAUSE(bases)
{
	static const uint8_t low[] = {SS, DS, ES};

	if (!check_canonical(e, V(GUEST_TR_BASE)) || !check_canonical(e, V(GUEST_FS_BASE)) ||
	    !check_canonical(e, V(GUEST_GS_BASE)) || V(GUEST_CS_BASE) >> 32)
		return false;
	if (!AR_UNUSABLE(V(GUEST_LDTR_ACCESS_RIGHTS)) && !check_canonical(e, V(GUEST_LDTR_BASE)))
		return false;
	for (unsigned i = 0; i < sizeof(low); i++) {
		struct segment s = segment(e, low[i]);

		if (!AR_UNUSABLE(s.ar) && s.base >> 32)
			return false;
	}
	return true;
}

/* Limit bits 11:0 not all 1: G is 0; bits 31:20 not all 0: G is 1. */
static bool granularity(const struct segment *s)
{
	if ((s->limit & 0xfff) != 0xfff && AR_G(s->ar))
		return false;
	return !(s->limit >> 20) || AR_G(s->ar);
}

CLAUSE(code_segment)
{
	struct segment s = segment(e, CS), ss = segment(e, SS);
	unsigned type = AR_TYPE(s.ar), dpl = AR_DPL(s.ar), ss_dpl = AR_DPL(ss.ar);

	if (v8086(e))
		return true;
	if (!AR_S(s.ar) || !AR_P(s.ar) || s.ar & AR_RESERVED || !granularity(&s))
		return false;
	if (ia32e(e) && AR_L(s.ar) && AR_DB(s.ar))
		return false;
	switch (type) {
	case 3:
		return unrestricted(e) && dpl == 0;
	case 9:
	case 11:
		return dpl == ss_dpl;
	case 13:
	case 15:
		return dpl <= ss_dpl;
	default:
		return false;
	}
}

CLAUSE(stack_segment)
{
	struct segment s = segment(e, SS);
	bool real_mode = !(V(GUEST_CR0) & VM_CR0_PE);

	if (v8086(e))
		return true;
	if (!unrestricted(e) && AR_DPL(s.ar) != (s.selector & 3))
		return false;
	if ((AR_TYPE(V(GUEST_CS_ACCESS_RIGHTS)) == 3 || real_mode) && AR_DPL(s.ar) != 0)
		return false;
	if (AR_UNUSABLE(s.ar))
		return true;
	return (AR_TYPE(s.ar) == 3 || AR_TYPE(s.ar) == 7) && AR_S(s.ar) && AR_P(s.ar) &&
	       !(s.ar & AR_RESERVED) && granularity(&s);
}

CLAUSE(data_segments)
{
	static const uint8_t data[] = {DS, ES, FS, GS};

	for (unsigned i = 0; i < sizeof(data) && !v8086(e); i++) {
		struct segment s = segment(e, data[i]);
		unsigned type = AR_TYPE(s.ar);

		if (AR_UNUSABLE(s.ar))
			continue;
		if (!(type & 1) || (type & 8 && !(type & 2)) || !AR_S(s.ar) || !AR_P(s.ar) ||
		    s.ar & AR_RESERVED || !granularity(&s))
			return false;
		if (!unrestricted(e) && type <= 11 && AR_DPL(s.ar) < (s.selector & 3))
			return false;
	}
	return true;
}

CLAUSE(task_register)
{
	struct segment s = segment(e, TR);
	bool type = AR_TYPE(s.ar) == 11 || (AR_TYPE(s.ar) == 3 && !ia32e(e));

	return type && !AR_S(s.ar) && AR_P(s.ar) && !AR_UNUSABLE(s.ar) && !(s.ar & AR_RESERVED) &&
	       granularity(&s);
}

CLAUSE(ldtr)
{
	struct segment s = segment(e, LDTR);

	if (AR_UNUSABLE(s.ar))
		return true;
	return AR_TYPE(s.ar) == 2 && !AR_S(s.ar) && AR_P(s.ar) && !(s.ar & AR_RESERVED) && granularity(&s);
}

CLAUSE(tables)
{
	return check_canonical(e, V(GUEST_GDTR_BASE)) && check_canonical(e, V(GUEST_IDTR_BASE)) &&
	       V(GUEST_GDTR_LIMIT) >> 16 == 0 && V(GUEST_IDTR_LIMIT) >> 16 == 0;
}

/* ---- RIP and RFLAGS ---- */
CLAUSE(rip)
{
	unsigned unused = 64 - e->linear_address_bits;

	if (!ia32e(e) || !AR_L(V(GUEST_CS_ACCESS_RIGHTS)))
		return V(GUEST_RIP) >> 32 == 0;
	/* Bits beyond the linear-address width must be equal, but need not equal the highest one below. */
	return V(GUEST_RIP) >> (64 - unused) == 0 || ~V(GUEST_RIP) >> (64 - unused) == 0;
}

CLAUSE(ssp)
{
	bool wide = ia32e(e) && AR_L(V(GUEST_CS_ACCESS_RIGHTS));

	return implies(V(ENTRY_CTLS) & ENTRY_CTL_LOAD_CET,
		       (V(GUEST_SSP) & 3) == 0 && check_width(e, V(GUEST_SSP), wide));
}

CLAUSE(rflags)
{
	return !(V(GUEST_RFLAGS) & ~0x3f7fd7ull) && V(GUEST_RFLAGS) & 2;
}

CLAUSE(rflags_vm)
{
	return implies(ia32e(e) || !(V(GUEST_CR0) & VM_CR0_PE), !v8086(e));
}

CLAUSE(rflags_if)
{
	return implies(injects(e, EVENT_EXTERNAL), V(GUEST_RFLAGS) & VM_RFLAGS_IF);
}

/* ---- non-register state ---- */
CLAUSE(activity)
{
	uint64_t misc = e->caps->misc;

	switch (V(GUEST_ACTIVITY)) {
	case ACTIVE:
		return true;
	case HLT:
		return misc & VMX_MISC_ACTIVITY_HLT && AR_DPL(V(GUEST_SS_ACCESS_RIGHTS)) == 0;
	case SHUTDOWN:
		return misc & VMX_MISC_ACTIVITY_SHUTDOWN;
	case WAIT_FOR_SIPI:
		return misc & VMX_MISC_ACTIVITY_SIPI;
	default:
		return false;
	}
}

CLAUSE(activity_blocking)
{
	return implies(V(GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS),
		       V(GUEST_ACTIVITY) == ACTIVE);
}

CLAUSE(activity_event)
{
	unsigned vector = V(ENTRY_INTR_INFO) & 0xff;

	if (!(V(ENTRY_INTR_INFO) >> 31 & 1) || V(GUEST_ACTIVITY) == ACTIVE)
		return true;
	if (V(GUEST_ACTIVITY) == HLT) {
		return injects(e, EVENT_EXTERNAL) || injects(e, EVENT_NMI) ||
		       (injects(e, EVENT_HARDWARE) && (vector == 1 || vector == 18)) ||
		       (injects(e, EVENT_OTHER) && vector == 0);
	}
	if (V(GUEST_ACTIVITY) == SHUTDOWN)
		return injects(e, EVENT_NMI) || (injects(e, EVENT_HARDWARE) && vector == 18);
	return false;
}

CLAUSE(blocking)
{
	uint64_t b = V(GUEST_INTERRUPTIBILITY);

	/* bit 4, enclave interruption, is reserved as bits 31:5 are: L1 is offered no SGX */
	if (b & ~0xfull || (b & BLOCKING_STI && b & BLOCKING_MOV_SS))
		return false;
	return !(b & BLOCKING_SMI) && implies(b & BLOCKING_STI, V(GUEST_RFLAGS) & VM_RFLAGS_IF);
}

CLAUSE(blocking_event)
{
	uint64_t b = V(GUEST_INTERRUPTIBILITY);

	if (injects(e, EVENT_EXTERNAL) && b & (BLOCKING_STI | BLOCKING_MOV_SS))
		return false;
	if (!injects(e, EVENT_NMI))
		return true;
	return !(b & BLOCKING_MOV_SS) && implies(V(PIN_CTLS) & PIN_VIRTUAL_NMIS, !(b & BLOCKING_NMI));
}

CLAUSE(pending_debug)
{
	uint64_t p = V(GUEST_PENDING_DEBUG);
	bool btf = V(GUEST_DEBUGCTL) & 2, tf = V(GUEST_RFLAGS) & VM_RFLAGS_TF, bs = p >> 14 & 1;

	if (p & ~0x1500full)
		return false;
	if (!(V(GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS)) && V(GUEST_ACTIVITY) != HLT)
		return true;
	return bs == (tf && !btf);
}

/* Bit 16: a #DB inside a transactional region. */
CLAUSE(pending_rtm)
{
	uint64_t p = V(GUEST_PENDING_DEBUG);

	return implies(p >> 16 & 1, e->rtm && (p & ~0x10000ull) == 0x1000 &&
					    !(V(GUEST_INTERRUPTIBILITY) & BLOCKING_MOV_SS));
}

static bool linked(const struct check_env *e)
{
	return V(VMCS_LINK_POINTER) != ~0ull;
}

CLAUSE(link_pointer)
{
	return implies(linked(e), check_physical(e, V(VMCS_LINK_POINTER), 4096));
}

CLAUSE(link_current)
{
	return implies(linked(e), V(VMCS_LINK_POINTER) != e->current_vmcs);
}

CLAUSE(link_revision)
{
	uint32_t shadow = cpu2(e) & CTL2_VMCS_SHADOWING ? VMCS_SHADOW_INDICATOR : 0;

	return implies(linked(e), e->link_revision == (VMX_BASIC_REVISION(e->caps->basic) | shadow));
}

CLAUSE(pdptes)
{
	bool pae = V(GUEST_CR0) & VM_CR0_PG && V(GUEST_CR4) & VM_CR4_PAE && !ia32e(e);
	uint64_t reserved = ~0ull << e->physical_address_bits | 0x1e6;

	if (!pae || !(cpu2(e) & CTL2_EPT))
		return true;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t pdpte = e->vmcs12->v[F_GUEST_PDPTE0 + i];

		if (pdpte & 1 && pdpte & reserved)
			return false;
	}
	return true;
}

/* clang-format off */
#define REGS  "Checks on Guest Control Registers, Debug Registers, and MSRs"
#define SEGS  "Checks on Guest Segment Registers"
#define TABS  "Checks on Guest Descriptor-Table Registers"
#define RIPS  "Checks on Guest RIP, RFLAGS, and SSP"
#define OTHER "Checks on Guest Non-Register State"
#define PDPTS "Checks on Guest Page-Directory-Pointer-Table Entries"

/* Exit qualifications: 2 PDPTEs, 4 VMCS link pointer (SDM, "VM-Entry Failures During or After Loading Guest State") */
const struct check_row check_guest_table[] = {
	{cr0,               CHECK_CONTROL_REGISTERS, 0, "CR0 has the bits fixed in VMX operation (PE and PG not with 'unrestricted guest')", REGS},
	{cr0_pg,            CHECK_CONTROL_REGISTERS, 0, "CR0.PG only with CR0.PE", REGS},
	{cr4,               CHECK_CONTROL_REGISTERS, 0, "CR4 has the bits fixed in VMX operation", REGS},
	{cet,               CHECK_CONTROL_REGISTERS, 0, "CR4.CET only with CR0.WP", REGS},
	{debugctl,          CHECK_CONTROL_REGISTERS, 0, "'load debug controls': reserved bits of IA32_DEBUGCTL are 0", REGS},
	{long_mode,         CHECK_CONTROL_REGISTERS, 0, "'IA-32e mode guest' only with CR0.PG and CR4.PAE", REGS},
	{pcide,             CHECK_CONTROL_REGISTERS, 0, "CR4.PCIDE only with 'IA-32e mode guest'", REGS},
	{cr3,               CHECK_CONTROL_REGISTERS, 0, "CR3 is within the physical-address width", REGS},
	{dr7,               CHECK_CONTROL_REGISTERS, 0, "'load debug controls': bits 63:32 of DR7 are 0", REGS},
	{sysenter,          CHECK_CONTROL_REGISTERS, 0, "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP are canonical", REGS},
	{pat,               CHECK_CONTROL_REGISTERS, 0, "'load IA32_PAT': each byte is a memory type", REGS},
	{efer,              CHECK_CONTROL_REGISTERS, 0, "'load IA32_EFER': reserved bits 0, LMA as 'IA-32e mode guest', LME as LMA if CR0.PG", REGS},
	{perf,              CHECK_CONTROL_REGISTERS, 0, "'load IA32_PERF_GLOBAL_CTRL': reserved bits are 0", REGS},
	{bndcfgs,           CHECK_CONTROL_REGISTERS, 0, "'load IA32_BNDCFGS': reserved bits are 0, the address is canonical", REGS},
	{pkrs,              CHECK_CONTROL_REGISTERS, 0, "'load PKRS': bits 63:32 are 0", REGS},
	{uinv,              CHECK_CONTROL_REGISTERS, 0, "'load UINV': bits 15:8 are 0", REGS},
	{cet_state,         CHECK_CONTROL_REGISTERS, 0, "'load CET state': reserved bits of IA32_S_CET are 0, addresses are canonical", REGS},
	{selectors,         CHECK_SEGMENTS, 0, "TI of TR and LDTR is 0; RPL of SS is that of CS", SEGS},
	{v8086_segments,    CHECK_SEGMENTS, 0, "virtual-8086: base = selector * 16, limit FFFFH, access rights F3H", SEGS},
	{bases,             CHECK_SEGMENTS, 0, "bases are canonical, those of CS, SS, DS, ES below 4 GBytes", SEGS},
	{code_segment,      CHECK_SEGMENTS, 0, "access rights of CS", SEGS},
	{stack_segment,     CHECK_SEGMENTS, 0, "access rights of SS", SEGS},
	{data_segments,     CHECK_SEGMENTS, 0, "access rights of DS, ES, FS, GS", SEGS},
	{task_register,     CHECK_SEGMENTS, 0, "access rights of TR", SEGS},
	{ldtr,              CHECK_SEGMENTS, 0, "access rights of LDTR", SEGS},
	{tables,            CHECK_TABLES, 0, "bases of GDTR and IDTR canonical, limits of 16 bits", TABS},
	{rip,               CHECK_RIP_RFLAGS, 0, "bits of RIP beyond the mode's width", RIPS},
	{ssp,               CHECK_RIP_RFLAGS, 0, "'load CET state': SSP is 4-byte aligned, and as wide as the mode", RIPS},
	{rflags,            CHECK_RIP_RFLAGS, 0, "reserved bits of RFLAGS", RIPS},
	{rflags_vm,         CHECK_RIP_RFLAGS, 0, "RFLAGS.VM is 0 in IA-32e mode and without CR0.PE", RIPS},
	{rflags_if,         CHECK_RIP_RFLAGS, 0, "RFLAGS.IF is 1 if an external interrupt is injected", RIPS},
	{activity,          CHECK_NON_REGISTER, 0, "the activity state is supported; HLT only at SS.DPL 0", OTHER},
	{activity_blocking, CHECK_NON_REGISTER, 0, "blocking by STI or MOV SS only in the active state", OTHER},
	{activity_event,    CHECK_NON_REGISTER, 0, "the activity state lets the injected event through", OTHER},
	{blocking,          CHECK_NON_REGISTER, 0, "interruptibility state: reserved bits, STI with IF, no SMI blocking", OTHER},
	{blocking_event,    CHECK_NON_REGISTER, 0, "no injection while what is injected is blocked", OTHER},
	{pending_debug,     CHECK_NON_REGISTER, 0, "pending debug exceptions: reserved bits, BS with TF and BTF", OTHER},
	{pending_rtm,       CHECK_NON_REGISTER, 0, "pending debug exceptions: RTM with bit 12 only, and without blocking by MOV SS", OTHER},
	{link_pointer,      CHECK_NON_REGISTER, 4, "the VMCS link pointer is all ones, or aligned and within the physical-address width", OTHER},
	{link_current,      CHECK_NON_REGISTER | CHECK_LINK, 4, "the VMCS link pointer is not the current-VMCS pointer", OTHER},
	{link_revision,     CHECK_NON_REGISTER | CHECK_LINK, 4, "the linked VMCS has the revision, and is a shadow VMCS with 'VMCS shadowing' only", OTHER},
	{pdptes,            CHECK_PDPTES, 2, "reserved bits of present PDPTEs", PDPTS},
};
const unsigned check_guest_count = sizeof(check_guest_table) / sizeof(check_guest_table[0]);
/* clang-format on */
