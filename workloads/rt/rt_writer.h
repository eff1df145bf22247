/* SPDX-License-Identifier: MIT */
/* The scratch device's writer (NB_MMIO_WRITER, include/nestbed/ports.h), which writes memory by itself. */
#ifndef RT_WRITER_H
#define RT_WRITER_H

#include <nestbed/ports.h>

#include "rt.h"

static inline void rt_writer_put(uint32_t reg, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)(NB_MMIO_WRITER + reg) = value;
}

static inline uint64_t rt_writer_get(uint32_t reg)
{
	return *(volatile uint64_t *)(uintptr_t)(NB_MMIO_WRITER + reg);
}

static inline bool rt_has_writer(void)
{
	return rt_has_nestbed() && rt_writer_get(NB_WRITER_CONTROL) != UINT64_MAX;
}

/* Memory is mapped to itself. */
static inline void rt_writer_go(const volatile void *to, uint64_t value, uint64_t ticks)
{
	rt_writer_put(NB_WRITER_ADDRESS, (uintptr_t)to);
	rt_writer_put(NB_WRITER_VALUE, value);
	rt_writer_put(NB_WRITER_DELAY, ticks);
	rt_writer_put(NB_WRITER_CONTROL, NB_WRITER_GO);
}

#endif
