/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "migration/verify_impl.h"

void verify_init(struct verify *v, const struct verify_config *config)
{
	*v = (struct verify){.config = *config};
	if (v->config.max_vcpus > VERIFY_VCPUS_MAX)
		v->config.max_vcpus = VERIFY_VCPUS_MAX;
}

int verify_fail(struct verify *v, enum verify_error error, uint64_t expected, uint64_t got)
{
	v->error = error;
	v->expected = expected;
	v->got = got;
	return -EBADMSG;
}

static int on_hello(struct verify *v, const Nestbed__StreamHello *m)
{
	const uint64_t max = (uint64_t)v->config.max_pages * DIGEST_PAGE;

	if (m->version != STREAM_VERSION)
		return verify_fail(v, VERIFY_VERSION, STREAM_VERSION, m->version);
	if (!m->ram_bytes || m->ram_bytes % DIGEST_PAGE || m->ram_bytes > max)
		return verify_fail(v, VERIFY_RAM_SIZE, max, m->ram_bytes);
	if (!m->vcpus || m->vcpus > v->config.max_vcpus)
		return verify_fail(v, VERIFY_VCPU_COUNT, v->config.max_vcpus, m->vcpus);
	v->pages = (uint32_t)(m->ram_bytes / DIGEST_PAGE);
	v->vcpus = m->vcpus;
	ledger_init(&v->ledger, v->config.written, v->config.sent, v->pages);
	for (uint32_t i = 0; v->config.page_digest && i < v->pages; i++)
		v->config.page_digest[i] = 0;
	return 0;
}

/* Of a message with pages, before them */
static int on_epoch(struct verify *v, uint32_t epoch, uint32_t written)
{
	if (v->barriers && epoch == v->barrier_epoch)
		return verify_fail(v, VERIFY_NOT_RESUMED, v->barrier_epoch + 1ull, epoch);
	if (epoch < v->epoch || epoch <= v->round_epoch)
		return verify_fail(v, VERIFY_EPOCH,
				   v->epoch > v->round_epoch ? v->epoch : v->round_epoch + 1ull, epoch);
	if (written >= epoch)
		return verify_fail(v, VERIFY_WRITTEN, epoch - 1ull, written);
	if (epoch != v->epoch)
		v->epoch_pages = 0;
	v->epoch = epoch;
	return 0;
}

static int on_page(struct verify *v, uint32_t page, uint32_t written, const uint8_t *data)
{
	if (v->ledger.sent[page] == v->epoch)
		return verify_fail(v, VERIFY_PAGE_TWICE, v->epoch, page);
	if (v->barriers && written <= v->barrier_epoch)
		return verify_fail(v, VERIFY_LATE, v->barrier_epoch, page);
	ledger_written(&v->ledger, page, written);
	ledger_sent(&v->ledger, page, v->epoch);
	v->epoch_pages++;
	if (data) {
		v->round_pages++;
		v->total_pages++;
	} else {
		v->round_zero++;
		v->total_zero++;
	}
	if (v->config.page_digest) {
		const uint64_t digest = data ? digest_page(page, data) : 0;

		v->zero_sent += data && !digest;
		v->memory_digest += digest - v->config.page_digest[page];
		v->config.page_digest[page] = digest;
	}
	if (v->config.store)
		v->config.store(v->config.context, page, data);
	return 0;
}

/* All is checked before the first page counts, so that a bad batch changes no memory. */
static int on_page_batch(struct verify *v, const Nestbed__PageBatch *m)
{
	if (!m->n_page || m->n_page > v->config.max_batch)
		return verify_fail(v, VERIFY_EMPTY_BATCH, v->config.max_batch, m->n_page);
	if (m->data.len != m->n_page * DIGEST_PAGE)
		return verify_fail(v, VERIFY_BATCH_BYTES, m->n_page * DIGEST_PAGE, m->data.len);
	for (size_t i = 0; i < m->n_page; i++) {
		if (m->page[i] >= v->pages)
			return verify_fail(v, VERIFY_PAGE_RANGE, v->pages, m->page[i]);
		if (i && m->page[i] <= m->page[i - 1])
			return verify_fail(v, VERIFY_PAGE_ORDER, m->page[i - 1], m->page[i]);
	}
	if (on_epoch(v, m->epoch, m->written))
		return -EBADMSG;
	for (size_t i = 0; i < m->n_page; i++)
		if (on_page(v, m->page[i], m->written, m->data.data + i * DIGEST_PAGE))
			return -EBADMSG;
	return 0;
}

static int on_zero_run(struct verify *v, const Nestbed__ZeroRun *m)
{
	if (!m->count || m->first >= v->pages || m->count > v->pages - m->first)
		return verify_fail(v, VERIFY_RUN, v->pages, (uint64_t)m->first + m->count);
	if (on_epoch(v, m->epoch, m->written))
		return -EBADMSG;
	for (uint32_t i = 0; i < m->count; i++)
		if (on_page(v, m->first + i, m->written, NULL))
			return -EBADMSG;
	return 0;
}

static int on_round_end(struct verify *v, const struct frame *f, const Nestbed__RoundEnd *m)
{
	if (m->round != v->round + 1)
		return verify_fail(v, VERIFY_ROUND, v->round + 1ull, m->round);
	/* A round without pages has begun an epoch too. */
	if (on_epoch(v, m->epoch, 0))
		return -EBADMSG;
	if (m->pages != v->round_pages)
		return verify_fail(v, VERIFY_ROUND_PAGES, v->round_pages, m->pages);
	if (m->zero_pages != v->round_zero)
		return verify_fail(v, VERIFY_ROUND_ZERO_PAGES, v->round_zero, m->zero_pages);
	if (m->digest != f->digest)
		return verify_fail(v, VERIFY_STREAM_DIGEST, f->digest, m->digest);
	v->round++;
	v->round_epoch = m->epoch;
	v->round_pages = v->round_zero = 0;
	return 0;
}

/* Of all vCPUs the last to end a step comes before the first to end the next one. */
static int barrier_order(struct verify *v, const Nestbed__Barrier *m)
{
	uint64_t seen = 0, stopped = 0, flushed = 0;

	for (size_t i = 0; i < m->n_cpu; i++) {
		const Nestbed__BarrierCpu *c = m->cpu[i];

		if (c->id >= v->vcpus || seen >> c->id & 1)
			return verify_fail(v, VERIFY_BARRIER_CPU, v->vcpus, c->id);
		seen |= 1ull << c->id;
		stopped = c->stopped > stopped ? c->stopped : stopped;
		flushed = c->flushed_ept > flushed ? c->flushed_ept : flushed;
	}
	if (m->n_cpu != v->vcpus)
		return verify_fail(v, VERIFY_BARRIER_CPU, v->vcpus, m->n_cpu);
	for (size_t i = 0; i < m->n_cpu; i++) {
		const Nestbed__BarrierCpu *c = m->cpu[i];

		if (!c->stopped || c->flushed_ept < stopped || c->wrote_back < flushed || !c->flushed_ept)
			return verify_fail(v, VERIFY_BARRIER_STEPS, v->vcpus, c->id);
	}
	return 0;
}

static int on_barrier(struct verify *v, const struct frame *f, const Nestbed__Barrier *m)
{
	/* With no page for it the barrier's own epoch begins with it. */
	if (on_epoch(v, m->epoch, 0))
		return -EBADMSG;
	if (m->pages != v->epoch_pages)
		return verify_fail(v, VERIFY_BARRIER_PAGES, v->epoch_pages, m->pages);
	if (m->stream_digest != f->digest)
		return verify_fail(v, VERIFY_STREAM_DIGEST, f->digest, m->stream_digest);
	if (!m->digest && v->config.barrier_digest)
		return verify_fail(v, VERIFY_NO_DIGEST, 1, 0);
	if (m->digest && v->config.page_digest && m->digest != v->memory_digest)
		return verify_fail(v, VERIFY_MEMORY_DIGEST, v->memory_digest, m->digest);
	v->barriers++;
	v->barrier_epoch = m->epoch;
	return barrier_order(v, m);
}

static int on_applied(struct verify *v, const Nestbed__BarrierApplied *m)
{
	return m->epoch == v->barrier_epoch
		       ? 0
		       : verify_fail(v, VERIFY_BARRIER_APPLIED, v->barrier_epoch, m->epoch);
}

static int before_state(struct verify *v)
{
	if (!v->round || v->round_pages || v->round_zero)
		return verify_fail(v, VERIFY_ROUND_OPEN, v->round + 1ull, v->round_pages + v->round_zero);
	return 0;
}

static int on_end(struct verify *v, const struct frame *f, const Nestbed__StreamEnd *m)
{
	const uint64_t all = v->vcpus == 64 ? ~0ull : (1ull << v->vcpus) - 1;
	uint32_t page;

	if (v->vcpus_seen != all)
		return verify_fail(v, VERIFY_VCPU_MISSING, v->vcpus,
				   (unsigned)__builtin_ctzll(all & ~v->vcpus_seen));
	if (m->barriers != v->barriers)
		return verify_fail(v, VERIFY_BARRIERS, m->barriers, v->barriers);
	if (m->epoch != v->epoch)
		return verify_fail(v, VERIFY_EPOCH, v->epoch, m->epoch);
	if (m->pages != v->total_pages)
		return verify_fail(v, VERIFY_TOTAL_PAGES, v->total_pages, m->pages);
	if (ledger_check(&v->ledger, &page))
		return verify_fail(v, VERIFY_LEDGER, v->ledger.written[page], page);
	if (m->stream_digest != f->digest)
		return verify_fail(v, VERIFY_STREAM_DIGEST, f->digest, m->stream_digest);
	if (v->config.page_digest && m->memory_digest != v->memory_digest)
		return verify_fail(v, VERIFY_MEMORY_DIGEST, v->memory_digest, m->memory_digest);
	v->end_digest = m->memory_digest;
	return 0;
}

static int on_message(struct verify *v, const struct frame *f, const ProtobufCMessage *m)
{
	const Nestbed__Ready *ready = (const void *)m;

	switch (f->type) {
	case STREAM_HELLO:
		return on_hello(v, (const void *)m);
	case STREAM_PAGE_BATCH:
		return on_page_batch(v, (const void *)m);
	case STREAM_ZERO_RUN:
		return on_zero_run(v, (const void *)m);
	case STREAM_ROUND_END:
		return on_round_end(v, f, (const void *)m);
	case STREAM_BARRIER:
		return on_barrier(v, f, (const void *)m);
	case STREAM_BARRIER_APPLIED:
		return on_applied(v, (const void *)m);
	case STREAM_DEVICE_STATE:
		return before_state(v) ? -EBADMSG : verify_devices(v, (const void *)m);
	case STREAM_VCPU_STATE:
		return before_state(v) ? -EBADMSG : verify_vcpu(v, (const void *)m);
	case STREAM_END:
		return on_end(v, f, (const void *)m);
	case STREAM_READY:
		if (ready->memory_digest != v->end_digest)
			return verify_fail(v, VERIFY_READY_DIGEST, v->end_digest, ready->memory_digest);
		return 0;
	default: /* Accept, Refuse, Commit, Running, Abort, Decide: their order says all */
		return 0;
	}
}

int verify_message(struct verify *v, const struct frame *frame, const ProtobufCMessage *message)
{
	int next;

	if (v->error)
		return -EBADMSG;
	next = verify_next_phase(v->phase, frame->type);
	if (next < 0)
		return verify_fail(v, VERIFY_ORDER, v->phase, frame->type);
	if (on_message(v, frame, message))
		return -EBADMSG;
	if (frame->type == STREAM_DECIDE && v->phase == PHASE_READY &&
	    !((const Nestbed__Decide *)(const void *)message)->run)
		next = PHASE_OVER;
	v->phase = (enum verify_phase)next;
	return 0;
}

int verify_finish(struct verify *v)
{
	if (v->error)
		return -EBADMSG;
	if (v->phase == PHASE_RUNNING || v->phase == PHASE_OVER || v->phase == PHASE_COMMITTED)
		return 0;
	return verify_fail(v, VERIFY_UNFINISHED, PHASE_RUNNING, v->phase);
}
