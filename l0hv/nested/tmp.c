#include "l0hv/nested/nested.h"
int nested_create(struct vcpu *v){(void)v;return -1;}
bool nested_vmxon(const struct vcpu *v){(void)v;return 0;}
void nested_exit(struct vcpu *v, uint32_t reason){(void)v;(void)reason;}
bool nested_takes_interrupt(struct vcpu *v){(void)v;return 0;}
bool nested_takes_nmi(struct vcpu *v){(void)v;return 0;}
uint64_t nested_cr0_mask(const struct vcpu *v){(void)v;return 0;}
uint64_t nested_cr4_mask(const struct vcpu *v){(void)v;return 0;}
int nested_l2_to_l1(struct vcpu *v, uint64_t l2_gpa, unsigned access, uint64_t *l1_gpa){(void)v;(void)l2_gpa;(void)access;(void)l1_gpa;return -1;}
void nested_ept01_changed(struct vcpu *v){(void)v;}
void nested_page_written(struct vcpu *v, uint64_t gpa){(void)v;(void)gpa;}
int nested_rdmsr_feature(struct vcpu *v, uint32_t msr, uint64_t *value){(void)v;(void)msr;(void)value;return -1;}
int nested_wrmsr_feature(struct vcpu *v, uint32_t msr, uint64_t value){(void)v;(void)msr;(void)value;return -1;}
int nested_rdmsr_caps(struct vcpu *v, uint32_t msr, uint64_t *value){(void)v;(void)msr;(void)value;return -1;}
enum verdict on_vmx_instruction(struct vcpu *v){inject_exception(v,6,~0u);return RESUME;}
