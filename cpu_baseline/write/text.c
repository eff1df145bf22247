/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/write/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Continuation bytes of UTF-8 take no column. */
static unsigned columns(const char *word, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((unsigned char)word[i] & 0xc0) != 0x80;
	return n;
}

static void add(struct paragraph *p, const char *word, size_t size)
{
	unsigned width = columns(word, size);

	if (p->column > p->indent && p->column + 1 + width > TEXT_WIDTH) {
		fprintf(p->out, "\n%*s", (int)p->indent, "");
		p->column = p->indent;
	} else if (p->column) {
		fputc(' ', p->out);
		p->column++;
	}
	fprintf(p->out, "%.*s", (int)size, word);
	p->column += width;
}

void paragraph_word(struct paragraph *p, const char *word)
{
	add(p, word, strlen(word));
}

void paragraph_text(struct paragraph *p, const char *text)
{
	for (size_t n; *text; text += n) {
		text += strspn(text, " ");
		n = strcspn(text, " ");
		if (n)
			add(p, text, n);
	}
}

void paragraph_end(struct paragraph *p)
{
	fputc('\n', p->out);
	p->column = 0;
}

/* SDM Vol. 4, "IA-32 Architectural MSRs"; 0xCE and 0xCF are told per model there. */
static const struct {
	uint32_t msr;
	const char *name;
} msr_names[] = {
	{0x00ce, "MSR_PLATFORM_INFO"           },
	{0x00cf, "IA32_CORE_CAPABILITIES"      },
	{0x010a, "IA32_ARCH_CAPABILITIES"      },
	{0x0345, "IA32_PERF_CAPABILITIES"      },
	{0x0480, "IA32_VMX_BASIC"              },
	{0x0481, "IA32_VMX_PINBASED_CTLS"      },
	{0x0482, "IA32_VMX_PROCBASED_CTLS"     },
	{0x0483, "IA32_VMX_EXIT_CTLS"          },
	{0x0484, "IA32_VMX_ENTRY_CTLS"         },
	{0x0485, "IA32_VMX_MISC"               },
	{0x0486, "IA32_VMX_CR0_FIXED0"         },
	{0x0487, "IA32_VMX_CR0_FIXED1"         },
	{0x0488, "IA32_VMX_CR4_FIXED0"         },
	{0x0489, "IA32_VMX_CR4_FIXED1"         },
	{0x048a, "IA32_VMX_VMCS_ENUM"          },
	{0x048b, "IA32_VMX_PROCBASED_CTLS2"    },
	{0x048c, "IA32_VMX_EPT_VPID_CAP"       },
	{0x048d, "IA32_VMX_TRUE_PINBASED_CTLS" },
	{0x048e, "IA32_VMX_TRUE_PROCBASED_CTLS"},
	{0x048f, "IA32_VMX_TRUE_EXIT_CTLS"     },
	{0x0490, "IA32_VMX_TRUE_ENTRY_CTLS"    },
	{0x0491, "IA32_VMX_VMFUNC"             },
	{0x0492, "IA32_VMX_PROCBASED_CTLS3"    },
	{0x0493, "IA32_VMX_EXIT_CTLS2"         },
};

const char *msr_name(uint32_t msr)
{
	for (size_t i = 0; i < sizeof(msr_names) / sizeof(msr_names[0]); i++)
		if (msr_names[i].msr == msr)
			return msr_names[i].name;
	return NULL;
}

void place_text(char *to, uint32_t msr, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg)
{
	static const char *const regs[CPU_REGS] = {"EAX", "EBX", "ECX", "EDX"};
	char sub[16] = "";

	if (msr) {
		const char *name = msr_name(msr);

		if (name)
			snprintf(to, PLACE_TEXT_MAX, "%s", name);
		else
			snprintf(to, PLACE_TEXT_MAX, "MSR 0x%x", msr);
		return;
	}
	if (subleaf == CPU_ANY_SUBLEAF)
		snprintf(sub, sizeof(sub), ".*");
	else if (subleaf)
		snprintf(sub, sizeof(sub), ".%u", subleaf);
	snprintf(to, PLACE_TEXT_MAX, leaf < 10 ? "leaf %u%s %s" : "leaf 0x%x%s %s", leaf, sub, regs[reg]);
}

struct identity identity_of(const struct cpu_policy *policy)
{
	static const enum cpu_reg order[] = {CPU_EBX, CPU_EDX, CPU_ECX};
	uint32_t signature = cpu_policy_reg(policy, 1, 0, CPU_EAX);
	struct identity id = {
		.family = signature >> 8 & 15, .model = signature >> 4 & 15, .stepping = signature & 15};

	for (unsigned i = 0; i < 3; i++) {
		uint32_t word = cpu_policy_reg(policy, 0, 0, order[i]);

		memcpy(id.vendor + sizeof(word) * i, &word, sizeof(word));
	}
	/* SDM Vol. 2A, "CPUID", Version Information: what is extended where the family is 6 or 15 */
	if (id.family == 6 || id.family == 15)
		id.model |= signature >> 12 & 0xf0;
	if (id.family == 15)
		id.family += signature >> 20 & 0xff;
	return id;
}

void identity_text(char *to, const struct cpu_policy *policy)
{
	struct identity id = identity_of(policy);

	if (id.family)
		snprintf(to, IDENTITY_TEXT_MAX, "%s, family %u, model %u, stepping %u", id.vendor, id.family,
			 id.model, id.stepping);
	else
		snprintf(to, IDENTITY_TEXT_MAX, "%s", id.vendor[0] ? id.vendor : "any vendor");
}

/* x86-64 psABI, "Processor": its micro-architecture levels, in its order. */
static const struct {
	uint8_t level;
	uint8_t reg; /* enum cpu_reg */
	uint8_t bit;
	uint32_t leaf;
} level_table[] = {
	{1, CPU_EDX, 15, 1         }, /* CMOV */
	{1, CPU_EDX, 8,  1         }, /* CMPXCHG8B */
	{1, CPU_EDX, 0,  1         }, /* FPU */
	{1, CPU_EDX, 24, 1         }, /* FXSAVE */
	{1, CPU_EDX, 23, 1         }, /* MMX */
	{1, CPU_EDX, 25, 1         }, /* SSE */
	{1, CPU_EDX, 26, 1         }, /* SSE2 */
	{1, CPU_EDX, 29, 0x80000001}, /* 64-bit mode; the psABI takes it for granted */
	{2, CPU_ECX, 13, 1         }, /* CMPXCHG16B */
	{2, CPU_ECX, 0,  0x80000001}, /* LAHF-SAHF */
	{2, CPU_ECX, 23, 1         }, /* POPCNT */
	{2, CPU_ECX, 0,  1         }, /* SSE3 */
	{2, CPU_ECX, 19, 1         }, /* SSE4.1 */
	{2, CPU_ECX, 20, 1         }, /* SSE4.2 */
	{2, CPU_ECX, 9,  1         }, /* SSSE3 */
	{3, CPU_ECX, 28, 1         }, /* AVX */
	{3, CPU_EBX, 5,  7         }, /* AVX2 */
	{3, CPU_EBX, 3,  7         }, /* BMI1 */
	{3, CPU_EBX, 8,  7         }, /* BMI2 */
	{3, CPU_ECX, 29, 1         }, /* F16C */
	{3, CPU_ECX, 12, 1         }, /* FMA */
	{3, CPU_ECX, 5,  0x80000001}, /* LZCNT */
	{3, CPU_ECX, 22, 1         }, /* MOVBE */
	{3, CPU_ECX, 26, 1         }, /* XSAVE: with it OSXSAVE */
	{4, CPU_EBX, 16, 7         }, /* AVX512F */
	{4, CPU_EBX, 30, 7         }, /* AVX512BW */
	{4, CPU_EBX, 28, 7         }, /* AVX512CD */
	{4, CPU_EBX, 17, 7         }, /* AVX512DQ */
	{4, CPU_EBX, 31, 7         }, /* AVX512VL */
};

#define LEVEL_ROWS (sizeof(level_table) / sizeof(level_table[0]))

const char *level_name(const struct cpu_policy *policy)
{
	static const char *const names[] = {"less than x86-64", "x86-64", "x86-64-v2", "x86-64-v3",
					    "x86-64-v4"};
	size_t i = 0;

	while (i < LEVEL_ROWS &&
	       cpu_policy_reg(policy, level_table[i].leaf, 0, (enum cpu_reg)level_table[i].reg) >>
			       level_table[i].bit &
		       1)
		i++;
	return names[i == LEVEL_ROWS ? 4 : level_table[i].level - 1];
}

unsigned level_order(const struct cpu_field *field)
{
	for (unsigned i = 0; i < LEVEL_ROWS; i++)
		if (!field->msr && field->width == 1 && field->leaf == level_table[i].leaf &&
		    !field->subleaf && (uint8_t)field->reg == level_table[i].reg &&
		    field->low == level_table[i].bit)
			return i;
	return UINT_MAX;
}
