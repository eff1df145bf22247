/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/explain/explain.h"

/*
 * A processor that can set every control, so that only the rules decide; the reserved bits that must be 1 are
 * those of the SDM's 'default1' class.
 */
static void every_control(struct vmx_caps *caps)
{
	static const uint32_t must[CONTROL_WORDS] = {
		[WORD_PIN] = 0x16, [WORD_CPU] = 0x04006172, [WORD_EXIT] = 0x36dfb, [WORD_ENTRY] = 0x11fb};
	uint64_t *msr[CONTROL_WORDS] = {&caps->true_pin, &caps->true_cpu, &caps->cpu2, &caps->true_exit,
					&caps->true_entry};

	*caps = (struct vmx_caps){0};
	caps->basic = VMX_BASIC_TRUE_CTLS;
	for (unsigned w = 0; w < CONTROL_WORDS; w++)
		*msr[w] = must[w] | (uint64_t)(must[w] | control_masks[w].known) << 32;
	caps->cpu = caps->true_cpu;
}

/* Where a rule leaves the value to L0, stand-ins: L0's own if the text gives one, so that a reader can follow
 * it. */
static void computed_by_l0(const struct explain_input *input, struct merge_computed *c)
{
	const uint64_t *v = input->vmcs01.v;

	c->eptp = v[F_EPT_POINTER];
	c->io_bitmap_a = v[F_IO_BITMAP_A];
	c->io_bitmap_b = v[F_IO_BITMAP_B];
	c->msr_bitmap = v[F_MSR_BITMAP];
	c->vpid = (uint16_t)v[F_VPID];
	c->preemption_timer = (uint32_t)v[F_PREEMPTION_TIMER];
	c->link_pointer = ~0ull;
}

static const char *yes(uint64_t word, uint32_t bit)
{
	return word & bit ? "1" : "0";
}

static void print_bits(FILE *out, const struct merge_input *in, enum control_word word, uint64_t result)
{
	uint64_t c12 = vmcs_effective_controls(in->vmcs12, word);
	uint64_t c01 = vmcs_effective_controls(in->vmcs01, word);

	for (unsigned bit = 0; bit < 32; bit++) {
		const struct control_row *row = control_find(word, bit);
		uint32_t mask = 1u << bit;

		if (!row && !(result & mask))
			continue;
		fprintf(out, "    %-28s bit %2u  vmcs12=%s vmcs01=%s -> %s  %-11s %s\n",
			row ? row->name : "(reserved)", bit, yes(c12, mask), yes(c01, mask),
			yes(result, mask), row ? control_rule_name[row->rule] : "CAPABILITY",
			row ? row->reason : "must be 1: IA32_VMX_*_CTLS");
	}
}

static void print_field(FILE *out, const struct merge_input *in, const struct vmcs_image *vmcs02,
			unsigned index)
{
	const struct merge_row *row = &merge_table[index];
	int digits = vmcs_field_width(index) == VMCS_16 ? 4 : vmcs_field_width(index) == VMCS_32 ? 8 : 16;

	fprintf(out, "%-24s vmcs12=0x%0*llx vmcs01=0x%0*llx ", vmcs_field_name(index), digits,
		(unsigned long long)in->vmcs12->v[index], digits, (unsigned long long)in->vmcs01->v[index]);
	if (row->rule == COMPUTED || row->rule == MERGE_BITMAP)
		fprintf(out, "-> (L0 computes it)");
	else
		fprintf(out, "-> 0x%0*llx", digits, (unsigned long long)vmcs02->v[index]);
	fprintf(out, "  %s: %s\n", merge_rule_name[row->rule], merge_reason[index]);
	if (row->rule == MERGE_CTLS)
		print_bits(out, in, (enum control_word)row->arg, vmcs02->v[index]);
}

void explain_print(FILE *out, const struct explain_input *input, const struct explain_options *options)
{
	struct vmcs_image vmcs02 = {{0}};
	struct merge_policy policy = {0};
	struct merge_input in = {.vmcs12 = &input->vmcs12, .vmcs01 = &input->vmcs01, .policy = &policy};
	struct vmx_caps caps;

	every_control(&caps);
	in.caps = &caps;
	computed_by_l0(input, &in.computed);
	in.l1 = (struct merge_l1_state){input->vmcs01.v[F_GUEST_EFER], input->vmcs01.v[F_GUEST_PAT],
					input->vmcs01.v[F_GUEST_DEBUGCTL], input->vmcs01.v[F_GUEST_DR7]};
	/* L0 runs L2 on the merged bitmaps if it runs L1 on bitmaps. */
	policy.ctls[WORD_CPU].set =
		(uint32_t)input->vmcs01.v[F_CPU_CTLS] & (CPU_IO_BITMAPS | CPU_MSR_BITMAPS);
	vmcs_merge_full(&in, &vmcs02);
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		bool named = vmcs_bitset_test(&input->set12, i) || vmcs_bitset_test(&input->set01, i);

		if (options->all || named || vmcs02.v[i])
			print_field(out, &in, &vmcs02, i);
	}
}
