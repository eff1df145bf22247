/* SPDX-License-Identifier: MIT */
/* The end of a move that the VM comes to. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_reasons.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/move_impl.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/vm/bound.h"
#include "l0hv/vmx/vmx.h"
#include "migration/digest.h"
#include "migration/gate.h"
#include "migration/verify.h"

#define STATE_MAX    32768u /* bytes of a message of state */
#define REASONS_MAX  48u
#define REASON_BYTES 128u
/* An answer is pushed for so many times as long as a sign of life. */
#define ANSWER_PATIENCE 4u
/* Messages that are taken before others on this host have their turn again. */
#define MESSAGES_MOST 8u
/* A source that lives sends something in so many times the time of a sign of life. */
#define SILENCE_PATIENCE 8u

static struct target {
	bool expects; /* a VM is to come */
	bool deaf;
	bool mute; /* an answer could not be sent: nothing more is said, or taken */
	uint8_t peer;
	struct vcpu *current; /* whose state the processor has */
	struct channel channel;
	struct session session;
	struct verify verify;
	struct verify_config config;
	uint64_t heard_at;
	char why[MOVE_WHY_MAX];
	/* State, until End */
	uint8_t *state; /* STATE_MAX each: devices, vCPUs */
	struct vm_state parts;
	uint64_t restored_at; /* TSC */
	Nestbed__MoveArrival arrival;
	size_t reasons;
	char *reason[REASONS_MAX], text[REASONS_MAX][REASON_BYTES];
} target;

static void *allocate(uint64_t bytes)
{
	const uint64_t pa = pages_alloc_contiguous(bytes, PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

static void store(void *context, uint32_t page, const uint8_t *data)
{
	void *to = vm_memory(move.vm, (uint64_t)page * PAGE_SIZE, PAGE_SIZE);

	(void)context;
	if (data)
		memcpy(to, data, PAGE_SIZE);
	else
		memset(to, 0, PAGE_SIZE);
}

int target_prepare(uint32_t pages)
{
	static const struct config_pair none;
	struct target *t = &target;

	t->config = (struct verify_config){
		.max_pages = pages,
		.max_vcpus = CONFIG_VCPUS_MAX,
		.max_batch = CHANNEL_BATCH,
		.written = allocate(pages * sizeof(uint32_t)),
		.sent = allocate(pages * sizeof(uint32_t)),
		.page_digest = allocate(pages * sizeof(uint64_t)),
		.store = store,
	};
	t->state = allocate((1 + CONFIG_VCPUS_MAX) * (uint64_t)STATE_MAX);
	if (!t->config.written || !t->config.sent || !t->config.page_digest || !t->state)
		return -ENOMEM;
	session_target(&t->session);
	/* a host that only takes VMs spoils its answers; one that also sends them, what it sends */
	return channel_prepare(&t->channel,
			       move.config->move.to == CONFIG_NO_HOST ? &move.config->move.fault : &none);
}

void target_expect(void)
{
	struct target *t = &target;

	t->peer = (uint8_t)move.config->move.from;
	t->expects = true;
	t->deaf = t->mute = false;
	t->reasons = 0;
	t->why[0] = 0;
	t->parts.vcpus = 0;
	t->parts.devices.bytes = NULL;
	session_target(&t->session);
	verify_init(&t->verify, &t->config);
	channel_open(&t->channel, link_to(t->peer), SENDER_TARGET);
	move_say(NESTBED__MOVE__SAID__WAITING, t->peer, "", NULL, NULL);
}

bool target_active(void)
{
	return target.expects;
}

/* ---- the gate ---- */

static void reason(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void reason(const char *format, ...)
{
	struct target *t = &target;
	va_list args;

	if (t->reasons == REASONS_MAX)
		return;
	va_start(args, format);
	vsnprintf(t->text[t->reasons], REASON_BYTES, format, args);
	va_end(args);
	t->reason[t->reasons] = t->text[t->reasons];
	t->reasons++;
}

/* What Hello says against what this host's bundle says. */
static void check_shape(const Nestbed__StreamHello *m)
{
	const struct vm_config *c = move.config;
	char bound[64];
	const struct gate_host host = {
		.name = c->name,
		.ram_bytes = c->memory,
		.vcpus = c->vcpus,
		.nested = c->nested,
		.scratch = c->scratch,
		.bound = c->port_count ? bound : NULL,
	};

	snprintf(bound, sizeof(bound), VM_BOUND_PORTS, c->port_first, c->port_first + c->port_count - 1);
	gate_check(m, &host, reason);
}

/* The rows as a policy; none of those that a policy cannot hold. */
static bool read_policy(const Nestbed__StreamHello *m, struct cpu_policy *policy)
{
	memset(policy, 0, sizeof(*policy));
	snprintf(policy->name, sizeof(policy->name), "%s", "the VM");
	for (size_t i = 0; i < m->n_cpuid; i++) {
		const Nestbed__StreamCpuid *c = m->cpuid[i];
		const struct cpu_leaf leaf = {
			c->leaf, c->subleaf, {c->eax, c->ebx, c->ecx, c->edx}
                };

		if (cpu_policy_leaf(policy, leaf.leaf, leaf.subleaf) || cpu_policy_set(policy, &leaf))
			return false;
	}
	for (size_t i = 0; i < m->n_msr; i++)
		if (cpu_policy_msr(policy, m->msr[i]->number) ||
		    cpu_policy_set_msr(policy, m->msr[i]->number, m->msr[i]->value))
			return false;
	return m->n_cpuid > 0;
}

static bool same_policy(const struct cpu_policy *a, const struct cpu_policy *b)
{
	bool same = a->leaf_count == b->leaf_count && a->msr_count == b->msr_count;

	for (uint32_t i = 0; same && i < a->leaf_count; i++)
		same = !memcmp(&a->leaf[i], &b->leaf[i], sizeof(a->leaf[i]));
	for (uint32_t i = 0; same && i < a->msr_count; i++)
		same = a->msr[i].number == b->msr[i].number && a->msr[i].value == b->msr[i].value;
	return same;
}

/* It was here before: its own struct vm waits for it. */
static void take_back(const struct cpu_policy *policy, struct vcpu *current)
{
	if (!same_policy(policy, &move.vm->cpu.policy)) {
		reason("a processor other than the one that it left with");
		return;
	}
	if (vm_state_power_up(move.vm, current))
		reason("no memory for its vCPUs");
	memset(vm_memory(move.vm, 0, move.vm->ram_bytes), 0, move.vm->ram_bytes);
}

static void make(const struct cpu_policy *policy, struct vcpu *current)
{
	const char *const *lacks, *why = "";
	size_t count;
	const int error = vm_create(move.config, policy, NULL, &move.vm, &why);

	if (current)
		vmptrld(current->vmcs->pa);
	if (error) {
		move.vm = NULL;
		if (error == -EPERM) {
			lacks = cpu_reasons(&count);
			for (size_t i = 0; i < count; i++)
				reason("%s", lacks[i]);
		} else {
			reason("%s", why);
		}
	}
}

static void gate(const Nestbed__StreamHello *m, struct vcpu *current)
{
	static struct cpu_policy policy;

	check_shape(m);
	if (target.reasons)
		return;
	if (!read_policy(m, &policy))
		reason("a description of its processor that is none");
	else if (move.vm)
		take_back(&policy, current);
	else
		make(&policy, current);
	if (!move.vm || target.reasons)
		return;
	move.hop = m->hop;
	move_park();
}

/* ---- the session ---- */

static void send(enum stream_type type, const void *message)
{
	struct target *t = &target;
	const struct frame frame = {.type = type, .sender = SENDER_TARGET};
	const uint64_t since = rdtsc();
	int pushed;

	/* what is said here keeps the order too; one that ends it all needs none */
	if (type != STREAM_REFUSE && type != STREAM_ABORT && type != STREAM_RUNNING &&
	    verify_message(&t->verify, &frame, message))
		panic("the target says what it must not: %s", verify_error_text(t->verify.error));
	if (t->mute)
		return;
	(void)channel_send(&t->channel, type, message);
	while (!(pushed = channel_push(&t->channel)) && rdtsc() - since < ANSWER_PATIENCE * move_patience())
		link_poll();
	t->mute = pushed <= 0;
}

static void say(enum session_record what)
{
	struct target *t = &target;
	static const uint8_t said[SESSION_RECORDS] = {
		[RECORD_READY] = NESTBED__MOVE__SAID__READY,
		[RECORD_IN_DOUBT] = NESTBED__MOVE__SAID__IN_DOUBT,
		[RECORD_RUNNING] = NESTBED__MOVE__SAID__RUNNING,
		[RECORD_DROPPED] = NESTBED__MOVE__SAID__DROPPED,
	};

	if (t->reasons)
		move_say_refused(t->peer, t->why, t->reason, t->reasons);
	else
		move_say((Nestbed__Move__Said)said[what], t->peer, t->why, NULL,
			 what == RECORD_RUNNING ? &t->arrival : NULL);
}

static void send_refuse(void)
{
	Nestbed__Refuse m = NESTBED__REFUSE__INIT;

	m.reason = target.reason;
	m.n_reason = target.reasons;
	send(STREAM_REFUSE, &m);
}

static void send_abort(void)
{
	Nestbed__Abort m = NESTBED__ABORT__INIT;

	if (link_dead(target.channel.link))
		return;
	m.reason = target.why;
	send(STREAM_ABORT, &m);
}

/* The guest's clock stood still since it was captured. */
static void run_guest(uint64_t begin)
{
	struct target *t = &target;
	uint64_t now;

	move_unpark();
	move.hop++;
	move.here = true;
	now = rdtsc();
	vm_shift_ticks(move.vm, t->current, now - t->restored_at);
	t->arrival.resume_ticks = 2 * move.config->move.delay + (rdtsc() - begin);
}

static void event(enum session_event e, const char *why)
{
	struct target *t = &target;
	const uint64_t begin = rdtsc();
	const uint32_t actions = session_event(&t->session, e);
	const Nestbed__Accept accept = NESTBED__ACCEPT__INIT;
	const Nestbed__Running running = NESTBED__RUNNING__INIT;
	Nestbed__BarrierApplied applied = NESTBED__BARRIER_APPLIED__INIT;
	Nestbed__Ready ready = NESTBED__READY__INIT;

	if (why[0])
		snprintf(t->why, sizeof(t->why), "%s", why);
	if (actions & ACT_RUN_GUEST)
		run_guest(begin);
	if (actions & ACT_RECORD)
		say(session_record(&t->session));
	if (actions & ACT_SEND_ACCEPT)
		send(STREAM_ACCEPT, &accept);
	if (actions & ACT_SEND_REFUSE)
		send_refuse();
	applied.epoch = t->verify.barrier_epoch;
	if (actions & ACT_SEND_APPLIED)
		send(STREAM_BARRIER_APPLIED, &applied);
	ready.memory_digest = t->arrival.memory_digest;
	if (actions & ACT_SEND_READY)
		send(STREAM_READY, &ready);
	if (actions & ACT_SEND_RUNNING)
		send(STREAM_RUNNING, &running);
	if (actions & ACT_SEND_ABORT)
		send_abort();
	if (actions & ACT_REPORT) { /* the last word must arrive: nobody looks at the link from here on */
		t->expects = false;
		move.told = e == EVENT_DECIDE_DROP;
		if (!move.here && move.vm)
			move.vm->stopped = true;
		if (link_drain(t->channel.link, move_patience()))
			return; /* who waits for it will ask the wire's owner */
	}
}

/* ---- messages ---- */

/* State is kept as it came; its place is in vm_state's order. */
static bool keep(struct state_part *part, unsigned place, const struct frame *frame)
{
	uint8_t *to = target.state + (size_t)place * STATE_MAX;

	if (frame->length > STATE_MAX)
		return false;
	memcpy(to, frame->body, frame->length);
	*part = (struct state_part){to, frame->length};
	return true;
}

static bool keep_vcpu(const struct frame *frame, const Nestbed__VcpuState *m)
{
	struct target *t = &target;

	/* verify_message() has seen that each id comes once and is below the number of vCPUs */
	if (!keep(&t->parts.vcpu[m->id], 1 + m->id, frame))
		return false;
	t->parts.vcpus++;
	return true;
}

static uint64_t memory_digest(void)
{
	uint64_t digest = 0;

	for (uint32_t page = 0; page < target.verify.pages; page++) {
		digest += digest_page(page, vm_memory(move.vm, (uint64_t)page * PAGE_SIZE, PAGE_SIZE));
		if (!(page % 256))
			link_poll();
	}
	return digest;
}

static void on_end(struct vcpu *current)
{
	struct target *t = &target;
	char why[STATE_WHY_MAX];
	const uint64_t begin = rdtsc();
	int error;

	nestbed__move_arrival__init(&t->arrival);
	if (!t->parts.devices.bytes) {
		event(EVENT_END_BAD, "the stream has no state of devices");
		return;
	}
	error = vm_state_restore(move.vm, current, &t->parts, why);
	t->restored_at = rdtsc();
	t->arrival.load_ticks = t->restored_at - begin;
	move_park(); /* until it is committed */
	if (error) {
		event(EVENT_END_BAD, why);
		return;
	}
	t->arrival.memory_digest = memory_digest();
	if (t->arrival.memory_digest != t->verify.end_digest)
		event(EVENT_END_BAD, "the memory differs from what the source says that it is");
	else
		event(EVENT_END, "");
}

static void on_hello(const struct frame *frame, const ProtobufCMessage *message, struct vcpu *current)
{
	struct target *t = &target;

	gate((const Nestbed__StreamHello *)(const void *)message, current);
	if (!t->reasons && verify_message(&t->verify, frame, message))
		reason("%s", verify_error_text(t->verify.error));
	event(t->reasons ? EVENT_HELLO_BAD : EVENT_HELLO, t->reasons ? "this host cannot take the VM" : "");
}

static bool is_state(const struct frame *frame)
{
	return frame->type == STREAM_DEVICE_STATE || frame->type == STREAM_VCPU_STATE;
}

static void take_message(const struct frame *frame, const ProtobufCMessage *message)
{
	struct target *t = &target;
	const Nestbed__Abort *abort = (const void *)message;
	const int plain = session_plain_event((enum stream_type)frame->type);
	bool kept = true;

	if (is_state(frame) && frame->length > STATE_MAX) {
		event(EVENT_BAD, "more state than there is room for");
		return;
	}
	if (frame->type == STREAM_HELLO && t->session.state == TARGET_WAITING) {
		on_hello(frame, message, t->current);
		return;
	}
	if (frame->type == STREAM_ABORT) {
		event(EVENT_ABORT, abort->reason[0] ? abort->reason : "the other host gave it up");
		return;
	}
	if (verify_message(&t->verify, frame, message)) {
		event(EVENT_BAD, verify_error_text(t->verify.error));
		return;
	}
	if (frame->type == STREAM_DEVICE_STATE)
		kept = !t->parts.devices.bytes && keep(&t->parts.devices, 0, frame);
	if (frame->type == STREAM_VCPU_STATE)
		kept = keep_vcpu(frame, (const Nestbed__VcpuState *)(const void *)message);
	if (!kept)
		event(EVENT_BAD, "more state than there is room for");
	else if (frame->type == STREAM_BARRIER)
		event(EVENT_BARRIER, "");
	else if (frame->type == STREAM_END)
		on_end(t->current);
	else if (plain >= 0)
		event((enum session_event)plain, "");
}

/* The source's life: a link that is dead, or one that lives and brings nothing, or takes nothing. */
static void check_life(void)
{
	struct target *t = &target;
	const bool begun = t->session.state != TARGET_WAITING && t->session.state != TARGET_DOUBT;

	if (begun && (t->mute || link_dead(t->channel.link)))
		event(EVENT_LINK_DEAD, "the link is dead: no answer from the other host");
	else if (begun && rdtsc() - t->heard_at > SILENCE_PATIENCE * move_patience())
		event(EVENT_TIMEOUT, "the other host is silent for too long");
}

/* Of a move that is over for long: this one, told twice, is not about the VM that is waited for. */
static bool is_stale(enum session_event decision)
{
	return decision == EVENT_DECIDE_DROP && target.session.state == TARGET_WAITING && !move.over;
}

bool target_step(struct vcpu *current)
{
	struct target *t = &target;
	ProtobufCMessage *message;
	struct frame frame;
	enum session_event decision;
	const char *why = "";
	int got = 0;

	t->current = current ? current : move.vm ? move.vm->vcpu[0] : NULL;
	link_poll();
	for (unsigned i = 0; i < MESSAGES_MOST && t->expects && !t->mute; i++) {
		got = channel_receive(&t->channel, &frame, &message, &why);
		if (got <= 0)
			break;
		if (t->session.state == TARGET_WAITING)
			link_set_limit(t->channel.link, move_patience(), move_patience() / 4);
		t->heard_at = rdtsc();
		take_message(&frame, message);
		if (!t->current && move.vm)
			t->current = move.vm->vcpu[0];
	}
	if (!t->expects)
		return move.here;
	if (got < 0 && !t->deaf) {
		t->deaf = true;
		event(EVENT_BAD, why);
	}
	decision = move_decision();
	if (decision != SESSION_EVENTS && !is_stale(decision))
		event(decision, "so it was decided");
	if (t->expects)
		check_life();
	return !t->expects && move.here;
}
