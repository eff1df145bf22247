/* SPDX-License-Identifier: MIT */
#include "l0hv/net/e1000.h"

#include <errno.h>
#include <stdbool.h>

#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/net/pci.h"
#include "l0hv/record/record.h"
#include "nestbed/link.h"

#define VENDOR_INTEL    0x8086u
#define DEVICE_82540EM  0x100Eu
#define REGISTERS_BYTES 0x20000u

/* Registers, from the device's base; 32 bits each. */
#define REG_CTRL  0x0000u
#define REG_IMC   0x00D8u
#define REG_RCTL  0x0100u
#define REG_TCTL  0x0400u
#define REG_RDBAL 0x2800u /* then RDBAH, RDLEN */
#define REG_RDH   0x2810u
#define REG_RDT   0x2818u
#define REG_TDBAL 0x3800u /* then TDBAH, TDLEN */
#define REG_TDH   0x3810u
#define REG_TDT   0x3818u
#define REG_MTA   0x5200u /* 128 registers */
#define REG_RAL0  0x5400u
#define REG_RAH0  0x5404u

#define CTRL_SLU     (1u << 6) /* set link up */
#define CTRL_RST     (1u << 26)
#define RCTL_EN      (1u << 1)
#define RCTL_BAM     (1u << 15) /* accept broadcast */
#define RCTL_SECRC   (1u << 26) /* without frame check sequence; buffers of 2048 bytes */
#define TCTL_EN      (1u << 1)
#define TCTL_PSP     (1u << 3) /* pad short packets */
#define TCTL_CT      (0x0Fu << 4) /* collisions do not happen; values of the manual */
#define TCTL_COLD    (0x40u << 12)
#define RAH_AV       (1u << 31)
#define RX_DONE      0x01u
#define RX_WHOLE     0x02u /* end of packet */
#define TX_EOP       0x01u
#define TX_FCS       0x02u
#define TX_RS        0x08u
#define TX_DONE      0x01u
#define RING         64u
#define BUFFER_BYTES 2048u
#define RESET_POLLS  1000000u

struct rx_descriptor {
	uint64_t address;
	uint16_t length, checksum;
	uint8_t status, errors;
	uint16_t special;
};
struct tx_descriptor {
	uint64_t address;
	uint16_t length;
	uint8_t cso, command, status, css;
	uint16_t special;
};
_Static_assert(sizeof(struct rx_descriptor) == 16 && offsetof(struct rx_descriptor, status) == 12, "");
_Static_assert(sizeof(struct tx_descriptor) == 16 && offsetof(struct tx_descriptor, status) == 12, "");
_Static_assert(NB_LINK_FRAME_MAX <= BUFFER_BYTES, "a frame a buffer");

static struct {
	struct pci_device pci;
	volatile struct rx_descriptor *rx;
	volatile struct tx_descriptor *tx;
	uint64_t rx_buffers, tx_buffers;
	uint32_t rx_next, tx_next;
	struct e1000_counters count;
} nic;

static volatile uint32_t *reg(uint32_t offset)
{
	return (volatile uint32_t *)phys_to_virt(nic.pci.registers + offset);
}

static bool reset(void)
{
	*reg(REG_IMC) = UINT32_MAX;
	*reg(REG_RCTL) = 0;
	*reg(REG_TCTL) = 0;
	*reg(REG_CTRL) = *reg(REG_CTRL) | CTRL_RST;
	for (unsigned i = 0; i < RESET_POLLS; i++)
		if (!(*reg(REG_CTRL) & CTRL_RST)) {
			*reg(REG_IMC) = UINT32_MAX;
			*reg(REG_CTRL) = *reg(REG_CTRL) | CTRL_SLU;
			return true;
		}
	return false;
}

static bool allocate(void)
{
	const uint64_t rings = page_alloc();

	_Static_assert(2ull * RING * sizeof(struct rx_descriptor) <= PAGE_SIZE, "both rings in a page");
	nic.rx_buffers = pages_alloc_contiguous(2ull * RING * BUFFER_BYTES, PAGE_SIZE);
	if (!rings || !nic.rx_buffers)
		return false;
	nic.tx_buffers = nic.rx_buffers + (uint64_t)RING * BUFFER_BYTES;
	nic.rx = phys_to_virt(rings);
	nic.tx = phys_to_virt(rings + RING * sizeof(struct rx_descriptor));
	for (uint32_t i = 0; i < RING; i++) {
		nic.rx[i].address = nic.rx_buffers + (uint64_t)i * BUFFER_BYTES;
		nic.tx[i].address = nic.tx_buffers + (uint64_t)i * BUFFER_BYTES;
		nic.tx[i].status = TX_DONE;
	}
	return true;
}

static void set_ring(uint32_t base, uint64_t address)
{
	*reg(base) = (uint32_t)address;
	*reg(base + 4) = (uint32_t)(address >> 32);
	*reg(base + 8) = RING * (uint32_t)sizeof(struct rx_descriptor);
}

int e1000_open(const uint8_t mac[6])
{
	int err = pci_open(VENDOR_INTEL, DEVICE_82540EM, REGISTERS_BYTES, &nic.pci);

	if (err)
		return err;
	if (!reset())
		return -EIO;
	if (!allocate())
		return -ENOMEM;
	*reg(REG_RAL0) =
		(uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
	*reg(REG_RAH0) = (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | RAH_AV;
	for (uint32_t i = 0; i < 128; i++)
		*reg(REG_MTA + 4 * i) = 0;
	set_ring(REG_RDBAL, virt_to_phys((const void *)(uintptr_t)nic.rx));
	*reg(REG_RDH) = 0;
	*reg(REG_RDT) = RING - 1; /* all but one: head and tail equal means none */
	set_ring(REG_TDBAL, virt_to_phys((const void *)(uintptr_t)nic.tx));
	*reg(REG_TDH) = 0;
	*reg(REG_TDT) = 0;
	*reg(REG_TCTL) = TCTL_EN | TCTL_PSP | TCTL_CT | TCTL_COLD;
	*reg(REG_RCTL) = RCTL_EN | RCTL_BAM | RCTL_SECRC;
	return 0;
}

void *e1000_send_buffer(void)
{
	/* One stays free, as in the other ring. */
	if (!(nic.tx[nic.tx_next].status & TX_DONE) || !(nic.tx[(nic.tx_next + 1) % RING].status & TX_DONE)) {
		nic.count.send_full++;
		return NULL;
	}
	return phys_to_virt(nic.tx_buffers + (uint64_t)nic.tx_next * BUFFER_BYTES);
}

void e1000_send(size_t n)
{
	volatile struct tx_descriptor *d = &nic.tx[nic.tx_next];

	if (!n || n > NB_LINK_FRAME_MAX)
		panic("a frame of %zu bytes", n);
	d->length = (uint16_t)n;
	d->cso = d->css = 0;
	d->special = 0;
	d->command = TX_EOP | TX_FCS | TX_RS;
	d->status = 0;
	nic.tx_next = (nic.tx_next + 1) % RING;
	nic.count.sent++;
	__asm__ volatile("sfence" : : : "memory");
	*reg(REG_TDT) = nic.tx_next;
}

void *e1000_receive(size_t *n)
{
	for (unsigned i = 0; i < RING; i++) {
		volatile struct rx_descriptor *d = &nic.rx[nic.rx_next];
		const uint8_t status = d->status;
		const uint16_t length = d->length;

		if (!(status & RX_DONE))
			return NULL;
		if (status & RX_WHOLE && !d->errors && length && length <= NB_LINK_FRAME_MAX) {
			*n = length;
			nic.count.received++;
			return phys_to_virt(nic.rx_buffers + (uint64_t)nic.rx_next * BUFFER_BYTES);
		}
		nic.count.receive_errors++;
		e1000_receive_done();
	}
	return NULL;
}

void e1000_receive_done(void)
{
	volatile struct rx_descriptor *d = &nic.rx[nic.rx_next];

	d->address =
		nic.rx_buffers + (uint64_t)nic.rx_next * BUFFER_BYTES; /* the device may have spoilt it */
	d->status = 0;
	__asm__ volatile("sfence" : : : "memory");
	*reg(REG_RDT) = nic.rx_next;
	nic.rx_next = (nic.rx_next + 1) % RING;
}

const struct e1000_counters *e1000_counters(void)
{
	return &nic.count;
}
