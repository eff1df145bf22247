/* SPDX-License-Identifier: MIT */
/*
 * Intel 82540EM (PCI 8086:100e), polled: no interrupts, legacy descriptors. One device for the life of L0.
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual.
 */
#ifndef L0HV_NET_E1000_H
#define L0HV_NET_E1000_H

#include <stddef.h>
#include <stdint.h>

struct e1000_counters {
	uint64_t sent, received;
	uint64_t send_full; /* no free descriptor when one was wanted */
	uint64_t receive_errors; /* of the device, or frames in pieces or of impossible length */
};

/*
 * Finds and starts the device with this MAC. 0; -ENODEV, -ENXIO: as pci_open; -ENOMEM; -EIO: it does not come
 * out of reset.
 */
__attribute__((warn_unused_result)) int e1000_open(const uint8_t mac[6]);

/* Where the next frame to send is written to, NB_LINK_FRAME_MAX bytes; NULL: all are on their way. */
void *e1000_send_buffer(void);
/* Sends n bytes of that buffer, 1 to NB_LINK_FRAME_MAX. */
void e1000_send(size_t n);

/* The next frame that came, and its length; NULL: none. It is the caller's until e1000_receive_done. */
void *e1000_receive(size_t *n);
void e1000_receive_done(void);

const struct e1000_counters *e1000_counters(void);

#endif
