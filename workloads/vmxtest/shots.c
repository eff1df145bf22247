// SPDX-License-Identifier: MIT
/* Rows: what they set, what they compare, what they print. */
#include "lab_impl.h"

#define KIND(field)   ((field)&0xff000u)
#define NUMBER(field) ((field)&0xfffu)

bool lab_on_bochs;
const struct code *lab_current;

/* ---- fitness ---- */

bool lab_deviates(bool inherited)
{
	return lab_on_bochs && (inherited || !rt_has_hypervisor());
}

static bool mode_fits(enum mode mode)
{
	return (mode != REAL && mode != UNPAGED) || caps_allow(CPU_CTLS2, CPU2_UNRESTRICTED_GUEST, 0);
}

const char *lab_unfit(const struct shot *shot)
{
	if (!shot->resumed && !mode_fits(shot->mode))
		return "no unrestricted guest";
	for (unsigned int i = 0; i < SETS_MAX && shot->set[i].field; i++) {
		const struct set *s = &shot->set[i];
		const uint32_t field = s->field & 0xffff, bits = (uint32_t)s->value;

		if ((s->field & ~0xffffu) == OR(0) && !caps_allow(field, bits, 0))
			return "the processor does not offer the control";
		if ((s->field & ~0xffffu) == CLEAR(0) && !caps_allow(field, 0, bits))
			return "the processor fixes the control to 1";
		if (KIND(s->field) == NEED(0) && lab_lacks((enum need)NUMBER(s->field)))
			return lab_lacks((enum need)NUMBER(s->field));
	}
	if (shot->bochs && lab_deviates(shot->inherited))
		return shot->bochs;
	return NULL;
}

/* ---- wants ---- */

static uint64_t vector_of_rip(void)
{
	const uint64_t offset = get(GUEST_RIP) - address_of(l2_vectors);

	return offset < 4096 ? offset / 16 : ~0ull;
}

static uint64_t frame(uint32_t word)
{
	const uint64_t at = get(GUEST_RSP) + 8ull * word, begin = address_of(l2.stack);

	if (at < begin || at > begin + sizeof(l2.stack) - 8)
		return ~0ull;
	return *(const volatile uint64_t *)(uintptr_t)at;
}

static uint64_t get_debug_register(uint32_t number)
{
	switch (number) {
	case 0:
		return read_dr0();
	case 1:
		return read_dr1();
	case 2:
		return read_dr2();
	case 3:
		return read_dr3();
	case 6:
		return read_dr6();
	default:
		return read_dr7();
	}
}

static uint64_t eptp_now(void)
{
	const uint64_t eptp = get(EPT_POINTER);

	return eptp == lab_eptp() ? EPTP_OWN : eptp == lab_eptp_other() ? EPTP_OTHER : eptp;
}

static uint64_t get_kind(uint32_t field)
{
	switch (KIND(field)) {
	case L2_REG(0):
		return lab_regs.r[NUMBER(field)];
	case L2_WORD(0):
		return lab_page[NUMBER(field)][0];
	case L2_PTE(0):
		return l2.pt[NUMBER(field)] & 0xfff;
	case L1_MSR(0):
		return rdmsr(lab_msr_number[NUMBER(field)]);
	case FAR_ENTRY(0):
		return *l2_far_entry(NUMBER(field)) & 0xfff;
	case L2_EPTE(0):
		return l2.ept_pt[NUMBER(field)] & 0xfff;
	case VAPIC(0):
		return l2.virtual_apic[NUMBER(field) / 4];
	case PML_ENTRY(0):
		return l2.pml[NUMBER(field)];
	case VE_WORD(0):
		return l2.ve[NUMBER(field)];
	case L1_CR2:
		return read_cr2();
	case L1_DR(0):
		return get_debug_register(NUMBER(field));
	case FRAME(0):
		return frame(NUMBER(field));
	default:
		return (field & ~0xffffu) == SHADOW(0) ? lab_shadow_get(field & 0xffff) : get(field);
	}
}

uint64_t lab_get(uint32_t field, const struct code *code)
{
	switch (field) {
	case RIP_START:
		return get(GUEST_RIP) + lab_rip_base - address_of(code->start);
	case RIP_AT:
		return get(GUEST_RIP) + lab_rip_base - address_of(code->at);
	case RIP_NEXT:
		return get(GUEST_RIP) + lab_rip_base - address_of(code->next);
	case RIP_HANDLER:
		return (get(GUEST_RIP) - address_of(l2_vectors)) % 16 ? ~0ull : vector_of_rip();
	case EPTP_NOW:
		return eptp_now();
	case RIP_VECTOR:
		return vector_of_rip();
	case FRAME_START:
		return frame(0) - address_of(code->start);
	case FRAME_AT:
		return frame(0) - address_of(code->at);
	case FRAME_NEXT:
		return frame(0) - address_of(code->next);
	case FRAME1_START:
		return frame(1) - address_of(code->start);
	case FRAME1_AT:
		return frame(1) - address_of(code->at);
	default:
		return get_kind(field);
	}
}

bool lab_compare(const char *name, const struct code *code, const struct want *want, unsigned int count)
{
	char text[160];
	int used = 0;

	for (unsigned int i = 0; i < count && want[i].field; i++) {
		const uint64_t mask = want[i].mask ? want[i].mask : ~0ull;
		const uint64_t got = lab_get(want[i].field, code);

		if ((got & mask) != (want[i].value & mask) && used < (int)sizeof(text) - 1)
			used += rt_snprintf(text + used, sizeof(text) - (size_t)used,
					    "%s%x is 0x%lx, wanted 0x%lx", used ? "; " : "", want[i].field,
					    got & mask, want[i].value & mask);
	}
	if (used)
		rt_fail(name, "%s (rip %lx)", text, get(GUEST_RIP));
	else
		rt_pass(name);
	return !used;
}

/* ---- rows ---- */

/* An underscore of only= is a space: the command line has none to spare. */
static bool begins(const char *name, bool group)
{
	const char *only = rt_arg("only");

	for (; only && *only && *name; only++, name++)
		if (*name != (*only == '_' ? ' ' : *only))
			return false;
	return !only || !*only || group;
}

static bool selects(const char *name, bool group)
{
	if (!begins(name, group))
		return false;
	if (!rt_arg("list"))
		return true;
	rt_printf("%s%s\n", name, group ? " ..." : "");
	return false;
}

bool lab_selected(const char *name)
{
	return selects(name, false);
}

bool lab_group(const char *prefix)
{
	return selects(prefix, true);
}

static void run(const struct shot *shot)
{
	enum run how;

	if (!shot->resumed) {
		lab_current = shot->code;
		lab_reset(shot->code, shot->mode);
	}
	for (unsigned int i = 0; i < SETS_MAX && shot->set[i].field; i++)
		lab_set(&shot->set[i]);
	lab_flush();
	how = lab_run();
	if (how == FAIL_VALID)
		rt_fail(shot->name, "VMfailValid(%u)", (uint32_t)get(VM_INSTRUCTION_ERROR));
	else if (how == FAIL_INVALID)
		rt_fail(shot->name, "VMfailInvalid");
	else
		lab_compare(shot->name, lab_current, shot->want, WANTS_MAX);
}

/* A row and those that go on from it: all are needed if one is selected. */
static void run_chain(const struct shot *shot, unsigned int count)
{
	const char *unfit = NULL;
	bool selected = false;

	for (unsigned int i = 0; i < count; i++)
		selected |= lab_selected(shot[i].name);
	for (unsigned int i = 0; selected && i < count; i++) {
		if (!unfit)
			unfit = lab_unfit(&shot[i]);
		if (unfit)
			rt_skip(shot[i].name, unfit);
		else
			run(&shot[i]);
	}
}

void shots_run(const struct shot *shot, unsigned int count)
{
	while (count) {
		unsigned int n = 1;

		while (n < count && shot[n].resumed)
			n++;
		run_chain(shot, n);
		shot += n;
		count -= n;
	}
}
