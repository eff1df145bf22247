/* SPDX-License-Identifier: MIT */
/* The processors that this runs on. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpu_baseline/read/reader.h"

#define SUBLEAVES_MAX    64u
#define CPUID1_ECX_VMX   (1u << 5)
#define CPUID7_CORE_CAPS (1u << 30)
#define CPUID7_ARCH_CAPS (1u << 29)

static struct cpu_leaf ask(uint32_t leaf, uint32_t subleaf)
{
	struct cpu_leaf row = {.leaf = leaf, .subleaf = subleaf};

	__cpuid_count(leaf, subleaf, row.reg[CPU_EAX], row.reg[CPU_EBX], row.reg[CPU_ECX], row.reg[CPU_EDX]);
	return row;
}

/* Is there this sub-leaf, above 0? SDM Vol. 2A, "CPUID": each leaf has a rule of its own. */
static bool has_subleaf(uint32_t leaf, uint32_t s)
{
	struct cpu_leaf first = ask(leaf, 0), before = ask(leaf, s - 1), components;

	switch (leaf) {
	case 0x4:
	case 0x8000001d:
		return before.reg[CPU_EAX] & 0x1f;
	case 0xb:
	case 0x1f:
	case 0x80000026:
		return before.reg[CPU_ECX] & 0xff00;
	case 0xd:
		components = ask(leaf, 1);
		if (s >= 32)
			return (first.reg[CPU_EDX] | components.reg[CPU_EDX]) >> (s - 32) & 1;
		return s == 1 || (first.reg[CPU_EAX] | components.reg[CPU_ECX]) >> s & 1;
	case 0x7:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1d:
	case 0x20:
		return s <= first.reg[CPU_EAX];
	case 0xf: /* sub-leaf 1 is for the resource that bit 1 tells of */
		return s == 1 && first.reg[CPU_EDX] & 2;
	case 0x10:
		return s <= 3 && first.reg[CPU_EBX] >> s & 1;
	case 0x12: /* 0 and 1 tell of SGX, the others of its memory, until one of type 0 */
		return s <= 2 || before.reg[CPU_EAX] & 0xf;
	default:
		return false;
	}
}

static int range(struct reader *r, uint32_t base)
{
	struct cpu_leaf row = ask(base, 0);
	uint32_t top = row.reg[CPU_EAX];
	int status = 0;

	if (top < base || top - base >= READER_LEAVES)
		return base == 0 || base == 0x80000000u ? reader_leaf(r, &row) : 0;
	for (uint32_t leaf = base; leaf <= top && !status; leaf++) {
		row = ask(leaf, 0);
		status = reader_leaf(r, &row);
		for (uint32_t s = 1; s < SUBLEAVES_MAX && !status; s++) {
			bool has = has_subleaf(leaf, s);

			if (!has && leaf != 0xd && leaf != 0x10)
				break;
			row = ask(leaf, s);
			if (has)
				status = reader_leaf(r, &row);
		}
	}
	return status;
}

/* The MSRs that the processor says it has, where this may read them: msr(4). Others are not in the policy. */
static int msrs(struct reader *r, unsigned cpu)
{
	struct cpu_leaf seven = ask(7, 0), one = ask(1, 0);
	const struct {
		uint32_t first, last;
		bool there;
	} wanted[] = {
		{0xcf,  0xcf,  seven.reg[CPU_EDX] & CPUID7_CORE_CAPS},
		{0x10a, 0x10a, seven.reg[CPU_EDX] & CPUID7_ARCH_CAPS},
		{0x480, 0x493, one.reg[CPU_ECX] & CPUID1_ECX_VMX    },
	};
	char path[32];
	uint64_t value;
	int file, status = 0;

	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	file = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		for (uint32_t n = wanted[i].first; wanted[i].there && n <= wanted[i].last && !status; n++) {
			if (file >= 0 && pread(file, &value, sizeof(value), n) == sizeof(value))
				status = reader_msr(r, n, value);
			else if (file < 0 && r->rows == &r->first)
				reader_note(r, "self: MSR %#x is not in the policy: %s: %s", n, path,
					    strerror(errno));
		}
	}
	if (file >= 0)
		close(file);
	return status;
}

static int one_cpu(struct reader *r, unsigned cpu)
{
	static const uint32_t bases[] = {0, 0x40000000u, 0x80000000u};
	int status = reader_cpu(r);

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]) && !status; i++) {
		if (bases[i] == 0x40000000u && !(ask(1, 0).reg[CPU_ECX] >> 31))
			continue;
		status = range(r, bases[i]);
	}
	return status ? status : msrs(r, cpu);
}

static int self_read(struct reader *r)
{
	cpu_set_t before, one;
	int status = 0;

	r->promises = (struct reader_promises){.every_leaf = true, .every_subleaf = true};
	if (sched_getaffinity(0, sizeof(before), &before)) {
		reader_note(r, "self: only one processor was asked: %s", strerror(errno));
		status = one_cpu(r, 0);
		return status ? status : reader_finish(r);
	}
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && !status; cpu++) {
		if (!CPU_ISSET(cpu, &before))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			reader_note(r, "self: processor %u was not asked: %s", cpu, strerror(errno));
		else
			status = one_cpu(r, cpu);
	}
	sched_setaffinity(0, sizeof(before), &before);
	return status ? status : reader_finish(r);
}

int reader_self(struct cpu_policy *out, struct cpu_read_report *report)
{
	int status = reader_run(self_read, "self", (struct piece){"", 0}, NULL, out, report);

	if (!status && gethostname(out->name, sizeof(out->name)))
		snprintf(out->name, sizeof(out->name), "self");
	out->name[sizeof(out->name) - 1] = 0;
	return status;
}
