/* SPDX-License-Identifier: MIT */
/*
 * The input is a program that writes fields of a valid vmcs12 and enters now and then. Checking only the
 * groups that are due by what was written says the same as checking all; and what is accepted has no control
 * that L1 was not offered, and merges into what the processor takes. An instruction: a byte of operation, a
 * byte of field, eight bytes of value.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/merge_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INSTRUCTION 10

struct world {
	struct fixture f;
	struct check_env env;
	uint32_t due;
	struct vmcs_bitset dirty;
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static bool within(uint64_t value, uint64_t cap)
{
	return (value & (uint32_t)cap) == (uint32_t)cap && !(value & ~(cap >> 32));
}

static void words_within(const struct vmcs_image *v, const struct vmx_caps *caps)
{
	expect(within(v->v[F_PIN_CTLS], caps->true_pin));
	expect(within(v->v[F_CPU_CTLS], caps->true_cpu));
	expect(within(v->v[F_EXIT_CTLS], caps->true_exit));
	expect(within(v->v[F_ENTRY_CTLS], caps->true_entry));
	if (v->v[F_CPU_CTLS] & CPU_ACTIVATE_CTLS2)
		expect(within(v->v[F_CPU_CTLS2], caps->cpu2));
}

/* What any processor would refuse of the fields that L0 takes from vmcs12 as they are. */
static void vmcs02_is_sound(const struct fixture *f)
{
	const uint64_t *v = f->vmcs02.v;
	const bool wide = v[F_ENTRY_CTLS] & ENTRY_CTL_IA32E_GUEST;

	words_within(&f->vmcs02, &f->hardware);
	expect(!(v[F_GUEST_RFLAGS] & ~0x3f7fd7ull) && v[F_GUEST_RFLAGS] & 2);
	expect(wide ? v[F_GUEST_CR0] >> 31 & 1 && v[F_GUEST_CR4] >> 5 & 1 : !(v[F_GUEST_RIP] >> 32));
	expect((v[F_GUEST_CR0] & 0x80000001) != 0x80000000);
	expect(v[F_GUEST_TR_ACCESS_RIGHTS] >> 7 & 1 && !(v[F_GUEST_TR_ACCESS_RIGHTS] >> 16 & 1));
	expect(v[F_GUEST_ACTIVITY] <= 3 && !(v[F_GUEST_INTERRUPTIBILITY] & ~0x1full));
	expect(!(v[F_ENTRY_INTR_INFO] >> 31 & 1) || (v[F_ENTRY_INTR_INFO] >> 8 & 7) != 1);
}

static void enter(struct world *w)
{
	struct check_result part, whole;
	bool accepted;

	w->due |= vmcs12_check_groups(&w->dirty);
	vmcs_bitset_clear_all(&w->dirty);
	accepted = vmcs12_check(&w->env, w->due | vmcs12_check_always(&w->f.vmcs12), &part);
	expect(accepted == vmcs12_check(&w->env, CHECK_ALL, &whole));
	expect(accepted || (part.failure == whole.failure && part.clause == whole.clause));
	if (!accepted)
		return;
	w->due = 0;
	words_within(&w->f.vmcs12, &w->f.offered);
	vmcs_merge_full(&w->f.in, &w->f.vmcs02);
	vmcs02_is_sound(&w->f);
}

/* Values that clauses of different groups read together. */
static const struct {
	uint8_t field;
	uint64_t value;
} related[] = {
	{F_GUEST_CR0,              0x30					  },
	{F_GUEST_CR0,              0x31					  },
	{F_GUEST_CR0,              0x80000031				    },
	{F_GUEST_CR4,              0x2000					},
	{F_GUEST_CR4,              0x2020					},
	{F_GUEST_EFER,             0					     },
	{F_GUEST_RFLAGS,           2					     },
	{F_GUEST_RFLAGS,           0x102					 },
	{F_GUEST_RFLAGS,           0x202					 },
	{F_GUEST_RFLAGS,           0x20002				       },
	{F_GUEST_DEBUGCTL,         2					     },
	{F_GUEST_PENDING_DEBUG,    0x4000					},
	{F_GUEST_PENDING_DEBUG,    0					     },
	{F_GUEST_INTERRUPTIBILITY, 1					     },
	{F_GUEST_INTERRUPTIBILITY, 2					     },
	{F_GUEST_INTERRUPTIBILITY, 8					     },
	{F_GUEST_INTERRUPTIBILITY, 0					     },
	{F_GUEST_ACTIVITY,         1					     },
	{F_GUEST_ACTIVITY,         0					     },
	{F_ENTRY_INTR_INFO,        0x80000b0d                                    },
	{F_ENTRY_INTR_INFO,        0x8000030d                                    },
	{F_ENTRY_INTR_INFO,        0x80000020                                    },
	{F_ENTRY_INTR_INFO,        0x80000202                                    },
	{F_ENTRY_INTR_INFO,        0					     },
	{F_CPU_CTLS2,              CTL2_EPT | CTL2_VPID | CTL2_UNRESTRICTED_GUEST},
	{F_CPU_CTLS2,              CTL2_EPT | CTL2_VPID                          },
	{F_PIN_CTLS,               0x16 | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS     },
	{F_PIN_CTLS,               0x16					  },
	{F_ENTRY_CTLS,             0x11fb					},
	{F_GUEST_CS_ACCESS_RIGHTS, 0xc09b                                        },
	{F_GUEST_CS_ACCESS_RIGHTS, 0x93					  },
	{F_GUEST_CS_ACCESS_RIGHTS, 0xa0fb                                        },
	{F_GUEST_SS_ACCESS_RIGHTS, 0xc0f3                                        },
	{F_GUEST_SS_SELECTOR,      0x13					  },
	{F_GUEST_CS_SELECTOR,      0x0b					  },
	{F_GUEST_RIP,              0xffff800000000000                            },
	{F_GUEST_RIP,              0x100000				      },
};

static void step(struct world *w, uint8_t operation, unsigned field, uint64_t value)
{
	const unsigned pair = (unsigned)(value % (sizeof(related) / sizeof(related[0])));
	uint64_t *v;

	if (operation & 0x10)
		field = related[pair].field;
	if (vmcs_field_readonly(field))
		return;
	v = &w->f.vmcs12.v[field];
	switch (operation % 8) {
	case 0:
		enter(w);
		return;
	case 1: /* a bit, so that what is valid stays near */
	case 2:
	case 3:
		*v ^= 1ull << value % 64;
		break;
	case 4: {
		struct fixture valid; /* back to what is valid */

		fixture_init(&valid);
		*v = valid.vmcs12.v[field];
		break;
	}
	case 5:
		*v = value & 0xff;
		break;
	default:
		*v = value;
		break;
	}
	if (operation & 0x10)
		*v = related[pair].value;
	*v &= vmcs_field_width_mask(field);
	vmcs_bitset_set(&w->dirty, field);
	if (operation & 8)
		enter(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	fixture_init(&w.f);
	w.env = fixture_env(&w.f);
	w.due = CHECK_ALL;
	vmcs_bitset_clear_all(&w.dirty);
	enter(&w);
	expect(!w.due);
	for (; size >= INSTRUCTION; data += INSTRUCTION, size -= INSTRUCTION) {
		uint64_t value;

		memcpy(&value, data + 2, sizeof(value));
		step(&w, data[0], data[1] % VMCS_FIELD_COUNT, value);
	}
	enter(&w);
	return 0;
}
