/* SPDX-License-Identifier: MIT */
/* The end of a VM, told. */
#include "l0hv/lib/lib.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/vm.h"
#include "l0hv/vmx/vmcs_dump.h"

#define DUMP_MAX 256

/* General registers, then the current VMCS. */
static size_t dump_state(const struct vcpu *v, Nestbed__Register **list)
{
	static const char *const names[16] = {"RAX", "RCX", "RDX", "RBX", NULL,  "RBP", "RSI", "RDI",
					      "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
	static Nestbed__Register registers[16];
	Nestbed__Register **vmcs;
	size_t n = 0, fields;

	for (unsigned i = 0; i < 16; i++) {
		if (!names[i])
			continue;
		nestbed__register__init(&registers[i]);
		registers[i].name = (char *)(uintptr_t)names[i];
		registers[i].value = v->gpr[i];
		list[n++] = &registers[i];
	}
	fields = vmcs_dump(&vmcs);
	for (size_t i = 0; i < fields && n < DUMP_MAX; i++)
		list[n++] = vmcs[i];
	return n;
}

void vm_stop(struct vcpu *v, enum vm_stop_cause cause, bool dump, const char *format, ...)
{
	static Nestbed__Register *list[DUMP_MAX];
	struct vm *vm = v->vm;
	Nestbed__Stop stop = NESTBED__STOP__INIT;
	char reason[256];
	va_list args;

	if (vm->stopped)
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	vm_flush_output(vm);
	vm->stopped = true;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vm->vcpu[i]->state = VCPU_STOPPED;
	stop.vm = (char *)(uintptr_t)vm->config->name;
	stop.cause = (Nestbed__Stop__Cause)cause;
	stop.reason = reason;
	if (dump) {
		stop.n_reg = dump_state(v, list);
		stop.reg = list;
	}
	record_emit(NESTBED__RECORD__BODY_STOP, &stop);
	sched_kick();
}
