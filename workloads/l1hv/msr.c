// SPDX-License-Identifier: MIT
/*
 * MSRs of L2. The bitmap begins with every bit set; a row that passes through clears its own. What no row
 * names faults, as on a processor without it. SYSCALL MSRs and KERNEL_GS_BASE are L2's alone: l1hv has no use
 * for them.
 */
#include "events.h"
#include "exits.h"
#include "guest.h"
#include "pages.h"

#define PASS_READ  1u
#define PASS_WRITE 2u
#define PASS       (PASS_READ | PASS_WRITE)

#define APIC_BSP  (1ull << 8)
#define APIC_EXTD (1ull << 10)
#define APIC_EN   (1ull << 11)
#define APIC_BASE 0xFEE00000ull

/* false: #GP */
typedef bool read_fn(uint32_t msr, uint64_t *value);
typedef bool write_fn(uint32_t msr, uint64_t value);

static uint8_t *bitmap;
static struct {
	bool apic_known, misc_known;
	uint64_t apic_base, misc_enable;
} l2_msr;

static uint64_t apic_base(void)
{
	if (!l2_msr.apic_known) {
		l2_msr.apic_base = rdmsr(IA32_APIC_BASE);
		l2_msr.apic_known = true;
	}
	return l2_msr.apic_base;
}

bool l2_apic_enabled(void)
{
	return apic_base() & APIC_EN;
}

static bool read_apic_base(uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = apic_base();
	return true;
}

/*
 * SDM volume 3, "Local APIC State After It Has Been Software Disabled" and "x2APIC State Transitions".
 * L2 has the APIC that lies below. It is never disabled globally there, as not every machine can undo that.
 */
static bool write_apic_base(uint32_t msr, uint64_t value)
{
	const uint64_t old = apic_base(), mode = APIC_EN | APIC_EXTD;
	const uint64_t known = mode | APIC_BSP | 0xFFFFFF000ull;

	(void)msr;
	if ((value & ~known) || (value & mode) == APIC_EXTD)
		return false;
	if ((value & APIC_EXTD) && !(cpuid(1, 0).ecx & 1u << 21))
		return false;
	if ((old & APIC_EXTD) && (value & mode) == APIC_EN)
		return false; /* from x2APIC only through disabled */
	if (!(old & APIC_EN) && (value & APIC_EXTD))
		return false;
	if ((value & 0xFFFFFF000ull) != APIC_BASE)
		l2_stop(STOP_UNSUPPORTED, "the local APIC's registers moved to another address");
	l2_msr.apic_base = value;
	if (value & ~old & APIC_EXTD)
		wrmsr(IA32_APIC_BASE, rdmsr(IA32_APIC_BASE) | APIC_EXTD);
	return true;
}

static bool read_misc_enable(uint32_t msr, uint64_t *value)
{
	if (l2_msr.misc_known) {
		*value = l2_msr.misc_enable;
		return true;
	}
	return rt_rdmsr_safe(msr, value);
}

/* Kept, without effect: the processor's own belongs to what is below. */
static bool write_misc_enable(uint32_t msr, uint64_t value)
{
	uint64_t now;

	if (!read_misc_enable(msr, &now))
		return false;
	l2_msr.misc_enable = value;
	l2_msr.misc_known = true;
	return true;
}

static bool read_efer(uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = l2_efer();
	return true;
}

static bool write_efer_checked(uint32_t msr, uint64_t value)
{
	(void)msr;
	return l2_set_efer(value);
}

static void intercept(uint32_t msr, unsigned int how, bool on);

/* The deadline is compared with the TSC below, so it stops passing through once L2's differs. */
static bool write_tsc(uint32_t msr, uint64_t value)
{
	(void)msr;
	hv.tsc_offset = value - rdtsc();
	vmwrite(TSC_OFFSET, hv.tsc_offset);
	intercept(IA32_TSC_DEADLINE, PASS, true);
	return true;
}

static bool read_tsc(uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = rdtsc() + hv.tsc_offset;
	return true;
}

static bool read_deadline(uint32_t msr, uint64_t *value)
{
	const bool ok = rt_rdmsr_safe(msr, value);

	if (*value)
		*value += hv.tsc_offset;
	return ok;
}

static bool write_deadline(uint32_t msr, uint64_t value)
{
	return rt_wrmsr_safe(msr, value ? value - hv.tsc_offset : 0);
}

static bool read_below(uint32_t msr, uint64_t *value)
{
	return rt_rdmsr_safe(msr, value);
}

static bool read_zero(uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = 0;
	return true;
}

/* Locked with VMX off. */
static bool read_feature_control(uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = FEATURE_LOCK;
	return true;
}

static bool write_swallowed(uint32_t msr, uint64_t value)
{
	(void)msr;
	(void)value;
	return true;
}

static const struct msr_row {
	uint32_t first, last;
	unsigned int pass;
	read_fn *read;
	write_fn *write;
} msr_rows[] = {
	{IA32_TSC,               IA32_TSC,               PASS_READ, read_tsc,             write_tsc         },
	{IA32_PLATFORM_ID,       IA32_PLATFORM_ID,       0,         read_below,           NULL              },
	{IA32_APIC_BASE,         IA32_APIC_BASE,         0,         read_apic_base,       write_apic_base   },
	{IA32_FEATURE_CONTROL,   IA32_FEATURE_CONTROL,   0,         read_feature_control, NULL              },
	{IA32_UCODE_REV,         IA32_UCODE_REV,         0,         read_zero,            write_swallowed   },
	{IA32_MTRRCAP,           IA32_MTRRCAP,           0,         read_below,           NULL              },
	{IA32_SYSENTER_CS,       IA32_SYSENTER_EIP,      PASS,      NULL,                 NULL              },
	{IA32_ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, 0,         read_below,           NULL              },
	{IA32_MCG_CAP,           IA32_MCG_CAP + 1,       0,         read_zero,            write_swallowed   },
	{IA32_MISC_ENABLE,       IA32_MISC_ENABLE,       0,         read_misc_enable,     write_misc_enable },
	{IA32_DEBUGCTL,          IA32_DEBUGCTL,          PASS,      NULL,                 NULL              },
	{0x200,		  0x26F,                  0,         read_below,           write_swallowed   }, /* MTRRs */
	{IA32_PAT,               IA32_PAT,               PASS,      NULL,                 NULL              },
	{IA32_MTRR_DEF_TYPE,     IA32_MTRR_DEF_TYPE,     0,         read_below,           write_swallowed   },
	{IA32_TSC_DEADLINE,      IA32_TSC_DEADLINE,      PASS,      read_deadline,        write_deadline    },
	{IA32_X2APIC_FIRST,      IA32_X2APIC_LAST,       PASS,      NULL,                 NULL              },
	{IA32_XSS,               IA32_XSS,               PASS,      NULL,                 NULL              },
	{IA32_EFER,              IA32_EFER,              0,         read_efer,            write_efer_checked},
	{IA32_STAR,              IA32_FMASK,             PASS,      NULL,                 NULL              },
	{IA32_FS_BASE,           IA32_TSC_AUX,           PASS,      NULL,                 NULL              },
};

static const struct msr_row *row_of(uint32_t msr)
{
	/* backwards: IA32_PAT lies within the MTRRs' range and comes later */
	for (size_t i = sizeof(msr_rows) / sizeof(msr_rows[0]); i-- > 0;)
		if (msr >= msr_rows[i].first && msr <= msr_rows[i].last)
			return &msr_rows[i];
	return NULL;
}

/* SDM volume 3, "MSR-Bitmap Address": read low, read high, write low, write high, 1 KiB each. */
static void intercept(uint32_t msr, unsigned int how, bool on)
{
	const uint32_t at = (msr >= 0xC0000000u ? 1024u : 0) + (msr & 0x1FFF) / 8;
	const uint8_t bit = (uint8_t)(1u << (msr & 7));

	for (unsigned int half = 0; half < 2; half++) {
		uint8_t *byte = bitmap + at + 2048ull * half;

		if (how & (half ? PASS_WRITE : PASS_READ))
			*byte = (uint8_t)(on ? *byte | bit : *byte & ~bit);
	}
}

uint64_t msr_bitmap_build(void)
{
	bitmap = (uint8_t *)pages_alloc(1, PAGE_SIZE);
	memset(bitmap, 0xFF, PAGE_SIZE);
	for (size_t i = 0; i < sizeof(msr_rows) / sizeof(msr_rows[0]); i++)
		for (uint32_t msr = msr_rows[i].first; msr <= msr_rows[i].last; msr++)
			intercept(msr, msr_rows[i].pass, false);
	if (hv.cap.unrestricted) /* each world has its own EFER in the VMCS, and the processor keeps LMA right
				  */
		intercept(IA32_EFER, PASS, false);
	return (uint64_t)bitmap;
}

enum verdict on_rdmsr(struct l2_regs *regs)
{
	const uint32_t msr = (uint32_t)regs->r[RCX];
	const struct msr_row *row = row_of(msr);
	uint64_t value;

	if (!row || !row->read || !row->read(msr, &value))
		return inject_gp();
	regs->r[RAX] = (uint32_t)value;
	regs->r[RDX] = value >> 32;
	return SKIP;
}

enum verdict on_wrmsr(struct l2_regs *regs)
{
	const uint32_t msr = (uint32_t)regs->r[RCX];
	const struct msr_row *row = row_of(msr);

	if (!row || !row->write || !row->write(msr, regs->r[RDX] << 32 | (uint32_t)regs->r[RAX]))
		return inject_gp();
	return SKIP;
}
