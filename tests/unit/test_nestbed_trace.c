/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/elf_code.h"
#include "experiments/text.h"
#include "experiments/trace.h"

#define BEFORE "(0).[24793738] [0x0000001286bd] 0010:ffffffff81286bd0 (unk. ctxt): "

static const struct trace_l0 ours = {
	.range = {{0x100000, 0x143248}, {0x8000000, 0x8001000}},
	.ranges = 2,
};
static const struct trace_l0 linux_kernel = {
	.selector = {0x10, 0x33},
          .selectors = 2
};

/* A line in memory of its own size: what reads behind it is found. */
static void feed(struct trace *t, const char *line)
{
	const struct machine_trace sink = trace_sink(t);
	size_t n = strlen(line);
	char *exact = malloc(n ? n : 1);

	assert_non_null(exact);
	memcpy(exact, line, n);
	sink.line(sink.ctx, exact, n);
	free(exact);
}

static void section_ends(struct trace *t)
{
	const struct machine_trace sink = trace_sink(t);

	sink.line(sink.ctx, NULL, 0);
}

/* As Bochs 2.7 spells them. */
static const struct {
	const char *instruction;
	enum trace_class class;
} class_rows[] = {
	{"vmread rdx, rdx           ; 0f78d2",                        TRACE_VMREAD  },
	{"vmread qword ptr ds:[rbx], rax ; 0f7803",                   TRACE_VMREAD  },
	{"vmwrite rbx, qword ptr ds:[rax] ; 0f7918",                  TRACE_VMWRITE },
	{"vmptrld qword ptr ss:[rbp-8] ; 0fc775f8",                   TRACE_VMPTRLD },
	{"vmptrst qword ptr ds:[rax] ; 0fc738",                       TRACE_VMPTRST },
	{"vmclear qword ptr ds:[rax] ; 660fc730",                     TRACE_VMCLEAR },
	{"vmlaunch                  ; 0f01c2",                        TRACE_ENTRY   },
	{"vmresume                  ; 0f01c3",                        TRACE_ENTRY   },
	{"vmxon qword ptr ds:[rax] ; f30fc730",                       TRACE_VMXON   },
	{"vmxoff ; 0f01c4",					   TRACE_VMXON   },
	{"vmcall ; 0f01c1",					   TRACE_VMCALL  },
	{"vmfunc ; 0f01d4",					   TRACE_VMCALL  },
	{"invept ecx, xmmword ptr ds:[rax] ; 660f388008",             TRACE_INVEPT  },
	{"invvpid ecx, xmmword ptr ds:[rax] ; 660f388108",            TRACE_INVVPID },
	{"invpcid ecx, xmmword ptr ds:[rax] ; 660f388208",            TRACE_INVLPG  },
	{"invlpg byte ptr ds:[rax] ; 0f0138",                         TRACE_INVLPG  },
	{"rdmsr ; 0f32",					      TRACE_RDMSR   },
	{"wrmsr ; 0f30",					      TRACE_WRMSR   },
	{"rdtsc ; 0f31",					      TRACE_RDTSC   },
	{"rdtscp ; 0f01f9",					   TRACE_RDTSC   },
	{"cpuid ; 0fa2",					      TRACE_CPUID   },
	{"mov rax, cr0 ; 0f20c0",				     TRACE_FROM_CR },
	{"smsw ax ; 660f01e0",					TRACE_FROM_CR },
	{"mov cr3, rax ; 0f22d8",				     TRACE_TO_CR   },
	{"mov cr8, rax ; 440f22c0",                                   TRACE_TO_CR   },
	{"lmsw ax ; 0f01f0",					  TRACE_TO_CR   },
	{"clts ; 0f06",					       TRACE_CLTS    },
	{"mov rax, dr7 ; 0f21f8",				     TRACE_FROM_DR },
	{"mov dr6, rax ; 0f23f0",				     TRACE_TO_DR   },
	{"mov ds, ax ; 8ed8",					 TRACE_SEGMENT },
	{"mov gs, word ptr ds:[rax] ; 8e28",                          TRACE_SEGMENT },
	{"pop fs                    ; 0fa1",                          TRACE_SEGMENT },
	{"lss ecx, ds:[rax] ; 0fb208",                                TRACE_SEGMENT },
	{"mov ax, fs ; 668ce0",				       TRACE_OTHER   },
	{"push fs ; 0fa0",					    TRACE_OTHER   },
	{"pop rsi ; 5e",					      TRACE_OTHER   },
	{"mov rax, qword ptr fs:0x0000000000000010 ; 6448",           TRACE_OTHER   },
	{"mov qword ptr gs:0x20, rax ; 6548",                         TRACE_OTHER   },
	{"mov dword ptr ds:[rax], ecx ; 8908",                        TRACE_OTHER   },
	{"in al, 0x05 ; e405",					TRACE_IO      },
	{"out dx, al                ; ee",                            TRACE_IO      },
	{"rep outsd dx, dword ptr ds:[rsi] ; f36f",                   TRACE_IO      },
	{"insb byte ptr es:[rdi], dx ; 6c",                           TRACE_IO      },
	{"xsetbv ; 0f01d1",					   TRACE_XSETBV  },
	{"xgetbv ; 0f01d0",					   TRACE_XGETBV  },
	{"xsaves ds:[rax] ; 0fc728",                                  TRACE_XSAVE   },
	{"fxsave ds:[rax] ; 0fae00",                                  TRACE_XSAVE   },
	{"xrstors ds:[rax] ; 0fc718",                                 TRACE_XRSTOR  },
	{"fxrstor ds:[rax] ; 0fae08",                                 TRACE_XRSTOR  },
	{"swapgs ; 0f01f8",					   TRACE_SWAPGS  },
	{"wrgsbase rax ; f3480faed8",                                 TRACE_FSGSBASE},
	{"syscall ; 0f05",					    TRACE_SYSCALL },
	{"sysret ; 480f07",					   TRACE_SYSRET  },
	{"int3 ; cc",						 TRACE_INT     },
	{"int 0x80 ; cd80",					   TRACE_INT     },
	{"iret ; 48cf",					       TRACE_IRET    },
	{"lock cmpxchg dword ptr ds:[rax], ecx ; f00fb108",           TRACE_ATOMIC  },
	{"lock xchg qword ptr ds:[rbx], rax ; f0488703",              TRACE_ATOMIC  },
	{"xchg qword ptr ds:[rbx], rax ; 488703",                     TRACE_ATOMIC  },
	{"xchg bx, bx ; 6687db",				      TRACE_OTHER   },
	{"lfence ; 0faee8",					   TRACE_LFENCE  },
	{"mfence ; 0faef0",					   TRACE_MFENCE  },
	{"verw word ptr ds:[rax] ; 0f0028",                           TRACE_VERW    },
	{"lgdt ds:[rax] ; 0f0110",				    TRACE_DT_LOAD },
	{"ltr ax ; 0f00d8",					   TRACE_DT_LOAD },
	{"sidt ds:[rax] ; 0f0108",				    TRACE_DT_STORE},
	{"sldt ax ; 0f00c0",					  TRACE_DT_STORE},
	{"hlt ; f4",						  TRACE_HLT     },
	{"sti ; fb",						  TRACE_STI     },
	{"cli ; fa",						  TRACE_CLI     },
	{"popf ; 9d",						 TRACE_POPF    },
	{"pushf ; 9c",						TRACE_PUSHF   },
	{"clac ; 0f01ca",					     TRACE_SMAP    },
	{"pause ; f390",					      TRACE_PAUSE   },
	{"wbinvd ; 0f09",					     TRACE_CACHE   },
	{"clflushopt byte ptr ds:[rax] ; 660fae38",                   TRACE_CACHE   },
	{"rep movsq qword ptr es:[rdi], qword ptr ds:[rsi] ; f348a5", TRACE_STRING  },
	{"repne scasb al, byte ptr es:[rdi] ; f2ae",                  TRACE_STRING  },
	{"movsb byte ptr es:[rdi], byte ptr ds:[rsi] ; a4",           TRACE_OTHER   },
	{"call .+2038  (0x00101a10) ; e8f6070000",                    TRACE_OTHER   },
	{"jmp .-213  (0xffffff1e)   ; e92bff",                        TRACE_OTHER   },
	{"call qword ptr ds:[rcx+1098128] ; ff9190c11000",            TRACE_BRANCH  },
	{"jmp rax ; ffe0",					    TRACE_BRANCH  },
	{"div rax, rcx ; 48f7f1",				     TRACE_DIV     },
	{"idiv eax, dword ptr ds:[rax] ; f738",                       TRACE_DIV     },
	{"imul eax, ecx ; 0fafc1",				    TRACE_OTHER   },
	{"vmreads ; 00",					      TRACE_OTHER   },
	{"vmrea",						     TRACE_OTHER   },
	{"clf ; 00",						  TRACE_OTHER   },
	{"",							  TRACE_OTHER   },
};

static void classes(void **state)
{
	bool seen[TRACE_CLASS_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < sizeof(class_rows) / sizeof(class_rows[0]); i++) {
		char *line = text_format(BEFORE "%s", class_rows[i].instruction);
		struct trace t;

		trace_init(&t, &linux_kernel);
		feed(&t, line);
		seen[class_rows[i].class] = true;
		if (t.now.of[TRACE_L0][class_rows[i].class] != 1 || trace_sum(&t.now, TRACE_L0) != 1)
			fail_msg("'%s' is not %s", class_rows[i].instruction,
				 trace_class_names[class_rows[i].class]);
		trace_free(&t);
		free(line);
	}
	for (unsigned c = 0; c < TRACE_CLASS_COUNT; c++) {
		if (!seen[c])
			fail_msg("no row of class %s", trace_class_names[c]);
		assert_int_equal(trace_class_find(trace_class_names[c]), c);
	}
	assert_int_equal(trace_class_find("vmrea"), TRACE_CLASS_COUNT);
}

static const struct {
	const char *name, *line;
	const struct trace_l0 *l0;
	int who; /* -1: unreadable */
} who_rows[] = {
	{"first byte of the range", "(0).[1] [0x000000100000] 0008:00000000001286bd (unk. ctxt): nop ; 90",
	 &ours,													    TRACE_L0    },
	{"last byte",               "(0).[1] [0x000000143247] 0008:00000000001286bd (unk. ctxt): nop ; 90", &ours,
	 TRACE_L0														      },
	{"behind it",               "(0).[1] [0x000000143248] 0008:0000000000100000 (unk. ctxt): nop ; 90", &ours,
	 TRACE_GUESTS														  },
	{"second range",            "(0).[1] [0x000008000fff] 0008:00000000001286bd (unk. ctxt): nop ; 90", &ours,
	 TRACE_L0														      },
	{"a guest at L0's address", "(0).[1] [0x00000e3a7645] 0008:0000000000102645 (unk. ctxt): nop ; 90",
	 &ours,													    TRACE_GUESTS},
	{"kernel",                  "(0).[1] [0x00000e3a7645] 0010:ffffffff81000000 (unk. ctxt): nop ; 90", &linux_kernel,
	 TRACE_L0														      },
	{"its program",             "(0).[1] [0x00000e3a7645] 0033:0000000000401000 (unk. ctxt): nop ; 90", &linux_kernel,
	 TRACE_L0														      },
	{"its guest",               "(0).[1] [0x00000e3a7645] 0008:0000000000102645 (unk. ctxt): nop ; 90", &linux_kernel,
	 TRACE_GUESTS														  },
	{"a symbol with brackets",  "(0).[1] [0x00000e3a7645] 0010:ffffffff81000000 (a(b)+1): nop ; 90",
	 &linux_kernel,												    TRACE_L0    },
	{"not mapped",              "(0).[7] ??? (physical address not available)",                         &ours,         -1          },
	{"a complaint",             "bx_dbg_read_linear: physical memory read error (phy=0x1, lin=0x2)",    &ours,         -1          },
	{"no selector",             "(0).[1] [0x00000e3a7645] :0000000000102645 (unk. ctxt): nop ; 90",     &ours,         -1          },
	{"no instruction",          "(0).[1] [0x00000e3a7645] 0008:0000000000102645 (unk. ctxt)",           &ours,         -1          },
	{"no tick",                 "(0).[] [0x00000e3a7645] 0008:0000000000102645 (unk. ctxt): nop ; 90",  &ours,         -1          },
	{"another processor",       "(1).[1] [0x00000e3a7645] 0008:0000000000102645 (unk. ctxt): nop ; 90", &ours,
	 -1															    },
	{"nothing",                 "",								     &ours,         -1          },
};

static void whose(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(who_rows) / sizeof(who_rows[0]); i++) {
		struct trace t;
		int who;

		trace_init(&t, who_rows[i].l0);
		feed(&t, who_rows[i].line);
		who = t.now.unreadable ? -1 : t.now.of[TRACE_L0][TRACE_OTHER] ? TRACE_L0 : TRACE_GUESTS;
		if (who != who_rows[i].who ||
		    trace_sum(&t.now, TRACE_L0) + trace_sum(&t.now, TRACE_GUESTS) + t.now.unreadable != 1)
			fail_msg("%s: %d", who_rows[i].name, who);
		trace_free(&t);
	}
}

/* One tick an instruction: what is not there is missed, but for the time in which the processor is halted. */
static void missing(void **state)
{
	static const char *const lines[] = {
		"(0).[10] [0x000000100000] 0008:0000000000100000 (unk. ctxt): nop ; 90",
		"(0).[11] [0x000000100001] 0008:0000000000100001 (unk. ctxt): nop ; 90",
		"(0).[14] [0x000000100002] 0008:0000000000100002 (unk. ctxt): hlt ; f4", /* 12, 13 */
		"(0).[90] [0x000000100003] 0008:0000000000100003 (unk. ctxt): nop ; 90",
		"(0).[91] [0x000000100004] 0008:0000000000100004 (unk. ctxt): vmresume ; 0f01c3",
		"(0).[990] [0x000000100005] 0008:0000000000100005 (unk. ctxt): nop ; 90",
		"(0).[991] ??? (physical address not available)", /* 991 */
		"(0).[992] [0x000000100003] 0008:0000000000100003 (unk. ctxt): nop ; 90",
		"(0).[993] [0x000000100004] 0008:0000000000100004 (unk. ctxt): nop ; 90",
	};
	struct trace t;

	(void)state;
	trace_init(&t, &ours);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		feed(&t, lines[i]);
	section_ends(&t);
	feed(&t, "(0).[200] [0x000000100004] 0008:0000000000100004 (unk. ctxt): nop ; 90");
	assert_int_equal(t.section[0].unreadable, 3);
	assert_int_equal(trace_sum(&t.section[0], TRACE_L0), 8);
	assert_int_equal(t.now.unreadable, 0);
	trace_free(&t);
}

static void sections(void **state)
{
	struct trace t;

	(void)state;
	trace_init(&t, &linux_kernel);
	feed(&t, BEFORE "vmread rdx, rdx ; 0f78d2");
	feed(&t, BEFORE "vmread rdx, rdx ; 0f78d2");
	section_ends(&t);
	section_ends(&t);
	feed(&t, BEFORE "cpuid ; 0fa2");
	section_ends(&t);
	feed(&t, BEFORE "hlt ; f4");
	assert_int_equal(t.sections, 3);
	assert_int_equal(t.section[0].of[TRACE_L0][TRACE_VMREAD], 2);
	assert_int_equal(trace_sum(&t.section[0], TRACE_L0), 2);
	assert_int_equal(trace_sum(&t.section[1], TRACE_L0), 0);
	assert_int_equal(t.section[2].of[TRACE_L0][TRACE_CPUID], 1);
	assert_int_equal(trace_sum(&t.section[2], TRACE_L0), 1);
	trace_free(&t);
}

/* ---- where L0's code is ---- */

struct elf {
	Elf32_Ehdr head;
	Elf32_Phdr segment[6];
};

static struct elf kernel(void)
{
	return (struct elf){
		.head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32},
			 .e_machine = EM_386,
			 .e_phoff = offsetof(struct elf, segment),
			 .e_phentsize = sizeof(Elf32_Phdr),
			 .e_phnum = 3},
		.segment = {{.p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_paddr = 0x100000,
			     .p_vaddr = 0xC0100000,
			     .p_memsz = 0x43248},
                         {.p_type = PT_LOAD, .p_flags = PF_R, .p_paddr = 0x144000, .p_memsz = 0x1000},
                         {.p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_paddr = 0xFFFFF000,
			     .p_memsz = 0x1000}                },
	};
}

static int code_of(const struct elf *elf, size_t size, struct trace_l0 *l0)
{
	struct blob file = {malloc(size), size};
	int err;

	assert_non_null(file.data);
	memcpy(file.data, elf, size);
	*l0 = (struct trace_l0){0};
	err = elf_code(&file, l0);
	free(file.data);
	return err;
}

static void code_is_found(void **state)
{
	struct elf elf = kernel();
	struct trace_l0 l0;

	(void)state;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), 0);
	assert_int_equal(l0.ranges, 2);
	assert_int_equal(l0.range[0].begin, 0x100000);
	assert_int_equal(l0.range[0].end, 0x143248);
	assert_true(l0.range[1].end == 0x100000000);
	for (unsigned i = 0; i < 6; i++)
		elf.segment[i] = elf.segment[0];
	elf.head.e_phnum = 4;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), 0);
	elf.head.e_phnum = 5;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), -E2BIG);
}

static void no_kernel(void **state)
{
	struct elf elf = kernel();
	struct trace_l0 l0;

	(void)state;
	for (size_t size = 1; size < offsetof(struct elf, segment[3]); size++)
		assert_int_equal(code_of(&elf, size, &l0), -EINVAL);
	assert_int_equal(code_of(&elf, offsetof(struct elf, segment[3]), &l0), 0);
	elf.head.e_ident[EI_CLASS] = ELFCLASS64;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), -EINVAL);
	elf = kernel();
	elf.head.e_phoff = 0xFFFFFFFF;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), -EINVAL);
	elf = kernel();
	elf.segment[0].p_flags = elf.segment[2].p_flags = PF_R;
	assert_int_equal(code_of(&elf, sizeof(elf), &l0), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),  cmocka_unit_test(whose),         cmocka_unit_test(missing),
		cmocka_unit_test(sections), cmocka_unit_test(code_is_found), cmocka_unit_test(no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
