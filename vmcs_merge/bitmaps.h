/* SPDX-License-Identifier: MIT */
/*
 * The 4 KiB bitmaps that a VMCS points to: merging, reading and setting them. In all of them 1 = VM exit.
 * Pages are 8-byte aligned.
 */
#ifndef VMCS_MERGE_BITMAPS_H
#define VMCS_MERGE_BITMAPS_H

#include "vmcs_merge/fields.h"

#define VMX_BITMAP_BYTES 4096u

/*
 * One I/O bitmap (A: ports 0..7fff, B: 8000..ffff). l1 is NULL if vmcs12 uses no I/O bitmaps: then
 * l1_unconditional says whether L1 wants all ports. l0 NULL: L0 has no wishes.
 */
void merge_io_bitmap(void *out, const void *l1, bool l1_unconditional, const void *l0);

/* l1 NULL: vmcs12 uses no MSR bitmap, every RDMSR and WRMSR exits to L1. l0 NULL: L0 has no wishes. */
void merge_msr_bitmap(void *out, const void *l1, const void *l0);

/*
 * Let the x2APIC MSRs through which the processor virtualizes by these secondary controls (SDM "Virtualizing
 * MSR-Based APIC Accesses") and L1 does not intercept. l1: as above. The other accesses to such MSRs still
 * exit.
 */
void merge_x2apic_msrs(void *out, const void *l1, uint32_t ctls2);

/* Does any port that the access touches exit? One that wraps around at 64 KiB exits (SDM, "Instructions That
 * Cause VM Exits Conditionally"). */
bool io_bitmap_test(const void *a, const void *b, uint32_t port, uint32_t bytes);
void io_bitmap_set(void *a, void *b, uint32_t first_port, uint32_t ports, bool exits);

/* SDM, "MSR-Bitmap Address"; MSRs out of both ranges exit. */
bool msr_bitmap_test(const void *bitmap, uint32_t msr, bool write);
/* false: the bitmap has no bit for the MSR */
bool msr_bitmap_set(void *bitmap, uint32_t msr, bool write, bool exits);

/* ---- VMCS shadowing ---- */

enum { SHADOW_READ = 1, SHADOW_WRITE = 2 };

/* The fields that L1 reaches in the shadow VMCS without an exit. */
struct shadow_row {
	uint8_t field;
	uint8_t access;
	const char *reason;
};
extern const struct shadow_row shadow_table[];
extern const unsigned shadow_count;

/*
 * The VMREAD and VMWRITE bitmaps of vmcs01 (SDM, "VMCS Shadowing Bitmap Addresses"): bit n is for encoding n.
 * caps: the processor's; a field it lacks stays an exit. write NULL: none wanted.
 */
void shadow_bitmaps(const struct vmx_caps *caps, void *read, void *write);

#endif
