/* SPDX-License-Identifier: MIT */
#include "experiments/move.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "experiments/agent.h"
#include "experiments/cli.h"
#include "experiments/files.h"

#define TELL_AGAIN 200000000u /* ns */
#define END_WAIT   4000000000u /* ns for a host that waits in vain to end, once it was told */

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what machines say ---- */

static bool writes(const struct move *m, unsigned host)
{
	return m->watch.path->at[m->watch.writes] == host;
}

/* The VM's output that came before its turn, when its turn has come. */
static void catch_up(struct move *m)
{
	struct text *t = &m->machine[m->watch.path->at[m->watch.writes]].waiting;

	if (!t->size)
		return;
	decode_feed(m->guest, (const uint8_t *)t->data, t->size);
	t->size = 0;
}

static void on_record(struct move_machine *h, const Nestbed__Record *record, const struct stream_frame *frame)
{
	static const struct decode_source itself = {0};
	struct move *m = h->move;
	int hop;

	if (record->body_case == NESTBED__RECORD__BODY_OUTPUT) {
		if (writes(m, h->number))
			decode_feed(m->guest, frame->raw, frame->raw_size);
		else
			text_add(&h->waiting, frame->raw, frame->raw_size);
		return;
	}
	/* Hosts that are told to end may complain: the VM's end is elsewhere. */
	if (record->body_case == NESTBED__RECORD__BODY_FAULT || !move_watch_over(&m->watch) ||
	    h->number == move_watch_holder(&m->watch))
		verdict_record(&m->verdict, &itself, record);
	hop = move_watch_record(&m->watch, h->number, m->spec->guest.guest, record);
	catch_up(m);
	if (m->spec->record)
		m->spec->record(m->spec->ctx, h->number, hop, record);
}

static void on_frame(void *ctx, const struct stream_frame *frame)
{
	struct move_machine *h = ctx;
	Nestbed__Record *record = nestbed__record__unpack(NULL, frame->payload_size, frame->payload);

	text_add(&h->raw, frame->raw, frame->raw_size);
	if (record)
		on_record(h, record, frame);
	nestbed__record__free_unpacked(record, NULL);
}

static void on_text(void *ctx, const uint8_t *data, size_t size)
{
	struct move_machine *h = ctx;

	if (h->move->spec->text)
		h->move->spec->text(h->move->spec->ctx, h->number, data, size);
}

static void on_output(void *ctx, const uint8_t *data, size_t size)
{
	struct move_machine *h = ctx;

	if (size) {
		if (stream_feed(&h->stream, data, size))
			fputs("nestbed: out of memory: output lost\n", stderr);
		return;
	}
	stream_end(&h->stream);
	move_watch_dead(&h->move->watch, h->number);
	catch_up(h->move);
}

static void on_guest_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct move *m = ctx;
	const struct decode_sink *sink = &m->spec->guest_sink;

	verdict_record(&m->verdict, from, record);
	if (sink->record)
		sink->record(sink->ctx, from, record);
}

static void on_guest_text(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size)
{
	const struct decode_sink *sink = &((struct move *)ctx)->spec->guest_sink;

	if (sink->text)
		sink->text(sink->ctx, from, data, size);
}

/* ---- what machines do on the wire, and are told ---- */

static void on_message(void *ctx, const struct move_tap_message *message)
{
	struct move *m = ctx;
	const struct move_kill *k = &m->spec->kill;

	if (k->wanted && !message->move && message->by_target == k->by_target && message->number == k->number)
		m->job[k->host].kill = true;
}

/* True: the frame is lost. A machine that is being killed says nothing any more, the frame aside in which the
 * message begins that it is killed for. */
static bool on_wire(void *ctx, const uint8_t *frame, size_t n)
{
	struct move *m = ctx;
	struct nb_link_frame head;

	memcpy(&head, frame, sizeof(head));
	if (m->job[head.source[5]].kill)
		return true;
	move_tap_frame(m->tap, frame, n);
	return false;
}

/* It waits for a VM that will not come. The host where the VM ended may take its time. */
static bool in_vain(const struct move *m, unsigned host)
{
	return m->watch.lost || host != move_watch_holder(&m->watch);
}

static void on_turn(void *ctx)
{
	struct move *m = ctx;
	enum move_tell tell[NB_LINK_HOSTS];
	const uint64_t now = clock_ns();

	move_watch_decide(&m->watch, tell);
	if (move_watch_over(&m->watch) && !m->over_at)
		m->over_at = now;
	if (now < m->told_at + TELL_AGAIN)
		return;
	for (unsigned i = 0; i < m->watch.path->hosts; i++) {
		if (tell[i] == MOVE_TELL_NOTHING)
			continue;
		wire_control(m->wire, i, tell[i]);
		m->told++;
		m->told_at = now;
		if (m->over_at && now > m->over_at + END_WAIT && !m->job[i].kill && in_vain(m, i))
			m->machine[i].given_up = m->job[i].kill = true;
	}
}

/* ---- machines ---- */

static void make_lines(struct move *m, unsigned i)
{
	const struct move_spec *s = m->spec;
	struct move_machine *h = &m->machine[i];

	text_addf(&h->l0_lines, "host = %u\n%s%s", i, s->l0_lines,
		  s->host_l0_lines[i] ? s->host_l0_lines[i] : "");
	move_path_lines(s->path, i, &h->vm_lines);
	text_addf(&h->vm_lines, "%s%s", s->vm_lines, s->host_vm_lines[i] ? s->host_vm_lines[i] : "");
}

static int prepare(struct move *m, unsigned i)
{
	const struct move_spec *s = m->spec;
	struct move_machine *h = &m->machine[i];
	struct launch *l = &h->launch;
	int status;

	h->move = m;
	h->number = i;
	stream_init(&h->stream, (struct stream_sink){on_text, on_frame, h});
	make_lines(m, i);
	h->name = text_format("%s-%u", s->name, i);
	*l = s->guest;
	l->name = h->name;
	l->cpu = s->path->host[i].cpu;
	l->vm_lines = h->vm_lines.data;
	l->l0_lines = h->l0_lines.data;
	l->seconds = s->seconds;
	if (s->keep_dir) {
		h->keep_dir = text_format("%s/%u", s->keep_dir, i);
		status = make_folders(h->keep_dir);
		if (status) {
			fprintf(stderr, "nestbed: %s: %s\n", h->keep_dir, strerror(-status));
			return CLI_FAILED;
		}
		l->keep_dir = h->keep_dir;
	}
	if (i) { /* it comes from elsewhere, with all that belongs to it */
		l->incoming = true;
		l->image = (struct blob){0};
		l->cmdline = "";
		l->module_count = 0;
		l->policy_name = l->policy_text = NULL;
	}
	if (s->beside[i].name)
		l->beside[l->beside_count++] = s->beside[i];
	status = launch_prepare(l);
	h->nic = (struct machine_nic){m->wire, i};
	l->spec.nic = &h->nic;
	l->spec.agent = s->agent[i];
	m->job[i] = (struct job){.spec = l->spec,
				 .driver = s->agent[i] ? &machine_remote : NULL,
				 .output = on_output,
				 .ctx = h};
	return status;
}

/* The machine that the VM's end is judged by. */
static enum machine_end last_end(const struct move *m)
{
	const unsigned hosts = m->watch.path->hosts;

	for (unsigned i = 0; i < hosts; i++) {
		const enum machine_end end = m->job[i].result.end;

		if (!m->job[i].ran || end == MACHINE_INTERRUPTED)
			return MACHINE_INTERRUPTED;
		if (end == MACHINE_TIMED_OUT || end == MACHINE_DIED)
			return end;
	}
	return m->job[move_watch_holder(&m->watch)].result.end;
}

static int judge(struct move *m)
{
	const enum machine_end end = last_end(m);
	int status = verdict_status(&m->verdict, end, &m->why);

	if (m->watch.lost && (!status || end == MACHINE_KILLED)) { /* told by no machine */
		free(m->why);
		m->why = text_format("no host has the VM any more");
		status = CLI_DIED;
	}
	if (status == CLI_INTERRUPTED)
		status += pool_signal();
	for (unsigned i = 0; i < m->watch.path->hosts; i++) {
		const struct machine_result *r = &m->job[i].result;

		if (m->machine[i].given_up)
			fprintf(stderr, "nestbed: %s waited in vain, did not end when told, and was ended\n",
				m->machine[i].name);
		if (m->job[i].ran && r->end == MACHINE_DIED && r->log_tail)
			fputs(r->log_tail, stderr);
	}
	return status;
}

void move_link_lines(struct wire_script *script, bool real_time, struct text *lines)
{
	if (script->rate)
		text_addf(lines, "migrate.rate = %llu\n", (unsigned long long)script->rate);
	if (real_time)
		return;
	if (script->delay)
		text_addf(lines, "migrate.delay = %llu\n", (unsigned long long)script->delay);
	script->rate = script->delay = 0;
}

int move_run(struct move *m, const struct move_spec *spec)
{
	const struct decode_sink sink = {.text = on_guest_text, .record = on_guest_record, .ctx = m};
	const struct progress progress = {spec->name, true, on_turn, m};
	const unsigned hosts = spec->path->hosts;
	int status = CLI_OK, err;

	*m = (struct move){.spec = spec};
	move_watch_init(&m->watch, spec->path);
	m->wire = wire_new(&spec->script, spec->pcap);
	if (!m->wire) {
		fprintf(stderr, "nestbed: %s: %s\n", spec->pcap, strerror(errno));
		return CLI_FAILED;
	}
	m->tap = move_tap_new(on_message, m);
	wire_tap(m->wire, on_wire, m);
	m->guest = decode_new(&sink);
	for (unsigned i = 0; i < hosts && !status; i++)
		status = prepare(m, i);
	if (status)
		return status;
	err = pool_run(spec->driver ? spec->driver : &machine_bochs, m->job, hosts, hosts, &progress);
	for (unsigned i = 0; i <= spec->path->hops; i++) { /* what was never followed, after a loss */
		m->watch.writes = i;
		catch_up(m);
	}
	decode_end(m->guest);
	move_tap_end(m->tap);
	if (err && err != -EINTR)
		return err == -EOPNOTSUPP ? CLI_REFUSED : CLI_DIED;
	return judge(m);
}

int move_save_streams(const struct move *m, const char *dir)
{
	int err = make_folders(dir);

	if (err)
		fprintf(stderr, "nestbed: %s: %s\n", dir, strerror(-err));
	for (unsigned i = 0; i < move_tap_moves(m->tap) && !err; i++) {
		const struct text *stream = move_tap_stream(m->tap, i);
		char *path = text_format("%s/hop-%u.stream", dir, i);

		err = file_write(path, stream->data ? stream->data : "", stream->size);
		if (err)
			fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
		free(path);
	}
	return err ? CLI_FAILED : CLI_OK;
}

static void machine_free(struct move_machine *h)
{
	launch_free(&h->launch);
	text_free(&h->vm_lines);
	text_free(&h->l0_lines);
	text_free(&h->waiting);
	text_free(&h->raw);
	stream_free(&h->stream);
	free(h->name);
	free(h->keep_dir);
}

int move_free(struct move *m)
{
	int err = wire_free(m->wire);

	for (unsigned i = 0; i < NB_LINK_HOSTS; i++) {
		machine_free(&m->machine[i]);
		free(m->job[i].result.com1);
		free(m->job[i].result.log_tail);
	}
	move_watch_free(&m->watch);
	move_tap_free(m->tap);
	verdict_free(&m->verdict);
	decode_free(m->guest);
	free(m->why);
	*m = (struct move){0};
	return err;
}
