/* SPDX-License-Identifier: MIT */
/* VcpuState: a vCPU as its guest sees it. */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpuid.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/state_impl.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

#define LEGACY_BYTES 512u /* SDM "XSAVE Area": legacy region, then the header */
#define HEADER_BYTES 64u
#define MXCSR_AT     24u
#define MXCSR_BITS   0xFFFFu
#define X87_SSE      3ull
#define MSR_TSC_ADJ  0x3Bu
#define FIXED_FIRST  0x250u
#define FIXED_LAST   0x26Fu
#define NMIS_MAX     2u
#define LINEAR_BITS  48u

/* Guest state of vmcs01. CR0, CR3, CR4 and EFER as the guest sees them, the rest as the field has it. */
static const uint8_t l1_fields[] = {
	F_GUEST_ES_SELECTOR,
	F_GUEST_CS_SELECTOR,
	F_GUEST_SS_SELECTOR,
	F_GUEST_DS_SELECTOR,
	F_GUEST_FS_SELECTOR,
	F_GUEST_GS_SELECTOR,
	F_GUEST_LDTR_SELECTOR,
	F_GUEST_TR_SELECTOR,
	F_GUEST_ES_BASE,
	F_GUEST_CS_BASE,
	F_GUEST_SS_BASE,
	F_GUEST_DS_BASE,
	F_GUEST_FS_BASE,
	F_GUEST_GS_BASE,
	F_GUEST_LDTR_BASE,
	F_GUEST_TR_BASE,
	F_GUEST_ES_LIMIT,
	F_GUEST_CS_LIMIT,
	F_GUEST_SS_LIMIT,
	F_GUEST_DS_LIMIT,
	F_GUEST_FS_LIMIT,
	F_GUEST_GS_LIMIT,
	F_GUEST_LDTR_LIMIT,
	F_GUEST_TR_LIMIT,
	F_GUEST_ES_ACCESS_RIGHTS,
	F_GUEST_CS_ACCESS_RIGHTS,
	F_GUEST_SS_ACCESS_RIGHTS,
	F_GUEST_DS_ACCESS_RIGHTS,
	F_GUEST_FS_ACCESS_RIGHTS,
	F_GUEST_GS_ACCESS_RIGHTS,
	F_GUEST_LDTR_ACCESS_RIGHTS,
	F_GUEST_TR_ACCESS_RIGHTS,
	F_GUEST_GDTR_BASE,
	F_GUEST_GDTR_LIMIT,
	F_GUEST_IDTR_BASE,
	F_GUEST_IDTR_LIMIT,
	F_GUEST_RSP,
	F_GUEST_RIP,
	F_GUEST_RFLAGS,
	F_GUEST_DR7,
	F_GUEST_SYSENTER_CS,
	F_GUEST_SYSENTER_ESP,
	F_GUEST_SYSENTER_EIP,
	F_GUEST_DEBUGCTL,
	F_GUEST_PAT,
	F_GUEST_INTERRUPTIBILITY,
	F_GUEST_ACTIVITY,
	F_GUEST_PENDING_DEBUG,
	F_GUEST_PDPTE0,
	F_GUEST_PDPTE1,
	F_GUEST_PDPTE2,
	F_GUEST_PDPTE3,
	F_GUEST_EFER,
	F_GUEST_CR0,
	F_GUEST_CR3,
	F_GUEST_CR4,
};
#define L1_FIELDS (sizeof(l1_fields))
#define L1_DIRECT (L1_FIELDS - 4) /* those that are written as they are */

/* MSRs that the processor has, not the VMCS. */
enum msr_kind { MSR_ANY, MSR_ADDRESS, MSR_32, MSR_MISC };
static const struct {
	uint32_t msr;
	uint8_t kind;
	uint16_t offset; /* in struct vcpu */
} direct_msrs[] = {
	{MSR_STAR,           MSR_ANY,     offsetof(struct vcpu, rest.star)          },
	{MSR_LSTAR,          MSR_ADDRESS, offsetof(struct vcpu, rest.lstar)         },
	{MSR_CSTAR,          MSR_ADDRESS, offsetof(struct vcpu, rest.cstar)         },
	{MSR_FMASK,          MSR_32,      offsetof(struct vcpu, rest.fmask)         },
	{MSR_KERNEL_GS_BASE, MSR_ADDRESS, offsetof(struct vcpu, rest.kernel_gs_base)},
	{MSR_TSC_AUX,        MSR_32,      offsetof(struct vcpu, rest.tsc_aux)       },
	{MSR_TSC_ADJ,        MSR_ANY,     offsetof(struct vcpu, tsc_adjust)         },
	{MSR_MISC_ENABLE,    MSR_MISC,    offsetof(struct vcpu, misc_enable)        },
};
#define DIRECT_MSRS (sizeof(direct_msrs) / sizeof(direct_msrs[0]))

void field_list_add(struct field_list *l, unsigned field, uint64_t value)
{
	Nestbed__StreamField *row = &l->row[l->n];

	nestbed__stream_field__init(row);
	row->encoding = vmcs_field_encoding[field];
	row->value = value;
	l->list[l->n++] = row;
}

static void add_msr(struct msr_list *l, uint32_t number, uint64_t value)
{
	Nestbed__StreamMsr *row = &l->row[l->n];

	nestbed__stream_msr__init(row);
	row->number = number;
	row->value = value;
	l->list[l->n++] = row;
}

const char *fields_read(Nestbed__StreamField *const *list, size_t n, const struct vmcs_bitset *allowed,
			struct vmcs_image *image, struct vmcs_bitset *given)
{
	vmcs_bitset_clear_all(given);
	for (size_t i = 0; i < n; i++) {
		const int index = vmcs_field_index(list[i]->encoding);

		if (index < 0 || list[i]->encoding & VMCS_ENCODING_HIGH ||
		    !vmcs_bitset_test(allowed, (unsigned)index))
			return "a VMCS field that does not belong there";
		if (vmcs_bitset_test(given, (unsigned)index))
			return "a VMCS field that is there twice";
		if (list[i]->value & ~vmcs_field_width_mask((unsigned)index))
			return "a VMCS field that is wider than it can be";
		vmcs_bitset_set(given, (unsigned)index);
		image->v[index] = list[i]->value;
	}
	return NULL;
}

/* ---- capture ---- */

static void capture_fields(struct vcpu *v, struct vcpu_build *b)
{
	for (unsigned i = 0; i < L1_DIRECT; i++)
		field_list_add(&b->field, l1_fields[i], vmread(vmcs_field_encoding[l1_fields[i]]));
	field_list_add(&b->field, F_GUEST_EFER, v->unpaged ? v->unpaged_efer : vmread(GUEST_EFER));
	field_list_add(&b->field, F_GUEST_CR0, guest_cr0());
	field_list_add(&b->field, F_GUEST_CR3, v->unpaged ? v->unpaged_cr3 : vmread(GUEST_CR3));
	field_list_add(&b->field, F_GUEST_CR4, guest_cr4());
}

static void capture_msrs(struct vcpu *v, struct msr_list *l)
{
	uint64_t value;

	for (unsigned i = 0; i < DIRECT_MSRS; i++) {
		memcpy(&value, (const uint8_t *)v + direct_msrs[i].offset, sizeof(value));
		add_msr(l, direct_msrs[i].msr, value);
	}
	for (uint32_t msr = MSR_MTRR_PHYS; msr <= MSR_MTRR_DEF_TYPE; msr++)
		if (!mtrr_read(&v->mtrr, msr, &value))
			add_msr(l, msr, value);
}

static void capture_event(struct vcpu *v, struct vcpu_build *b)
{
	nestbed__pending_event__init(&b->event);
	if (!v->event_valid)
		return;
	b->event.info = v->event_info;
	b->event.error_code = v->event_error;
	b->event.length = v->event_length;
	b->event.cr2 = v->event_cr2;
	b->event.raised = v->event_raised;
	b->m.event = &b->event;
}

static void capture_flags(struct vcpu *v, Nestbed__VcpuState *m)
{
	m->id = v->id;
	m->activity = v->state;
	m->nmis_pending = v->nmis_pending;
	m->nmi_handled = v->vmcs01.nmi_handled;
	m->init_pending = v->init_pending;
	m->sipi_pending = v->sipi_pending;
	m->sipi_vector = v->sipi_vector;
	m->sipi_for_l2 = v->sipi_for_l2;
	m->halted_open = v->halted_open;
}

/* Components that the guest may have; what else the area holds is none of its. */
static uint64_t components(const struct vm *vm)
{
	return vm->cpu.xcr0 | X87_SSE;
}

static size_t xsave_used(const struct vm *vm)
{
	size_t bytes = LEGACY_BYTES + HEADER_BYTES;

	if (!l0_features.xsave)
		return LEGACY_BYTES;
	for (uint32_t i = 2; i < 63; i++) {
		struct cpuid c;

		if (!(components(vm) >> i & 1))
			continue;
		c = cpuid(0xD, i);
		if (c.ebx + c.eax > bytes)
			bytes = c.ebx + c.eax;
	}
	return bytes < l0_features.xsave_bytes ? bytes : l0_features.xsave_bytes;
}

void vcpu_capture(struct vcpu *v, uint64_t now, struct vcpu_build *b)
{
	memset(b, 0, sizeof(*b));
	nestbed__vcpu_state__init(&b->m);
	vmptrld(v->vmcs01.pa);
	capture_fields(v, b);
	capture_msrs(v, &b->msr);
	capture_event(v, b);
	capture_flags(v, &b->m);
	if (l0_features.xsave) {
		uint64_t *header = (uint64_t *)(void *)(v->rest.fpu + LEGACY_BYTES);

		header[0] &= components(v->vm);
	}
	memcpy(b->dr, v->rest.dr, sizeof(v->rest.dr));
	b->dr[4] = v->rest.dr6;
	b->m.n_gpr = 16;
	b->m.gpr = v->gpr;
	b->m.n_dr = 5;
	b->m.dr = b->dr;
	b->m.cr2 = v->rest.cr2;
	b->m.xcr0 = v->rest.xcr0;
	b->m.xsave.data = v->rest.fpu;
	b->m.xsave.len = xsave_used(v->vm);
	b->m.tsc = now + v->tsc_offset;
	if (v->nested) {
		nestbed__nested_state__init(&b->nested);
		nested_capture(v, now, b);
		b->m.nested = &b->nested;
	}
	b->m.field = b->field.list;
	b->m.n_field = b->field.n;
	b->m.msr = b->msr.list;
	b->m.n_msr = b->msr.n;
}

/* ---- check ---- */

static const char *check_fields(struct vcpu *v, struct vcpu_staged *s)
{
	struct vmcs_bitset allowed, given;
	const char *bad;

	vmcs_bitset_clear_all(&allowed);
	for (unsigned i = 0; i < L1_FIELDS; i++)
		vmcs_bitset_set(&allowed, l1_fields[i]);
	memset(&s->l1, 0, sizeof(s->l1));
	bad = fields_read(s->m->field, s->m->n_field, &allowed, &s->l1, &given);
	if (bad)
		return bad;
	if (s->m->n_field != L1_FIELDS)
		return "a VMCS field that is not there";
	if (s->l1.v[F_GUEST_CR0] & ~0xE005003Full || !(s->l1.v[F_GUEST_CR0] & CR0_ET))
		return "bits of CR0";
	if (s->l1.v[F_GUEST_CR4] & ~(v->vm->cpu.cr4 | (v->nested ? CR4_VMXE : 0)))
		return "bits of CR4 that this VM is not shown";
	if (!l0_features.unrestricted_guest && !(s->l1.v[F_GUEST_CR0] & CR0_PE))
		return "real mode, which needs unrestricted guest";
	return NULL;
}

/* VM entry's clauses for the state of L1 as the processor will get it. */
static const char *check_entry(struct vcpu *v, struct vcpu_staged *s)
{
	static struct vmcs_image image;
	static struct vmx_caps caps;
	const bool l2 = s->m->nested && s->m->nested->in_l2;
	struct check_result result;
	const struct check_env env = {
		.vmcs12 = &image,
		.caps = &caps,
		.physical_address_bits = l0_features.maxphyaddr,
		.linear_address_bits = LINEAR_BITS,
		.efer_hidden = ~v->vm->cpu.efer,
		.debugctl_bits = DEBUGCTL_BTF,
	};

	caps = l0_caps;
	image = s->l1;
	image.v[F_GUEST_CR0] |= CR0_NE;
	image.v[F_GUEST_CR4] |= CR4_VMXE;
	image.v[F_PIN_CTLS] = PIN_EXT_INT_EXITING | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS;
	image.v[F_CPU_CTLS] = CPU_ACTIVATE_CTLS2;
	image.v[F_CPU_CTLS2] = CTL2_EPT | CTL2_UNRESTRICTED_GUEST;
	image.v[F_ENTRY_CTLS] = ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER |
				(image.v[F_GUEST_EFER] & EFER_LMA ? ENTRY_CTL_IA32E_GUEST : 0);
	image.v[F_VMCS_LINK_POINTER] = ~0ull;
	if (s->m->event && !l2) {
		image.v[F_ENTRY_INTR_INFO] = s->m->event->info;
		image.v[F_ENTRY_ERROR_CODE] = s->m->event->error_code;
		image.v[F_ENTRY_INSTR_LEN] = s->m->event->length;
	}
	if (!vmcs12_check(&env, (CHECK_AREA_GUEST | CHECK_EVENT) & ~(uint32_t)CHECK_LINK, &result))
		return result.clause;
	return NULL;
}

static bool msr_ok(enum msr_kind kind, uint64_t value)
{
	switch (kind) {
	case MSR_ADDRESS:
		return is_canonical(value);
	case MSR_32:
		return !(value >> 32);
	case MSR_MISC:
		return (value & ~MISC_ENABLE_WRITABLE) == (MISC_ENABLE_RESET & MISC_ENABLE_READ_ONLY);
	case MSR_ANY:
	default:
		return true;
	}
}

static const char *check_msrs(struct vcpu *v, struct vcpu_staged *s)
{
	uint32_t seen = 0;

	s->mtrr = v->mtrr;
	for (size_t i = 0; i < s->m->n_msr; i++) {
		const Nestbed__StreamMsr *row = s->m->msr[i];
		unsigned k = 0;

		while (k < DIRECT_MSRS && direct_msrs[k].msr != row->number)
			k++;
		if (k == DIRECT_MSRS) {
			if (row->number < MSR_MTRR_PHYS || mtrr_write(&s->mtrr, row->number, row->value))
				return "an MSR, or its value";
			continue;
		}
		if (seen >> k & 1 || !msr_ok(direct_msrs[k].kind, row->value))
			return "the value of an MSR";
		seen |= 1u << k;
	}
	return seen == (1u << DIRECT_MSRS) - 1 ? NULL : "an MSR that is not there";
}

/* What XRSTOR and XSETBV fault at. */
static const char *check_xsave(const struct vcpu *v, const Nestbed__VcpuState *m)
{
	const uint64_t avx512 = m->xcr0 & 0xE0, bounds = m->xcr0 & 0x18;
	uint64_t header[HEADER_BYTES / 8] = {X87_SSE};
	uint32_t mxcsr;

	if (!(m->xcr0 & 1) || m->xcr0 & ~(v->vm->cpu.xcr0 | 1) || (m->xcr0 & 6) == 4 ||
	    (avx512 && (avx512 != 0xE0 || (m->xcr0 & 6) != 6)) || (bounds && bounds != 0x18))
		return "XCR0";
	if (m->xsave.len != LEGACY_BYTES && m->xsave.len != xsave_used(v->vm) &&
	    (l0_features.xsave || m->xsave.len < LEGACY_BYTES + HEADER_BYTES))
		return "the size of the XSAVE area";
	if (m->xsave.len > LEGACY_BYTES)
		memcpy(header, m->xsave.data + LEGACY_BYTES, sizeof(header));
	memcpy(&mxcsr, m->xsave.data + MXCSR_AT, sizeof(mxcsr));
	if (mxcsr & ~MXCSR_BITS)
		return "MXCSR";
	if (header[0] & ~components(v->vm))
		return "components of the XSAVE area that this VM is not shown";
	for (unsigned i = 1; i < HEADER_BYTES / 8; i++)
		if (header[i])
			return "the header of the XSAVE area";
	return NULL;
}

/* A processor that entered an inactive state unasked would not come back from it. INIT leaves HLT's until the
 * vCPU starts. */
static const char *check_activity(const struct vcpu_staged *s)
{
	const Nestbed__VcpuState *m = s->m;
	const uint64_t activity = s->l1.v[F_GUEST_ACTIVITY];
	const bool l2 = m->nested && m->nested->in_l2, vmxon = m->nested && m->nested->vmxon;

	if (activity > ACTIVITY_HLT ||
	    (activity && (l2 || (m->activity == VCPU_RUNNING && !m->sipi_pending))))
		return "an activity state that a vCPU is not in";
	if ((m->activity == VCPU_WAIT_SIPI || m->sipi_pending) && (vmxon || m->sipi_for_l2))
		return "a vCPU that waits for SIPI in VMX operation";
	if (m->sipi_pending && m->activity != VCPU_RUNNING)
		return "a SIPI for a vCPU that does not start";
	if ((m->activity == VCPU_WAIT_SIPI || m->sipi_pending) && m->event)
		return "an event for a vCPU that waits for SIPI";
	return NULL;
}

static const char *check_scalars(struct vcpu *v, const Nestbed__VcpuState *m)
{
	if (m->id != v->id || m->n_gpr != 16 || m->n_dr != 5)
		return "the number of a vCPU, or of its registers";
	if (m->activity >= VCPU_STOPPED)
		return "the state of a vCPU";
	if (m->dr[4] >> 32)
		return "DR6";
	if (m->nmis_pending > NMIS_MAX || m->sipi_vector > 0xFF)
		return "the NMIs or the SIPI vector of a vCPU";
	if (m->event && !(m->event->info & INTR_VALID))
		return "an event that is none";
	if (!m->nested != !v->nested)
		return m->nested ? "VMX state, which this VM has not" : "VMX state that is not there";
	return NULL;
}

const char *vcpu_check(struct vcpu *v, struct vcpu_staged *s)
{
	const char *bad = check_scalars(v, s->m);

	if (!bad)
		bad = check_fields(v, s);
	if (!bad)
		bad = check_activity(s);
	if (!bad)
		bad = check_entry(v, s);
	if (!bad)
		bad = check_msrs(v, s);
	if (!bad)
		bad = check_xsave(v, s->m);
	if (!bad && v->nested)
		bad = nested_check_state(v, s);
	return bad;
}

/* ---- restore ---- */

static void put_xsave(struct vcpu *v, const Nestbed__VcpuState *m)
{
	uint64_t legacy_only = X87_SSE;

	memset(v->rest.fpu, 0, l0_features.xsave_bytes);
	memcpy(v->rest.fpu, m->xsave.data,
	       m->xsave.len < l0_features.xsave_bytes ? m->xsave.len : l0_features.xsave_bytes);
	if (l0_features.xsave && m->xsave.len == LEGACY_BYTES)
		memcpy(v->rest.fpu + LEGACY_BYTES, &legacy_only, sizeof(legacy_only));
	v->rest.xcr0 = m->xcr0;
	if (l0_features.xsave) { /* what CPUID says of sizes hangs on it; vcpu_rest_load() puts the current
				    vCPU's back */
		xsetbv(0, m->xcr0);
		cpuid_xcr0_changed(v);
	}
}

static void put_registers(struct vcpu *v, const struct vcpu_staged *s)
{
	const Nestbed__VcpuState *m = s->m;

	memcpy(v->gpr, m->gpr, sizeof(v->gpr));
	memcpy(v->rest.dr, m->dr, sizeof(v->rest.dr));
	v->rest.dr6 = m->dr[4];
	v->rest.cr2 = m->cr2;
	v->mtrr = s->mtrr;
	for (size_t i = 0; i < m->n_msr; i++)
		for (unsigned k = 0; k < DIRECT_MSRS; k++)
			if (direct_msrs[k].msr == m->msr[i]->number)
				memcpy((uint8_t *)v + direct_msrs[k].offset, &m->msr[i]->value,
				       sizeof(uint64_t));
}

static void put_flags(struct vcpu *v, const Nestbed__VcpuState *m)
{
	v->state = (uint8_t)m->activity;
	v->nmis_pending = (uint8_t)m->nmis_pending;
	v->vmcs01.nmi_handled = m->nmi_handled;
	v->init_pending = m->init_pending;
	v->sipi_pending = m->sipi_pending;
	v->sipi_vector = (uint8_t)m->sipi_vector;
	v->sipi_for_l2 = m->sipi_for_l2;
	v->halted_open = m->halted_open;
	v->flush_ept = v->flush_vpid = true;
	v->event_valid = m->event != NULL;
	if (!m->event)
		return;
	v->event_info = m->event->info;
	v->event_error = m->event->error_code;
	v->event_length = m->event->length;
	v->event_cr2 = m->event->cr2;
	v->event_raised = m->event->raised;
}

int vcpu_put(struct vcpu *v, const struct vcpu_staged *s, uint64_t now)
{
	vmptrld(v->vmcs01.pa);
	v->tsc_offset = s->m->tsc - now;
	vmwrite(TSC_OFFSET, v->tsc_offset);
	for (unsigned i = 0; i < L1_DIRECT; i++)
		vmwrite(vmcs_field_encoding[l1_fields[i]], s->l1.v[l1_fields[i]]);
	v->vmcs01.activity = (uint8_t)s->l1.v[F_GUEST_ACTIVITY];
	if (v->nested)
		nested_put_vmxon(v, s);
	cr_restore(v, s->l1.v[F_GUEST_CR0], s->l1.v[F_GUEST_CR3], s->l1.v[F_GUEST_CR4],
		   s->l1.v[F_GUEST_EFER]);
	put_registers(v, s);
	put_xsave(v, s->m);
	put_flags(v, s->m);
	return v->nested ? nested_put(v, s, now) : 0;
}
