/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/state.h"

#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/device_part.h"
#include "l0hv/migrate/state_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/nested.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/exit_reason.h"

#define PACKED_MAX 32768u /* bytes of a message */
#define ARENA_SIZE (2u << 20) /* for all messages of a VM, unpacked */

static struct work {
	uint8_t devices[PACKED_MAX];
	uint8_t vcpu[CONFIG_VCPUS_MAX][PACKED_MAX];
	struct vcpu_build build;
	struct vcpu_staged staged[CONFIG_VCPUS_MAX];
	struct message_arena arena;
	uint8_t memory[ARENA_SIZE] __attribute__((aligned(16)));
} * work;

int vm_state_prepare(void)
{
	uint64_t pa;

	if (work)
		return 0;
	pa = pages_alloc_contiguous(sizeof(*work), PAGE_SIZE);
	if (!pa)
		return -ENOMEM;
	work = phys_to_virt(pa);
	message_arena_init(&work->arena, work->memory, sizeof(work->memory));
	return 0;
}

/* ---- capture ---- */

static int pack_all(struct vm *vm, struct vm_state *state, const char **why)
{
	const uint64_t now = rdtsc();
	size_t n;

	*why = "the state of the VM takes more room than there is";
	state->vcpus = vm->vcpu_count;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vcpu_capture(vm->vcpu[i], now, &work->build);
		if (nestbed__vcpu_state__get_packed_size(&work->build.m) > PACKED_MAX)
			return -ENOSPC;
		n = nestbed__vcpu_state__pack(&work->build.m, work->vcpu[i]);
		state->vcpu[i] = (struct state_part){work->vcpu[i], n};
	}
	n = devices_pack(vm, now, work->devices, PACKED_MAX);
	state->devices = (struct state_part){work->devices, n};
	return n ? 0 : -ENOSPC;
}

int vm_state_capture(struct vm *vm, struct vcpu *current, struct vm_state *state, const char **why)
{
	int error;

	vcpu_rest_save(current); /* also because the library uses SSE registers */
	error = pack_all(vm, state, why);
	vmptrld(current->vmcs->pa);
	vcpu_rest_load(current);
	return error;
}

/* ---- restore ---- */

static int refuse_state(char *why, const char *whose, unsigned vcpu, const char *bad)
{
	snprintf(why, STATE_WHY_MAX, "the state of %s %u has a value that no guest can have: %s", whose, vcpu,
		 bad);
	return -EINVAL;
}

/* Everything is read and checked before anything is changed. */
static int check_all(struct vm *vm, const struct vm_state *state, uint64_t now, char *why)
{
	Nestbed__DeviceState *devices;
	const char *bad;

	if (state->vcpus != vm->vcpu_count) {
		snprintf(why, STATE_WHY_MAX, "a state of %u vCPUs for a VM of %u", state->vcpus,
			 vm->vcpu_count);
		return -EINVAL;
	}
	message_arena_reset(&work->arena);
	for (unsigned i = 0; i < state->vcpus; i++) {
		struct vcpu_staged *s = &work->staged[i];

		s->m = nestbed__vcpu_state__unpack(&work->arena.allocator, state->vcpu[i].length,
						   state->vcpu[i].bytes);
		bad = s->m ? vcpu_check(vm->vcpu[i], s) : "bytes that are no VcpuState, or too many of them";
		if (bad)
			return refuse_state(why, "vCPU", i, bad);
	}
	devices = nestbed__device_state__unpack(&work->arena.allocator, state->devices.length,
						state->devices.bytes);
	bad = devices ? devices_check(vm, devices, now)
		      : "bytes that are no DeviceState, or too many of them";
	return bad ? refuse_state(why, "devices of VM", 0, bad) : 0;
}

static int put_all(struct vm *vm, uint64_t now, char *why)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (vcpu_put(vm->vcpu[i], &work->staged[i], now)) {
			snprintf(why, STATE_WHY_MAX, "no memory for the nested page tables of vCPU %u", i);
			return -ENOMEM;
		}
	}
	devices_put(vm, now);
	return 0;
}

static void write_tsc_offset(struct vcpu *v)
{
	vmptrld(v->vmcs->pa);
	if (!v->in_l2)
		vmwrite(TSC_OFFSET, v->tsc_offset);
	if (v->nested && nested_vmxon(v))
		nested_tsc_changed(v);
}

static void shift_ticks(struct vm *vm, struct vcpu *current, uint64_t by)
{
	const uint64_t now = rdtsc();

	device_parts_shift(&vm->platform, by);
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *v = vm->vcpu[i];

		v->tsc_offset -= by;
		if (v->l2_due != NEVER)
			v->l2_due += by;
		v->now = now;
		write_tsc_offset(v);
	}
	vmptrld(current->vmcs->pa);
}

/* The current vCPU's turn is as much longer. Without others it has no end; then the deadline is the machine's
 * limit, which stays. */
static void shift_slice(struct vcpu *current, uint64_t by)
{
	if (current->slice_end == NEVER || !current->slice_end)
		return;
	current->slice_end += by;
	current->own_deadline += by;
}

void vm_shift_ticks(struct vm *vm, struct vcpu *current, uint64_t by)
{
	shift_ticks(vm, current, by);
	if (current->vm == vm)
		shift_slice(current, by);
}

int vm_state_restore(struct vm *vm, struct vcpu *current, const struct vm_state *state, char *why)
{
	uint64_t now;
	int error;

	vcpu_rest_save(current);
	now = rdtsc();
	error = check_all(vm, state, now, why);
	if (!error)
		error = put_all(vm, now, why);
	if (!error)
		shift_ticks(vm, current, rdtsc() - now);
	vmptrld(current->vmcs->pa);
	vcpu_rest_load(current);
	return error;
}

static uint64_t tsc_forward;

void vm_state_put_tsc_forward(void)
{
	const uint64_t far = 1ull << 52, now = rdtsc(); /* 52 days */

	if (now >= far)
		return;
	wrmsr(MSR_TSC, far);
	tsc_forward = far - now;
}

uint64_t vm_state_tsc_forward(void)
{
	return tsc_forward;
}

/* ---- power-up ---- */

#define POISON 0xA5

static void forget_vmcs01(struct vcpu *v)
{
	vmclear(v->vmcs01.pa);
	memset(phys_to_virt(v->vmcs01.pa), POISON, PAGE_SIZE);
	page_free(v->vmcs01.pa);
	memset(&v->vmcs01, 0, sizeof(v->vmcs01));
	v->vmcs = NULL;
	v->launched = 0;
}

static int power_up_vcpu(struct vcpu *v)
{
	uint8_t *fpu = v->rest.fpu;

	memset(fpu, POISON, PAGE_SIZE / 8);
	memset(&v->rest, POISON, sizeof(v->rest));
	memset(&v->mtrr, POISON, sizeof(v->mtrr));
	memset(v->gpr, POISON, sizeof(v->gpr));
	v->rest.fpu = fpu;
	v->rest.dr6 = DR6_RESET;
	v->rest.xcr0 = 1;
	mtrr_init(&v->mtrr, v->vm->cpu.maxphyaddr);
	v->misc_enable = MISC_ENABLE_RESET;
	v->tsc_adjust = 0;
	v->tsc_offset = 0 - rdtsc();
	v->attention = 0;
	v->in_l2 = v->fpu_used = v->event_raised = v->halted_open = v->sipi_pending = v->unpaged = false;
	v->event_info = v->event_error = v->event_length = 0;
	v->event_cr2 = v->unpaged_cr3 = v->unpaged_efer = 0;
	v->sipi_vector = 0;
	v->l2_due = NEVER;
	if (v->nested && nested_power_up(v))
		return -ENOMEM;
	forget_vmcs01(v);
	vmcs01_init(v, 0, 0);
	v->state = v->id ? VCPU_WAIT_SIPI : VCPU_RUNNING;
	return 0;
}

int vm_state_power_up(struct vm *vm, struct vcpu *current)
{
	int error = 0;

	while (vm->watch_count)
		vm_write_hit(vm, vm->watch[vm->watch_count - 1]);
	track_before_power_up(vm);
	for (unsigned i = 0; i < vm->vcpu_count && !error; i++)
		error = power_up_vcpu(vm->vcpu[i]);
	devices_power_up(vm, rdtsc());
	vmptrld(current->vmcs->pa);
	track_after_power_up(vm);
	return error;
}

/* ---- renewal ---- */

static void renew(struct vcpu *v)
{
	struct vm_state state;
	char why[STATE_WHY_MAX];
	const uint64_t begin = rdtsc();
	const char *reason = why;
	int error = vm_state_capture(v->vm, v, &state, &reason);

	if (!error) {
		reason = why;
		snprintf(why, sizeof(why), "no memory");
		error = vm_state_power_up(v->vm, v);
	}
	if (!error)
		error = vm_state_restore(v->vm, v, &state, why);
	if (error)
		vm_stop(v, STOP_UNSUPPORTED, true, "migrate.renew: %s", reason);
	shift_slice(v, rdtsc() - begin);
}

/*
 * An exit that only gives back what a renewal takes away counts if the one before did not: EPT02 is empty
 * again, and an instruction of L2 may need more pages than exits lie between two; an FPU that the VM is not
 * shown is closed again.
 */
void vm_state_renew(struct vcpu *current)
{
	struct vm *vm = current->vm;
	const bool fills = (current->in_l2 && current->reason == EXIT_EPT_VIOLATION) ||
			   (current->fpu_used && current->reason == EXIT_EXCEPTION_NMI),
		   again = fills && vm->renew_filled;

	sched_kick();
	vm->renew_filled = fills;
	if (again || ++vm->renew_exits < vm->config->renew)
		return;
	vm->renew_exits = 0;
	renew(current);
}
