/* SPDX-License-Identifier: MIT */
/*
 * Counts the instructions of a traced machine (machine_trace in machine.h): per section, by who executed
 * them, and by class. Pure.
 *
 * An instruction is counted when it begins: one that faults or exits counts, and counts again when it is
 * begun again; of a repeated string instruction, each iteration counts. So the counts add up to the machine's
 * retired instructions, its ticks.
 */
#ifndef EXPERIMENTS_TRACE_H
#define EXPERIMENTS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/machine.h"

/* X(symbol, name in tables, what) */
#define TRACE_CLASSES(X)                                                                                     \
	X(ENTRY, "entry", "VMLAUNCH, VMRESUME")                                                              \
	X(VMREAD, "vmread", "VMREAD")                                                                        \
	X(VMWRITE, "vmwrite", "VMWRITE")                                                                     \
	X(VMPTRLD, "vmptrld", "VMPTRLD")                                                                     \
	X(VMPTRST, "vmptrst", "VMPTRST")                                                                     \
	X(VMCLEAR, "vmclear", "VMCLEAR")                                                                     \
	X(INVEPT, "invept", "INVEPT")                                                                        \
	X(INVVPID, "invvpid", "INVVPID")                                                                     \
	X(VMXON, "vmxon", "VMXON, VMXOFF")                                                                   \
	X(VMCALL, "vmcall", "VMCALL, VMFUNC")                                                                \
	X(RDMSR, "rdmsr", "RDMSR")                                                                           \
	X(WRMSR, "wrmsr", "WRMSR")                                                                           \
	X(RDTSC, "rdtsc", "RDTSC, RDTSCP")                                                                   \
	X(CPUID, "cpuid", "CPUID")                                                                           \
	X(FROM_CR, "mov_from_cr", "MOV from a control register, SMSW")                                       \
	X(TO_CR, "mov_to_cr", "MOV to a control register, LMSW")                                             \
	X(CLTS, "clts", "CLTS")                                                                              \
	X(FROM_DR, "mov_from_dr", "MOV from a debug register")                                               \
	X(TO_DR, "mov_to_dr", "MOV to a debug register")                                                     \
	X(INVLPG, "invlpg", "INVLPG, INVPCID")                                                               \
	X(IO, "io", "IN, OUT, INS, OUTS")                                                                    \
	X(XSETBV, "xsetbv", "XSETBV")                                                                        \
	X(XGETBV, "xgetbv", "XGETBV")                                                                        \
	X(XSAVE, "xsave", "XSAVE and its kin, FXSAVE")                                                       \
	X(XRSTOR, "xrstor", "XRSTOR, XRSTORS, FXRSTOR")                                                      \
	X(SWAPGS, "swapgs", "SWAPGS")                                                                        \
	X(FSGSBASE, "fsgsbase", "RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE")                                    \
	X(SYSCALL, "syscall", "SYSCALL, SYSENTER")                                                           \
	X(SYSRET, "sysret", "SYSRET, SYSEXIT")                                                               \
	X(INT, "int", "INT n, INT3, INTO")                                                                   \
	X(IRET, "iret", "IRET")                                                                              \
	X(ATOMIC, "atomic", "LOCK-prefixed, and XCHG with memory")                                           \
	X(LFENCE, "lfence", "LFENCE")                                                                        \
	X(MFENCE, "mfence", "MFENCE, SFENCE")                                                                \
	X(VERW, "verw", "VERW, VERR")                                                                        \
	X(DT_LOAD, "descriptor_load", "LGDT, LIDT, LLDT, LTR")                                               \
	X(DT_STORE, "descriptor_store", "SGDT, SIDT, SLDT, STR")                                             \
	X(SEGMENT, "segment_load", "MOV or POP to a segment register, LFS and its kin")                      \
	X(HLT, "hlt", "HLT, MWAIT")                                                                          \
	X(STI, "sti", "STI")                                                                                 \
	X(CLI, "cli", "CLI")                                                                                 \
	X(PUSHF, "pushf", "PUSHF")                                                                           \
	X(POPF, "popf", "POPF")                                                                              \
	X(SMAP, "smap", "STAC, CLAC")                                                                        \
	X(PAUSE, "pause", "PAUSE")                                                                           \
	X(CACHE, "cache", "WBINVD, INVD, CLFLUSH and its kin")                                               \
	X(STRING, "rep", "iterations of a repeated string instruction")                                      \
	X(BRANCH, "indirect_branch", "CALL and JMP through a register or memory")                            \
	X(DIV, "div", "DIV, IDIV")                                                                           \
	X(OTHER, "other", "all else")

#define TRACE_ENUM(symbol, name, what) TRACE_##symbol,
enum trace_class { TRACE_CLASSES(TRACE_ENUM) TRACE_CLASS_COUNT };
#undef TRACE_ENUM

extern const char *const trace_class_names[TRACE_CLASS_COUNT];
extern const char *const trace_class_whats[TRACE_CLASS_COUNT];
/* TRACE_CLASS_COUNT when there is none of this name. */
enum trace_class trace_class_find(const char *name);

/* Who L0 is: an instruction is L0's when its host-physical address is in one of the ranges or CS is one of
 * the selectors. */
struct trace_l0 {
	struct {
		uint64_t begin, end;
	} range[4];
	unsigned ranges;
	uint16_t selector[4];
	unsigned selectors;
};

enum trace_who { TRACE_L0, TRACE_GUESTS, TRACE_WHO_COUNT };

struct trace_counts {
	uint64_t of[TRACE_WHO_COUNT][TRACE_CLASS_COUNT];
	uint64_t unreadable; /* instructions of which the trace does not say what they are, or nothing at all
			      */
};

/* Of all classes together. */
uint64_t trace_sum(const struct trace_counts *counts, enum trace_who who);

struct trace {
	struct trace_l0 l0; /* asked */
	struct trace_counts *section;
	unsigned sections;
	struct trace_counts now; /* of the section that has not ended */
	bool running; /* the next instruction's tick is known: next_tick */
	uint64_t next_tick;
};

void trace_init(struct trace *t, const struct trace_l0 *l0);
/* Counts for t, which it borrows. */
struct machine_trace trace_sink(struct trace *t);
void trace_free(struct trace *t);

#endif
