/* SPDX-License-Identifier: MIT */
/* Events for L2: exceptions, interrupts, NMIs, and events whose delivery an exit interrupted. */
#ifndef L1HV_EVENTS_H
#define L1HV_EVENTS_H

#include <stdint.h>
#include "hv.h"

enum vector { VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_UD = 6, VECTOR_DF = 8, VECTOR_GP = 13, VECTOR_PF = 14 };

/*
 * An exception for L2, injected at the next entry. If the exit interrupted another event's delivery
 * the two combine as SDM volume 3, "Interrupt 8—Double Fault Exception (#DF)" says. Returns RESUME.
 */
enum verdict inject_ud(void);
enum verdict inject_gp(void);
enum verdict inject_pf(uint64_t address, uint32_t error);

/* IDT-vectoring information of this exit; only for exits that can interrupt a delivery. */
void events_note_vectoring(void);
/* After the handler: puts what is due into the VM entry, opens windows for what must wait. */
void events_deliver(void);
/* An NMI arrived while l1hv itself ran: L2's too. */
void events_nmi_in_root(void);

exit_fn on_exception_or_nmi, on_external_interrupt, on_window;

#endif
