/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/cpu/symbols.h"
#include "l0hv/lib/lib.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/vmcs_dump.h"

#define BACKTRACE_MAX 24
#define VECTOR_NMI    2
#define VECTOR_PANIC  256 /* not a processor's */

uint64_t fault_nmi_count;

extern uint8_t rdmsr_safe_insn[], wrmsr_safe_insn[], msr_safe_fixup[];
extern uint8_t l0_image_start[], l0_image_end[];

static const struct {
	const char *name;
	uint16_t offset;
} frame_registers[] = {
#define REG(r)                                                                                               \
	{                                                                                                    \
#r, offsetof(struct fault_frame, r)                                                          \
	}
	REG(rip), REG(rsp), REG(rflags), REG(rax), REG(rbx), REG(rcx), REG(rdx), REG(rsi), REG(rdi),
	REG(rbp), REG(r8),  REG(r9),     REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
#undef REG
};
#define FRAME_REGISTERS (sizeof(frame_registers) / sizeof(frame_registers[0]))

static size_t backtrace(uint64_t rip, bool rip_is_return, uint64_t rbp, char lines[][96], char **list)
{
	size_t n = 0;

	symbol_format(lines[n], sizeof(lines[n]), rip, rip_is_return);
	list[n] = lines[n];
	n++;
	while (n < BACKTRACE_MAX && rbp % 8 == 0 && rbp >= (uintptr_t)l0_image_start &&
	       rbp < (uintptr_t)l0_image_end - 16) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (frame[1] < (uintptr_t)l0_image_start || frame[1] >= (uintptr_t)l0_image_end)
			break;
		symbol_format(lines[n], sizeof(lines[n]), frame[1], true);
		list[n] = lines[n];
		n++;
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
	return n;
}

/* A second fault while telling of the first ends the machine with what was said so far. */
static void __attribute__((noreturn)) tell(const struct fault_frame *frame, const char *reason)
{
	static bool telling;
	static char lines[BACKTRACE_MAX][96];
	static char *list[BACKTRACE_MAX];
	static Nestbed__Register registers[FRAME_REGISTERS + 3], *register_list[FRAME_REGISTERS + 3];
	Nestbed__Fault fault = NESTBED__FAULT__INIT;
	size_t n = 0;

	if (telling)
		machine_end();
	telling = true;
	fault.vector = (uint32_t)frame->vector;
	fault.error_code = frame->error_code;
	fault.reason = (char *)(uintptr_t)reason;
	for (; n < FRAME_REGISTERS + 3; n++) {
		nestbed__register__init(&registers[n]);
		register_list[n] = &registers[n];
	}
	for (n = 0; n < FRAME_REGISTERS; n++) {
		registers[n].name = (char *)(uintptr_t)frame_registers[n].name;
		registers[n].value = *(const uint64_t *)((const uint8_t *)frame + frame_registers[n].offset);
	}
	registers[n].name = (char *)(uintptr_t) "cr2";
	registers[n++].value = read_cr2();
	registers[n].name = (char *)(uintptr_t) "cr3";
	registers[n++].value = read_cr3();
	registers[n].name = (char *)(uintptr_t) "cr4";
	registers[n++].value = read_cr4();
	fault.reg = register_list;
	fault.n_reg = n;
	fault.n_vmcs = vmcs_dump(&fault.vmcs);
	fault.n_backtrace = backtrace(frame->rip, frame->vector == VECTOR_PANIC, frame->rbp, lines, list);
	fault.backtrace = list;
	record_emit(NESTBED__RECORD__BODY_FAULT, &fault);
	machine_end();
}

void fault_entry(struct fault_frame *frame)
{
	char reason[64];

	if (frame->vector == VECTOR_NMI) {
		fault_nmi_count++;
		return;
	}
	if (frame->vector == 13 &&
	    (frame->rip == (uintptr_t)rdmsr_safe_insn || frame->rip == (uintptr_t)wrmsr_safe_insn)) {
		frame->rip = (uintptr_t)msr_safe_fixup;
		return;
	}
	snprintf(reason, sizeof(reason), "exception %u in L0", (unsigned)frame->vector);
	tell(frame, reason);
}

void panic(const char *format, ...)
{
	struct fault_frame frame;
	char reason[160];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	memset(&frame, 0, sizeof(frame));
	frame.vector = VECTOR_PANIC;
	frame.rip = (uintptr_t)__builtin_return_address(0);
	frame.rbp = *(const uint64_t *)__builtin_frame_address(0); /* the caller's frame */
	frame.rsp = (uintptr_t)__builtin_frame_address(0);
	tell(&frame, reason);
}
