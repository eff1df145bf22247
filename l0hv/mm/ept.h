/* SPDX-License-Identifier: MIT */
/*
 * Extended page tables: building and walking them. Pure: memory is reached through callbacks.
 * SDM Vol. 3C, "Extended Page Tables": "EPT Translation Mechanism", "EPT-Induced VM Exits".
 */
#ifndef L0HV_MM_EPT_H
#define L0HV_MM_EPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Permissions; also the access kinds of a walk, and bits 0-2 of the EPT-violation exit qualification. */
#define EPT_R    0x1u
#define EPT_W    0x2u
#define EPT_X    0x4u
#define EPT_RWX  0x7u
#define EPT_IPAT 0x40u /* ignore the guest's PAT; leaf entries only */

/* Entry bits */
#define EPT_ENTRY_TYPE_SHIFT  3
#define EPT_ENTRY_LARGE       (1ull << 7)
#define EPT_ENTRY_ACCESSED    (1ull << 8)
#define EPT_ENTRY_DIRTY       (1ull << 9)
#define EPT_ENTRY_SUPPRESS_VE (1ull << 63)
#define EPT_ENTRY_ADDRESS     0x000FFFFFFFFFF000ull

/* EPT pointer: SDM table "Format of Extended-Page-Table Pointer" */
#define EPT_EPTP_TYPE   0x7ull
#define EPT_EPTP_LENGTH 0x38ull /* page-walk length minus 1 */
#define EPT_EPTP_AD     0x40ull

#define EPT_PAGE_4K 0x1000ull
#define EPT_PAGE_2M 0x200000ull
#define EPT_PAGE_1G 0x40000000ull
#define EPT_SPACE   (1ull << 48) /* what four levels translate */

enum ept_memtype { EPT_UC = 0, EPT_WC = 1, EPT_WT = 4, EPT_WP = 5, EPT_WB = 6 };

/* What the processor, real or offered to L1, does with EPT. */
struct ept_caps {
	unsigned maxphyaddr; /* CPUID.80000008H:EAX[7:0] */
	bool page_2m;
	bool page_1g;
	bool ad; /* accessed and dirty flags */
	bool exec_only; /* entries with execute permission alone */
};

/* From IA32_VMX_EPT_VPID_CAP; false when that lacks what L0 cannot do without: four levels and WB tables. */
bool ept_caps_from_msr(uint64_t ept_vpid_cap, unsigned maxphyaddr, struct ept_caps *caps);

/* Where tables live. `table` gives access to a page that `alloc` returned; it cannot fail. */
struct ept_mem {
	void *ctx;
	uint64_t *(*table)(void *ctx, uint64_t pa);
	uint64_t (*alloc)(void *ctx); /* zeroed page's physical address; 0: none left */
	void (*free)(void *ctx, uint64_t pa);
};

struct ept {
	uint64_t root; /* physical address of the PML4 table */
	struct ept_caps caps; /* of the processor that will walk it */
	size_t tables; /* pages held, root included */
	bool stale; /* a present entry was lowered or moved: INVEPT before the next entry, then clear this */
};

/* -ENOMEM */
__attribute__((warn_unused_result)) int ept_init(struct ept *ept, const struct ept_mem *mem,
						 const struct ept_caps *caps);

/*
 * Map [gpa, gpa+bytes) to hpa upwards by the largest pages that alignment and capability allow. What was
 * mapped there is replaced; larger pages at the edges are split. flags: EPT_R, EPT_W, EPT_X, EPT_IPAT.
 * -EINVAL: unaligned, beyond the address width, or flags that the processor would take as a misconfiguration.
 * -ENOMEM: part of the range may be mapped.
 */
__attribute__((warn_unused_result)) int ept_map(struct ept *ept, const struct ept_mem *mem, uint64_t gpa,
						uint64_t hpa, uint64_t bytes, unsigned flags,
						enum ept_memtype type);

/* Remove what is mapped in the range; tables that it covers wholly are freed. -EINVAL, -ENOMEM (a split). */
__attribute__((warn_unused_result)) int ept_unmap(struct ept *ept, const struct ept_mem *mem, uint64_t gpa,
						  uint64_t bytes);

/* Remove every mapping; the root stays, so an EPT pointer made from it stays right. */
void ept_clear(struct ept *ept, const struct ept_mem *mem);
/* Give every page back, the root too. */
void ept_free(struct ept *ept, const struct ept_mem *mem);

/* EPT pointer for a root: four levels, write-back tables. */
uint64_t ept_eptp(uint64_t root, bool ad);

enum ept_outcome { EPT_MAPPED, EPT_VIOLATION, EPT_MISCONFIG };

struct ept_walk_result {
	uint64_t pa; /* of the address asked for; with EPT_MAPPED, and a violation of a present leaf */
	uint64_t page_bytes; /* of the leaf; 0: the walk ended before one */
	unsigned perms; /* EPT_R|W|X: AND over the entries used; 0 when one was not present */
	enum ept_memtype type; /* of the leaf */
	bool ipat;
	unsigned levels; /* entries used: 1 (PML4E) to 4 (PTE) */
	uint64_t entry_pa[4]; /* their addresses and values, PML4E first */
	uint64_t entry[4];
};

/* Read one entry of a table; nonzero: nothing there, which reads as all ones. */
typedef int ept_read_fn(void *ctx, uint64_t entry_pa, uint64_t *entry);

/*
 * Walk the tables at root as a processor with these capabilities would. access: any of EPT_R, EPT_W, EPT_X; 0
 * asks only for the translation and is a violation only where nothing is mapped.
 */
enum ept_outcome ept_walk_with(uint64_t root, const struct ept_caps *caps, ept_read_fn *read, void *ctx,
			       uint64_t gpa, unsigned access, struct ept_walk_result *result);
/* The same over tables that L0 built. */
enum ept_outcome ept_walk(const struct ept *ept, const struct ept_mem *mem, uint64_t gpa, unsigned access,
			  struct ept_walk_result *result);

#endif
