// SPDX-License-Identifier: MIT
#include "report.h"
#include "workloads/rt/rt_record.h"

#define REGS_MAX 64u
#define TEXT(s)  ((char *)(uintptr_t)(s)) /* protobuf-c takes char *, and only reads */

static void send(const Nestbed__Record *record)
{
	static uint8_t fpu[512] __attribute__((aligned(16)));

	if (!rt_has_sse())
		return;
	__asm__ volatile("fxsave64 %0" : "=m"(fpu));
	rt_record(record);
	__asm__ volatile("fxrstor64 %0" : : "m"(fpu));
}

static void brand_string(char brand[49])
{
	brand[0] = 0;
	if (cpuid(0x80000000, 0).eax < 0x80000004)
		return;
	for (uint32_t i = 0; i < 3; i++) {
		const struct cpuid c = cpuid(0x80000002 + i, 0);

		memcpy(brand + 16ull * i, &c, 16);
	}
	brand[48] = 0;
}

void report_hello(const struct capability *cap, const char *unit)
{
	const struct named_value values[] = {
		{"IA32_VMX_BASIC",               cap->basic       },
		{"IA32_VMX_EPT_VPID_CAP",        cap->ept_vpid    },
		{"pin-based controls",           cap->pin         },
		{"primary processor controls",   cap->cpu         },
		{"secondary processor controls", cap->cpu2        },
		{"VM-exit controls",             cap->exit        },
		{"VM-entry controls",            cap->entry       },
		{"unrestricted guest",           cap->unrestricted},
	};
	enum { COUNT = sizeof(values) / sizeof(values[0]) };
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Hello hello = NESTBED__HELLO__INIT;
	Nestbed__Capability capability[COUNT], *list[COUNT];
	char brand[49];

	brand_string(brand);
	for (size_t i = 0; i < COUNT; i++) {
		nestbed__capability__init(&capability[i]);
		capability[i].name = TEXT(values[i].name);
		capability[i].value = values[i].value;
		list[i] = &capability[i];
	}
	hello.producer = TEXT("l1hv");
	hello.cpu = brand;
	hello.signature = cpuid(1, 0).eax;
	hello.unit = TEXT(unit);
	hello.n_capability = COUNT;
	hello.capability = list;
	record.body_case = NESTBED__RECORD__BODY_HELLO;
	record.hello = &hello;
	send(&record);
}

_Noreturn void report_refusal(const char *reason, const struct missing *missing)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Refusal refusal = NESTBED__REFUSAL__INIT;
	char *names[MISSING_MAX];

	rt_printf("l1hv: %s", reason);
	for (unsigned int i = 0; i < missing->count; i++) {
		names[i] = TEXT(missing->name[i]);
		rt_printf("%s %s", i ? "," : ":", missing->name[i]);
	}
	rt_printf("\n");
	refusal.reason = TEXT(reason);
	refusal.n_missing = missing->count;
	refusal.missing = names;
	record.body_case = NESTBED__RECORD__BODY_REFUSAL;
	record.refusal = &refusal;
	send(&record);
	rt_shutdown();
}

void report_output(enum output_channel channel, const uint8_t *bytes, size_t count)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Output output = NESTBED__OUTPUT__INIT;

	if (!rt_has_sse()) { /* no records: as text of l1hv's own */
		rt_write(bytes, count);
		return;
	}
	output.vm = TEXT("l2");
	output.channel =
		channel == OUTPUT_COM1 ? NESTBED__OUTPUT__CHANNEL__COM1 : NESTBED__OUTPUT__CHANNEL__CONSOLE;
	output.data.len = count;
	output.data.data = (uint8_t *)(uintptr_t)bytes;
	record.body_case = NESTBED__RECORD__BODY_OUTPUT;
	record.output = &output;
	send(&record);
}

static void report_value(const char *name, uint64_t number, const char *unit)
{
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Value value = NESTBED__VALUE__INIT;

	value.name = TEXT(name);
	value.value = number;
	value.unit = TEXT(unit);
	record.body_case = NESTBED__RECORD__BODY_VALUE;
	record.value = &value;
	send(&record);
}

void report_counters(const char *unit)
{
	char name[64];

	for (uint32_t reason = 0; reason < EXIT_REASONS; reason++) {
		if (!hv.exit[reason].count)
			continue;
		rt_snprintf(name, sizeof(name), "l1.exits.%s", exit_name(reason));
		report_value(name, hv.exit[reason].count, "exits");
		rt_snprintf(name, sizeof(name), "l1.ticks.%s", exit_name(reason));
		report_value(name, hv.exit[reason].ticks, unit);
	}
}

void report_stop(enum stop_cause cause, const char *reason, const struct named_value *regs, size_t count)
{
	static const Nestbed__Stop__Cause causes[] = {
		[STOP_SHUTDOWN] = NESTBED__STOP__CAUSE__SHUTDOWN,
		[STOP_TRIPLE_FAULT] = NESTBED__STOP__CAUSE__TRIPLE_FAULT,
		[STOP_UNEXPECTED] = NESTBED__STOP__CAUSE__UNEXPECTED_EXIT,
		[STOP_BAD_STATE] = NESTBED__STOP__CAUSE__BAD_GUEST_STATE,
		[STOP_UNSUPPORTED] = NESTBED__STOP__CAUSE__UNSUPPORTED,
		[STOP_BAD_ACCESS] = NESTBED__STOP__CAUSE__BAD_ACCESS,
	};
	Nestbed__Record record = NESTBED__RECORD__INIT;
	Nestbed__Stop stop = NESTBED__STOP__INIT;
	Nestbed__Register reg[REGS_MAX], *list[REGS_MAX];

	if (count > REGS_MAX)
		count = REGS_MAX;
	for (size_t i = 0; i < count; i++) {
		nestbed__register__init(&reg[i]);
		reg[i].name = TEXT(regs[i].name);
		reg[i].value = regs[i].value;
		list[i] = &reg[i];
	}
	stop.vm = TEXT("l2");
	stop.cause = causes[cause];
	stop.reason = TEXT(reason);
	stop.n_reg = count;
	stop.reg = list;
	record.body_case = NESTBED__RECORD__BODY_STOP;
	record.stop = &stop;
	send(&record);
}
