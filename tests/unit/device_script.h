/* SPDX-License-Identifier: MIT */
/*
 * Device tests are tables of scripts: a name and steps, each an access with what it must give. What the
 * devices ask of the VM (struct platform_ops) is written to a log that EVENTS compares and empties:
 * o<char> console, s<char> COM1, S shutdown, R reset, m<vcpu>:<hex> mark, I<vcpu> INIT,
 * U<vcpu>:<hex vector> SIPI, N<vcpu> NMI, k<vcpu> kick, W a write to memory was asked for, w<gpa>:<value> it
 * is made.
 */
#ifndef TESTS_UNIT_DEVICE_SCRIPT_H
#define TESTS_UNIT_DEVICE_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_STEPS 40
#define NONE         UINT64_MAX

enum step_kind {
	STEP_END,
	STEP_OUT,
	STEP_IN,
	STEP_MMIO_WRITE,
	STEP_MMIO_READ,
	STEP_WRMSR,
	STEP_RDMSR,
	STEP_CPU,
	STEP_AT,
	STEP_PENDING,
	STEP_ACK,
	STEP_DEADLINE,
	STEP_LINE,
	STEP_EVENTS,
	STEP_SET_CR8,
	STEP_CR8,
	STEP_APIC_PAGE,
	STEP_VIRTUAL_WIRE,
	STEP_MEMORY,
	STEP_TSC_OFFSET,
	STEP_BLOCK_INIT,
	STEP_INIT,
	STEP_SCRATCH,
	STEP_DRAIN,
};

struct step {
	enum step_kind kind;
	uint64_t where; /* port, GPA, MSR, IRQ line */
	unsigned size;
	uint64_t value; /* written, or expected */
	int error; /* expected, of the MSR steps */
	const char *text;
};

#define OUT(port, value)                                                                                     \
	{                                                                                                    \
		STEP_OUT, port, 1, value, 0, NULL                                                            \
	}
#define OUTN(port, size, value)                                                                              \
	{                                                                                                    \
		STEP_OUT, port, size, value, 0, NULL                                                         \
	}
#define IN(port, value)                                                                                      \
	{                                                                                                    \
		STEP_IN, port, 1, value, 0, NULL                                                             \
	}
#define INN(port, size, value)                                                                               \
	{                                                                                                    \
		STEP_IN, port, size, value, 0, NULL                                                          \
	}
#define APIC(offset, value)                                                                                  \
	{                                                                                                    \
		STEP_MMIO_WRITE, 0xFEE00000u + (offset), 4, value, 0, NULL                                   \
	}
#define APIC_IS(offset, value)                                                                               \
	{                                                                                                    \
		STEP_MMIO_READ, 0xFEE00000u + (offset), 4, value, 0, NULL                                    \
	}
#define MMIO(gpa, size, value)                                                                               \
	{                                                                                                    \
		STEP_MMIO_WRITE, gpa, size, value, 0, NULL                                                   \
	}
#define MMIO_IS(gpa, size, value)                                                                            \
	{                                                                                                    \
		STEP_MMIO_READ, gpa, size, value, 0, NULL                                                    \
	}
#define WRMSR(msr, value)                                                                                    \
	{                                                                                                    \
		STEP_WRMSR, msr, 0, value, 0, NULL                                                           \
	}
#define WRMSR_GP(msr, value)                                                                                 \
	{                                                                                                    \
		STEP_WRMSR, msr, 0, value, -EPERM, NULL                                                      \
	}
#define RDMSR_IS(msr, value)                                                                                 \
	{                                                                                                    \
		STEP_RDMSR, msr, 0, value, 0, NULL                                                           \
	}
#define RDMSR_GP(msr)                                                                                        \
	{                                                                                                    \
		STEP_RDMSR, msr, 0, 0, -EPERM, NULL                                                          \
	}
#define RDMSR_NOT_OURS(msr)                                                                                  \
	{                                                                                                    \
		STEP_RDMSR, msr, 0, 0, -ENOENT, NULL                                                         \
	}
#define CPU(vcpu)                                                                                            \
	{                                                                                                    \
		STEP_CPU, vcpu, 0, 0, 0, NULL                                                                \
	}
#define AT(tick)                                                                                             \
	{                                                                                                    \
		STEP_AT, 0, 0, tick, 0, NULL                                                                 \
	}
#define PENDING(vector)                                                                                      \
	{                                                                                                    \
		STEP_PENDING, 0, 0, vector, 0, NULL                                                          \
	} /* NONE: none */
#define SCRATCH()                                                                                            \
	{                                                                                                    \
		STEP_SCRATCH, 0, 0, 0, 0, NULL                                                               \
	} /* the VM has the scratch device */
#define DRAIN()                                                                                              \
	{                                                                                                    \
		STEP_DRAIN, 0, 0, 0, 0, NULL                                                                 \
	}
#define ACK(vector)                                                                                          \
	{                                                                                                    \
		STEP_ACK, 0, 0, vector, 0, NULL                                                              \
	}
#define DEADLINE(tick)                                                                                       \
	{                                                                                                    \
		STEP_DEADLINE, 0, 0, tick, 0, NULL                                                           \
	}
#define LINE(irq, level)                                                                                     \
	{                                                                                                    \
		STEP_LINE, irq, 0, level, 0, NULL                                                            \
	}
#define EVENTS(log)                                                                                          \
	{                                                                                                    \
		STEP_EVENTS, 0, 0, 0, 0, log                                                                 \
	}
#define SET_CR8(value)                                                                                       \
	{                                                                                                    \
		STEP_SET_CR8, 0, 0, value, 0, NULL                                                           \
	}
#define CR8_IS(value)                                                                                        \
	{                                                                                                    \
		STEP_CR8, 0, 0, value, 0, NULL                                                               \
	}
#define APIC_PAGE_IS(gpa)                                                                                    \
	{                                                                                                    \
		STEP_APIC_PAGE, 0, 0, gpa, 0, NULL                                                           \
	}
#define VIRTUAL_WIRE                                                                                         \
	{                                                                                                    \
		STEP_VIRTUAL_WIRE, 0, 0, 0, 0, NULL                                                          \
	}
#define MEMORY(bytes)                                                                                        \
	{                                                                                                    \
		STEP_MEMORY, 0, 0, bytes, 0, NULL                                                            \
	}
#define TSC_OFFSET(offset)                                                                                   \
	{                                                                                                    \
		STEP_TSC_OFFSET, 0, 0, offset, 0, NULL                                                       \
	}

/* Whether the processors block INIT; INIT to the current vCPU once more. */
#define BLOCK_INIT(on)                                                                                       \
	{                                                                                                    \
		STEP_BLOCK_INIT, 0, 0, on, 0, NULL                                                           \
	}
#define INIT_AGAIN                                                                                           \
	{                                                                                                    \
		STEP_INIT, 0, 0, 0, 0, NULL                                                                  \
	}

struct script {
	const char *name;
	struct step step[SCRIPT_STEPS];
};

/* Each script on a machine of its own with `vcpus` processors, 10^9 ticks a second, at tick 0. */
void run_scripts(const struct script *script, size_t count, unsigned vcpus);

#endif
