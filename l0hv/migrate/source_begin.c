/* SPDX-License-Identifier: MIT */
/* How a move begins at its source: what the VM is, and what the rounds are to be. */
#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/vm/bound.h"

#define BOUND_BYTES 64u

void source_send_hello(void)
{
	const struct cpu_policy *policy = &move.vm->cpu.policy;
	static Nestbed__StreamCpuid cpuid[CPU_POLICY_LEAVES], *cpuid_list[CPU_POLICY_LEAVES];
	static Nestbed__StreamMsr msr[CPU_POLICY_MSRS], *msr_list[CPU_POLICY_MSRS];
	Nestbed__StreamHello m = NESTBED__STREAM_HELLO__INIT;
	char bound[VM_BOUND_MAX][BOUND_BYTES], *bound_list[VM_BOUND_MAX];
	const char *device;

	for (; m.n_bound < VM_BOUND_MAX && (device = vm_bound(move.vm, (unsigned)m.n_bound)); m.n_bound++) {
		snprintf(bound[m.n_bound], BOUND_BYTES, "%s", device);
		bound_list[m.n_bound] = bound[m.n_bound];
	}
	m.bound = bound_list;
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		const struct cpu_leaf *leaf = &policy->leaf[i];

		nestbed__stream_cpuid__init(&cpuid[i]);
		cpuid[i].leaf = leaf->leaf;
		cpuid[i].subleaf = leaf->subleaf;
		cpuid[i].eax = leaf->reg[CPU_EAX];
		cpuid[i].ebx = leaf->reg[CPU_EBX];
		cpuid[i].ecx = leaf->reg[CPU_ECX];
		cpuid[i].edx = leaf->reg[CPU_EDX];
		cpuid_list[i] = &cpuid[i];
	}
	for (uint32_t i = 0; i < policy->msr_count; i++) {
		nestbed__stream_msr__init(&msr[i]);
		msr[i].number = policy->msr[i].number;
		msr[i].value = policy->msr[i].value;
		msr_list[i] = &msr[i];
	}
	m.version = STREAM_VERSION;
	m.vm = (char *)(uintptr_t)move.config->name;
	m.ram_bytes = move.vm->ram_bytes;
	m.vcpus = move.vm->vcpu_count;
	m.nested = move.config->nested;
	m.scratch = move.config->scratch;
	m.hop = move.hop;
	m.cpuid = cpuid_list;
	m.n_cpuid = policy->leaf_count;
	m.msr = msr_list;
	m.n_msr = policy->msr_count;
	source_send(STREAM_HELLO, &m);
}

static void init_policy(uint64_t state_bytes)
{
	const struct move_config *c = &move.config->move;
	const struct precopy_config config = {
		.link_rate = c->rate,
		.down_ticks = c->down_time,
		.max_rounds = c->rounds,
		.min_progress = c->progress,
		.auto_converge = c->converge,
		.stop_at_limit = c->stop_at_limit,
		/* its number, its share in the heads of the message and of the link's frames */
		.page_bytes = PAGE_SIZE + 4 + 2 + (PAGE_SIZE * NB_LINK_HEAD / NB_LINK_PAYLOAD_MAX),
		.state_bytes = state_bytes,
	};
	const struct barrier_config barrier = {
		.time_limit = c->barrier_limit,
		.interval = c->barrier_interval,
		.leave_out = c->barrier_skip,
	};

	precopy_init(&source.policy, &config);
	barrier_init(&source.barrier, &barrier);
}

/* Messages must not keep the guest from a look at the link for too long: at most some 20 ms of the clock. */
static uint32_t batch_for(uint64_t rate)
{
	const uint64_t pages = rate / 50 / 8 / PAGE_SIZE;

	return pages < 1 ? 1 : pages > CHANNEL_BATCH ? CHANNEL_BATCH : (uint32_t)pages;
}

void source_start(struct vcpu *current)
{
	struct source *s = &source;
	struct vm_state state;
	uint64_t bytes = 0;
	const char *why;

	move.left--;
	session_source(&s->session);
	nestbed__move_total__init(&s->total);
	s->offset = move.config->move.virtual_time ? 0 : rdtsc();
	s->clock = s->busy_until = 0;
	s->rounds = s->barriers = 0;
	s->held = s->asked = s->deaf = false;
	s->why[0] = 0;
	s->refusal.count = 0;
	s->epoch_pages = 0;
	s->batch_most = batch_for(move.config->move.rate);
	s->peer = (uint8_t)move.config->move.to;
	channel_open(&s->channel, link_to(s->peer), SENDER_SOURCE);
	s->wire_then = *link_counters(s->channel.link);
	link_set_limit(s->channel.link, move_patience(), move_patience() / 4);
	if (!vm_state_capture(move.vm, current, &state, &why)) {
		bytes = state.devices.length;
		for (unsigned i = 0; i < state.vcpus; i++)
			bytes += state.vcpu[i].length;
	}
	init_policy(bytes);
	move_say(NESTBED__MOVE__SAID__STARTED, s->peer, "", NULL, NULL);
	s->began = source_now();
	source_event(EVENT_START, "");
}

void source_begin_pages(void)
{
	struct source *s = &source;
	enum config_track means = (enum config_track)move.config->track;
	const char *why;

	if (track_start(move.vm, means ? means : CONFIG_TRACK_AUTO, &why)) {
		source_event(EVENT_CANCEL, why);
		return;
	}
	s->total.tracker = (char *)(uintptr_t)track_name(track_means(move.vm));
	s->epoch = s->epoch_began = 1;
	source_late_begin();
	ledger_init(&s->ledger, s->ledger.written, s->ledger.sent, s->unsent.pages);
	dirty_fill(&s->unsent);
	memset(s->since, 0, s->unsent.pages * sizeof(uint32_t));
	source_begin_round();
}
