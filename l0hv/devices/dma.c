/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/dma.h"

#include "nestbed/ports.h"

void dma_reset(struct dma *d)
{
	*d = (struct dma){.due = UINT64_MAX, .state = NB_WRITER_IDLE};
}

uint64_t dma_read(const struct dma *d, uint64_t offset)
{
	switch (offset) {
	case NB_WRITER_ADDRESS:
		return d->address;
	case NB_WRITER_VALUE:
		return d->value;
	case NB_WRITER_DELAY:
		return d->delay;
	case NB_WRITER_CONTROL:
		return d->state;
	default:
		return UINT64_MAX;
	}
}

bool dma_write(struct dma *d, uint64_t offset, uint64_t value, uint64_t now)
{
	if (d->state == NB_WRITER_PENDING)
		return false;
	switch (offset) {
	case NB_WRITER_ADDRESS:
		d->address = value;
		break;
	case NB_WRITER_VALUE:
		d->value = value;
		break;
	case NB_WRITER_DELAY:
		d->delay = value & DMA_DELAY_MAX;
		break;
	case NB_WRITER_CONTROL:
		if (value != NB_WRITER_GO)
			break;
		d->due = now + d->delay;
		d->state = NB_WRITER_PENDING;
		return true;
	default:
		break;
	}
	return false;
}
