/* SPDX-License-Identifier: MIT */
#include "experiments/exit_cost_peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "experiments/cli.h"
#include "experiments/exit_trace.h"
#include "experiments/exits_runs.h"
#include "experiments/peer_kvm.h"

#define SHADOW(on) "enable_shadow_vmcs=" on

/* KVM as its makers intend it, with the kernel's mitigations and without; one machine each. */
static const struct {
	bool mitigations;
	const char *machine;
} machines[] = {
	{false, "kvm-mitigations-off"    },
	{true,  "kvm-mitigations-default"},
};
#define MACHINES (sizeof(machines) / sizeof(machines[0]))

/* clang-format off */
static const struct planned {
	const char *name[MACHINES], *traced[MACHINES]; /* of the VM's run, and of its traced one */
	const char *level, *config[MACHINES], *like;
	unsigned depth;
	bool vmx, shadow;
	const char *parameters; /* of kvm-intel */
} plan[] = {
	{{"kvm-l1", "kvm-l1-mitigated"}, {"kvm-trace-l1", "kvm-trace-l1-mitigated"},
	 "L1", {"mitigations=off", "mitigations=default"}, "-", 1, false, false, SHADOW("1")},
	{{"kvm-l2-shadow", "kvm-l2-shadow-mitigated"}, {"kvm-trace-l2-shadow", "kvm-trace-l2-shadow-mitigated"},
	 "L2", {"shadow=on;mitigations=off", "shadow=on;mitigations=default"},
	 "shadow=on;merge=incremental", 2, false, true, SHADOW("1")},
	{{"kvm-vmx-shadow", "kvm-vmx-shadow-mitigated"}, {"kvm-trace-vmx-shadow", "kvm-trace-vmx-shadow-mitigated"},
	 "L1", {"shadow=on;mitigations=off", "shadow=on;mitigations=default"},
	 "shadow=on", 1, true, true, SHADOW("1")},
	{{"kvm-l2-noshadow", "kvm-l2-noshadow-mitigated"}, {"kvm-trace-l2-noshadow", "kvm-trace-l2-noshadow-mitigated"},
	 "L2", {"shadow=off;mitigations=off", "shadow=off;mitigations=default"},
	 "shadow=off;merge=incremental", 2, false, false, SHADOW("0")},
	{{"kvm-vmx-noshadow", "kvm-vmx-noshadow-mitigated"}, {"kvm-trace-vmx-noshadow", "kvm-trace-vmx-noshadow-mitigated"},
	 "L1", {"shadow=off;mitigations=off", "shadow=off;mitigations=default"},
	 "shadow=off", 1, true, false, SHADOW("0")},
};
/* clang-format on */
#define PLANNED (sizeof(plan) / sizeof(plan[0]))
_Static_assert(MACHINES *PLANNED == EXIT_COST_PEER_RUNS, "room for all");

/* Linux's __KERNEL_CS and __USER_CS; the guests here have 08H. */
static const struct trace_l0 linux_is_l0 = {
	.selector = {0x10, 0x33},
          .selectors = 2
};

struct words {
	char *plain, *vmx; /* command lines; vmx NULL: nothing of the kind is asked for */
};

struct peers {
	const struct exit_cost_images *images;
	struct words words, traced_words;
	const struct planned *planned[PLANNED]; /* those that are made, on each machine */
	unsigned count;
	struct peer_machine machine[MACHINES];
	struct capture traced[MACHINES][PLANNED];
	struct trace trace[MACHINES];
	struct machine_trace sink[MACHINES];
};
_Static_assert(2 * PLANNED <= PEER_VMS_MAX, "room for all, and all again to be traced");

/* Traced or not: another image, under a name of its own. */
static void add_vm(struct peers *s, unsigned machine, const struct planned *p, bool traced,
		   struct capture *capture)
{
	const struct words *words = traced ? &s->traced_words : &s->words;
	const char *cmdline = p->vmx ? words->vmx : words->plain;
	const struct blob image = traced ? s->images->traced : s->images->exits;
	struct peer_machine *m = &s->machine[machine];
	struct launch l = {
		.name = traced ? p->traced[machine] : p->name[machine],
		.guest = traced ? EXIT_TRACE_IMAGE : "exits",
		.image = image,
		.cmdline = cmdline,
		.memory = EXITS_MEMORY,
		.nested = p->vmx,
		.vm_lines = "",
		.l0_lines = "",
	};

	if (p->depth == 2) {
		exits_launch_l2(&l, image, s->images->l1hv, cmdline, "");
		l.module[0].name = traced ? EXIT_TRACE_IMAGE : "exits";
	}
	capture_init(capture, p->depth);
	m->vm[m->vm_count++] =
		(struct peer_vm){.launch = l, .parameters = p->parameters, .options = "", .capture = capture};
}

static struct exit_cost_run run_of(const struct planned *p, unsigned machine, const struct capture *capture)
{
	return (struct exit_cost_run){
		.l0 = "kvm",
		.level = p->level,
		.config = p->config[machine],
		.like = p->like,
		.unit = "insns",
		.depth = p->depth,
		.vmx = p->vmx,
		.opaque = true,
		.capture = capture,
	};
}

/* A VM and its traced twin have the same parameters, so that they follow one another. */
static void plan_all(struct peers *s, bool shadow, struct capture *capture, struct exit_cost_run *cost_run,
		     unsigned *count)
{
	for (unsigned i = 0; i < PLANNED; i++)
		if ((s->words.vmx || !plan[i].vmx) && (shadow || !plan[i].shadow))
			s->planned[s->count++] = &plan[i];
	for (unsigned k = 0; k < MACHINES; k++) {
		s->machine[k].name = machines[k].machine;
		s->machine[k].mitigations = machines[k].mitigations;
		if (s->images->traced.size) {
			trace_init(&s->trace[k], &linux_is_l0);
			s->sink[k] = trace_sink(&s->trace[k]);
			s->machine[k].trace = &s->sink[k];
		}
		for (unsigned i = 0; i < s->count; i++) {
			add_vm(s, k, s->planned[i], false, &capture[*count]);
			cost_run[*count] = run_of(s->planned[i], k, &capture[*count]);
			(*count)++;
			if (s->images->traced.size)
				add_vm(s, k, s->planned[i], true, &s->traced[k][i]);
		}
	}
}

/* The sections of a machine's trace are its traced VMs' operations, one after another. */
static int add_traced(const struct peers *s, unsigned k, struct exit_trace_rows *rows)
{
	unsigned at = 0, differences = 0;
	struct text out = {0};
	char *why = NULL;
	int err = 0;

	for (unsigned i = 0; i < s->count && !err; i++) {
		const struct exit_trace_label label = {"kvm", s->planned[i]->level, s->planned[i]->config[k]};

		err = exit_trace_add(rows, &label, &s->traced[k][i], &s->trace[k], &at, &why);
		differences += err ? 0 : exit_trace_compare(rows, &label, &s->traced[k][i], &out);
	}
	if (!err)
		err = exit_trace_end(&s->trace[k], at, &why);
	if (err)
		fprintf(stderr, "nestbed: %s: %s\n", machines[k].machine, why);
	if (differences)
		printf("WARNING: %u counts of the trace are not those of KVM:\n%s", differences, out.data);
	free(why);
	text_free(&out);
	return err || differences ? CLI_FAILED : CLI_OK;
}

static void free_all(struct peers *s)
{
	peer_kvm_free(s->machine, MACHINES);
	for (unsigned k = 0; k < MACHINES && s->images->traced.size; k++) {
		for (unsigned i = 0; i < s->count; i++)
			capture_free(&s->traced[k][i]);
		trace_free(&s->trace[k]);
	}
	free(s->words.plain);
	free(s->words.vmx);
	free(s->traced_words.plain);
	free(s->traced_words.vmx);
	free(s);
}

int exit_cost_peer(struct run *run, const struct exit_cost_images *images, bool shadow,
		   struct capture *capture, struct exit_cost_run *cost_run, unsigned *count,
		   struct exit_trace_rows *traced)
{
	struct peers *s = zalloc(sizeof(*s));
	int status;

	s->images = images;
	s->words = (struct words){exits_cmdline(run, "iterations"), exits_vmx_cmdline(run, "iterations")};
	s->traced_words = (struct words){exits_cmdline(run, "trace"), exits_vmx_cmdline(run, "trace")};
	*count = 0;
	plan_all(s, shadow, capture, cost_run, count);
	status = peer_kvm_run(run, s->machine, MACHINES);
	for (unsigned k = 0; k < MACHINES && !status && images->traced.size; k++)
		status = add_traced(s, k, traced);
	free_all(s);
	return status;
}
