/* SPDX-License-Identifier: MIT */
#include "experiments/exit_cost_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
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

int exit_cost_check_peer(const char *value, char **why)
{
	if (!strcmp(value, "none") || !strcmp(value, "kvm"))
		return 0;
	*why = text_format("'%s' is neither kvm nor none", value);
	return -EINVAL;
}

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
