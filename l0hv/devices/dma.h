/* SPDX-License-Identifier: MIT */
/*
 * The writer of the scratch device (NB_MMIO_WRITER, include/nestbed/ports.h): writes 8 bytes to guest memory,
 * some ticks after it was told to, while the guest does something else. A part of struct platform.
 */
#ifndef L0HV_DEVICES_DMA_H
#define L0HV_DEVICES_DMA_H

#include <stdbool.h>
#include <stdint.h>

#define DMA_DELAY_MAX ((1ull << 40) - 1)

struct dma {
	uint64_t address, value, delay; /* as the guest wrote them */
	uint64_t due; /* tick; UINT64_MAX: nothing is pending */
	uint8_t state; /* NB_WRITER_IDLE, … */
};

void dma_reset(struct dma *d);
/* A register of 64 bits by its offset in the page; elsewhere all ones. */
uint64_t dma_read(const struct dma *d, uint64_t offset);
/* True: a write has become pending. */
bool dma_write(struct dma *d, uint64_t offset, uint64_t value, uint64_t now);

#endif
