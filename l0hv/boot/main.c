/* SPDX-License-Identifier: MIT */
/* L0 from its 64-bit entry to the first VM entry. */
#include <errno.h>

#include "bundle/bundle.h"
#include "bundle/config.h"
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/exits/cpu_reasons.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/move.h"
#include "l0hv/mm/pages.h"
#include "l0hv/net/link.h"
#include "l0hv/net/trial.h"
#include "l0hv/record/account.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vm/vm.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmx.h"

static int overflow(volatile int depth)
{
	volatile uint8_t frame[512] = {0};

	frame[depth & 511] = 1;
	return depth < 0 ? 0 : overflow(depth + 1) + frame[0];
}

static void crash_on_purpose(uint32_t how)
{
	volatile uint64_t nowhere = 0x10; /* page 0 is not mapped */

	switch (how) {
	case CRASH_PAGE_FAULT:
		*(volatile uint8_t *)phys_to_virt(nowhere) = 1;
		break;
	case CRASH_STACK:
		(void)overflow(0);
		break;
	case CRASH_VMX:
		vmwrite(0x7FFE, 0); /* no such field */
		break;
	case CRASH_PANIC:
		panic("panic on purpose");
	default:
		break;
	}
}

void l0_main(uint32_t magic, uint32_t info_address);

static struct l0_config config;

/* L0 takes no interrupts: the machine's PICs stay masked, its local APIC is left as it is. */
static void mask_interrupts(void)
{
	outb(0x21, 0xFF);
	outb(0xA1, 0xFF);
}

static void refuse_text(const char *reason, const char *text)
{
	refuse(reason, &text, 1);
}

static void create_vm(const struct vm_config *vm, const struct cpu_policy *cpu, const struct bundle *bundle)
{
	char reason[CONFIG_NAME_MAX + 96];
	const char *why = "";
	struct vm *made;
	int error = vm_create(vm, cpu, bundle, &made, &why);
	const char *const *list;
	size_t count;

	if (!error) {
		move_made(made);
		return;
	}
	snprintf(reason, sizeof(reason), "VM %s cannot be made", vm->name);
	if (error != -EPERM)
		refuse_text(reason, why);
	list = cpu_reasons(&count);
	snprintf(reason, sizeof(reason), "VM %s cannot be made: %s", vm->name, why);
	refuse(reason, list, count);
}

static void read_bundle(const struct multiboot_info *info, struct bundle *bundle)
{
	const struct multiboot_module *module = phys_to_virt(info->mods_addr);
	struct config_error error;
	const void *text;
	const char *why;
	size_t n;

	if (!(info->flags & MB_INFO_MODULES) || !info->mods_count)
		refuse_text("no boot bundle", "a multiboot module that holds one");
	if (bundle_open(phys_to_virt(module->start), module->end - module->start, bundle, &why))
		refuse_text("the boot bundle is bad", why);
	if (bundle_find(bundle, "config", &text, &n))
		refuse_text("the boot bundle is bad", "an entry named config");
	if (config_parse(text, n, &config, &error) || config_check_entries(&config, bundle, &error))
		refuse_text("the boot bundle's configuration is bad", error.text);
}

static void start_link(void)
{
	const char *why = "";

	if (config.host == CONFIG_NO_HOST)
		return;
	if (link_start((uint8_t)config.host, &why))
		refuse_text("[l0] has a 'host', and this machine lacks", why);
	if (config.peer != CONFIG_NO_HOST &&
	    link_trial((uint8_t)config.host, (uint8_t)config.peer, config.link_test, &why))
		refuse_text("the trial of the link failed: it lacked", why);
}

void l0_main(uint32_t magic, uint32_t info_address)
{
	const struct multiboot_info *info = phys_to_virt(info_address);
	struct bundle bundle;

	cpu_tables_init();
	mask_interrupts();
	if (magic != MB_LOADER_MAGIC)
		panic("not started by a multiboot-1 loader (EAX = %x)", magic);
	pages_init(info);
	paging_init();
	vmx_probe();
	account_calibrate();
	read_bundle(info, &bundle);
	start_link();
	if (move_prepare(&config))
		refuse_text("a VM moves", "memory for the link and for what moves");
	for (uint32_t i = 0; i < config.vm_count; i++) {
		const struct vm_config *vm = &config.vm[i];

		if (vm->image[0])
			create_vm(vm, vm->cpu_policy[0] ? &config.policy[vm->cpu_policy_index] : NULL,
				  &bundle);
	}
	crash_on_purpose(config.crash);
	sched_start(config.limit);
}
