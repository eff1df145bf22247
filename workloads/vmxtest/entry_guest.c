// SPDX-License-Identifier: MIT
/* VM entry: "Checks on the Guest State Area", field by field. */
#include "lab_impl.h"
#include "tries.h"

#define UNRESTRICTED PUT(OR(CPU_CTLS2), CPU2_UNRESTRICTED_GUEST)
#define VIRTUAL_8086 0x20000ull
#define NOT_CHECKED  "Bochs does not check it"

#define SOME_HIGH 0x80000001ffffffffull /* all of the low half */

static const uint64_t non_canonical[] = {1ull << 47, 1ull << 63, 0x7fffffffffffffff, 0xffff7fffffffffff};

static void try_canonical(uint32_t field)
{
	for (unsigned int i = 0; i < 4; i++)
		try_value(field, non_canonical[i], TRY_GUEST);
}

static void control_registers(void)
{
	if (tries_begin("entry guest: CR0, each fixed bit", KERNEL64, NULL)) {
		try_bits(GUEST_CR0, lab_caps.cr0_fixed0, TRY_GUEST);
		try_bits(GUEST_CR0, ~lab_caps.cr0_fixed1 & SOME_HIGH, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: CR0.NE with unrestricted guest", REAL, NULL)) {
		try_bits(GUEST_CR0, 0x20, TRY_GUEST);
		try_bits(GUEST_CR0, 0x80000000, TRY_GUEST); /* PG without PE */
		tries_end();
	}
	if (tries_begin("entry guest: CR4, each fixed bit", KERNEL64, NULL)) {
		try_bits(GUEST_CR4, lab_caps.cr4_fixed0, TRY_GUEST);
		try_bits(GUEST_CR4, ~lab_caps.cr4_fixed1 & SOME_HIGH, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: CR4.PCIDE outside IA-32e mode", PAE, NULL)) {
		try_value(GUEST_CR4, get(GUEST_CR4) | 1u << 17, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: IA-32e mode without paging", UNPAGED, NULL)) {
		try_bits(ENTRY_CTLS, ENTRY_IA32E, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: CR3, each bit beyond the physical-address width", KERNEL64, NULL)) {
		try_bits(GUEST_CR3, beyond_width(), TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: DR7, each high bit", KERNEL64, NULL)) {
		try_bits(GUEST_DR7, 0x8001800100000000, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: DEBUGCTL, each reserved bit", KERNEL64, NULL, NOT_CHECKED)) {
		try_bits(GUEST_DEBUGCTL, 0x8000000100010038, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: debug controls not loaded", KERNEL64,
			TRY_SETS(PUT(CLEAR(ENTRY_CTLS), ENTRY_LOAD_DEBUG)))) {
		put(GUEST_DEBUGCTL, ~0ull);
		try_value(GUEST_DR7, ~0ull, TRY_RUNS);
		tries_end();
	}
}

static void msrs(void)
{
	if (tries_begin("entry guest: SYSENTER addresses", KERNEL64, NULL)) {
		try_canonical(GUEST_SYSENTER_ESP);
		try_canonical(GUEST_SYSENTER_EIP);
		tries_end();
	}
	if (tries_begin("entry guest: PAT, each byte", KERNEL64,
			TRY_SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_PAT)))) {
		const uint64_t pat = get(GUEST_PAT);

		for (unsigned int byte = 0; byte < 64; byte += 8)
			for (unsigned int type = 0; type < 256; type++)
				if (type == 2 || type == 3 || type == 8 || type == 128)
					try_value(GUEST_PAT,
						  (pat & ~(0xffull << byte)) | (uint64_t)type << byte,
						  TRY_GUEST);
		try_value(GUEST_PAT, 0x0007050106040706, TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry guest: EFER", KERNEL64, TRY_SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_EFER)))) {
		try_bits(GUEST_EFER, 0x500, TRY_GUEST);
		try_value(GUEST_EFER, get(GUEST_EFER) & ~0x500ull, TRY_GUEST);
		try_bits(GUEST_EFER, efer_reserved(), TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: EFER of an unpaged guest", UNPAGED,
			TRY_SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_EFER)))) {
		try_bits(GUEST_EFER, 0x400, TRY_GUEST);
		try_bits(GUEST_EFER, 0x100, TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry guest: BNDCFGS", KERNEL64,
			TRY_SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_BNDCFGS)))) {
		try_bits(GUEST_BNDCFGS, 0xffc, TRY_GUEST);
		try_canonical(GUEST_BNDCFGS);
		try_value(GUEST_BNDCFGS, 0x1003, TRY_RUNS);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: PERF_GLOBAL_CTRL, reserved bits", KERNEL64,
				  TRY_SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_PERF_GLOBAL)), NOT_CHECKED)) {
		try_bits(GUEST_PERF_GLOBAL, 0xfff0000000000000, TRY_GUEST);
		tries_end();
	}
}

/* ---- segments ---- */

static void selectors(void)
{
	if (tries_begin("entry guest: selectors", KERNEL64, NULL)) {
		try_bits(GUEST_TR_SEL, 4, TRY_GUEST);
		try_value(GUEST_SS_SEL, SEL_DATA | 1, TRY_GUEST);
		try_value(GUEST_LDTR_SEL, 4, TRY_RUNS); /* unusable */
		tries_end();
	}
	if (tries_begin("entry guest: selector of SS with unrestricted guest", KERNEL64,
			TRY_SETS(UNRESTRICTED))) {
		try_value(GUEST_SS_SEL, SEL_DATA | 1, TRY_RUNS);
		tries_end();
	}
}

static void bases(void)
{
	static const uint32_t canonical[] = {GUEST_FS_BASE, GUEST_FS_BASE + 2, GUEST_TR_BASE};

	if (!tries_begin("entry guest: segment bases", KERNEL64, NULL))
		return;
	for (unsigned int i = 0; i < 3; i++)
		try_canonical(canonical[i]);
	for (uint32_t field = GUEST_ES_BASE; field <= GUEST_DS_BASE; field += 2)
		try_bits(field, 0x8001000100000000, TRY_GUEST);
	put(GUEST_DS_AR, get(GUEST_DS_AR) | AR_UNUSABLE);
	try_value(GUEST_DS_BASE, 1ull << 32, TRY_RUNS);
	put(GUEST_LDTR_AR, 0x82);
	try_canonical(GUEST_DS_BASE + 6); /* LDTR's */
	tries_end();
}

static uint64_t with_type(uint64_t rights, unsigned int type)
{
	return (rights & ~0xfull) | type;
}

static void code_rights(void)
{
	if (tries_begin("entry guest: CS, each type", KERNEL64, NULL)) {
		const uint64_t rights = get(GUEST_CS_AR);

		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_CS_AR, with_type(rights, type),
				  type >= 9 && type & 1 ? TRY_RUNS : TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: CS, each type with unrestricted guest", REAL, NULL)) {
		const uint64_t rights = get(GUEST_CS_AR);

		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_CS_AR, with_type(rights, type),
				  type == 3 || (type >= 9 && type & 1) ? TRY_RUNS : TRY_GUEST);
		put(GUEST_CS_AR, with_type(rights, 3));
		try_bits(GUEST_CS_AR, 0x60, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: CS, other access rights", KERNEL64, NULL)) {
		try_bits(GUEST_CS_AR, 0x10 | 0x80 | 0xf00 | 0x4000 | 0x80020000, TRY_GUEST);
		try_bits(GUEST_CS_AR, 0x8000, TRY_GUEST); /* its limit is not below 1 MiB */
		try_value(GUEST_CS_LIMIT, 0xffffe, TRY_GUEST); /* nor in pages */
		try_bits(GUEST_CS_AR, 0x60, TRY_GUEST); /* DPL that is not that of SS */
		tries_end();
	}
	if (tries_begin("entry guest: conforming CS of DPL up to that of SS", USER64, NULL)) {
		const uint64_t rights = with_type(get(GUEST_CS_AR), 15) & ~0x60ull;

		for (unsigned int dpl = 0; dpl < 4; dpl++)
			try_value(GUEST_CS_AR, rights | dpl << 5, TRY_RUNS);
		put(GUEST_SS_AR, get(GUEST_SS_AR) & ~0x60ull);
		put(GUEST_SS_SEL, SEL_DATA);
		put(GUEST_CS_SEL, SEL_CODE);
		try_value(GUEST_CS_AR, rights | 1 << 5, TRY_GUEST);
		tries_end();
	}
}

static void data_rights(void)
{
	if (tries_begin("entry guest: SS, each type", KERNEL64, NULL)) {
		const uint64_t rights = get(GUEST_SS_AR);

		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_SS_AR, with_type(rights, type),
				  type == 3 || type == 7 ? TRY_RUNS : TRY_GUEST);
		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_SS_AR, with_type(rights, type) | AR_UNUSABLE, TRY_RUNS);
		try_bits(GUEST_SS_AR, 0x10 | 0x80 | 0xf00 | 0x80020000, TRY_GUEST);
		try_bits(GUEST_SS_AR, 0x60, TRY_GUEST);
		put(GUEST_SS_AR, rights | AR_UNUSABLE);
		try_bits(GUEST_SS_AR, 0x60, TRY_GUEST); /* even so: DPL is the RPL */
		tries_end();
	}
	for (unsigned int i = 0; i < 4; i++) {
		static const uint8_t index[] = {0, 3, 4, 5};
		static const char *const names[] = {
			"entry guest: ES, each type", "entry guest: DS, each type",
			"entry guest: FS, each type", "entry guest: GS, each type"};
		const uint32_t field = GUEST_ES_AR + 2u * index[i];
		uint64_t rights;

		if (!tries_begin(names[i], KERNEL64, NULL))
			continue;
		rights = get(field);
		for (unsigned int type = 0; type < 16; type++)
			try_value(field, with_type(rights, type),
				  type & 1 && (type < 8 || type & 2) ? TRY_RUNS : TRY_GUEST);
		try_bits(field, 0x10 | 0x80 | 0xf00 | 0x80020000, TRY_GUEST);
		try_bits(field, 0x8000, TRY_GUEST);
		put(GUEST_ES_SEL + 2u * index[i], SEL_DATA | 3); /* RPL over DPL */
		try_now(TRY_GUEST);
		put(field, with_type(rights, 15)); /* but in conforming code */
		try_now(TRY_RUNS);
		try_value(field, AR_UNUSABLE, TRY_RUNS);
		tries_end();
	}
}

static void system_rights(void)
{
	if (tries_begin("entry guest: TR, each type in IA-32e mode", KERNEL64, NULL)) {
		const uint64_t rights = get(GUEST_TR_AR);

		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_TR_AR, with_type(rights, type), type == 11 ? TRY_RUNS : TRY_GUEST);
		try_bits(GUEST_TR_AR, 0x10 | 0x80 | 0xf00 | 0x8000 | 0x80030000, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: TR, each type outside", PAE, NULL)) {
		const uint64_t rights = get(GUEST_TR_AR);

		for (unsigned int type = 0; type < 16; type++)
			try_value(GUEST_TR_AR, with_type(rights, type),
				  type == 11 || type == 3 ? TRY_RUNS : TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: LDTR, each type", KERNEL64, NULL)) {
		put(GUEST_LDTR_AR, 0x82);
		put(GUEST_ES_LIMIT + 12, 0xfff);
		for (unsigned int type = 0; type < 16; type++)
			if (type != 2)
				try_value(GUEST_LDTR_AR, with_type(0x82, type), TRY_GUEST);
		try_bits(GUEST_LDTR_AR, 0x10 | 0x80 | 0xf00 | 0x80020000, TRY_GUEST);
		try_value(GUEST_LDTR_SEL, 4, TRY_GUEST);
		try_now(TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry guest: GDTR and IDTR", KERNEL64, NULL)) {
		try_canonical(GUEST_GDTR_BASE);
		try_canonical(GUEST_IDTR_BASE);
		try_bits(GUEST_GDTR_LIMIT, 0x80010000, TRY_GUEST);
		try_bits(GUEST_IDTR_LIMIT, 0x80010000, TRY_GUEST);
		tries_end();
	}
}

/* CS to GS as virtual-8086 mode wants them. */
static void virtual_8086(void)
{
	static const char name[] = "entry guest: virtual-8086 segments";

	if (!tries_begin(name, PAE, TRY_SETS(INTERCEPT(GP), PUT(GUEST_RFLAGS, VIRTUAL_8086 | 2))))
		return;
	for (unsigned int i = 0; i < 6; i++) {
		put(GUEST_ES_SEL + 2 * i, 0x1000);
		put(GUEST_ES_BASE + 2 * i, 0x10000);
		put(GUEST_ES_LIMIT + 2 * i, 0xffff);
		put(GUEST_ES_AR + 2 * i, 0xf3);
	}
	for (unsigned int i = 0; i < 6; i++) {
		try_bits(GUEST_ES_SEL + 2 * i, 0x8001, TRY_GUEST);
		try_bits(GUEST_ES_BASE + 2 * i, 0x100000001, TRY_GUEST);
		try_bits(GUEST_ES_LIMIT + 2 * i, 0x80010001, TRY_GUEST);
		try_bits(GUEST_ES_AR + 2 * i, 0x1ffff, TRY_GUEST);
	}
	tries_end();
}

/* ---- RIP, RFLAGS, non-register state ---- */

static void flags(void)
{
	if (tries_begin("entry guest: RFLAGS", KERNEL64, NULL)) {
		try_bits(GUEST_RFLAGS, 0x80000001ffc0802aull, TRY_GUEST);
		try_bits(GUEST_RFLAGS, VIRTUAL_8086, TRY_GUEST);
		try_value(GUEST_RFLAGS, 0xcd7, TRY_RUNS);
		tries_end();
	}
	if (tries_begin("entry guest: RFLAGS.VM in real mode", REAL, NULL)) {
		try_bits(GUEST_RFLAGS, VIRTUAL_8086, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: RIP outside 64-bit mode", KERNEL32, NULL)) {
		try_bits(GUEST_RIP, 0x8001000100000000, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: RIP in 64-bit mode", KERNEL64, NULL, NOT_CHECKED)) {
		try_value(GUEST_RIP, 1ull << 48, TRY_GUEST);
		try_value(GUEST_RIP, 1ull << 63, TRY_GUEST);
		try_value(GUEST_RIP, 0xfffe800000000000, TRY_GUEST);
		tries_end();
	}
}

#define VALID(type, vector) (INTR_VALID | (type) << 8 | (vector))

static void activity(void)
{
	static const uint32_t bad_in_shutdown[] = {VALID(INTR_EXTERNAL, 0x40), VALID(INTR_HARDWARE, DB),
						   VALID(INTR_HARDWARE, UD), VALID(INTR_SOFTWARE, 0x40)};

	if (tries_begin("entry guest: activity states", KERNEL64, NULL)) {
		try_bits(GUEST_ACTIVITY, 0x8001000c, TRY_GUEST);
		for (unsigned int state = 1; state < 4; state++)
			if (!(lab_caps.misc >> (5 + state) & 1))
				try_value(GUEST_ACTIVITY, state, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: events into shutdown", KERNEL64,
				  TRY_SETS(PUT(NEED(NEED_SHUTDOWN), 0), PUT(GUEST_RFLAGS, 0x202),
					   PUT(ENTRY_INSTR_LEN, 1), PUT(GUEST_ACTIVITY, 2)),
				  NOT_CHECKED)) {
		for (unsigned int i = 0; i < 4; i++)
			try_value(ENTRY_INTR_INFO, bad_in_shutdown[i], TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: events into wait-for-SIPI", KERNEL64,
				  TRY_SETS(PUT(NEED(NEED_SIPI), 0), PUT(GUEST_RFLAGS, 0x202),
					   PUT(ENTRY_INSTR_LEN, 1), PUT(GUEST_ACTIVITY, 3)),
				  NOT_CHECKED)) {
		for (unsigned int i = 0; i < 4; i++)
			try_value(ENTRY_INTR_INFO, bad_in_shutdown[i], TRY_GUEST);
		try_value(ENTRY_INTR_INFO, VALID(INTR_NMI, NMI), TRY_GUEST);
		try_value(ENTRY_INTR_INFO, VALID(INTR_HARDWARE, MC), TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: events into HLT", KERNEL64, TRY_SETS(PUT(GUEST_ACTIVITY, 1)),
				  NOT_CHECKED)) {
		for (unsigned int v = 0; v < 32; v++)
			if (v != DB && v != MC && v != NMI && !(0x27d00u >> v & 1))
				try_value(ENTRY_INTR_INFO, VALID(INTR_HARDWARE, v), TRY_GUEST);
		put(ENTRY_INSTR_LEN, 1);
		try_value(ENTRY_INTR_INFO, VALID(INTR_SOFTWARE, 0x40), TRY_GUEST);
		try_value(ENTRY_INTR_INFO, VALID(INTR_PRIVILEGED, DB), TRY_GUEST);
		try_value(ENTRY_INTR_INFO, VALID(INTR_SOFTWARE_EXCEPTION, BP), TRY_GUEST);
		tries_end();
	}
}

static void interruptibility(void)
{
	if (tries_begin("entry guest: interruptibility", KERNEL64, NULL)) {
		try_bits(GUEST_INTERRUPTIBILITY, 0x80010064, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: enclave interruption without SGX", KERNEL64, NULL,
				  NOT_CHECKED)) {
		if (!(cpuid(7, 0).ebx & 4))
			try_bits(GUEST_INTERRUPTIBILITY, 0x10, TRY_GUEST);
		tries_end();
	}
	if (tries_begin("entry guest: pending debug exceptions, each reserved bit", KERNEL64, NULL)) {
		try_bits(GUEST_PENDING_DEBUG, ~0x1500full & 0xfffff7ff, TRY_GUEST); /* 11: bus locks */
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: pending debug exceptions, each high bit", KERNEL64, NULL,
				  NOT_CHECKED)) {
		try_bits(GUEST_PENDING_DEBUG, 0x8001000100000000, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: pending debug exception of RTM without RTM", KERNEL64, NULL,
				  NOT_CHECKED)) {
		if (!(cpuid(7, 0).ebx & 1u << 11))
			try_value(GUEST_PENDING_DEBUG, 0x11000, TRY_GUEST);
		try_value(GUEST_PENDING_DEBUG, 0x10000, TRY_GUEST);
		try_value(GUEST_PENDING_DEBUG, 0x11001, TRY_GUEST);
		tries_end();
	}
	if (tries_begin_not_bochs("entry guest: pending BS against TF and BTF", KERNEL64, NULL,
				  NOT_CHECKED)) {
		for (unsigned int i = 0; i < 8; i++) {
			const bool tf = i & 1, btf = i & 2, bs = i & 4;

			put(GUEST_RFLAGS, tf ? 0x102 : 2);
			put(GUEST_DEBUGCTL, btf ? 2 : 0);
			put(GUEST_PENDING_DEBUG, bs ? DEBUG_BS : 0);
			if (bs != (tf && !btf)) {
				try_value(GUEST_INTERRUPTIBILITY, 2, TRY_GUEST);
				try_value(GUEST_ACTIVITY, 1, TRY_GUEST);
			}
		}
		tries_end();
	}
}

static void link_pointer(void)
{
	const uint32_t revision = lab_caps.basic & 0x7fffffff;
	const uint64_t page = address_of(lab_page[3]);

	if (!tries_begin("entry guest: VMCS link pointer", KERNEL64, NULL))
		return;
	lab_page[3][0] = revision;
	for (unsigned int bit = 0; bit < 12; bit++)
		try_value(VMCS_LINK_POINTER, page | 1u << bit, TRY_LINK);
	for (unsigned int bit = lab_caps.physical_bits; bit < 64; bit += 7)
		try_value(VMCS_LINK_POINTER, page | 1ull << bit, TRY_LINK);
	lab_page[3][0] = revision ^ 1;
	try_value(VMCS_LINK_POINTER, page, TRY_LINK);
	lab_page[3][0] = revision | 1ull << 31; /* a shadow VMCS, without VMCS shadowing */
	try_value(VMCS_LINK_POINTER, page, TRY_LINK);
	try_value(VMCS_LINK_POINTER, lab_vmcs(), TRY_LINK);
	tries_end();
	if (tries_begin("entry guest: VMCS link pointer with VMCS shadowing", KERNEL64,
			TRY_SETS(PUT(OR(CPU_CTLS2), CPU2_VMCS_SHADOWING)))) {
		lab_page[3][0] = revision;
		try_value(VMCS_LINK_POINTER, page, TRY_LINK);
		lab_page[3][0] = (revision ^ 1) | 1ull << 31;
		try_value(VMCS_LINK_POINTER, page, TRY_LINK);
		tries_end();
	}
}

static void pdptes(void)
{
	if (!tries_begin("entry guest: PDPTEs, each reserved bit", PAE, NULL))
		return;
	for (unsigned int i = 0; i < 4; i++) {
		const uint32_t field = GUEST_PDPTE0 + 2 * i;

		try_bits(field, 0x1e6 & ~get(field), get(field) & 1 ? TRY_PDPTE : TRY_RUNS);
		if (get(field) & 1)
			try_bits(field, beyond_width(), TRY_PDPTE);
	}
	tries_end();
}

void test_entry_guest(void)
{
	control_registers();
	msrs();
	selectors();
	bases();
	code_rights();
	data_rights();
	system_rights();
	virtual_8086();
	flags();
	activity();
	interruptibility();
	link_pointer();
	pdptes();
}
