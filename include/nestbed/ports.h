/* SPDX-License-Identifier: MIT */
/*
 * Ports and addresses on which guests, L0 and the host-side program meet.
 *
 * All of them are harmless on a machine that lacks them: what is not there reads as all ones and
 * swallows writes. So one guest image runs bare, as L1 and as L2.
 */
#ifndef NESTBED_PORTS_H
#define NESTBED_PORTS_H

/* Debug console: a byte a write. Reads return 0xE9 where it exists (Bochs, QEMU, L0). */
#define NB_PORT_CONSOLE 0xE9

/* Writing the letters of NB_SHUTDOWN_WORD one by one ends the machine (Bochs), or the VM (L0, l1hv). */
#define NB_PORT_SHUTDOWN 0x8900
#define NB_SHUTDOWN_WORD "Shutdown"

/*
 * Mark port, 32-bit writes: a guest at any level tells L0 where a measured window begins and ends.
 * A hypervisor between passes it through, so that it reaches L0 in one exit.
 *   NB_MARK_BEGIN | id   L0 snapshots its counters
 *   NB_MARK_END   | id   L0 reports the difference as a Window record
 *   NB_MARK_ROUND        ends a round of dirty tracking (bundle key migrate.track)
 *   NB_MARK_MOVE         the VM may begin to move now (bundle key migrate.at)
 */
#define NB_PORT_MARK  0x0E00
#define NB_MARK_BEGIN 0x10000u
#define NB_MARK_END   0x20000u
#define NB_MARK_ROUND 0x40000u
#define NB_MARK_MOVE  0x80000u
#define NB_MARK_ID    0x0FFFFu

/* Test doorbell: a device without side effects whose accesses exit. Reads return the value written last. */
#define NB_PORT_DOORBELL      0x0E10 /* 32-bit port */
#define NB_MMIO_DOORBELL      0xFEB00000u /* 4 KiB page; 32-bit register at offset 0 */
#define NB_MMIO_DOORBELL_SIZE 0x1000u

/*
 * Scratch device of L0 (bundle key `scratch`): keeps what is written to it as RAM does, but every access of a
 * guest exits and is emulated. So one can compare an instruction that L0 executes with the same one on RAM.
 * An L1 that maps the pages for its L2 passes them through.
 */
#define NB_MMIO_SCRATCH      0xFEB10000u
#define NB_MMIO_SCRATCH_SIZE 0x2000u

/*
 * The scratch device's writer, in the page behind: writes 8 bytes to memory by itself, as devices do, some
 * ticks after it was told to. Registers of 64 bits, each to be accessed as a whole; while a write is pending
 * they can only be read. Its addresses are the VM's: an L1 does not pass it to its L2.
 */
#define NB_MMIO_WRITER    0xFEB12000u
#define NB_WRITER_ADDRESS 0x00u /* guest-physical */
#define NB_WRITER_VALUE   0x08u
#define NB_WRITER_DELAY   0x10u /* ticks, 40 bits; fewer where L0 drains its devices, as a migration does */
#define NB_WRITER_CONTROL 0x18u /* write NB_WRITER_GO; reads as one of the states */
#define NB_WRITER_GO      1u
#define NB_WRITER_IDLE    0u
#define NB_WRITER_PENDING 1u
#define NB_WRITER_DONE    2u
#define NB_WRITER_FAILED  3u /* no RAM */

#endif
