// SPDX-License-Identifier: MIT
/* VM entry: "Checks on VMX Controls", bit by bit. */
#include "tries.h"

#define CTL2(bits) PUT(OR(CPU_CTLS2), bits)
#define TPR        PUT(OR(CPU_CTLS), CPU_TPR_SHADOW)

/* A control that may not be 1, or not be 0, fails the entry when it is. */
static void reserved_controls(void)
{
	const struct {
		const char *name;
		uint32_t field;
		uint64_t msr;
	} words[] = {
		{"entry controls: pin-based, each reserved bit", PIN_CTLS,   lab_caps.pin  },
		{"entry controls: primary, each reserved bit",   CPU_CTLS,   lab_caps.cpu  },
		{"entry controls: secondary, each reserved bit", CPU_CTLS2,  lab_caps.cpu2 },
		{"entry controls: VM-exit, each reserved bit",   EXIT_CTLS,  lab_caps.exit },
		{"entry controls: VM-entry, each reserved bit",  ENTRY_CTLS, lab_caps.entry},
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const uint32_t must = (uint32_t)words[i].msr, may = (uint32_t)(words[i].msr >> 32);

		if (!tries_begin(words[i].name, KERNEL64, NULL))
			continue;
		try_bits(words[i].field, must & get(words[i].field), TRY_CONTROLS);
		try_bits(words[i].field, (uint32_t)~may & ~get(words[i].field), TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: secondary ones are ignored until activated", KERNEL64, NULL)) {
		put(CPU_CTLS, get(CPU_CTLS) & ~(uint64_t)CPU_SECONDARY);
		put(CPU_CTLS2, 0xffffffff);
		/* without EPT, L2's page tables are L1's */
		put(GUEST_CR3, read_cr3());
		try_now(TRY_RUNS);
		tries_end();
	}
}

/* Every address that a control brings into use: aligned, and within the physical-address width. */
static void addresses(void)
{
	static const struct {
		const char *name;
		struct set set[4];
		uint32_t field;
		uint32_t low; /* bits that must be 0 */
	} rows[] = {
		{"entry controls: I/O bitmap A",          {PUT(OR(CPU_CTLS), CPU_IO_BITMAPS)},  IO_BITMAP_A,       0xfff},
		{"entry controls: I/O bitmap B",          {PUT(OR(CPU_CTLS), CPU_IO_BITMAPS)},  IO_BITMAP_B,       0xfff},
		{"entry controls: MSR bitmap",            {PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS)}, MSR_BITMAP,        0xfff},
		{"entry controls: virtual-APIC page",     {TPR},                                VIRTUAL_APIC_PAGE, 0xfff},
		{"entry controls: APIC-access page",      {CTL2(CPU2_APIC_ACCESSES)},           APIC_ACCESS_PAGE,  0xfff},
		{"entry controls: PML",                   {CTL2(CPU2_PML)},                     PML_ADDRESS,       0xfff},
		{"entry controls: VMREAD bitmap",         {CTL2(CPU2_VMCS_SHADOWING)},          VMREAD_BITMAP,     0xfff},
		{"entry controls: VMWRITE bitmap",        {CTL2(CPU2_VMCS_SHADOWING)},          VMWRITE_BITMAP,    0xfff},
		{"entry controls: #VE information",       {CTL2(CPU2_VE)},                      VE_INFORMATION,    0xfff},
		{"entry controls: EPTP list",
		 {CTL2(CPU2_VMFUNC), PUT(OR(VM_FUNCTION_CTLS), 1)},
		 EPTP_LIST,											0xfff},
		{"entry controls: EPT pointer's address", {{0, 0}},                             EPT_POINTER,       0    },
		{"entry controls: exit MSR-store list",
		 {PUT(EXIT_MSR_STORE_COUNT, 1)},
		 EXIT_MSR_STORE_ADDRESS,									   0xf  },
		{"entry controls: exit MSR-load list",
		 {PUT(EXIT_MSR_LOAD_COUNT, 1)},
		 EXIT_MSR_LOAD_ADDRESS,									    0xf  },
		{"entry controls: entry MSR-load list",
		 {PUT(ENTRY_MSR_LOAD_COUNT, 1)},
		 ENTRY_MSR_LOAD_ADDRESS,									   0xf  },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!tries_begin(rows[i].name, KERNEL64, rows[i].set))
			continue;
		try_bits(rows[i].field, rows[i].low, TRY_CONTROLS);
		try_bits(rows[i].field, beyond_width(), TRY_CONTROLS);
		tries_end();
	}
}

/* The last byte of a list of two entries is out of reach, the first is not. */
static void lists(void)
{
	static const struct {
		const char *name;
		uint32_t count, address;
	} rows[] = {
		{"entry controls: exit MSR-store list's end", EXIT_MSR_STORE_COUNT, EXIT_MSR_STORE_ADDRESS},
		{"entry controls: exit MSR-load list's end",  EXIT_MSR_LOAD_COUNT,  EXIT_MSR_LOAD_ADDRESS },
		{"entry controls: entry MSR-load list's end", ENTRY_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_ADDRESS},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!tries_begin(rows[i].name, KERNEL64, NULL))
			continue;
		put(rows[i].count, 2);
		try_value(rows[i].address, (1ull << lab_caps.physical_bits) - 16, TRY_CONTROLS);
		put(rows[i].count, 0);
		try_value(rows[i].address, 1, TRY_RUNS);
		tries_end();
	}
}

/* Controls that need, or exclude, each other. */
static void combinations(void)
{
	static const struct {
		const char *name;
		struct set set[5];
		uint32_t wanted;
	} rows[] = {
		{"entry controls: APIC registers without TPR shadow",
		 {CTL2(CPU2_APIC_REGISTERS)},
		 TRY_CONTROLS														     },
		{"entry controls: virtual interrupts without TPR shadow",
		 {CTL2(CPU2_INTERRUPT_DELIVERY), PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT)},
		 TRY_CONTROLS														     },
		{"entry controls: x2APIC mode with APIC accesses",
		 {TPR, CTL2(CPU2_X2APIC), CTL2(CPU2_APIC_ACCESSES)},
		 TRY_CONTROLS														     },
		{"entry controls: x2APIC mode with TPR shadow",                      {TPR, CTL2(CPU2_X2APIC)},                        TRY_RUNS    },
		{"entry controls: virtual interrupts without interrupt exiting",
		 {TPR, CTL2(CPU2_INTERRUPT_DELIVERY), PUT(CLEAR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT)},
		 TRY_CONTROLS														     },
		{"entry controls: TPR threshold's bit 4 with virtual interrupts",
		 {TPR, CTL2(CPU2_INTERRUPT_DELIVERY), PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT),
		  PUT(TPR_THRESHOLD, 0x10)},
		 TRY_RUNS															 },
		{"entry controls: TPR threshold over VTPR",                          {TPR, PUT(TPR_THRESHOLD, 1)},                    TRY_CONTROLS},
		{"entry controls: TPR threshold as VTPR",
		 {TPR, PUT(VAPIC(0x80), 0x5f), PUT(TPR_THRESHOLD, 5)},
		 TRY_RUNS															 },
		{"entry controls: TPR threshold over VTPR with APIC accesses",
		 {TPR, CTL2(CPU2_APIC_ACCESSES), PUT(TPR_THRESHOLD, 1)},
		 TRY_RUNS															 },
		{"entry controls: PML without EPT",
		 {CTL2(CPU2_PML), PUT(CLEAR(CPU_CTLS2), CPU2_EPT)},
		 TRY_CONTROLS														     },
		{"entry controls: mode-based execution without EPT",
		 {CTL2(CPU2_MODE_BASED_EXECUTE), PUT(CLEAR(CPU_CTLS2), CPU2_EPT)},
		 TRY_CONTROLS														     },
		{"entry controls: EPTP switching without EPT",
		 {CTL2(CPU2_VMFUNC), PUT(OR(VM_FUNCTION_CTLS), 1), PUT(CLEAR(CPU_CTLS2), CPU2_EPT)},
		 TRY_CONTROLS														     },
		{"entry controls: VM function 63",
		 {CTL2(CPU2_VMFUNC), PUT(VM_FUNCTION_CTLS, 1ull << 63)},
		 TRY_CONTROLS														     },
		{"entry controls: VM functions not enabled",                         {PUT(VM_FUNCTION_CTLS, 1ull << 63)},             TRY_RUNS    },
		{"entry controls: TSC multiplier 0",
		 {CTL2(CPU2_TSC_SCALING), PUT(TSC_MULTIPLIER, 0)},
		 TRY_CONTROLS														     },
		{"entry controls: NMI window with virtual NMIs without NMI exiting",
		 {PUT(CLEAR(PIN_CTLS), PIN_NMI), PUT(OR(PIN_CTLS), PIN_VIRTUAL_NMIS),
		  PUT(OR(CPU_CTLS), CPU_NMI_WINDOW)},
		 TRY_CONTROLS														     },
		{"entry controls: virtual NMIs",                                     {PUT(OR(PIN_CTLS), PIN_NMI | PIN_VIRTUAL_NMIS)}, TRY_RUNS    },
		{"entry controls: save timer with timer",
		 {PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER), PUT(PREEMPTION_TIMER, 0xffffffff),
		  PUT(OR(EXIT_CTLS), EXIT_SAVE_TIMER)},
		 TRY_RUNS															 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!lab_selected(rows[i].name))
			continue;
		if (rows[i].set[0].field == VM_FUNCTION_CTLS && !caps_allow(CPU_CTLS2, CPU2_VMFUNC, 0)) {
			rt_skip(rows[i].name, "there is no such field");
			continue;
		}
		if (!tries_begin(rows[i].name, KERNEL64, rows[i].set))
			continue;
		try_now(rows[i].wanted);
		tries_end();
	}
}

static void numbers(void)
{
	if (tries_begin("entry controls: number of CR3 targets", KERNEL64, NULL)) {
		const uint64_t most = lab_caps.misc >> 16 & 0x1ff;

		try_value(CR3_TARGET_COUNT, most, TRY_RUNS);
		try_value(CR3_TARGET_COUNT, most + 1, TRY_CONTROLS);
		try_value(CR3_TARGET_COUNT, 0x80000000, TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: TPR threshold's bits 31:4", KERNEL64, TRY_SETS(TPR))) {
		try_bits(TPR_THRESHOLD, 0xfffffff0, TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: VPID", KERNEL64, TRY_SETS(CTL2(CPU2_VPID)))) {
		try_value(VPID, 0, TRY_CONTROLS);
		try_value(VPID, 1, TRY_RUNS);
		try_value(VPID, 0xffff, TRY_RUNS);
		tries_end();
	}
}

/* "Extended-Page-Table Pointer (EPTP)" */
static void eptp(void)
{
	const uint64_t table = lab_eptp() & ~0xfffull, caps = lab_caps.ept_vpid;

	if (!tries_begin("entry controls: EPT pointer's low bits", KERNEL64, NULL))
		return;
	for (unsigned int low = 0; low < 64; low++) {
		const unsigned int type = low & 7, levels = (low >> 3) + 1;
		const bool known = (type == 0 && caps >> 8 & 1) || (type == 6 && caps >> 14 & 1);

		if (levels == 5 && caps >> 7 & 1)
			continue; /* these tables have four levels */
		try_value(EPT_POINTER, table | low, known && levels == 4 ? TRY_RUNS : TRY_CONTROLS);
	}
	try_value(EPT_POINTER, table | 0x5e, caps & EPT_CAP_FLAGS ? TRY_RUNS : TRY_CONTROLS);
	try_bits(EPT_POINTER, caps & EPT_CAP_SHADOW_STACK ? 0xf00 : 0xf80, TRY_CONTROLS);
	tries_end();
}

/* ---- event injection ---- */

#define WITH_ERROR (1u << DF | 1u << TS | 1u << NP | 1u << SS | 1u << GP | 1u << PF | 1u << AC)

static void exceptions(const char *name, enum mode mode)
{
	/* a fault in delivery would be L2's: all exceptions exit */
	if (!tries_begin(name, mode, TRY_SETS(PUT(EXCEPTION_BITMAP, 0xffffffff))))
		return;
	for (unsigned int v = 0; v < 32; v++) {
		const bool coded = mode != REAL && WITH_ERROR >> v & 1;

		if (v == NMI || lab_caps.basic >> 56 & 1)
			continue;
		try_value(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v) | (coded ? 0 : INTR_ERROR_CODE),
			  TRY_CONTROLS);
	}
	for (unsigned int v = 32; v < 256; v = v * 2 - 1)
		try_value(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v), TRY_CONTROLS);
	tries_end();
}

static void events(void)
{
	if (tries_begin("entry controls: injected NMI of each vector", KERNEL64, NULL)) {
		for (unsigned int v = 0; v < 256; v = v * 2 + 1)
			if (v != NMI)
				try_value(ENTRY_INTR_INFO, INTR_INFO(INTR_NMI, v), TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: injected event of type 1", KERNEL64, NULL)) {
		for (unsigned int v = 0; v < 256; v = v * 4 + 3)
			try_value(ENTRY_INTR_INFO, INTR_INFO(1, v), TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: injected event with each reserved bit", KERNEL64, NULL)) {
		for (unsigned int bit = 12; bit < 31; bit++)
			try_value(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, UD) | 1u << bit, TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: error code only with hardware exceptions", KERNEL64,
			TRY_SETS(PUT(NEED(NEED_STRICT_CODES), 0)))) {
		static const uint8_t types[] = {INTR_EXTERNAL, INTR_NMI, INTR_SOFTWARE, INTR_PRIVILEGED,
						INTR_SOFTWARE_EXCEPTION};

		put(ENTRY_INSTR_LEN, 1);
		for (unsigned int i = 0; i < sizeof(types); i++)
			try_value(ENTRY_INTR_INFO,
				  INTR_INFO(types[i], types[i] == INTR_NMI ? NMI : GP) | INTR_ERROR_CODE,
				  TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: each high bit of an injected error code", KERNEL64, NULL)) {
		put(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, GP) | INTR_ERROR_CODE);
		try_bits(ENTRY_ERROR_CODE, 0xffff0000, TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin_not_bochs("entry controls: injected other event of each vector", KERNEL64, NULL,
				  "Bochs does not check it and hangs")) {
		for (unsigned int v = 1; v < 256; v *= 2)
			try_value(ENTRY_INTR_INFO, INTR_INFO(7, v), TRY_CONTROLS);
		tries_end();
	}
	if (tries_begin("entry controls: length of an injected instruction", KERNEL64,
			TRY_SETS(PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_SOFTWARE, 0x40))))) {
		try_value(ENTRY_INSTR_LEN, 0, lab_caps.misc >> 30 & 1 ? TRY_RUNS : TRY_CONTROLS);
		try_value(ENTRY_INSTR_LEN, 1, TRY_RUNS);
		try_value(ENTRY_INSTR_LEN, 15, TRY_RUNS);
		for (unsigned int type = INTR_SOFTWARE; type <= INTR_SOFTWARE_EXCEPTION; type++) {
			put(ENTRY_INTR_INFO, INTR_INFO(type, BP));
			try_value(ENTRY_INSTR_LEN, 16, TRY_CONTROLS);
			try_value(ENTRY_INSTR_LEN, 0xffffffff, TRY_CONTROLS);
		}
		tries_end();
	}
	if (tries_begin("entry controls: the fields of an event that is not valid are ignored", KERNEL64,
			NULL)) {
		put(ENTRY_ERROR_CODE, 0xffffffff);
		put(ENTRY_INSTR_LEN, 0xffffffff);
		try_value(ENTRY_INTR_INFO, 0x7fffffff, TRY_RUNS);
		tries_end();
	}
}

/* Controls are checked before host state, host state before guest state. */
static void order(void)
{
	if (tries_begin("entry: controls before host and guest state", KERNEL64, NULL)) {
		put(HOST_CR3, ~0ull);
		put(GUEST_CR3, ~0ull);
		put(VMCS_LINK_POINTER, 1);
		try_value(CR3_TARGET_COUNT, 0x1000, TRY_CONTROLS);
		try_now(TRY_HOST);
		tries_end();
	}
}

void test_entry_controls(void)
{
	reserved_controls();
	addresses();
	lists();
	combinations();
	numbers();
	eptp();
	exceptions("entry controls: injected exceptions, with error code or not", KERNEL64);
	exceptions("entry controls: injected exceptions in real mode", REAL);
	events();
	order();
}
