/* SPDX-License-Identifier: MIT */
/* Before and after of operations that are VMX instructions (ops.h). */
#ifndef EXITS_VMX_OPS_H
#define EXITS_VMX_OPS_H

#include "ops.h"

const char *before_vmcs_host(struct op_regs *regs);
const char *before_vmcs_guest(struct op_regs *regs);
const char *before_vmcs_two(struct op_regs *regs);
const char *before_invept(struct op_regs *regs);
uint64_t after_vmcs_read(const struct op_regs *regs, uint64_t n);
uint64_t after_vmcs_written(const struct op_regs *regs, uint64_t n);
uint64_t after_vmcs_current(const struct op_regs *regs, uint64_t n);
uint64_t after_vmx_left(const struct op_regs *regs, uint64_t n);

#endif
