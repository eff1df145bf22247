/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

static int read_l1(const struct vcpu *v, uint64_t gpa, unsigned bytes, uint64_t *entry)
{
	const void *p = vm_memory(v->vm, gpa, bytes);

	if (!p)
		return -ENXIO;
	*entry = 0;
	memcpy(entry, p, bytes);
	return 0;
}

/* A paging-structure entry of the guest; in L2 its address is L2-physical. */
static int read_entry(void *ctx, uint64_t gpa, unsigned bytes, uint64_t *entry)
{
	struct vcpu *v = ctx;

	if (v->in_l2 && nested_l2_to_l1(v, gpa, EPT_R, &gpa))
		return -ENXIO;
	return read_l1(v, gpa, bytes, entry);
}

/* Accessed and dirty flags, as the processor sets them. Where L1's EPT lets L2's tables not be written they
 * stay. */
static int update_entry(void *ctx, uint64_t gpa, unsigned bytes, uint64_t old, uint64_t entry)
{
	struct vcpu *v = ctx;
	uint64_t now = 0;

	if (v->in_l2 && nested_l2_to_l1(v, gpa, EPT_W, &gpa))
		return 0;
	if (read_l1(v, gpa, bytes, &now) || now != old)
		return -EAGAIN;
	return vm_write(v->vm, gpa, &entry, bytes);
}

void guest_paging(const struct vcpu *v, struct gwalk_regs *r)
{
	r->cr0 = guest_cr0_in_force(v);
	r->cr3 = guest_cr3(v);
	r->cr4 = guest_cr4_in_force(v);
	r->efer = vmread(GUEST_EFER);
	r->rflags = vmread(GUEST_RFLAGS);
	r->pkru = 0; /* protection keys are hidden from guests */
	r->maxphyaddr = l0_features.maxphyaddr;
	r->page_1g = l0_features.page_1g;
	if (r->efer & EFER_LMA || !(r->cr4 & CR4_PAE)) /* only PAE paging has them */
		return;
	for (unsigned i = 0; i < 4; i++)
		r->pdpte[i] = vmread(GUEST_PDPTE0 + 2 * i);
}

unsigned guest_user(void)
{
	return guest_cpl() == 3 ? GWALK_USER : 0;
}

int guest_translate(struct vcpu *v, uint64_t linear, unsigned access, uint64_t *gpa)
{
	struct gwalk_regs regs;

	guest_paging(v, &regs);
	return guest_translate_by(v, &regs, linear, access, gpa);
}

int guest_translate_by(struct vcpu *v, const struct gwalk_regs *regs, uint64_t linear, unsigned access,
		       uint64_t *gpa)
{
	const struct gwalk_mem mem = {v, read_entry, update_entry};
	struct gwalk_result result;

	switch (gwalk(regs, &mem, linear, access, &result)) {
	case GWALK_OK:
		*gpa = result.gpa;
		if (v->in_l2)
			return nested_l2_to_l1(v, result.gpa,
					       access & GWALK_WRITE   ? EPT_W
					       : access & GWALK_FETCH ? EPT_X
								      : EPT_R,
					       gpa);
		return 0;
	case GWALK_PAGE_FAULT:
		inject_page_fault(v, linear, result.error_code);
		return -EFAULT;
	case GWALK_NOT_CANONICAL:
		inject_exception(v, VECTOR_GP, 0);
		return -EFAULT;
	case GWALK_NO_TABLE:
	default:
		return -ENXIO;
	}
}

/* Page by page, each translated before it is touched; an operand that crosses into a faulting page is not
 * half written for the sizes that instructions have, as the second page is walked first. */
static int copy(struct vcpu *v, uint64_t linear, void *to, const void *from, uint64_t n, unsigned access)
{
	uint64_t gpa[2], first = PAGE_SIZE - (linear & PAGE_MASK), done = 0;
	int error;

	if (first > n)
		first = n;
	if (n - first > PAGE_SIZE)
		return -EINVAL;
	error = guest_translate(v, linear, access, &gpa[0]);
	if (!error && first < n)
		error = guest_translate(v, linear + first, access, &gpa[1]);
	for (unsigned i = 0; !error && done < n; i++) {
		uint64_t part = i ? n - first : first;

		if (from) {
			error = vm_write(v->vm, gpa[i], (const uint8_t *)from + done, part) ? -ENXIO : 0;
		} else {
			const void *p = vm_memory(v->vm, gpa[i], part);

			error = p ? 0 : -ENXIO;
			if (p)
				memcpy((uint8_t *)to + done, p, part);
		}
		done += part;
	}
	return error;
}

int guest_read(struct vcpu *v, uint64_t linear, void *to, uint64_t n, unsigned access)
{
	return copy(v, linear, to, NULL, n, access);
}

int guest_write(struct vcpu *v, uint64_t linear, const void *from, uint64_t n, unsigned access)
{
	return copy(v, linear, NULL, from, n, access | GWALK_WRITE);
}
