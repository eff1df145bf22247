// SPDX-License-Identifier: MIT
/* EPT violations: the MMIO doorbell, and memory that isn't there. */
#include "nestbed/ports.h"
#include "decode.h"
#include "events.h"
#include "exits.h"
#include "guest.h"

/* SDM volume 3, "Exit Qualification for EPT Violations" */
#define Q_FETCH       (1ull << 2)
#define Q_LINEAR      (1ull << 7) /* the linear address is known */
#define Q_TRANSLATED  (1ull << 8) /* the access itself, not one to a paging structure */
#define Q_NMI_UNBLOCK (1ull << 12)

#define INSN_MAX 15u

static uint32_t doorbell;

static uint64_t ones(unsigned int bytes)
{
	return bytes == 8 ? ~0ull : (1ull << 8 * bytes) - 1;
}

static uint64_t mmio_read(uint64_t gpa, unsigned int size)
{
	const uint64_t at = gpa - NB_MMIO_DOORBELL;
	uint64_t value = ~0ull;

	if (at < sizeof(doorbell))
		value = (~0ull << 32 | doorbell) >> 8 * at;
	return value & ones(size);
}

static void mmio_write(uint64_t gpa, unsigned int size, uint64_t value)
{
	const uint64_t at = gpa - NB_MMIO_DOORBELL;

	if (at < sizeof(doorbell)) {
		const uint32_t mask = (uint32_t)(ones(size) << 8 * at);

		doorbell = (doorbell & ~mask) | ((uint32_t)(value << 8 * at) & mask);
	}
}

static void put_register(struct l2_regs *regs, const struct mmio_insn *insn, uint64_t value)
{
	uint64_t mask = ones(insn->register_size);
	const uint64_t old = l2_reg(regs, insn->reg);

	if (insn->sign && (value >> (8 * insn->size - 1)))
		value |= ~ones(insn->size);
	value &= mask;
	if (insn->high_byte) {
		value <<= 8;
		mask <<= 8;
	}
	l2_set_reg(regs, insn->reg, insn->register_size == 4 ? value : (old & ~mask) | value);
}

static uint64_t get_register(const struct l2_regs *regs, const struct mmio_insn *insn)
{
	return (l2_reg(regs, insn->reg) >> (insn->high_byte ? 8 : 0)) & ones(insn->size);
}

/* Reads L2's instruction, its second page only if the first doesn't hold it all. false: #PF is queued. */
static bool fetch_and_decode(struct mmio_insn *insn, bool *known)
{
	const uint32_t cs = vmread32(GUEST_CS_AR);
	const bool code64 = cs & AR_LONG;
	const enum code_size code = code64 ? CODE_64 : cs & AR_BIG ? CODE_32 : CODE_16;
	uint64_t linear = vmread(GUEST_RIP) + (code64 ? 0 : vmread(GUEST_CS_BASE));
	uint8_t bytes[INSN_MAX];
	size_t first;
	int result;

	if (!code64)
		linear = (uint32_t)linear;
	first = 4096 - (linear & 4095);
	if (first > INSN_MAX)
		first = INSN_MAX;
	if (!l2_copy(linear, bytes, first, ACCESS_FETCH))
		return false;
	result = mmio_decode(bytes, first, code, insn);
	if (result == -1 && first < INSN_MAX) {
		if (!l2_copy(linear + first, bytes + first, INSN_MAX - first, ACCESS_FETCH))
			return false;
		result = mmio_decode(bytes, INSN_MAX, code, insn);
	}
	*known = result == 0;
	return true;
}

enum verdict on_ept_violation(struct l2_regs *regs)
{
	const uint64_t q = vmread(EXIT_QUALIFICATION), gpa = vmread(GUEST_PHYSICAL_ADDRESS);
	struct mmio_insn insn;
	bool known;

	if (hv.vectoring)
		l2_stop(STOP_BAD_ACCESS, "event delivery through memory that is not there");
	if (q & Q_NMI_UNBLOCK)
		vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
	if (!(q & Q_LINEAR) || !(q & Q_TRANSLATED))
		l2_stop(STOP_BAD_ACCESS, "page tables in memory that is not there");
	if (q & Q_FETCH)
		return inject_ud(); /* all ones are no instruction */
	if (!fetch_and_decode(&insn, &known))
		return RESUME;
	if (!known)
		l2_stop(STOP_UNSUPPORTED, "an instruction on MMIO that l1hv does not emulate");
	if (!insn.write)
		put_register(regs, &insn, mmio_read(gpa, insn.size));
	else
		mmio_write(gpa, insn.size,
			   insn.immediate ? insn.value & ones(insn.size) : get_register(regs, &insn));
	l2_advance(insn.length);
	return RESUME;
}
