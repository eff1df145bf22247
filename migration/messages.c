/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "migration/messages.h"

#define S (1u << SENDER_SOURCE)
#define T (1u << SENDER_TARGET)
#define W (1u << SENDER_WIRE)

static const struct stream_kind kinds[STREAM_TYPES] = {
	[STREAM_HELLO] = {"Hello",          &nestbed__stream_hello__descriptor,    S    },
	[STREAM_ACCEPT] = {"Accept",         &nestbed__accept__descriptor,          T    },
	[STREAM_REFUSE] = {"Refuse",         &nestbed__refuse__descriptor,          T    },
	[STREAM_PAGE_BATCH] = {"PageBatch",      &nestbed__page_batch__descriptor,      S    },
	[STREAM_ZERO_RUN] = {"ZeroRun",        &nestbed__zero_run__descriptor,        S    },
	[STREAM_ROUND_END] = {"RoundEnd",       &nestbed__round_end__descriptor,       S    },
	[STREAM_BARRIER] = {"Barrier",        &nestbed__barrier__descriptor,         S    },
	[STREAM_BARRIER_APPLIED] = {"BarrierApplied", &nestbed__barrier_applied__descriptor, T    },
	[STREAM_DEVICE_STATE] = {"DeviceState",    &nestbed__device_state__descriptor,    S    },
	[STREAM_VCPU_STATE] = {"VcpuState",      &nestbed__vcpu_state__descriptor,      S    },
	[STREAM_END] = {"End",            &nestbed__stream_end__descriptor,      S    },
	[STREAM_READY] = {"Ready",          &nestbed__ready__descriptor,           T    },
	[STREAM_COMMIT] = {"Commit",         &nestbed__commit__descriptor,          S    },
	[STREAM_RUNNING] = {"Running",        &nestbed__running__descriptor,         T    },
	[STREAM_ABORT] = {"Abort",          &nestbed__abort__descriptor,           S | T},
	[STREAM_DECIDE] = {"Decide",         &nestbed__decide__descriptor,          W    },
};

const struct stream_kind *stream_kind(uint32_t type)
{
	return type < STREAM_TYPES && kinds[type].name ? &kinds[type] : NULL;
}

const char *stream_sender_name(uint32_t sender)
{
	static const char *const names[SENDERS] = {"source", "target", "wire"};

	return sender < SENDERS ? names[sender] : "nobody";
}

int stream_unpack(uint32_t type, const uint8_t *body, size_t n, struct message_arena *arena,
		  ProtobufCMessage **message)
{
	const struct stream_kind *kind = stream_kind(type);

	if (!kind)
		return -EINVAL;
	message_arena_reset(arena);
	*message = protobuf_c_message_unpack(kind->descriptor, &arena->allocator, n, body);
	if (*message)
		return 0;
	return arena->exhausted ? -ENOMEM : -EBADMSG;
}
