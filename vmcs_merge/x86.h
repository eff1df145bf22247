/* SPDX-License-Identifier: MIT */
/* Register bits that the merge, the checks and exit ownership read (SDM, "System Architecture Overview"). */
#ifndef VMCS_MERGE_X86_H
#define VMCS_MERGE_X86_H

#define VM_CR0_PE (1ull << 0)
#define VM_CR0_MP (1ull << 1)
#define VM_CR0_EM (1ull << 2)
#define VM_CR0_TS (1ull << 3)
#define VM_CR0_ET (1ull << 4)
#define VM_CR0_NE (1ull << 5)
#define VM_CR0_WP (1ull << 16)
#define VM_CR0_NW (1ull << 29)
#define VM_CR0_CD (1ull << 30)
#define VM_CR0_PG (1ull << 31)

#define VM_CR4_PAE   (1ull << 5)
#define VM_CR4_VMXE  (1ull << 13)
#define VM_CR4_PCIDE (1ull << 17)
#define VM_CR4_CET   (1ull << 23)

#define VM_EFER_SCE (1ull << 0)
#define VM_EFER_LME (1ull << 8)
#define VM_EFER_LMA (1ull << 10)
#define VM_EFER_NXE (1ull << 11)

#define VM_RFLAGS_TF (1ull << 8)
#define VM_RFLAGS_IF (1ull << 9)
#define VM_RFLAGS_VM (1ull << 17)

#define VM_VECTOR_DB 1u
#define VM_VECTOR_BP 3u
#define VM_VECTOR_OF 4u
#define VM_VECTOR_DF 8u
#define VM_VECTOR_TS 10u
#define VM_VECTOR_NP 11u
#define VM_VECTOR_SS 12u
#define VM_VECTOR_GP 13u
#define VM_VECTOR_PF 14u
#define VM_VECTOR_AC 17u
#define VM_VECTOR_CP 21u

#endif
