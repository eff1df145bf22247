/* SPDX-License-Identifier: MIT */
/* What the files of this folder ask of each other: state.c, state_vcpu.c, state_nested.c, state_devices.c. */
#ifndef L0HV_MIGRATE_STATE_IMPL_H
#define L0HV_MIGRATE_STATE_IMPL_H

#include "l0hv/migrate/state.h"
#include "migration/arena.h"
#include "migration/stream.pb-c.h"
#include "vmcs_merge/checks.h"
#include "vmcs_merge/fields.h"

/* A list of StreamField to pack. */
struct field_list {
	size_t n;
	Nestbed__StreamField row[VMCS_FIELD_COUNT], *list[VMCS_FIELD_COUNT];
};
void field_list_add(struct field_list *l, unsigned field, uint64_t value);

#define MSR_ROWS_MAX 64u
struct msr_list {
	size_t n;
	Nestbed__StreamMsr row[MSR_ROWS_MAX], *list[MSR_ROWS_MAX];
};

/* Fields of a message by their numbers: each of `allowed`, no other, none twice, no wider than it is. NULL or
 * what is wrong. */
const char *fields_read(Nestbed__StreamField *const *list, size_t n, const struct vmcs_bitset *allowed,
			struct vmcs_image *image, struct vmcs_bitset *given);

/* To pack one vCPU. */
struct vcpu_build {
	Nestbed__VcpuState m;
	Nestbed__NestedState nested;
	Nestbed__PendingEvent event;
	struct field_list field, vmcs12, l2;
	struct msr_list msr;
	uint64_t dr[5];
	struct vmcs_image image;
};

/* A vCPU's message, checked and ready to be put in. */
struct vcpu_staged {
	const Nestbed__VcpuState *m; /* in the arena */
	struct vmcs_image l1, v12, l2;
	struct mtrr mtrr;
};

/* ---- state_vcpu.c ---- */
/* v's vmcs01 and vmcs02 are made current in turn. now: the moment of the capture. */
void vcpu_capture(struct vcpu *v, uint64_t now, struct vcpu_build *b);
/* s->m is set. NULL, or what is wrong. */
const char *vcpu_check(struct vcpu *v, struct vcpu_staged *s);
/* The vCPU has been powered up. now: the moment that the message's ticks count from. -ENOMEM. */
__attribute__((warn_unused_result)) int vcpu_put(struct vcpu *v, const struct vcpu_staged *s, uint64_t now);

/* The clauses of VM entry for a guest state of L1 with what it needs; event: as v's entry fields would want
 * it. */
struct state_event {
	uint32_t info, error, length;
};

/* ---- state_nested.c; v->nested is set ---- */
void nested_capture(struct vcpu *v, uint64_t now, struct vcpu_build *b);
const char *nested_check_state(struct vcpu *v, struct vcpu_staged *s);
/* Before control registers are put into vmcs01, which hang on VMX operation. */
void nested_put_vmxon(struct vcpu *v, const struct vcpu_staged *s);
/* vmcs01 is done and current. */
__attribute__((warn_unused_result)) int nested_put(struct vcpu *v, const struct vcpu_staged *s, uint64_t now);

/* ---- state_devices.c ---- */
size_t devices_pack(struct vm *vm, uint64_t now, uint8_t *to, size_t max); /* 0: no room */
/* NULL, or what is wrong; nothing was changed. devices_put() then cannot fail. */
const char *devices_check(struct vm *vm, const Nestbed__DeviceState *m, uint64_t now);
void devices_put(struct vm *vm, uint64_t now);
void devices_power_up(struct vm *vm, uint64_t now);

#endif
