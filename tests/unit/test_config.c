/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bundle/bundle.h"
#include "bundle/config.h"

static struct l0_config config; /* large */
static struct config_error error;

#define VM        "[vm a]\nimage = k\n"
#define CPU       "[cpu c]\ncpuid = 0 0 1 2 3 4\n"
#define LONG_NAME "a123456789a123456789a123456789a123456789a12345678" /* 48 letters and one */

static const struct {
	const char *name;
	const char *text;
	const char *message;
} bad_rows[] = {
	{"empty",			 "",								       "no [vm NAME] section"                                      },
	{"no VM",			 "[l0]\nlimit = 3\n",						      "no [vm NAME] section"                                      },
	{"unknown key of a VM",           VM "nestd = on\n",
	 "line 3: unknown key 'nestd' in [vm a]; expected one of image, cmdline, memory, vcpus, nested, "
	 "nested.shadow_vmcs, "
	 "nested.incremental_merge, nested.lazy_rare_fields, nested.cached_checks, "
	 "nested.cached_host_state, nested.watch_msr_bitmap, nested.clean_fields, nested.limit, "
	 "nested.vmx_locked, "
	 "record.phases, cached_cpuid, scratch, migrate.renew, cpu.policy, cpu.force, slice, "
	 "migrate.track, "
	 "migrate.round, migrate.prove, migrate.to, migrate.from, migrate.at, migrate.moves, "
	 "migrate.virtual_time, migrate.rate, migrate.delay, migrate.down_time, migrate.rounds, "
	 "migrate.progress, migrate.converge, migrate.stop_at_limit, migrate.patience, "
	 "migrate.barrier_limit, migrate.barrier_interval, migrate.barrier_skip, migrate.fault, module, "
	 "passthrough"																			  },
	{"unknown key of L0",             "[l0]\nmemory = 1M\n",
	 "line 2: unknown key 'memory' in [l0]; expected one of limit, crash, host, peer, link_test"                                                                            },
	{"host 16",		       "[l0]\nhost = 16\n" VM,						   "line 2: 'host' must be a number between 0 and 15, got '16'"},
	{"peer 16",		       "[l0]\nhost = 1\npeer = 16\n" VM,
	 "line 3: 'peer' must be a number between 0 and 15, got '16'"													   },
	{"peer without a host",           "[l0]\npeer = 1\n" VM,
	 "line 1: [l0] has a 'peer', so it needs a 'host' that is another number"											       },
	{"peer of itself",                "[l0]\nhost = 1\npeer = 1\n" VM,
	 "line 1: [l0] has a 'peer', so it needs a 'host' that is another number"											       },
	{"key before a section",          "image = k\n",
	 "line 1: 'image' stands before the first section; expected [l0], [cpu NAME] or [vm NAME]"                                                                              },
	{"no equals sign",                VM "nested\n",
	 "line 3: expected [l0], [cpu NAME], [vm NAME] or KEY = VALUE, got 'nested'"											    },
	{"twice",			 VM "\nmemory = 2M\nmemory = 2M\n",                                        "line 5: 'memory' was given before, on line 4"              },
	{"tracker of no name",            VM "migrate.track = dirty\n",
	 "line 3: 'migrate.track' must be off, wp, ad, pml or auto, got 'dirty'"												},
	{"ports without a count",         VM "passthrough = 0x70\n",
	 "line 3: 'passthrough' must be an I/O port and the number of ports from there on, got '0x70'"                                                                          },
	{"no ports",		      VM "passthrough = 0x70 0\n",
	 "line 3: 'passthrough' must be an I/O port and the number of ports from there on, got '0x70 0'"                                                                        },
	{"ports behind the last",         VM "passthrough = 0xffff 2\n",
	 "line 3: 'passthrough' must be an I/O port and the number of ports from there on, got '0xffff 2'"                                                                      },
	{"ports that wrap",               VM "passthrough = 1 0xffffffffffffffff\n",
	 "line 3: 'passthrough' must be an I/O port and the number of ports from there on, got '1 "
	 "0xffffffffffffffff'"																		  },
	{"ports up to the PIC",           VM "passthrough = 0x10 17\n",
	 "line 3: ports of the PIC, which is L0's: '0x10 17'"														   },
	{"ports from COM1's last on",     VM "passthrough = 0x3ff 1\n",
	 "line 3: ports of COM1, to which L0 writes: '0x3ff 1'"														 },
	{"ports around the console",      VM "passthrough = 0xe0 16\n",
	 "line 3: ports of the debug console, to which L0 writes: '0xe0 16'"												    },
	{"ports of PCI",                  VM "passthrough = 0xcfc 4\n",
	 "line 3: ports of the PCI configuration, which is L0's: '0xcfc 4'"												     },
	{"ports that end the machine",    VM "passthrough = 0x8000 0x1000\n",
	 "line 3: ports by which the machine is ended: '0x8000 0x1000'"													 },
	{"move at no moment",             VM "migrate.at = noon\n",
	 "line 3: 'migrate.at' must be mark, hypercall, tick N or exit N, got 'noon'"											   },
	{"move at a tick of no number",   VM "migrate.at = tick\n",
	 "line 3: 'migrate.at' must be mark, hypercall, tick N or exit N, got 'tick'"											   },
	{"move at a mark with a number",  VM "migrate.at = mark 3\n",
	 "line 3: 'migrate.at' must be mark, hypercall, tick N or exit N, got 'mark 3'"											 },
	{"fault of no name",              VM "migrate.fault = burn 3\n",
	 "line 3: 'migrate.fault' must be drop, truncate, flip, twice, swap or deaf, and a message's number, "
	 "got "
	 "'burn 3'"																			     },
	{"move without a host",           VM "migrate.to = 1\n",
	 "line 1: [vm a] moves, so [l0] needs a 'host' that is another number"												  },
	{"move to itself",                VM "migrate.to = 1\n[l0]\nhost = 1\n",
	 "line 1: [vm a] moves, so [l0] needs a 'host' that is another number"												  },
	{"two that move",                 "[l0]\nhost = 0\n" VM "migrate.to = 1\n[vm b]\nmigrate.from = 1\n",
	 "line 6: [vm b] is the second one that moves: of a host only one can"												  },
	{"move and renewal",              "[l0]\nhost = 0\n" VM "migrate.to = 1\nmigrate.renew = 7\n",
	 "line 3: [vm a] moves, which does not go together with 'migrate.renew'"												},
	{"rounds beside a move",
	 "[l0]\nhost = 0\n" VM "migrate.to = 1\nmigrate.track = pml\n[vm b]\nimage = k\nmigrate.track = wp\n",
	 "line 7: [vm b] has 'migrate.track', which no VM can have beside one that moves"                                                                                       },
	{"rounds beside one that comes",
	 "[l0]\nhost = 1\n" VM "migrate.track = wp\nmigrate.round = 7\n[vm b]\nmigrate.from = 0\n",
	 "line 3: [vm a] has 'migrate.track', which no VM can have beside one that moves"                                                                                       },
	{"limit of no MSR",               VM "nested.limit = IA32_EFER 1\n",
	 "line 3: 'nested.limit' must be the name or number of a VMX capability MSR and a value, got "
	 "'IA32_EFER 1'"																			},
	{"limit without a value",         VM "nested.limit = 0x48b\n",
	 "line 3: 'nested.limit' must be the name or number of a VMX capability MSR and a value, got "
	 "'0x48b'"																			      },
	{"limit twice",                   VM "nested.limit = 0x48b 1\nnested.limit = IA32_VMX_PROCBASED_CTLS2 3\n",
	 "line 4: a limit was given before for 'IA32_VMX_PROCBASED_CTLS2'"												      },
	{"memory too small",              VM "memory = 512K\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '512K'"													},
	{"memory too large",              VM "memory = 5G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '5G'"													  },
	{"memory overflows",              VM "memory = 99999999999999999999G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '99999999999999999999G'"                                                                                       },
	{"memory wraps by its unit",      VM "memory = 17179869185G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '17179869185G'"												},
	{"memory of a wrong unit",        VM "memory = 64MB\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '64MB'"													},
	{"memory not in pages",           VM "memory = 1048577\n",
	 "line 3: a size must be a multiple of 4K, got '1048577'"													       },
	{"memory empty",                  VM "memory =\n",							  "line 3: 'memory' must be a size between 1M and 3G, got ''" },
	{"vcpus 0",		       VM "vcpus = 0\n",							 "line 3: 'vcpus' must be a number between 1 and 8, got '0'" },
	{"vcpus negative",                VM "vcpus = -1\n",							"line 3: 'vcpus' must be a number between 1 and 8, got '-1'"},
	{"vcpus 2^32 + 1",                VM "vcpus = 4294967297\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '4294967297'"												   },
	{"vcpus 2^64 + 1",                VM "vcpus = 18446744073709551617\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '18446744073709551617'"											 },
	{"vcpus 2^64 + 1, hexadecimal",   VM "vcpus = 0x10000000000000001\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '0x10000000000000001'"											  },
	{"nested yes",                    VM "nested = yes\n",						      "line 3: 'nested' must be on or off, got 'yes'"             },
	{"image of two words",            "[vm a]\nimage = a b\n",
	 "line 2: 'image' must be a bundle entry's name of at most 47 letters, got 'a b'"                                                                                       },
	{"image too long",                "[vm a]\nimage = " LONG_NAME "\n",
	 "line 2: 'image' must be a bundle entry's name of at most 47 letters, got '" LONG_NAME "'"                                                                             },
	{"no image",		      "\n[vm a]\nnested = on\n",						"line 2: [vm a] has no 'image'"                             },
	{"no image, another VM follows",  "[vm a]\n[vm b]\nimage = k\n",                                            "line 1: [vm a] has no 'image'"                             },
	{"module empty",                  VM "module =\n",
	 "line 3: 'module' must be a bundle entry's name of at most 47 letters, got ''"											 },
	{"nine modules",
	 VM "module=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\n",
	 "line 11: more than 8 modules"																	 },
	{"unknown section",               "[net]\n",
	 "line 1: unknown section '[net]'; expected [l0], [cpu NAME] or [vm NAME]"											      },
	{"section not closed",            "[vm a\n",								"line 1: expected ']' at the end of '[vm a'"                },
	{"only a bracket",                "[\n",								    "line 1: expected ']' at the end of '['"                    },
	{"[l0] twice",                    "[l0]\n[l0]\n",							   "line 2: [l0] was given before"                             },
	{"VM twice",		      VM "[vm a]\n",							    "line 3: a VM named 'a' was described before"               },
	{"VM without a name",             "[vm]\n",
	 "line 1: a VM's name is 1 to 31 letters, digits, '_' and '-', got ''"												  },
	{"VM with a bad name",            "[vm a/b]\n",
	 "line 1: a VM's name is 1 to 31 letters, digits, '_' and '-', got 'a/b'"											       },
	{"nine VMs",
	 "[vm 1]\nimage=k\n[vm 2]\nimage=k\n[vm 3]\nimage=k\n[vm 4]\nimage=k\n[vm 5]\nimage=k\n[vm "
	 "6]\nimage=k\n"
	 "[vm 7]\nimage=k\n[vm 8]\nimage=k\n[vm 9]\nimage=k\n",						     "line 17: more than 8 VMs"                                  },
	{"CPU without a name",            "[cpu]\n",
	 "line 1: a CPU's name is 1 to 31 letters, digits, '_' and '-', got ''"												 },
	{"CPU twice",                     CPU "[cpu c]\n",							  "line 3: a CPU named 'c' was described before"              },
	{"CPU without a leaf",            "\n[cpu c]\nmsr = 0x10a 1\n" VM,                                          "line 2: [cpu c] has no 'cpuid'"                            },
	{"CPU without a leaf at the end", VM "[cpu c]\n",							   "line 3: [cpu c] has no 'cpuid'"                            },
	{"nine CPUs",
	 "[cpu 1]\ncpuid=0 0 0 0 0 0\n[cpu 2]\ncpuid=0 0 0 0 0 0\n[cpu 3]\ncpuid=0 0 0 0 0 0\n[cpu 4]\n"
	 "cpuid=0 0 0 0 0 0\n[cpu 5]\ncpuid=0 0 0 0 0 0\n[cpu 6]\ncpuid=0 0 0 0 0 0\n[cpu 7]\ncpuid=0 0 0 0 "
	 "0 0\n"
	 "[cpu 8]\ncpuid=0 0 0 0 0 0\n[cpu 9]\n",								   "line 17: more than 8 CPUs"                                 },
	{"unknown key of a CPU",          CPU "image = k\n",
	 "line 3: unknown key 'image' in [cpu c]; expected one of cpuid, msr"												   },
	{"cpuid of five numbers",         "[cpu c]\ncpuid = 1 0 1 2 3\n",
	 "line 2: 'cpuid' must be LEAF SUBLEAF EAX EBX ECX EDX, each of 32 bits, got '1 0 1 2 3'"                                                                               },
	{"cpuid of seven numbers",        "[cpu c]\ncpuid = 1 0 1 2 3 4 5\n",
	 "line 2: 'cpuid' must be LEAF SUBLEAF EAX EBX ECX EDX, each of 32 bits, got '1 0 1 2 3 4 5'"                                                                           },
	{"cpuid of 33 bits",              "[cpu c]\ncpuid = 1 0 1 2 3 0x100000000\n",
	 "line 2: 'cpuid' must be LEAF SUBLEAF EAX EBX ECX EDX, each of 32 bits, got '1 0 1 2 3 "
	 "0x100000000'"																			 },
	{"cpuid of no number",            "[cpu c]\ncpuid = 1 0 1 2 3 x\n",
	 "line 2: 'cpuid' must be LEAF SUBLEAF EAX EBX ECX EDX, each of 32 bits, got '1 0 1 2 3 x'"                                                                             },
	{"cpuid twice",                   CPU "cpuid = 7 1 0 0 0 0\ncpuid = 0x7 0x1 0 0 0 0\n",
	 "line 4: this leaf and sub-leaf were given before: '0x7 0x1 0 0 0 0'"												  },
	{"msr of no name",                CPU "msr = IA32_EFER 1\n",
	 "line 3: 'msr' must be an MSR's number, or its name if it tells of capabilities, and a value, got "
	 "'IA32_EFER 1'"																			},
	{"msr of 33 bits",                CPU "msr = 0x100000000 1\n",
	 "line 3: 'msr' must be an MSR's number, or its name if it tells of capabilities, and a value, got "
	 "'0x100000000 1'"																		      },
	{"msr without a value",           CPU "msr = 0x10a\n",
	 "line 3: 'msr' must be an MSR's number, or its name if it tells of capabilities, and a value, got "
	 "'0x10a'"																			      },
	{"msr twice",                     CPU "msr = 0x48b 1\nmsr = IA32_VMX_PROCBASED_CTLS2 1\n",
	 "line 4: this MSR was given before: 'IA32_VMX_PROCBASED_CTLS2'"													},
	{"policy that is not there",      CPU VM "\ncpu.policy = d\n[vm b]\nimage = k\n",
	 "line 6: there is no [cpu NAME] with the name 'd'"														     },
	{"policy empty",                  VM "cpu.policy =\n",
	 "line 3: 'cpu.policy' must be the name of a [cpu NAME], got ''"													},
	{"policy too long",               VM "cpu.policy = " LONG_NAME "\n",
	 "line 3: 'cpu.policy' must be the name of a [cpu NAME], got '" LONG_NAME "'"											   },
	{"force yes",                     VM "cpu.force = yes\n",						   "line 3: 'cpu.force' must be on or off, got 'yes'"          },
	{"control character",             VM "cmdline = a\x01\n",                                                   "line 3: a byte that is not printable ASCII"                },
	{"not ASCII",                     VM "cmdline = \xC3\xBC\n",                                                "line 3: a byte that is not printable ASCII"                },
	{"slice 0",		       VM "slice = 0\n",
	 "line 3: 'slice' must be a number between 1000 and 9223372036854775807, got '0'"                                                                                       },
};

static void errors_name_line_and_cure(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const int err = config_parse(bad_rows[i].text, strlen(bad_rows[i].text), &config, &error);
		const char *want = bad_rows[i].message;
		const char *cut =
			strstr(error.text, "…"); /* what the user wrote is quoted up to 48 letters */
		const int differs = cut ? strncmp(error.text, want, (size_t)(cut - error.text))
					: strcmp(error.text, want);

		if (err != -EINVAL || differs)
			fail_msg("%s: %d '%s'", bad_rows[i].name, err, error.text);
	}
}

static void a_full_text(void **state)
{
	const char *text = "# two VMs\n"
			   "[l0]\n"
			   "limit = 20000000000          # ticks; optional\n"
			   "host = 3\npeer = 0xf\nlink_test = 4194304\n"
			   "\n"
			   "[vm first-one]\r\n"
			   "image = exits\r\n"
			   "  cmdline=iterations=200 a#b # comment\n"
			   "memory = 0x4000K\n"
			   "vcpus = 2\n"
			   "nested = on\n"
			   "nested.shadow_vmcs = off\n"
			   "nested.incremental_merge = off\n"
			   "nested.vmx_locked = off\n"
			   "nested.limit = IA32_VMX_PROCBASED_CTLS2 0xff00000000\n"
			   "nested.limit = 0x491 0\n"
			   "nested.lazy_rare_fields = off\n"
			   "nested.cached_checks = off\n"
			   "nested.cached_host_state = off\n"
			   "nested.watch_msr_bitmap = off\n"
			   "nested.clean_fields = off\n"
			   "cached_cpuid = off\n"
			   "record.phases = on\n"
			   "migrate.renew = 7\n"
			   "slice = 5000\n"
			   "migrate.track = pml\n"
			   "migrate.round = 70000\n"
			   "migrate.prove = on\n"
			   "module = disk  root=/dev/x  y\n"
			   "module = initrd\n"
			   "[ vm b ]\n"
			   "image = hello"; /* no newline at the end */
	const struct vm_config *a = &config.vm[0], *b = &config.vm[1];

	(void)state;
	if (config_parse(text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	assert_int_equal(config.limit, 20000000000);
	assert_int_equal(config.host, 3);
	assert_int_equal(config.peer, 15);
	assert_int_equal(config.link_test, 4 << 20);
	assert_int_equal(config.vm_count, 2);
	assert_string_equal(a->name, "first-one");
	assert_string_equal(a->image, "exits");
	assert_string_equal(a->cmdline, "iterations=200 a#b");
	assert_int_equal(a->memory, 16 << 20);
	assert_int_equal(a->vcpus, 2);
	assert_true(a->nested && !a->shadow_vmcs && !a->incremental_merge && !a->vmx_locked);
	assert_int_equal(a->limited, 1u << 11 | 1u << 17);
	assert_int_equal(a->limit[11], 0xff00000000);
	assert_int_equal(a->limit[17], 0);
	assert_true(!a->lazy_rare_fields && !a->cached_checks && !a->cached_host_state);
	assert_true(!a->watch_msr_bitmap && !a->clean_fields && !a->cached_cpuid && a->record_phases);
	assert_int_equal(a->slice, 5000);
	assert_int_equal(a->module_count, 2);
	assert_string_equal(a->module[0].entry, "disk");
	assert_string_equal(a->module[0].args, "root=/dev/x  y");
	assert_string_equal(a->module[1].entry, "initrd");
	assert_string_equal(a->module[1].args, "");
	assert_int_equal(a->line, 8);
	assert_int_equal(a->renew, 7);
	assert_int_equal(b->renew, 0);
	assert_int_equal(a->module[1].line, 32);
	assert_int_equal(a->track, CONFIG_TRACK_PML);
	assert_int_equal(a->round, 70000);
	assert_true(a->prove && !b->prove && !b->round && b->track == CONFIG_TRACK_OFF);
	assert_string_equal(b->name, "b");
	assert_int_equal(b->memory, 64 << 20);
	assert_int_equal(b->vcpus, 1);
	assert_int_equal(b->slice, 1000000);
	assert_true(!b->nested && b->shadow_vmcs && b->incremental_merge && b->vmx_locked);
	assert_true(b->lazy_rare_fields && b->cached_checks && b->cached_host_state);
	assert_true(b->watch_msr_bitmap && b->clean_fields && b->cached_cpuid && !b->record_phases);
}

static void policies(void **state)
{
	/* one before the VM that uses it, one behind; leaves in no order */
	const char *text = "[cpu first]\n"
			   "cpuid = 0x80000001 0 0 0 0x121 0x2c100800\n"
			   "cpuid = 7 1 9 9 9 9   # a comment\n"
			   "cpuid = 7 0 1 2 3 0xffffffff\n"
			   "msr = IA32_VMX_PROCBASED_CTLS2 0xff00000000\n"
			   "msr = 266 0x123456789abcdef0\n"
			   "[vm a]\nimage = k\ncpu.policy = second\n"
			   "[vm b]\nimage = k\ncpu.policy = first\ncpu.force = on\n"
			   "[cpu second]\ncpuid = 0 0 1 2 3 4\nmsr = IA32_ARCH_CAPABILITIES 5\n";
	const struct cpu_policy *first = &config.policy[0], *second = &config.policy[1];

	(void)state;
	if (config_parse(text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	assert_int_equal(config.policy_count, 2);
	assert_int_equal(config.vm_count, 2);
	assert_string_equal(first->name, "first");
	assert_int_equal(first->leaf_count, 3);
	assert_int_equal(cpu_policy_reg(first, 7, 0, CPU_EAX), 1);
	assert_int_equal(cpu_policy_reg(first, 7, 0, CPU_EDX), 0xffffffff);
	assert_int_equal(cpu_policy_reg(first, 7, 1, CPU_ECX), 9);
	assert_int_equal(cpu_policy_reg(first, 0x80000001, 0, CPU_ECX), 0x121);
	assert_int_equal(first->msr_count, 2);
	assert_int_equal(cpu_policy_msr(first, 0x48b)->value, 0xff00000000);
	assert_int_equal(cpu_policy_msr(first, 0x10a)->value, 0x123456789abcdef0);
	assert_int_equal(cpu_policy_msr(second, 0x10a)->value, 5);
	assert_false(first->features_only);
	assert_int_equal(config.vm[0].cpu_policy_index, 1);
	assert_false(config.vm[0].cpu_force);
	assert_int_equal(config.vm[1].cpu_policy_index, 0);
	assert_true(config.vm[1].cpu_force);
}

static void too_many_rows(void **state)
{
	static char text[1 << 16];
	static const struct {
		const char *row, *message;
		unsigned fits;
	} cases[] = {
		{"cpuid = 4 %u 1 2 3 4\n", "line 194: more than 192 'cpuid' lines", CPU_POLICY_LEAVES},
		{"msr = %u 1\n",           "line 43: more than 40 'msr' lines",     CPU_POLICY_MSRS  },
	};

	(void)state;
	for (unsigned c = 0; c < 2; c++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", c ? CPU : "[cpu c]\n");

		for (unsigned i = 0; i < cases[c].fits; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, cases[c].row, i);
		snprintf(text + n, sizeof(text) - n, VM);
		assert_int_equal(config_parse(text, strlen(text), &config, &error), 0);
		snprintf(text + n, sizeof(text) - n, cases[c].row, 4000u);
		assert_int_equal(config_parse(text, strlen(text), &config, &error), -EINVAL);
		assert_string_equal(error.text, cases[c].message);
	}
}

static void text_needs_no_nul(void **state)
{
	const char text[] = VM "memory = 2Mxxx";
	char *exact = malloc(sizeof(text) - 4);

	(void)state;
	assert_non_null(exact);
	memcpy(exact, text, sizeof(text) - 4);
	assert_int_equal(config_parse(exact, sizeof(text) - 4, &config, &error), 0);
	assert_int_equal(config.vm[0].memory, 2 << 20);
	assert_int_equal(config.host, CONFIG_NO_HOST);
	assert_int_equal(config.peer, CONFIG_NO_HOST);
	free(exact);
}

static void a_nul_inside_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(config_parse(VM "\0\n", sizeof(VM "\0\n") - 1, &config, &error), -EINVAL);
	assert_int_equal(error.line, 3);
}

static void entries_must_be_in_the_bundle(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[vm a]\nimage = kernel\nmodule = disk x\n", NULL                                     },
		{"[vm a]\n\nimage = kernl\n",                 "line 3: the bundle has no entry 'kernl'"},
		{"[vm a]\nimage = kernel\nmodule = dsk\n",    "line 3: the bundle has no entry 'dsk'"  },
	};
	static _Alignas(4096) unsigned char blob[4 * 4096];
	struct nb_bundle_header h = {.magic = NB_BUNDLE_MAGIC, .count = 3};
	struct bundle bundle;

	(void)state;
	h.entry[0] = (struct nb_bundle_entry){"config", 4096, 10};
	h.entry[1] = (struct nb_bundle_entry){"kernel", 8192, 4};
	h.entry[2] = (struct nb_bundle_entry){"disk", 12288, 4096};
	memcpy(blob, &h, sizeof(h));
	assert_int_equal(bundle_open(blob, sizeof(blob), &bundle, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(config_parse(cases[i].text, strlen(cases[i].text), &config, &error), 0);
		if (!cases[i].message) {
			assert_int_equal(config_check_entries(&config, &bundle, &error), 0);
			continue;
		}
		assert_int_equal(config_check_entries(&config, &bundle, &error), -ENOENT);
		assert_string_equal(error.text, cases[i].message);
	}
}

/* Run from the top folder, as make does. */
static void documentation_has_every_key(void **state)
{
	static char doc[1 << 16];
	FILE *f = fopen("docs/bundle.md", "r");
	size_t count, n;
	const struct config_key *keys = config_keys(&count);

	(void)state;
	assert_non_null(f);
	n = fread(doc, 1, sizeof(doc) - 1, f);
	fclose(f);
	doc[n] = '\0';
	for (size_t i = 0; i < count; i++) {
		char row[64];

		snprintf(row, sizeof(row), "| `%s` |", keys[i].name);
		if (!strstr(doc, row) || !keys[i].help[0])
			fail_msg("docs/bundle.md has no row for '%s'", keys[i].name);
		for (size_t j = 0; j < i; j++)
			assert_true(keys[j].section != keys[i].section ||
				    strcmp(keys[j].name, keys[i].name) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_name_line_and_cure),
		cmocka_unit_test(a_full_text),
		cmocka_unit_test(policies),
		cmocka_unit_test(too_many_rows),
		cmocka_unit_test(text_needs_no_nul),
		cmocka_unit_test(a_nul_inside_is_an_error),
		cmocka_unit_test(entries_must_be_in_the_bundle),
		cmocka_unit_test(documentation_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
