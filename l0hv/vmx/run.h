/* SPDX-License-Identifier: MIT */
#ifndef L0HV_VMX_RUN_H
#define L0HV_VMX_RUN_H

#include "l0hv/vm/vm.h"

/* switch.S */
void vmx_enter(struct vcpu *v) __attribute__((noreturn));

/* From switch.S. Each exit has the stack for itself, so that the way to the next entry needs no return. */
void vcpu_exit(struct vcpu *v) __attribute__((noreturn));
/* The vCPU to enter. */
struct vcpu *vcpu_entry_vmfail(struct vcpu *v, unsigned carry);

/* A primary processor-based control of the current VMCS. */
void set_cpu_control(struct vcpu *v, uint32_t bit, bool on);

/* Have the guest exit when it can take an interrupt. */
void open_interrupt_window(struct vcpu *v);

/* For account_calibrate(): the accounting of one exit, once more. */
void account_exit_again(struct vcpu *v, uint64_t now);

/* As after an exit: events and timer are seen to, then v is entered. The processor has v's state. */
void vcpu_enter(struct vcpu *v) __attribute__((noreturn));

#endif
