/* SPDX-License-Identifier: MIT */
/* State, as far as its form goes: what a value means, and whether this processor takes it, is checked where
 * it is restored. */
#include <string.h>

#include "migration/crc32c.h"
#include "migration/verify_impl.h"

#define XSAVE_LEGACY 512u /* of a processor without XSAVE: what FXSAVE writes */
#define XSAVE_MIN    576u /* legacy area and header: SDM "Legacy Region of an XSAVE Area" */
#define XSAVE_MAX    16384u
#define DR_COUNT     5u
#define NESTED       100u

/* SDM appendix "Field Encoding in VMCS": bit 0 access, 9:1 index, 11:10 type, 12 reserved, 14:13 width,
 * others reserved */
static bool is_field(uint32_t encoding)
{
	/* The access bit names the high half of a 64-bit field; the stream has whole values only. */
	return !(encoding & ~0x6FFEu);
}

static int check_fields(struct verify *v, size_t n, Nestbed__StreamField *const *field)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_field(field[i]->encoding))
			return verify_fail(v, VERIFY_FIELD, 0, field[i]->encoding);
		for (size_t j = 0; j < i; j++)
			if (field[j]->encoding == field[i]->encoding)
				return verify_fail(v, VERIFY_FIELD, 0, field[i]->encoding);
	}
	return 0;
}

static int check_msrs(struct verify *v, size_t n, Nestbed__StreamMsr *const *msr)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (msr[j]->number == msr[i]->number)
				return verify_fail(v, VERIFY_MSR, 0, msr[i]->number);
	return 0;
}

/* SDM "VM-Entry Controls for Event Injection": type in 10:8 (1 reserved), 30:12 reserved */
static bool is_event(const Nestbed__PendingEvent *e)
{
	if (!e || !(e->info >> 31))
		return true;
	return !(e->info & 0x7FFFF000u) && (e->info >> 8 & 7) != 1 && e->length <= 15;
}

static bool is_xsave(size_t bytes)
{
	return !bytes || bytes == XSAVE_LEGACY || (bytes >= XSAVE_MIN && bytes <= XSAVE_MAX);
}

static int check_nested(struct verify *v, const Nestbed__NestedState *n)
{
	if (!n)
		return 0;
	if (n->vmxon && n->vmxon_gpa & 0xFFF)
		return verify_fail(v, VERIFY_VCPU_FORM, 0, NESTED + 3u);
	if (n->has_current && (!n->vmxon || n->current_gpa & 0xFFF))
		return verify_fail(v, VERIFY_VCPU_FORM, 0, NESTED + 5u);
	if (n->in_l2 && !n->has_current)
		return verify_fail(v, VERIFY_VCPU_FORM, 0, NESTED + 8u);
	if (!is_event(n->l1_event))
		return verify_fail(v, VERIFY_VCPU_FORM, 0, NESTED + 14u);
	return check_fields(v, n->n_vmcs12, n->vmcs12);
}

int verify_vcpu(struct verify *v, const Nestbed__VcpuState *m)
{
	int err;

	if (m->id >= v->vcpus || v->vcpus_seen >> m->id & 1)
		return verify_fail(v, VERIFY_VCPU, v->vcpus, m->id);
	v->vcpus_seen |= 1ull << m->id;
	if (m->n_gpr != 15 && m->n_gpr != 16)
		return verify_fail(v, VERIFY_VCPU_FORM, 15, 3);
	if (m->n_dr > DR_COUNT)
		return verify_fail(v, VERIFY_VCPU_FORM, DR_COUNT, 6);
	if (!is_xsave(m->xsave.len))
		return verify_fail(v, VERIFY_VCPU_FORM, XSAVE_MIN, 9);
	if (!is_event(m->event))
		return verify_fail(v, VERIFY_VCPU_FORM, 0, 10);
	if (m->sipi_vector > 0xFF)
		return verify_fail(v, VERIFY_VCPU_FORM, 0xFF, 15);
	err = check_fields(v, m->n_field, m->field);
	if (!err)
		err = check_msrs(v, m->n_msr, m->msr);
	return err ? err : check_nested(v, m->nested);
}

int verify_devices(struct verify *v, const Nestbed__DeviceState *m)
{
	for (size_t i = 0; i < m->n_part; i++) {
		const Nestbed__DevicePart *p = m->part[i];
		const uint32_t name = crc32c(0, p->name, strlen(p->name));

		if (!p->name[0] || p->vcpu >= v->vcpus)
			return verify_fail(v, VERIFY_PART, v->vcpus, p->vcpu);
		for (uint32_t j = 0; j < v->parts; j++)
			if (v->part[j].name == name && v->part[j].vcpu == p->vcpu)
				return verify_fail(v, VERIFY_PART, v->vcpus, p->vcpu);
		if (v->parts == VERIFY_PARTS_MAX)
			return verify_fail(v, VERIFY_PARTS, VERIFY_PARTS_MAX, v->parts + 1u);
		v->part[v->parts].name = name;
		v->part[v->parts++].vcpu = p->vcpu;
	}
	return 0;
}
