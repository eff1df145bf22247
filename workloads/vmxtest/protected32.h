/* SPDX-License-Identifier: MIT */
/* A piece of 32-bit code that L1 runs outside IA-32e mode; for protected32.S too. */
#ifndef VMXTEST_PROTECTED32_H
#define VMXTEST_PROTECTED32_H

#define CALL32_CODE   0
#define CALL32_EBX    4
#define CALL32_ECX    8
#define CALL32_ESI    12
#define CALL32_EAX    16
#define CALL32_FLAGS  20
#define CALL32_VECTOR 24
#define CALL32_ERROR  28
#define CALL32_RESULT 32
#define CALL32_SIZE   40

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct call32 {
	uint32_t code; /* ends by RET; may change EAX to EDI and data segments */
	uint32_t ebx, ecx, esi;
	uint32_t eax, flags; /* after it */
	uint32_t vector, error; /* of the exception that ended it; vector -1: none */
	uint64_t result; /* lab_operand32 after it; before each it is aaaaaaaaaaaaaaaaH */
};
_Static_assert(sizeof(struct call32) == CALL32_SIZE && offsetof(struct call32, flags) == CALL32_FLAGS &&
		       offsetof(struct call32, result) == CALL32_RESULT,
	       "as protected32.S has it");

void lab_protected32(struct call32 *calls, uint32_t count, const void *idt_pointer, uint32_t cr3);
extern const uint8_t lab_stubs32[32][16];
extern uint64_t lab_operand32[4];
#endif

#endif
