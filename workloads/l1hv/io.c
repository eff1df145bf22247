// SPDX-License-Identifier: MIT
/*
 * Ports of L2. PIC, PIT and RTC are those below; the mark port passes through, so that a mark costs l1hv
 * nothing; console, COM1, shutdown and doorbell are emulated; what is not there reads as ones and swallows
 * writes.
 */
#include "nestbed/ports.h"
#include "ept.h"
#include "events.h"
#include "exits.h"
#include "guest.h"
#include "output.h"
#include "pages.h"

#define COM1            0x3F8
#define STRING_MAX      4096u /* iterations a pass: then L2 may take an interrupt */
#define ADDRESS_SIZE(i) (((i) >> 7) & 7) /* VM-exit instruction information for INS and OUTS: 0, 1, 2 */

static const struct {
	uint16_t first, last;
	const char *what;
} passed_through[] = {
	{0x20,         0x21,             "PIC, master"    },
	{0x40,         0x43,             "PIT"            },
	{0x61,         0x61,             "PIT gate"       },
	{0x70,         0x71,             "RTC"            },
	{0xA0,         0xA1,             "PIC, slave"     },
	{0x4D0,        0x4D1,            "PIC, edge/level"},
	{NB_PORT_MARK, NB_PORT_MARK + 3, "marks"          },
};

/* `size` is 1, 2 or 4; a read answers all ones above what it has. */
typedef uint32_t port_read_fn(uint16_t port);
typedef void port_write_fn(uint16_t port, unsigned int size, uint32_t value);

static uint32_t doorbell = 0;

static uint32_t console_read(uint16_t port)
{
	(void)port;
	return 0xFFFFFF00u | NB_PORT_CONSOLE;
}

static void console_write(uint16_t port, unsigned int size, uint32_t value)
{
	(void)port;
	(void)size;
	output_byte(OUTPUT_CONSOLE, (uint8_t)value);
}

static uint32_t shutdown_read(uint16_t port)
{
	(void)port;
	return ~0u;
}

static void shutdown_write(uint16_t port, unsigned int size, uint32_t value)
{
	static unsigned int matched;
	const char *word = NB_SHUTDOWN_WORD;

	(void)port;
	(void)size;
	if ((char)value == word[matched])
		matched++;
	else
		matched = (char)value == word[0];
	if (!word[matched])
		l2_stop(STOP_SHUTDOWN, "shutdown port");
}

static uint32_t doorbell_read(uint16_t port)
{
	const unsigned int shift = 8u * (port - NB_PORT_DOORBELL);

	return doorbell >> shift | (shift ? ~0u << (32 - shift) : 0);
}

static void doorbell_write(uint16_t port, unsigned int size, uint32_t value)
{
	const unsigned int shift = 8u * (port - NB_PORT_DOORBELL);
	const uint32_t mask = (size == 4 ? ~0u : (1u << 8 * size) - 1) << shift;

	doorbell = (doorbell & ~mask) | (value << shift & mask);
}

/* A 16550 that is always ready to send, and receives nothing but its own bytes in loopback mode. No
 * interrupts. */
#define MCR_LOOP  0x10
#define LSR_READY 0x01
static uint8_t com1_kept[8];
static uint8_t com1_looped;
static bool com1_received;
static uint8_t com1_divisor[2] = {1, 0};
enum { COM_DATA, COM_IER, COM_IIR, COM_LCR, COM_MCR, COM_LSR, COM_MSR, COM_SCRATCH };

/* CTS, DSR, DCD are there; in loopback mode they are RTS, DTR, OUT2, and RI is OUT1. */
static uint8_t com1_modem_lines(void)
{
	const uint8_t mcr = com1_kept[COM_MCR];

	if (!(mcr & MCR_LOOP))
		return 0xB0;
	return (uint8_t)((mcr & 1) << 5 | (mcr & 2) << 3 | (mcr & 4) << 4 | (mcr & 8) << 4);
}

static uint32_t com1_read(uint16_t port)
{
	const unsigned int reg = port - COM1;
	uint8_t value = com1_kept[reg];

	if (reg <= COM_IER && (com1_kept[COM_LCR] & 0x80))
		value = com1_divisor[reg];
	else if (reg == COM_DATA) {
		value = com1_looped;
		com1_received = false;
	} else if (reg == COM_IIR) /* nothing pending; FIFOs as set */
		value = com1_kept[COM_IIR] & 1 ? 0xC1 : 0x01;
	else if (reg == COM_LSR)
		value = com1_received ? 0x60 | LSR_READY : 0x60; /* both transmitters empty */
	else if (reg == COM_MSR)
		value = com1_modem_lines();
	return 0xFFFFFF00u | value;
}

static void com1_write(uint16_t port, unsigned int size, uint32_t value)
{
	const unsigned int reg = port - COM1;

	(void)size;
	if (reg <= COM_IER && (com1_kept[COM_LCR] & 0x80))
		com1_divisor[reg] = (uint8_t)value;
	else if (reg == COM_DATA && (com1_kept[COM_MCR] & MCR_LOOP)) {
		com1_looped = (uint8_t)value;
		com1_received = true;
	} else if (reg == COM_DATA)
		output_byte(OUTPUT_COM1, (uint8_t)value);
	else
		com1_kept[reg] = (uint8_t)value;
}

static const struct {
	uint16_t first, last;
	port_read_fn *read;
	port_write_fn *write;
} port_rows[] = {
	{NB_PORT_CONSOLE,  NB_PORT_CONSOLE,      console_read,  console_write },
	{COM1,             COM1 + 7,             com1_read,     com1_write    },
	{NB_PORT_DOORBELL, NB_PORT_DOORBELL + 3, doorbell_read, doorbell_write},
	{NB_PORT_SHUTDOWN, NB_PORT_SHUTDOWN,     shutdown_read, shutdown_write},
};

static uint32_t port_read(uint16_t port)
{
	for (unsigned int i = 0; i < sizeof(port_rows) / sizeof(port_rows[0]); i++)
		if (port >= port_rows[i].first && port <= port_rows[i].last)
			return port_rows[i].read(port);
	return ~0u;
}

static void port_write(uint16_t port, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < sizeof(port_rows) / sizeof(port_rows[0]); i++)
		if (port >= port_rows[i].first && port <= port_rows[i].last)
			port_rows[i].write(port, size, value);
}

void io_bitmaps_build(uint64_t *a, uint64_t *b)
{
	uint8_t *bitmap = (uint8_t *)pages_alloc(2, PAGE_SIZE);

	memset(bitmap, 0xFF, 2 * PAGE_SIZE);
	for (unsigned int i = 0; i < sizeof(passed_through) / sizeof(passed_through[0]); i++)
		for (uint32_t port = passed_through[i].first; port <= passed_through[i].last; port++)
			bitmap[port / 8] = (uint8_t)(bitmap[port / 8] & ~(1u << (port & 7)));
	*a = (uint64_t)bitmap;
	*b = *a + PAGE_SIZE;
}

/* Adds to the low part of a register that the address size names, as the string instructions do. */
static void step(struct l2_regs *regs, unsigned int number, uint64_t by, unsigned int address_size)
{
	uint64_t *r = &regs->r[number];

	if (address_size == 0)
		*r = (*r & ~0xFFFFull) | ((*r + by) & 0xFFFF);
	else if (address_size == 1)
		*r = (uint32_t)(*r + by);
	else
		*r += by;
}

static uint64_t masked(uint64_t value, unsigned int address_size)
{
	return address_size == 0 ? value & 0xFFFF : address_size == 1 ? value & 0xFFFFFFFF : value;
}

struct string_io {
	uint16_t port;
	unsigned int size, address_size;
	bool in, rep;
};

/* One element at `linear`. false: #PF is queued, nothing was counted. */
static bool string_element(const struct string_io *s, uint64_t linear)
{
	uint32_t value = 0;

	if (!s->in) {
		if (!l2_copy(linear, &value, s->size, ACCESS_READ))
			return false;
		port_write(s->port, s->size, value);
		return true;
	}
	value = port_read(s->port);
	return l2_copy(linear, &value, s->size, ACCESS_WRITE);
}

/*
 * INS and OUTS, as SDM volume 2 has them: each element counted before the next, so a fault or an
 * interrupt between two leaves a state from which the instruction goes on.
 */
static enum verdict string_io(struct l2_regs *regs, const struct string_io *s)
{
	const uint64_t rflags = vmread(GUEST_RFLAGS);
	const bool down = rflags & X86_RFLAGS_DF;
	const unsigned int most = rflags & X86_RFLAGS_TF ? 1 : STRING_MAX;
	const uint64_t by = down ? 0 - (uint64_t)s->size : s->size;
	uint64_t linear = vmread(GUEST_LINEAR_ADDRESS);

	for (unsigned int n = 0; !s->rep || masked(regs->r[RCX], s->address_size); n++) {
		if (n == most) {
			l2_end_iteration(rflags);
			return RESUME;
		}
		if (!string_element(s, linear))
			return RESUME;
		linear += by;
		step(regs, s->in ? RDI : RSI, by, s->address_size);
		if (!s->rep)
			break;
		step(regs, RCX, ~0ull, s->address_size);
	}
	return SKIP;
}

static unsigned int string_address_size(void)
{
	if (hv.cap.basic & BASIC_INS_OUTS)
		return ADDRESS_SIZE(vmread32(EXIT_INSTR_INFO));
	/* older processors don't say: the code segment's default, no 67 prefix assumed */
	return l2_code64() ? 2 : vmread32(GUEST_CS_AR) & AR_BIG ? 1 : 0;
}

/* SDM volume 3, "Exit Qualification for I/O Instructions" */
enum verdict on_io(struct l2_regs *regs)
{
	const uint64_t q = vmread(EXIT_QUALIFICATION);
	const uint16_t port = (uint16_t)(q >> 16);
	const unsigned int size = (q & 7) + 1;
	const bool in = q & 8;
	const uint32_t mask = size == 4 ? ~0u : (1u << 8 * size) - 1;

	if (q & 16)
		return string_io(regs, &(struct string_io){port, size, string_address_size(), in, q & 32});
	if (!in)
		port_write(port, size, (uint32_t)regs->r[RAX] & mask);
	else if (size == 4)
		regs->r[RAX] = port_read(port);
	else
		regs->r[RAX] = (regs->r[RAX] & ~(uint64_t)mask) | (port_read(port) & mask);
	return SKIP;
}
