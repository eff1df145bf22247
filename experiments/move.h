/* SPDX-License-Identifier: MIT */
/* Runs the machines between which one VM moves, and follows it until its end. */
#ifndef EXPERIMENTS_MOVE_H
#define EXPERIMENTS_MOVE_H

#include <stdbool.h>

#include "experiments/decode.h"
#include "experiments/launch.h"
#include "experiments/move_tap.h"
#include "experiments/move_watch.h"
#include "experiments/pool.h"
#include "experiments/verdict.h"
#include "experiments/wire.h"

/* Ends a host's machine when a message of a move begins on the wire. */
struct move_kill {
	bool wanted;
	unsigned host;
	bool by_target; /* who sends the message */
	uint32_t number; /* of its sender in the first move, from 0 on */
};

/* Asked for; everything borrowed, until move_free(). */
struct move_spec {
	const struct machine_driver *driver; /* of the hosts' machines; NULL: Bochs */
	const struct move_path *path;
	struct launch guest; /* the VM as launch_prepare() wants it; name, cpu and lines aside */
	const char *vm_lines, *l0_lines; /* of each host, or "" */
	const char *host_vm_lines[NB_LINK_HOSTS], *host_l0_lines[NB_LINK_HOSTS]; /* more of one, or NULL */
	struct launch_beside
		beside[NB_LINK_HOSTS]; /* another VM of that host, which stays; name NULL: none */
	struct wire_script script;
	const char *name; /* machines are NAME-0, NAME-1 ... */
	const char *agent[NB_LINK_HOSTS]; /* where a host's machine runs; NULL: here */
	const char *pcap, *keep_dir; /* or NULL; machines' files go into keep_dir/0, 1 ... */
	unsigned seconds;
	struct move_kill kill;
	/* Each may be NULL. What the VM wrote and reported, from all hosts in the order of its stay; `depth`
	 * is 1 for the VM itself. */
	struct decode_sink guest_sink;
	/* A record of a host's L0, after the watch took it; hop: -1, or of the move that it tells of. */
	void (*record)(void *ctx, unsigned host, int hop, const Nestbed__Record *record);
	void (*text)(void *ctx, unsigned host, const uint8_t *data, size_t size); /* of the machine itself */
	void *ctx;
};

struct move_machine {
	struct move *move;
	unsigned number;
	struct launch launch;
	struct machine_nic nic;
	struct text vm_lines, l0_lines, waiting; /* frames of the VM's output, not its turn yet */
	char *name, *keep_dir;
	struct stream stream;
	struct text raw; /* frames as received */
	bool given_up; /* it was ended, as it waited in vain and did not end when told */
};

struct move {
	const struct move_spec *spec;
	struct wire *wire;
	struct move_tap *tap;
	struct move_watch watch;
	struct move_machine machine[NB_LINK_HOSTS];
	struct job job[NB_LINK_HOSTS];
	struct decode *guest;
	struct verdict verdict;
	unsigned told; /* decisions sent */
	uint64_t told_at, over_at; /* ns of the clock */
	char *why; /* the status in words; NULL: nothing ran */
};

/*
 * How a link of script->rate (0: L0's default) and script->delay is had: its lines of the VM's configuration
 * go to `lines`. In virtual time rate and delay are L0's affair, and the wire then is as fast as it can.
 */
void move_link_lines(struct wire_script *script, bool real_time, struct text *lines);
/* Prepares and runs; an enum cli_exit, that of the VM's end wherever it was. What went wrong in the machines
 * is in m->why; all else is told on stderr. */
__attribute__((warn_unused_result)) int move_run(struct move *m, const struct move_spec *spec);
/* The streams that were seen, as DIR/hop-0.stream and so on. An exit status. */
__attribute__((warn_unused_result)) int move_save_streams(const struct move *m, const char *dir);
/* 0, or negative errno: the pcap file is not whole. */
int move_free(struct move *m);

#endif
