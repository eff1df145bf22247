/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/stop.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "experiments/cli.h"

struct state {
	struct kvm_regs r;
	struct kvm_sregs s;
};

/* By the names of the SDM. */
static const struct {
	const char *name;
	size_t at, size;
} rows[] = {
#define ROW(name, member)                                                                                    \
	{                                                                                                    \
		name, offsetof(struct state, member), sizeof(((struct state *)0)->member)                    \
	}
	ROW("RAX", r.rax),
	ROW("RCX", r.rcx),
	ROW("RDX", r.rdx),
	ROW("RBX", r.rbx),
	ROW("RSP", r.rsp),
	ROW("RBP", r.rbp),
	ROW("RSI", r.rsi),
	ROW("RDI", r.rdi),
	ROW("R8", r.r8),
	ROW("R9", r.r9),
	ROW("R10", r.r10),
	ROW("R11", r.r11),
	ROW("R12", r.r12),
	ROW("R13", r.r13),
	ROW("R14", r.r14),
	ROW("R15", r.r15),
	ROW("RIP", r.rip),
	ROW("RFLAGS", r.rflags),
	ROW("CR0", s.cr0),
	ROW("CR2", s.cr2),
	ROW("CR3", s.cr3),
	ROW("CR4", s.cr4),
	ROW("CR8", s.cr8),
	ROW("IA32_EFER", s.efer),
	ROW("IA32_APIC_BASE", s.apic_base),
	ROW("CS", s.cs.selector),
	ROW("CS_BASE", s.cs.base),
	ROW("SS", s.ss.selector),
	ROW("DS", s.ds.selector),
	ROW("ES", s.es.selector),
	ROW("FS_BASE", s.fs.base),
	ROW("GS_BASE", s.gs.base),
	ROW("TR", s.tr.selector),
	ROW("GDTR_BASE", s.gdt.base),
	ROW("GDTR_LIMIT", s.gdt.limit),
	ROW("IDTR_BASE", s.idt.base),
	ROW("IDTR_LIMIT", s.idt.limit),
#undef ROW
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct registers {
	Nestbed__Register reg[ROWS], *list[ROWS];
};

static size_t read_registers(const struct vm *vm, struct registers *to)
{
	struct state state;

	if (ioctl(vm->vcpu, KVM_GET_REGS, &state.r) || ioctl(vm->vcpu, KVM_GET_SREGS, &state.s))
		return 0;
	for (size_t i = 0; i < ROWS; i++) {
		nestbed__register__init(&to->reg[i]);
		to->reg[i].name = (char *)(uintptr_t)rows[i].name;
		memcpy(&to->reg[i].value, (const uint8_t *)&state + rows[i].at, rows[i].size);
		to->list[i] = &to->reg[i];
	}
	return ROWS;
}

int stop_vm(struct vm *vm, Nestbed__Stop__Cause cause, const char *format, ...)
{
	Nestbed__Stop stop = NESTBED__STOP__INIT;
	struct registers registers;
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	stop.vm = (char *)(uintptr_t)vm->options->name;
	stop.cause = cause;
	stop.reason = reason;
	if (cause != NESTBED__STOP__CAUSE__SHUTDOWN) {
		stop.n_reg = read_registers(vm, &registers);
		stop.reg = registers.list;
	}
	records_emit(vm->records, NESTBED__RECORD__BODY_STOP, &stop);
	return cause == NESTBED__STOP__CAUSE__SHUTDOWN ? CLI_OK : CLI_STOPPED;
}
