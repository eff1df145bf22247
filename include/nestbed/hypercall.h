/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls, by VMCALL: number in RAX, argument in RBX, answer in RAX. Served by L0 for L1 guests
 * and by workloads/l1hv for L2 guests, with the same numbers. Any CPL may call NOP; the rest need CPL 0.
 */
#ifndef NESTBED_HYPERCALL_H
#define NESTBED_HYPERCALL_H

enum nb_hypercall {
	NB_HC_NOP = 0, /* answer 0; does nothing: the round trip that exit-cost measures */
	NB_HC_YIELD = 1, /* let another vCPU run; answer 0 */
	NB_HC_MOVE = 2, /* the VM may begin to move now (bundle key migrate.at); answer 0 */
};
#define NB_HC_UNKNOWN ((uint64_t)-1) /* answer to any other number */

/* CPUID leaf 0x40000000: EAX = highest leaf, EBX ECX EDX = signature */
#define NB_CPUID_HYPERVISOR 0x40000000u
#define NB_SIGNATURE_L0     "NestbedL0HV\0"
#define NB_SIGNATURE_L1     "NestbedL1HV\0"

#endif
