/* SPDX-License-Identifier: MIT */
/*
 * EPT02: what the processor walks while L2 runs. It composes EPT12 (L2-physical to L1-physical, in L1's
 * memory and hostile) with EPT01 (L1-physical to host-physical), page by page as L2 faults. Pure.
 *
 * L1 may change EPT12 at any time and says so by INVEPT, as it would have to on a processor.
 */
#ifndef L0HV_NESTED_EPT02_H
#define L0HV_NESTED_EPT02_H

#include "l0hv/mm/ept.h"

#define EPT02_SLOTS    4u /* EPT pointers of L1 that are kept composed at a time */
#define EPT02_IDENTITY 1u /* for ept02_use: L2-physical is L1-physical; no EPT pointer has this value */
#define EPT02_NO_PAGE  UINT64_MAX

/* L1's physical memory. Every address is L1's word. */
struct ept02_l1 {
	void *ctx;
	ept_read_fn *read; /* 8 bytes, naturally aligned */
	/*
	 * Accessed and dirty flags: store `entry` if `old` is still there; nonzero: it was not, or cannot be
	 * written. May be NULL when caps12.ad is false.
	 */
	int (*update)(void *ctx, uint64_t entry_gpa, uint64_t old, uint64_t entry);
};

struct ept02_slot {
	uint64_t eptp12; /* what L1 wrote; 0: free slot */
	uint64_t flags; /* eptp12 and what is forced: EPT_EPTP_AD counts */
	struct ept ept;
	uint64_t used; /* clock of the last use */
};

struct ept02_stats {
	uint64_t faults, mapped, violations, misconfigs, own;
	uint64_t drops; /* a composed table emptied: budget, INVEPT, slot reuse */
};

struct ept02 {
	struct ept02_slot slot[EPT02_SLOTS];
	struct ept02_slot *current;
	const struct ept *ept01;
	struct ept_mem mem; /* for EPT02's tables, and to read EPT01's */
	struct ept02_l1 l1;
	struct ept_caps caps12; /* what L1 was told */
	size_t budget; /* table pages over all slots, roots included */
	uint64_t clock;
	uint64_t special_l1, special_hpa; /* ept02_special() */
	uint64_t forced; /* ept02_force_ad() */
	bool log_full; /* by the caller: no flag may be set */
	bool stale; /* INVEPT (all contexts) is due before the next entry to L2; the caller clears it */
	struct ept02_stats stats;
};

/* No page is taken until a root is used. ept01 stays the caller's; budget of at least EPT02_SLOTS + 4 pages,
 * or -EINVAL. */
__attribute__((warn_unused_result)) int ept02_init(struct ept02 *e, const struct ept *ept01,
						   const struct ept_mem *mem, const struct ept02_l1 *l1,
						   const struct ept_caps *caps12, size_t budget);
void ept02_free(struct ept02 *e);

/*
 * Make eptp12 the current context and give the EPT pointer for vmcs02. The caller has checked eptp12 as VM
 * entry does. The pointer stays right until another ept02_use. -ENOMEM.
 */
__attribute__((warn_unused_result)) int ept02_use(struct ept02 *e, uint64_t eptp12, uint64_t *eptp02);

enum ept02_verdict {
	EPT02_MAPPED, /* EPT02 has it now: resume L2 */
	EPT02_REFLECT_VIOLATION, /* L1 sees an EPT violation with `qualification` */
	EPT02_REFLECT_MISCONFIG, /* L1 sees an EPT misconfiguration */
	EPT02_L0_OWN, /* EPT12 allows it, EPT01 doesn't: L0 emulates the access at l1_gpa */
	EPT02_LOG_FULL, /* a flag would have to be set, and log_full is */
	EPT02_NO_MEMORY, /* not even an empty EPT02 has room */
};

struct ept02_result {
	uint64_t l1_gpa; /* MAPPED, L0_OWN; the address asked for */
	uint64_t hpa; /* MAPPED */
	bool convertible; /* REFLECT_VIOLATION: EPT12's entry does not suppress #VE */
	bool dirtied; /* MAPPED, L0_OWN: a dirty flag of EPT12 was set that was clear */
	uint64_t page_bytes; /* MAPPED: size of the page put into EPT02 */
	unsigned perms; /* MAPPED: permissions put into EPT02. L0_OWN: EPT01's, 0 where nothing is mapped */
	/*
	 * REFLECT_VIOLATION: bits 0-6 as EPT12 says. The caller takes bits 7, 8 and 12 from the processor's
	 * exit qualification (SDM table "Exit Qualification for EPT Violations").
	 */
	uint64_t qualification;
};

/* L2 had an EPT violation (or misconfiguration) at l2_gpa. access: bits 0-2 of the processor's exit
 * qualification. */
enum ept02_verdict ept02_fault(struct ept02 *e, uint64_t l2_gpa, unsigned access,
			       struct ept02_result *result);

/*
 * L2-physical to L1-physical by EPT12 alone, for L0's own reading of L2's memory: verdict MAPPED (l1_gpa,
 * page_bytes and perms of EPT12) or REFLECT_*. access as in ept02_fault; 0 for none. Sets no accessed or
 * dirty flag.
 */
enum ept02_verdict ept02_translate(struct ept02 *e, uint64_t l2_gpa, unsigned access,
				   struct ept02_result *result);

/* L1 executed INVEPT: single context of eptp12, or all contexts. */
void ept02_invept_single(struct ept02 *e, uint64_t eptp12);
void ept02_invept_all(struct ept02 *e);
/* EPT01 lost, moved or lowered a mapping. (A new or raised one needs nothing.) */
void ept02_ept01_changed(struct ept02 *e);

/*
 * While on, EPT02 has accessed and dirty flags though EPT12 has none, so that the processor's walks of L2's
 * page tables are writes, and seen where the page may not be written. ept02_unforce_ad() ends it for the
 * current context. The EPT pointer is another one: ept02_use() again, and INVEPT is due.
 */
void ept02_force_ad(struct ept02 *e, bool on);
void ept02_unforce_ad(struct ept02 *e);
bool ept02_ad_forced(const struct ept02 *e);

/*
 * The L1-physical page l1_gpa (EPT02_NO_PAGE: none) is composed as the host's page hpa by a 4-KByte page
 * without execute permission, whatever EPT01 says. Empties what is composed.
 */
void ept02_special(struct ept02 *e, uint64_t l1_gpa, uint64_t hpa);

#endif
