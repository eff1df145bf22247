/* SPDX-License-Identifier: MIT */
/* The configuration text of a boot bundle: which VMs L0 runs and how (docs/bundle.md). Pure. */
#ifndef BUNDLE_CONFIG_H
#define BUNDLE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "nestbed/bundle.h"
#include "nestbed/vmx_msrs.h"

#define CONFIG_VMS_MAX     8u
#define CONFIG_MODULES_MAX 8u
#define CONFIG_VCPUS_MAX   8u
#define CONFIG_CPUS_MAX    8u /* policies */
#define CONFIG_NAME_MAX    32u /* each with its NUL */
#define CONFIG_LINE_MAX    512u

#define CONFIG_NO_HOST UINT32_MAX

/* How L0 is to fault, for who wants to see that it is told in full. */
enum config_crash { CRASH_NONE, CRASH_PAGE_FAULT, CRASH_STACK, CRASH_VMX, CRASH_PANIC, CONFIG_CRASHES };

/* How the pages that a VM writes are found (l0hv/migrate/track.h): write protection, EPT's dirty flags, the
 * page-modification log, the best of them; in the order of what they cost the guest. */
enum config_track { CONFIG_TRACK_OFF, CONFIG_TRACK_WP, CONFIG_TRACK_AD, CONFIG_TRACK_PML, CONFIG_TRACK_AUTO };

/* A word and a number, as some keys want them. */
struct config_pair {
	uint64_t number;
	uint32_t word;
};

/* When a VM goes to another host. */
enum config_when { CONFIG_AT_MARK, CONFIG_AT_HYPERCALL, CONFIG_AT_TICK, CONFIG_AT_EXIT };

/* What a test does to a message of the stream before it is sent; DEAF: from it on nothing is read. */
enum config_fault {
	CONFIG_FAULT_NONE,
	CONFIG_FAULT_DROP,
	CONFIG_FAULT_TRUNCATE,
	CONFIG_FAULT_FLIP,
	CONFIG_FAULT_TWICE,
	CONFIG_FAULT_SWAP,
	CONFIG_FAULT_DEAF
};

/* Keys migrate.*: how a VM moves (docs/migration.md). */
struct move_config {
	uint32_t to, from; /* hosts; CONFIG_NO_HOST: it does not */
	struct config_pair at; /* enum config_when */
	uint32_t moves; /* times that it leaves this host */
	bool virtual_time;
	uint64_t rate; /* bits in 10^9 ticks */
	uint64_t delay; /* ticks, one way */
	uint64_t down_time; /* ticks, wanted */
	uint32_t rounds, progress; /* most rounds; percent that a round must leave fewer */
	bool converge, stop_at_limit;
	uint32_t patience; /* some milliseconds on the wall without an answer */
	uint64_t barrier_limit, barrier_interval; /* ticks */
	uint32_t barrier_skip; /* steps, for tests */
	struct config_pair fault; /* enum config_fault, the message's number */
};

struct vm_module {
	char entry[NB_BUNDLE_NAME_MAX]; /* bundle entry */
	char args[CONFIG_LINE_MAX]; /* what follows it: the rest of the multiboot module's string */
	uint32_t line; /* 1-based, where it was said; for errors */
};

struct vm_config {
	char name[CONFIG_NAME_MAX];
	char image[NB_BUNDLE_NAME_MAX]; /* bundle entry with the kernel */
	char cmdline[CONFIG_LINE_MAX];
	uint64_t memory; /* bytes, multiple of 4096 */
	uint64_t slice; /* ticks */
	uint32_t vcpus;
	bool nested;
	bool shadow_vmcs;
	bool incremental_merge;
	bool lazy_rare_fields;
	bool cached_checks;
	bool cached_host_state;
	bool watch_msr_bitmap;
	bool clean_fields;
	bool cached_cpuid;
	bool record_phases;
	uint32_t limited; /* bit i: limit[i] was given */
	uint64_t limit[NB_VMX_MSR_COUNT]; /* of the VMX capability MSRs, from IA32_VMX_BASIC on */
	bool vmx_locked;
	uint32_t renew; /* at every so many exits the VM is captured, destroyed and restored; 0: never */
	uint32_t port_first, port_count; /* I/O ports of the machine that the VM reaches */
	bool scratch; /* the VM has the scratch device (include/nestbed/ports.h) */
	uint32_t track; /* enum config_track */
	uint64_t round; /* ticks of a round of tracking; 0: the guest's marks end it */
	bool prove; /* hold each round against the memory of the last */
	char cpu_policy[CONFIG_NAME_MAX]; /* of a [cpu NAME]; empty: this host */
	uint32_t cpu_policy_index; /* in l0_config.policy, where cpu_policy is not empty */
	uint32_t cpu_policy_line;
	bool cpu_force; /* start it though the processor lacks what the policy shows */
	struct move_config move;
	uint32_t module_count;
	struct vm_module module[CONFIG_MODULES_MAX];
	uint32_t line; /* of [vm NAME] */
	uint32_t image_line; /* of `image` */
};

struct l0_config {
	uint64_t limit; /* ticks until L0 stops every VM; 0: none */
	uint32_t crash; /* enum config_crash */
	uint32_t host; /* L0's number on the link (include/nestbed/link.h); CONFIG_NO_HOST: it has no NIC */
	uint32_t peer; /* the host to try the link with; CONFIG_NO_HOST: none */
	uint64_t link_test; /* bytes to send to it */
	uint32_t vm_count;
	struct vm_config vm[CONFIG_VMS_MAX];
	uint32_t policy_count;
	struct cpu_policy policy[CONFIG_CPUS_MAX]; /* [cpu NAME], each with its name */
};

struct config_error {
	uint32_t line; /* 1-based; 0: about the whole text */
	char text[1024]; /* "line 7: …", without a newline */
};

/* One row a key of the text; tests hold docs/bundle.md against it. */
enum config_section { CONFIG_NOWHERE, CONFIG_L0, CONFIG_VM, CONFIG_CPU };
enum config_type {
	CONFIG_NUMBER,
	CONFIG_SIZE,
	CONFIG_SWITCH,
	CONFIG_ENTRY,
	CONFIG_TEXT,
	CONFIG_MODULE,
	CONFIG_LIMIT,
	CONFIG_POLICY,
	CONFIG_CPUID,
	CONFIG_MSR,
	CONFIG_TRACKER,
	CONFIG_PORTS,
	CONFIG_WHEN,
	CONFIG_FAULT
};
struct config_key {
	enum config_section section;
	const char *name;
	enum config_type type;
	bool repeats; /* may be given again in a section */
	size_t offset; /* in struct l0_config or struct vm_config */
	size_t width; /* bytes of the field */
	uint64_t min, max; /* of numbers and sizes */
	const char *help;
};
const struct config_key *config_keys(size_t *count);

/* 0, or -EINVAL with *error filled. text needs no NUL. *config is complete only after 0. */
__attribute__((warn_unused_result)) int config_parse(const char *text, size_t n, struct l0_config *config,
						     struct config_error *error);

struct bundle;
/* Every image and module that config names is in the bundle. 0, or -ENOENT with *error filled. */
__attribute__((warn_unused_result)) int
config_check_entries(const struct l0_config *config, const struct bundle *bundle, struct config_error *error);

#endif
