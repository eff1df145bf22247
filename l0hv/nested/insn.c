/* SPDX-License-Identifier: MIT */
/* VMX instructions of L1: SDM "VMX Instruction Reference". A row an instruction. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/guest.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/insn.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"

#define INFO_REGISTER(info) ((info) >> 10 & 1)
#define INFO_REG1(info)     ((unsigned)((info) >> 3 & 0xF))
#define INFO_REG2(info)     ((unsigned)((info) >> 28 & 0xF))

enum verdict vmx_fail(struct vcpu *v, unsigned error)
{
	struct nested *n = v->nested;

	if (n->current == NO_VMCS12)
		return VMX_FAIL_INVALID;
	n->v12.v[F_VM_INSTRUCTION_ERROR] = error;
	if (!v->in_l2)
		shadow_publish_one(v, F_VM_INSTRUCTION_ERROR);
	return VMX_FAIL_VALID;
}

/* ---- operands ---- */

/*
 * L1 executes these in 64-bit mode if it is in IA-32e mode at all: in compatibility mode they are #UD. wide:
 * operands are 64 bits.
 */
static bool wide_mode(void)
{
	return vmread(GUEST_EFER) & EFER_LMA;
}

static uint64_t read_reg(const struct vcpu *v, unsigned reg, bool wide)
{
	uint64_t value = guest_gpr(v, reg);

	return wide ? value : (uint32_t)value;
}

static void write_reg(struct vcpu *v, unsigned reg, uint64_t value, bool wide)
{
	if (!wide)
		value = (uint32_t)value;
	guest_gpr_set(v, reg, value);
}

/* The memory operand. -EFAULT: an exception is pending; -ENXIO: no memory there. */
static int read_operand(struct vcpu *v, uint64_t info, void *to, unsigned bytes)
{
	uint64_t linear;
	int error = operand_address(v, info, bytes, false, &linear);

	return error ? error : guest_read(v, linear, to, bytes, guest_user());
}

static int write_operand(struct vcpu *v, uint64_t info, const void *from, unsigned bytes)
{
	uint64_t linear;
	int error = operand_address(v, info, bytes, true, &linear);

	return error ? error : guest_write(v, linear, from, bytes, guest_user());
}

/* For L1 memory that is no RAM reads as all ones and swallows writes, as for its other instructions. */
static int read_memory(struct vcpu *v, uint64_t info, void *to, unsigned bytes)
{
	int error = read_operand(v, info, to, bytes);

	if (error == -ENXIO) {
		memset(to, 0xFF, bytes);
		error = 0;
	}
	return error;
}

static int write_memory(struct vcpu *v, uint64_t info, const void *from, unsigned bytes)
{
	int error = write_operand(v, info, from, bytes);

	return error == -ENXIO ? 0 : error;
}

uint64_t insn_field_encoding(const struct vcpu *v, uint64_t info)
{
	return read_reg(v, INFO_REG2(info), wide_mode());
}

int insn_operand_read(struct vcpu *v, uint64_t info, uint64_t *value)
{
	const bool wide = wide_mode();

	*value = 0;
	if (INFO_REGISTER(info)) {
		*value = read_reg(v, INFO_REG1(info), wide);
		return 0;
	}
	return read_operand(v, info, value, wide ? 8 : 4);
}

int insn_operand_write(struct vcpu *v, uint64_t info, uint64_t value)
{
	const bool wide = wide_mode();

	if (INFO_REGISTER(info)) {
		write_reg(v, INFO_REG1(info), value, wide);
		return 0;
	}
	return write_operand(v, info, &value, wide ? 8 : 4);
}

static bool physical_ok(const struct vcpu *v, uint64_t gpa)
{
	return !(gpa & PAGE_MASK) && !(gpa >> v->vm->cpu.maxphyaddr);
}

/* A VMCS's: bit 31 is the shadow-VMCS indicator, for processors that have VMCS shadowing. */
static bool revision_ok(const struct nested *n, uint32_t revision)
{
	if (vmx_can(&n->caps, WORD_CPU2, CTL2_VMCS_SHADOWING))
		revision &= ~VMCS_SHADOW_INDICATOR;
	return revision == VMX_BASIC_REVISION(n->caps.basic);
}

/* ---- the instructions ---- */

typedef enum verdict insn_fn(struct vcpu *v, uint64_t info);

static enum verdict do_vmxon(struct vcpu *v, uint64_t info)
{
	struct nested *n = v->nested;
	uint64_t cr0 = guest_cr0(), cr4 = guest_cr4(), gpa;

	if (n->vmxon)
		return vmx_fail(v, VMFAIL_VMXON_IN_ROOT);
	if ((cr0 & n->caps.cr0_fixed0) != n->caps.cr0_fixed0 || cr0 & ~n->caps.cr0_fixed1 ||
	    (cr4 & n->caps.cr4_fixed0) != n->caps.cr4_fixed0 || cr4 & ~n->caps.cr4_fixed1 ||
	    (~n->feature_control & (FEATURE_LOCK | FEATURE_VMXON))) {
		inject_exception(v, VECTOR_GP, 0);
		return RESUME;
	}
	if (read_memory(v, info, &gpa, sizeof(gpa)))
		return RESUME;
	if (!physical_ok(v, gpa) || vmcs12_revision_at(v, gpa) != VMX_BASIC_REVISION(n->caps.basic))
		return VMX_FAIL_INVALID;
	n->vmxon = true;
	n->vmxon_gpa = gpa;
	n->current = NO_VMCS12;
	cr_update_masks(v);
	shadow_init(v);
	nested_merge_inputs(v);
	return VMX_SUCCEED;
}

static void drop_current(struct vcpu *v)
{
	if (v->nested->current == NO_VMCS12)
		return;
	shadow_fetch(v);
	if (v->nested->shadowing)
		vmptrld(v->vmcs01.pa);
	vmcs12_flush(v);
	shadow_attach(v, false);
}

static enum verdict do_vmxoff(struct vcpu *v, uint64_t info)
{
	(void)info;
	drop_current(v);
	v->nested->vmxon = false;
	cr_update_masks(v);
	vm_unblock_init(v);
	return VMX_SUCCEED;
}

static enum verdict do_vmclear(struct vcpu *v, uint64_t info)
{
	struct nested *n = v->nested;
	const uint32_t clear = 0;
	uint64_t gpa;

	if (read_memory(v, info, &gpa, sizeof(gpa)))
		return RESUME;
	if (!physical_ok(v, gpa))
		return vmx_fail(v, VMFAIL_VMCLEAR_ADDRESS);
	if (gpa == n->vmxon_gpa)
		return vmx_fail(v, VMFAIL_VMCLEAR_VMXON_POINTER);
	if (gpa == n->current)
		drop_current(v);
	(void)!vm_write(v->vm, gpa + offsetof(struct vmcs12_region, launched), &clear, sizeof(clear));
	return VMX_SUCCEED;
}

static enum verdict do_vmptrld(struct vcpu *v, uint64_t info)
{
	struct nested *n = v->nested;
	uint64_t gpa;

	if (read_memory(v, info, &gpa, sizeof(gpa)))
		return RESUME;
	if (!physical_ok(v, gpa))
		return vmx_fail(v, VMFAIL_VMPTRLD_ADDRESS);
	if (gpa == n->vmxon_gpa)
		return vmx_fail(v, VMFAIL_VMPTRLD_VMXON_POINTER);
	if (!revision_ok(n, vmcs12_revision_at(v, gpa)) ||
	    !vm_memory(v->vm, gpa, sizeof(struct vmcs12_region)))
		return vmx_fail(v, VMFAIL_VMPTRLD_REVISION);
	if (gpa != n->current) {
		drop_current(v);
		vmcs12_load(v, gpa);
		shadow_attach(v, true);
	}
	return VMX_SUCCEED;
}

static enum verdict do_vmptrst(struct vcpu *v, uint64_t info)
{
	uint64_t gpa = v->nested->current;

	if (write_memory(v, info, &gpa, sizeof(gpa)))
		return RESUME;
	return VMX_SUCCEED;
}

/* The field, or one without a number. */
static const struct l1_field *field_of(const struct nested *n, uint64_t encoding)
{
	return &n->field[vmcs_encoding_key(encoding)];
}

/* What VMREAD and VMWRITE share: 0, or how the instruction ends. */
static inline enum verdict check_field(struct vcpu *v, const struct l1_field *f)
{
	if (v->nested->current == NO_VMCS12)
		return VMX_FAIL_INVALID;
	return f->number ? 0 : vmx_fail(v, VMFAIL_UNSUPPORTED_FIELD);
}

static inline uint64_t field_value(const struct nested *n, const struct l1_field *f, uint64_t encoding)
{
	return vmcs_image_read(&n->v12, (uint32_t)encoding, f->number - 1u);
}

static __attribute__((noinline)) enum verdict field_followed(struct vcpu *v, unsigned index, bool followed)
{
	if (followed)
		vmcs12_written(v, index);
	shadow_publish_one(v, index);
	return VMX_SUCCEED;
}

static inline enum verdict store_field(struct vcpu *v, const struct l1_field *f, uint64_t encoding,
				       uint64_t value)
{
	struct nested *n = v->nested;
	unsigned index = f->number - 1u;
	uint64_t old = n->v12.v[index];

	if (f->flags & FIELD_READ_ONLY)
		return vmx_fail(v, VMFAIL_READ_ONLY_FIELD);
	v->account.field_writes[f->number]++;
	vmcs_image_write(&n->v12, (uint32_t)encoding, index, value);
	if (n->v12.v[index] == old && v->vm->config->clean_fields)
		return VMX_SUCCEED;
	vmcs_bitset_set(&n->dirty, index);
	if (f->flags & FIELD_FOLLOWED || n->shadowing)
		return field_followed(v, index, f->flags & FIELD_FOLLOWED);
	return VMX_SUCCEED;
}

/* With a memory operand, outside IA-32e mode, or of a field that asks for more (its flags). */
static __attribute__((noinline)) enum verdict vmread_rare(struct vcpu *v, uint64_t info, bool wide)
{
	uint64_t encoding = read_reg(v, INFO_REG2(info), wide), value;
	const struct l1_field *f = field_of(v->nested, encoding);
	enum verdict failure = check_field(v, f);

	if (failure)
		return failure;
	if (f->flags & FIELD_LAZY)
		vmcs12_sync(v);
	v->account.field_reads[f->number]++;
	value = field_value(v->nested, f, encoding);
	if (!INFO_REGISTER(info))
		return write_memory(v, info, &value, wide ? 8 : 4) ? RESUME : VMX_SUCCEED;
	write_reg(v, INFO_REG1(info), value, wide);
	return VMX_SUCCEED;
}

static __attribute__((noinline)) enum verdict vmwrite_rare(struct vcpu *v, uint64_t info, bool wide)
{
	uint64_t encoding = read_reg(v, INFO_REG2(info), wide), value = 0;
	const struct l1_field *f = field_of(v->nested, encoding);
	enum verdict failure;

	if (v->nested->current == NO_VMCS12)
		return VMX_FAIL_INVALID;
	if (INFO_REGISTER(info))
		value = read_reg(v, INFO_REG1(info), wide);
	else if (read_memory(v, info, &value, wide ? 8 : 4))
		return RESUME;
	failure = check_field(v, f);
	if (failure)
		return failure;
	if (f->flags & FIELD_LAZY)
		vmcs12_sync(v);
	return store_field(v, f, encoding, value);
}

static enum verdict do_vmlaunch(struct vcpu *v, uint64_t info)
{
	(void)info;
	return nested_enter(v, true);
}

static enum verdict do_vmresume(struct vcpu *v, uint64_t info)
{
	(void)info;
	return nested_enter(v, false);
}

/* SDM "INVEPT": the type must be offered, an EPT pointer must be one that VM entry would take. */
static enum verdict do_invept(struct vcpu *v, uint64_t info)
{
	const struct nested *n = v->nested;
	uint64_t type = read_reg(v, INFO_REG2(info), wide_mode()), descriptor[2];
	bool offered = (type == INVEPT_SINGLE && n->caps.ept_vpid & EPT_CAP_INVEPT_SINGLE) ||
		       (type == INVEPT_ALL && n->caps.ept_vpid & EPT_CAP_INVEPT_ALL);

	if (!offered)
		return vmx_fail(v, VMFAIL_INVALID_INVALIDATION);
	if (read_memory(v, info, descriptor, sizeof(descriptor)))
		return RESUME;
	if (type == INVEPT_SINGLE && !check_eptp(&n->caps, v->vm->cpu.maxphyaddr, descriptor[0]))
		return vmx_fail(v, VMFAIL_INVALID_INVALIDATION);
	memory_invept(v, type == INVEPT_SINGLE ? descriptor[0] : 0);
	return VMX_SUCCEED;
}

/* SDM "INVVPID": all of L2's VPIDs share one of L0's, so that each type flushes that. */
static enum verdict do_invvpid(struct vcpu *v, uint64_t info)
{
	const struct nested *n = v->nested;
	uint64_t type = read_reg(v, INFO_REG2(info), wide_mode()), descriptor[2];

	if (type > 3 || !(n->caps.ept_vpid >> (40 + type) & 1))
		return vmx_fail(v, VMFAIL_INVALID_INVALIDATION);
	if (read_memory(v, info, descriptor, sizeof(descriptor)))
		return RESUME;
	if (descriptor[0] >> 16 || (type != INVVPID_ALL && !descriptor[0]) ||
	    (type == 0 && !is_canonical(descriptor[1])))
		return vmx_fail(v, VMFAIL_INVALID_INVALIDATION);
	v->flush_vpid = true;
	return VMX_SUCCEED;
}

static const struct {
	insn_fn *fn;
	bool outside; /* may be executed outside VMX operation */
} insn_table[] = {
	[EXIT_VMCLEAR] = {do_vmclear,  false},
          [EXIT_VMLAUNCH] = {do_vmlaunch, false},
	[EXIT_VMPTRLD] = {do_vmptrld,  false},
          [EXIT_VMPTRST] = {do_vmptrst,  false},
	[EXIT_VMRESUME] = {do_vmresume, false},
          [EXIT_VMXOFF] = {do_vmxoff,   false},
	[EXIT_VMXON] = {do_vmxon,    true },
          [EXIT_INVEPT] = {do_invept,   false},
	[EXIT_INVVPID] = {do_invvpid,  false},
};

/*
 * Only from L1: what L2 executes of these is always L1's exit. Real mode, virtual-8086 mode and compatibility
 * mode are #UD before they are an exit, so the processor has seen to them. One VMREAD, which the caller
 * counts with its own.
 */
static inline __attribute__((always_inline)) bool may_execute(struct vcpu *v, bool there)
{
	if (!there) {
		inject_exception(v, VECTOR_UD, NO_ERROR_CODE);
		return false;
	}
	if (vmread_uncounted(GUEST_SS_ACCESS_RIGHTS) >> 5 & 3) {
		inject_exception(v, VECTOR_GP, 0);
		return false;
	}
	return true;
}

/*
 * VMREAD and VMWRITE have rows of their own in the table of exits, and a way of their own for what
 * hypervisors execute all the time: a register operand in 64-bit mode.
 */
enum verdict on_vmread(struct vcpu *v)
{
	const struct l1_field *f;
	uint64_t info, encoding;
	enum verdict failure;
	bool wide;

	if (!may_execute(v, v->nested && v->nested->vmxon))
		return RESUME;
	info = vmread_uncounted(EXIT_INSTR_INFO);
	wide = vmread_uncounted(GUEST_EFER) & EFER_LMA;
	vmx_count(3, 0);
	if (!wide || !INFO_REGISTER(info))
		return vmread_rare(v, info, wide);
	encoding = guest_gpr(v, INFO_REG2(info));
	f = field_of(v->nested, encoding);
	failure = check_field(v, f);
	if (failure)
		return failure;
	if (f->flags & FIELD_LAZY)
		return vmread_rare(v, info, wide);
	v->account.field_reads[f->number]++;
	guest_gpr_set(v, INFO_REG1(info), field_value(v->nested, f, encoding));
	return VMX_SUCCEED;
}

enum verdict on_vmwrite(struct vcpu *v)
{
	const struct l1_field *f;
	uint64_t info, encoding;
	enum verdict failure;
	bool wide;

	if (!may_execute(v, v->nested && v->nested->vmxon))
		return RESUME;
	info = vmread_uncounted(EXIT_INSTR_INFO);
	wide = vmread_uncounted(GUEST_EFER) & EFER_LMA;
	vmx_count(3, 0);
	if (!wide || !INFO_REGISTER(info))
		return vmwrite_rare(v, info, wide);
	encoding = guest_gpr(v, INFO_REG2(info));
	f = field_of(v->nested, encoding);
	failure = check_field(v, f);
	if (failure)
		return failure;
	if (f->flags)
		return vmwrite_rare(v, info, wide);
	return store_field(v, f, encoding, guest_gpr(v, INFO_REG1(info)));
}

enum verdict on_vmx_instruction(struct vcpu *v)
{
	const struct nested *n = v->nested;
	uint32_t reason = v->reason;
	bool there = n && (n->vmxon || (insn_table[reason].outside && guest_cr4() & CR4_VMXE));

	if ((reason == EXIT_INVEPT && there && !(n->caps.ept_vpid & EPT_CAP_INVEPT)) ||
	    (reason == EXIT_INVVPID && there && !(n->caps.ept_vpid & EPT_CAP_INVVPID)))
		there = false;
	if (!may_execute(v, there))
		return RESUME;
	vmx_count(2, 0);
	return insn_table[reason].fn(v, vmread_uncounted(EXIT_INSTR_INFO));
}
