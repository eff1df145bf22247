/* SPDX-License-Identifier: MIT */
/* Memory of a running guest as it addresses it, at L1 or L2. Uses the current VMCS. */
#ifndef L0HV_MM_GUEST_H
#define L0HV_MM_GUEST_H

#include "l0hv/mm/gwalk.h"
#include "l0hv/vm/vm.h"

/*
 * Linear address to guest-physical (of L1) through the guest's paging and, in L2, EPT12. access: GWALK_*.
 * 0; -EFAULT: a #PF, #GP or #SS has been made pending for the guest; -ENXIO: its tables lie where no memory
 * is, or EPT12 forbids it.
 */
__attribute__((warn_unused_result)) int guest_translate(struct vcpu *v, uint64_t linear, unsigned access,
							uint64_t *gpa);

/* The same in two steps, for who translates more than once in an exit. */
void guest_paging(const struct vcpu *v, struct gwalk_regs *regs);
__attribute__((warn_unused_result)) int guest_translate_by(struct vcpu *v, const struct gwalk_regs *regs,
							   uint64_t linear, unsigned access, uint64_t *gpa);

/* Copy from and to RAM. Errors as above; -ENXIO also when the address is not RAM. */
__attribute__((warn_unused_result)) int guest_read(struct vcpu *v, uint64_t linear, void *to, uint64_t n,
						   unsigned access);
__attribute__((warn_unused_result)) int guest_write(struct vcpu *v, uint64_t linear, const void *from,
						    uint64_t n, unsigned access);

/* GWALK_USER if CPL is 3. */
unsigned guest_user(void);

#endif
