/* SPDX-License-Identifier: MIT */
#include "experiments/machine_choice.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/libvirt.h"
#include "experiments/machine_kind.h"
#include "experiments/processors.h"
#include "experiments/text.h"

enum { OPT_MACHINE = 0x4D00, OPT_PIN };

static const struct argp_option options[] = {
	{"machine",						      OPT_MACHINE, "KIND", 0,
	 "bochs (default); libvirt[:URI], a machine of this computer's KVM (default URI " LIBVIRT_STANDARD_URI
	 "); or libvirt-tcg[:URI], one without VT-x (docs/hardware.md)", 0},
	{"pin",							OPT_PIN, "SET", 0, "Processors on which machines of libvirt's run, such as 2,4-5", 0},
	{0},
};

static error_t choose(struct machine_choice *c, const char *arg, const struct argp_state *state)
{
	enum machine_kind kind;
	const char *uri;
	char *why;

	if (machine_kind_parse(arg, &kind, &uri, &why))
		argp_error(state, "%s", why);
	else
		c->driver = kind == MACHINE_KIND_BOCHS ? &machine_bochs
						       : libvirt_machine(uri ? uri : LIBVIRT_STANDARD_URI,
									 kind == MACHINE_KIND_LIBVIRT_TCG);
	return 0;
}

static void pin(const char *word, const struct argp_state *state)
{
	struct processors *all = zalloc(2 * sizeof(*all)), *set = all + 1;
	char *why;

	processors_online(all);
	if (processors_parse(word, all, set, &why))
		argp_error(state, "--pin: %s", why);
	else
		libvirt_pin(word, processors_others(all, set));
	free(all);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_choice *c = state->input;

	switch (key) {
	case OPT_MACHINE:
		return choose(c, arg, state);
	case OPT_PIN:
		c->pin = arg;
		return 0;
	case ARGP_KEY_END:
		if (c->pin && (!c->driver || c->driver == &machine_bochs))
			argp_error(state, "--pin is for machines of libvirt's; taskset pins all others");
		if (c->pin)
			pin(c->pin, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp machine_choice_argp = {.options = options, .parser = parse};
const struct argp_child machine_choice_child[] = {
	{&machine_choice_argp, 0, NULL, 0},
        {0               }
};

int machine_cpu(const struct machine_driver *driver, const char **cpu)
{
	char *why;

	if (!*cpu)
		*cpu = driver->standard_cpu;
	why = driver->cpu_lacks ? driver->cpu_lacks(*cpu) : NULL;
	return why ? cli_usage(why) : CLI_OK;
}
