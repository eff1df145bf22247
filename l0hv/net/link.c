/* SPDX-License-Identifier: MIT */
#include "l0hv/net/link.h"

#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/unit.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/net/e1000.h"
#include "nestbed/frame.h"

#define CPUID_SSE42 (1u << 20) /* leaf 1, ECX */
/* An emulated processor runs some 50 million instructions a second; hardware some thousand millions of
 * cycles. */
#define SECOND_INSNS  50000000u
#define SECOND_CYCLES 2000000000u
#define LIMIT_SECONDS 10u

struct link {
	struct reliable reliable;
};

static struct {
	bool started, controlled;
	uint8_t host;
	uint32_t decision;
	uint64_t second;
	uint32_t (*crc)(const uint8_t *data, uint64_t n);
	struct link *link[NB_LINK_HOSTS];
} net;

/* SDM "CRC32 - Accumulate CRC32 Value": the polynomial is that of CRC32C. */
static uint32_t crc_by_instruction(const uint8_t *p, uint64_t n)
{
	uint64_t crc = UINT32_MAX;

	for (; n >= 8; n -= 8, p += 8)
		__asm__("crc32q %1, %0" : "+r"(crc) : "m"(*(const uint64_t *)p));
	for (; n; n--, p++)
		__asm__("crc32b %1, %k0" : "+r"(crc) : "m"(*p));
	return ~(uint32_t)crc;
}

static uint32_t crc_by_bits(const uint8_t *p, uint64_t n)
{
	return nb_crc32c(p, n);
}

uint64_t link_second(void)
{
	return net.second;
}

int link_start(uint8_t host, const char **why)
{
	uint8_t mac[6] = NB_LINK_MAC_HEAD;
	int err;

	mac[5] = host;
	err = e1000_open(mac);
	*why = err == -ENODEV   ? "an Intel 82540EM (e1000) on PCI"
	       : err == -ENOMEM ? "memory for the NIC's rings"
	       : err == -ENXIO  ? "an e1000 whose registers are below 4 GiB"
				: "an e1000 that comes out of its reset";
	if (err)
		return err;
	net.host = host;
	net.second = tsc_counts_instructions() ? SECOND_INSNS : SECOND_CYCLES;
	net.crc = cpuid(1, 0).ecx & CPUID_SSE42 ? crc_by_instruction : crc_by_bits;
	net.started = true;
	return 0;
}

struct link *link_to(uint8_t peer)
{
	struct reliable_config config = {
		.host = net.host,
		.peer = peer,
		.crc = net.crc,
		.timeout = net.second / 10,
		.timeout_least = net.second / 50,
		.timeout_most = net.second / 5,
		.limit = LIMIT_SECONDS * net.second,
		.ack_delay = net.second / 1000,
		.ack_every = 4,
	};
	uint64_t at;

	if (!net.started || peer >= NB_LINK_HOSTS || peer == net.host)
		return NULL;
	if (net.link[peer])
		return net.link[peer];
	at = pages_alloc_contiguous(sizeof(struct link), PAGE_SIZE);
	if (!at)
		return NULL;
	net.link[peer] = phys_to_virt(at);
	reliable_init(&net.link[peer]->reliable, &config, rdtsc());
	return net.link[peer];
}

static void take_control(void *frame, size_t n)
{
	const struct nb_link_frame *f = frame;

	if (reliable_open(frame, n, net.crc) != RELIABLE_TAKEN || f->type != NB_LINK_CONTROL ||
	    f->payload_bytes != sizeof(net.decision))
		return;
	memcpy(&net.decision, (const uint8_t *)frame + NB_LINK_HEAD, sizeof(net.decision));
	net.controlled = true;
}

static void take_frame(void *frame, size_t n)
{
	const struct nb_link_frame *f = frame;
	const unsigned from = n < NB_LINK_HEAD ? NB_LINK_WIRE + 1 : reliable_host_of(f->source);

	if (from == NB_LINK_WIRE)
		take_control(frame, n);
	else if (from < NB_LINK_HOSTS && net.link[from])
		(void)reliable_receive(&net.link[from]->reliable, frame, n, rdtsc());
}

void link_poll(void)
{
	size_t n;
	void *frame;

	while ((frame = e1000_receive(&n))) {
		take_frame(frame, n);
		e1000_receive_done();
	}
	for (unsigned i = 0; i < NB_LINK_HOSTS; i++) {
		if (!net.link[i])
			continue;
		while ((frame = e1000_send_buffer()) &&
		       (n = reliable_send(&net.link[i]->reliable, frame, rdtsc())))
			e1000_send(n);
	}
}

size_t link_write(struct link *l, const void *data, size_t n)
{
	return reliable_push(&l->reliable, data, n);
}

size_t link_read(struct link *l, void *data, size_t room)
{
	return reliable_pull(&l->reliable, data, room);
}

void link_flush(struct link *l)
{
	reliable_flush(&l->reliable);
}

/* One poll of a loop that began at `since`. */
static int poll_once(const struct link *l, uint64_t since, uint64_t ticks)
{
	link_poll();
	if (link_dead(l))
		return -EPIPE;
	if (ticks && rdtsc() - since >= ticks)
		return -ETIMEDOUT;
	__asm__ volatile("pause");
	return 0;
}

int link_write_all(struct link *l, const void *data, size_t n, uint64_t ticks)
{
	const uint64_t since = rdtsc();
	size_t done = link_write(l, data, n);
	int err = 0;

	while (done < n && !err) {
		err = poll_once(l, since, ticks);
		done += link_write(l, (const uint8_t *)data + done, n - done);
	}
	return done < n ? err : 0;
}

int link_read_all(struct link *l, void *data, size_t n, uint64_t ticks)
{
	const uint64_t since = rdtsc();
	size_t done = link_read(l, data, n);
	int err = 0;

	while (done < n && !err) {
		err = poll_once(l, since, ticks);
		done += link_read(l, (uint8_t *)data + done, n - done);
	}
	return done < n ? err : 0;
}

int link_drain(struct link *l, uint64_t ticks)
{
	const uint64_t since = rdtsc();
	int err = 0;

	link_flush(l);
	while (!link_idle(l) && !err)
		err = poll_once(l, since, ticks);
	return link_idle(l) ? 0 : err;
}

void link_linger(struct link *l, bool (*over)(void))
{
	/* A peer that waits asks at least each timeout_most. */
	const uint64_t silence = 3 * l->reliable.config.timeout_most;
	const uint64_t since = rdtsc();
	int err = 0;

	while (!err && !(over && over()) &&
	       rdtsc() - (l->reliable.heard_at > since ? l->reliable.heard_at : since) < silence)
		err = poll_once(l, since, l->reliable.config.limit);
}

bool link_idle(const struct link *l)
{
	return reliable_idle(&l->reliable);
}

bool link_dead(const struct link *l)
{
	return reliable_dead(&l->reliable);
}

void link_set_limit(struct link *l, uint64_t ticks, uint64_t keep_alive)
{
	l->reliable.config.limit = ticks;
	l->reliable.config.keep_alive = keep_alive;
}

void link_set_round(struct link *l, uint32_t round)
{
	reliable_set_round(&l->reliable, round);
}

const struct reliable_counters *link_counters(const struct link *l)
{
	return &l->reliable.count;
}

bool link_control(uint32_t *decision)
{
	const bool was = net.controlled;

	*decision = net.decision;
	net.controlled = false;
	return was;
}
