/* SPDX-License-Identifier: MIT */
#include "experiments/exit_cost_peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "experiments/cli.h"
#include "experiments/exit_trace.h"
#include "experiments/exits_runs.h"
#include "experiments/files.h"
#include "experiments/peer_kvm.h"

#define SHADOW(on) "enable_shadow_vmcs=" on

/* KVM as its makers intend it, with the kernel's mitigations and without; one machine each. */
static const struct {
	bool mitigations;
	const char *machine, *traced;
} machines[] = {
	{false, "kvm-mitigations-off",     "kvm-trace-mitigations-off"    },
	{true,  "kvm-mitigations-default", "kvm-trace-mitigations-default"},
};
#define MACHINES (sizeof(machines) / sizeof(machines[0]))

/* clang-format off */
static const struct planned {
	const char *name[MACHINES]; /* of the VM's run */
	const char *level, *config[MACHINES], *like;
	unsigned depth;
	bool vmx, shadow;
	const char *parameters; /* of kvm-intel */
} plan[] = {
	{{"kvm-l1", "kvm-l1-mitigated"}, "L1", {"mitigations=off", "mitigations=default"}, "-", 1, false, false, SHADOW("1")},
	{{"kvm-l2-shadow", "kvm-l2-shadow-mitigated"}, "L2", {"shadow=on;mitigations=off", "shadow=on;mitigations=default"},
	 "shadow=on;merge=incremental", 2, false, true, SHADOW("1")},
	{{"kvm-vmx-shadow", "kvm-vmx-shadow-mitigated"}, "L1", {"shadow=on;mitigations=off", "shadow=on;mitigations=default"},
	 "shadow=on", 1, true, true, SHADOW("1")},
	{{"kvm-l2-noshadow", "kvm-l2-noshadow-mitigated"}, "L2", {"shadow=off;mitigations=off", "shadow=off;mitigations=default"},
	 "shadow=off;merge=incremental", 2, false, false, SHADOW("0")},
	{{"kvm-vmx-noshadow", "kvm-vmx-noshadow-mitigated"}, "L1", {"shadow=off;mitigations=off", "shadow=off;mitigations=default"},
	 "shadow=off", 1, true, false, SHADOW("0")},
};
/* clang-format on */
#define PLANNED (sizeof(plan) / sizeof(plan[0]))
_Static_assert(MACHINES *PLANNED == EXIT_COST_PEER_RUNS, "room for all");

static struct launch launch_of(const struct planned *p, unsigned machine,
			       const struct exit_cost_images *images, const char *cmdline)
{
	struct launch l = {
		.name = p->name[machine],
		.guest = "exits",
		.image = images->exits,
		.cmdline = cmdline,
		.memory = EXITS_MEMORY,
		.nested = p->vmx,
		.vm_lines = "",
		.l0_lines = "",
	};

	if (p->depth == 2)
		exits_launch_l2(&l, images->exits, images->l1hv, cmdline, "");
	return l;
}

int exit_cost_peer(struct run *run, const struct exit_cost_images *images, const char *cmdline,
		   const char *vmx_cmdline, bool shadow, struct capture *capture,
		   struct exit_cost_run *cost_run, unsigned *count)
{
	struct peer_machine *machine = zalloc(MACHINES * sizeof(*machine));
	int status;

	*count = 0;
	for (unsigned m = 0; m < MACHINES; m++) {
		machine[m].name = machines[m].machine;
		machine[m].mitigations = machines[m].mitigations;
		for (unsigned i = 0; i < PLANNED; i++) {
			const struct planned *p = &plan[i];

			if ((p->vmx && !vmx_cmdline) || (p->shadow && !shadow))
				continue;
			capture_init(&capture[*count], p->depth);
			machine[m].vm[machine[m].vm_count++] = (struct peer_vm){
				.launch = launch_of(p, m, images, p->vmx ? vmx_cmdline : cmdline),
				.parameters = p->parameters,
				.options = "",
				.capture = &capture[*count],
			};
			cost_run[*count] = (struct exit_cost_run){
				.l0 = "kvm",
				.level = p->level,
				.config = p->config[m],
				.like = p->like,
				.unit = "insns",
				.depth = p->depth,
				.vmx = p->vmx,
				.opaque = true,
				.capture = &capture[*count],
			};
			(*count)++;
		}
	}
	status = peer_kvm_run(run, machine, MACHINES);
	peer_kvm_free(machine, MACHINES);
	free(machine);
	return status;
}

/* ---- traced ---- */

/* Linux's __KERNEL_CS and __USER_CS; the guests here have 08H. */
static const struct trace_l0 linux_is_l0 = {
	.selector = {0x10, 0x33},
          .selectors = 2
};

struct traced {
	struct exit_cost_images images;
	char *cmdline, *vmx_cmdline;
	struct peer_machine machine[MACHINES];
	const struct planned *planned[PLANNED]; /* those that are made, on each machine */
	struct capture capture[MACHINES][PLANNED];
	struct trace trace[MACHINES];
	struct machine_trace sink[MACHINES];
	unsigned count;
};

static void plan_traced(struct traced *t, bool shadow)
{
	for (unsigned i = 0; i < PLANNED; i++)
		if ((t->vmx_cmdline || !plan[i].vmx) && (shadow || !plan[i].shadow))
			t->planned[t->count++] = &plan[i];
	for (unsigned k = 0; k < MACHINES; k++) {
		struct peer_machine *m = &t->machine[k];

		trace_init(&t->trace[k], &linux_is_l0);
		t->sink[k] = trace_sink(&t->trace[k]);
		m->name = machines[k].traced;
		m->mitigations = machines[k].mitigations;
		m->trace = &t->sink[k];
		for (unsigned i = 0; i < t->count; i++) {
			const struct planned *p = t->planned[i];

			capture_init(&t->capture[k][i], p->depth);
			m->vm[m->vm_count++] = (struct peer_vm){
				.launch = launch_of(p, k, &t->images, p->vmx ? t->vmx_cmdline : t->cmdline),
				.parameters = p->parameters,
				.options = "",
				.capture = &t->capture[k][i],
			};
		}
	}
}

/* The sections of a machine's trace are its VMs' operations, one after another. */
static int add_traced(const struct traced *t, unsigned k, struct exit_trace_rows *rows)
{
	unsigned at = 0;
	char *why = NULL;
	int err = 0;

	for (unsigned i = 0; i < t->count && !err; i++) {
		const struct exit_trace_label label = {"kvm", t->planned[i]->level, t->planned[i]->config[k]};

		err = exit_trace_add(rows, &label, &t->capture[k][i], &t->trace[k], &at, &why);
	}
	if (!err)
		err = exit_trace_end(&t->trace[k], at, &why);
	if (err)
		fprintf(stderr, "nestbed: %s: %s\n", machines[k].traced, why);
	free(why);
	return err ? CLI_FAILED : CLI_OK;
}

static int trace_all(struct run *run, struct traced *t, bool shadow, struct exit_trace_rows *rows)
{
	int status;

	if (guest_read(EXIT_TRACE_IMAGE, &t->images.exits) || guest_read("l1hv", &t->images.l1hv))
		return CLI_REFUSED;
	plan_traced(t, shadow);
	status = peer_kvm_run(run, t->machine, MACHINES);
	for (unsigned k = 0; k < MACHINES && !status; k++)
		status = add_traced(t, k, rows);
	return status;
}

int exit_cost_peer_trace(struct run *run, bool shadow, struct exit_trace_rows *rows)
{
	struct traced *t = zalloc(sizeof(*t));
	int status;

	t->cmdline = exits_cmdline(run, "trace");
	t->vmx_cmdline = exits_vmx_cmdline(run, "trace");
	status = trace_all(run, t, shadow, rows);
	peer_kvm_free(t->machine, MACHINES);
	for (unsigned k = 0; k < MACHINES; k++) {
		for (unsigned i = 0; i < t->count; i++)
			capture_free(&t->capture[k][i]);
		trace_free(&t->trace[k]);
	}
	free(t->images.exits.data);
	free(t->images.l1hv.data);
	free(t->cmdline);
	free(t->vmx_cmdline);
	free(t);
	return status;
}
