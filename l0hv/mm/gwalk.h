/* SPDX-License-Identifier: MIT */
/*
 * Guest-linear to guest-physical: the guest's own paging, as its control registers say. Pure.
 * SDM Vol. 3A, "Paging": "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags".
 */
#ifndef L0HV_MM_GWALK_H
#define L0HV_MM_GWALK_H

#include <stdbool.h>
#include <stdint.h>

/* Access, and the same bits of the #PF error code */
#define GWALK_WRITE 0x02u
#define GWALK_USER  0x04u /* the access is a user-mode access (CPL 3, not implicit) */
#define GWALK_FETCH 0x10u
/* Access only */
#define GWALK_IMPLICIT                                                                                       \
	0x100u /* supervisor access by the processor itself (GDT, IDT, TSS): SMAP regardless of AC */
#define GWALK_SET_AD 0x200u /* set accessed and dirty flags as the processor would; needs `update` */
/* #PF error code only */
#define GWALK_PF_PRESENT  0x01u
#define GWALK_PF_RESERVED 0x08u
#define GWALK_PF_PKEY     0x20u

struct gwalk_regs {
	uint64_t cr0, cr3, cr4, efer, rflags;
	uint64_t pdpte[4]; /* PAE paging: the PDPTE registers (the VMCS's guest-state area) */
	uint32_t pkru;
	unsigned maxphyaddr; /* the guest's */
	bool page_1g; /* CPUID.80000001H:EDX[26], the guest's */
};

struct gwalk_mem {
	void *ctx;
	/* Read an entry of 4 or 8 bytes at an aligned guest-physical address; nonzero: it cannot be read. */
	int (*read)(void *ctx, uint64_t gpa, unsigned bytes, uint64_t *entry);
	/* Store `entry` if `old` is still there; nonzero: it was not, or cannot be written. NULL without
	 * SET_AD. */
	int (*update)(void *ctx, uint64_t gpa, unsigned bytes, uint64_t old, uint64_t entry);
};

enum gwalk_status {
	GWALK_OK = 0,
	GWALK_PAGE_FAULT, /* #PF with error_code; CR2 = the linear address */
	GWALK_NOT_CANONICAL, /* #GP(0), or #SS(0) for an access through SS */
	GWALK_NO_TABLE, /* the entry at table_gpa cannot be read or updated */
};

struct gwalk_result {
	uint64_t gpa; /* OK */
	uint64_t page_bytes; /* OK: bytes of the page, 1 << 32 without paging */
	uint32_t error_code; /* PAGE_FAULT */
	uint64_t table_gpa; /* NO_TABLE */
};

/* access: GWALK_* above. One byte's page is walked: the caller walks again where an operand crosses into the
 * next. */
__attribute__((warn_unused_result)) enum gwalk_status gwalk(const struct gwalk_regs *regs,
							    const struct gwalk_mem *mem, uint64_t linear,
							    unsigned access, struct gwalk_result *result);

#endif
