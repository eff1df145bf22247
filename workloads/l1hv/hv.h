/* SPDX-License-Identifier: MIT */
/* l1hv: what its parts share. One L2 guest with one virtual processor. */
#ifndef L1HV_HV_H
#define L1HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "workloads/rt/rt.h"
#include "workloads/vmx/vmx.h"

/* L2's general registers by their number in an instruction. RSP is in the VMCS: use l2_reg(). */
struct l2_regs {
	uint64_t r[16];
};
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
_Static_assert(sizeof(struct l2_regs) == 128, "entry.S pushes 16 words");

enum verdict {
	RESUME, /* the handler left RIP where it must be */
	SKIP, /* the instruction is done */
};
typedef enum verdict exit_fn(struct l2_regs *regs);

struct exit_counter {
	uint64_t count, ticks; /* ticks in l1hv, from reading the exit reason to the verdict's execution */
};

/* What the command line asks; see options.c for the words. */
struct options {
	uint64_t memory; /* bytes of L2, holes not counted */
	uint32_t cpu_ctls; /* extra exits in the primary processor-based controls */
	uint32_t exceptions; /* exception bitmap */
	uint32_t pfec_mask, pfec_match;
	bool vpid, wbinvd; /* wbinvd: L2's exits */
	const char *unit; /* of ticks: "insns" or "cycles" */
};

/* What the processor offers, and the controls chosen from it (capability.c). */
struct capability {
	uint64_t basic, ept_vpid;
	uint32_t pin, cpu, cpu2, exit, entry; /* values for the VMCS */
	uint32_t cpu_always; /* bits of cpu that stay: fixed or asked for */
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	bool unrestricted, has_vpid, switches_efer, switches_pat;
};

struct hv {
	bool attention; /* an event may have to go into the next VM entry: events.c looks */
	bool nmi_pending;
	uint32_t event; /* interruption information to inject next; 0: none */
	uint32_t event_error, event_length;
	uint32_t vectoring, vectoring_error; /* event whose delivery the exit interrupted; 0: none */
	uint64_t irq_pending[4]; /* acknowledged external interrupts, a bit a vector */
	uint64_t tsc_offset;
	struct capability cap;
	struct options opt;
	struct exit_counter exit[EXIT_REASONS];
};
extern struct hv hv;

/* entry.S */
_Noreturn void vmx_launch(void);
void vmx_exit(void);
extern struct l2_regs vmx_exit_regs; /* L2's registers; its end is HOST_RSP */

/* dispatch.c */
void on_exit(struct l2_regs *regs);
/* Past an instruction of `length` bytes that was emulated: RIP, blocking by STI and MOV SS, single step. */
void l2_advance(uint32_t length);
/* An iteration of a REP is done and not the last: RF, and a single step that is due. */
void l2_end_iteration(uint64_t rflags);
const char *exit_name(uint32_t basic_reason); /* NULL: no handler */

/* options.c: 0, or -EINVAL with the wrong word's text in *bad */
__attribute__((warn_unused_result)) int options_parse(const char *cmdline, struct options *opt,
						      const char **bad);

/* vmcs_setup.c */
/* A current, launchable VMCS; L2 starts at entry_point as the Multiboot Specification says, with the
 * information at `info`. */
void vmcs_setup(uint64_t eptp, uint32_t entry_point, uint32_t info);

/* stop.c */
enum stop_cause {
	STOP_SHUTDOWN,
	STOP_TRIPLE_FAULT,
	STOP_UNEXPECTED,
	STOP_BAD_STATE,
	STOP_UNSUPPORTED,
	STOP_BAD_ACCESS
};
/* Reports what L2 wrote, the counters and why; all but STOP_SHUTDOWN with a dump. Ends the machine. */
_Noreturn void l2_stop(enum stop_cause cause, const char *reason);
_Noreturn void on_entry_failed(void); /* VMLAUNCH or VMRESUME fell through */

#endif
