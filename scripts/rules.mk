# SPDX-License-Identifier: MIT
# What a user calls: demo, check and its parts. Tests are named by the other folders' rules.mk.
DEMO_OUT  ?= results/runs/demo-$(shell date +%Y%m%d-%H%M%S)
DEMO_GUEST = rate=20000 writes=6000 pages=400 move=500
FUZZ_RUNS ?= 100000
FUZZ_SECONDS ?= 2
SYSTEM_TESTS = $(wildcard tests/system/*.sh)
# For items of tests/run, which start a make of their own
SUBMAKE    = $(MAKE) --no-print-directory BUILD=$(BUILD)
have       = command -v $(1) >/dev/null

deps: ## Install what building, tests and lint need
	$(Q)scripts/deps check

demo: ## Install what is missing, build, run experiment exit-cost, move a hypervisor with its guest
	$(Q)scripts/deps demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)out=$(DEMO_OUT) && $(BUILD)/nestbed run exit-cost --out $$out && \
		printf '\nl1hv moves from Skylake to Haswell while its guest, dirtier, writes 20,000 pages in 10^9 ticks:\n' && \
		$(BUILD)/nestbed move --quiet --from corei7_skylake_x --to corei7_haswell_4770 --policy pool --capture $$out/move \
			--nested --memory 40M --module "dirtier:$(DEMO_GUEST)" --link rate=200Mbit l1hv && \
		printf '\nResults: %s\n' $$out && ls -1 $$out | sed 's/^/  /'

check: deps ## Install what is missing, build, run every test and lint
	$(Q)$(MAKE) --no-print-directory check-all

check-all: ## The same without installing anything
	$(Q)$(SUBMAKE) -j$(shell nproc) all build-tests || \
		{ echo "not ok build"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
	$(Q)tests/run -j $(CHECK_JOBS) -o $(BUILD)/check $(CHECK_ITEMS)

# One more than processors: some wait for machines that die, hang or are told to end.
CHECK_JOBS  = $(shell expr $$(nproc) + 1)
# The longest first, so that they do not run alone at the end.
CHECK_ITEMS = $(SYSTEM_TESTS) $(LINT_ITEMS) $(UNIT_TESTS) $(FUZZ_ITEMS) headers='$(SUBMAKE) headers'
LINT_ITEMS  = $(foreach l,$(LINTS),$(l)='$(SUBMAKE) $(l)')
FUZZ_ITEMS  = $(foreach f,$(notdir $(FUZZERS)),$(f)='scripts/fuzz $(BUILD)/fuzz/$(f) $(FUZZ_RUNS) $(FUZZ_SECONDS)')

unit: build-unit ## Run the unit tests
	$(Q)tests/run -o $(BUILD)/check $(UNIT_TESTS)

fuzz: build-fuzz ## Run each fuzzer for FUZZ_SECONDS at most
	$(Q)tests/run -o $(BUILD)/check $(FUZZ_ITEMS)

system: all ## Run the tests that boot machines
	$(Q)tests/run -o $(BUILD)/check $(SYSTEM_TESTS)

# Prerequisites are only known when every rules.mk has been read.
build-unit:
	$(Q)+$(SUBMAKE) $(UNIT_TESTS)

build-fuzz:
	$(Q)+if $(call have,$(FUZZ_CC)); then $(SUBMAKE) $(FUZZERS); else echo "  no $(FUZZ_CC): fuzzers not built"; fi

build-tests: build-unit build-fuzz

.PHONY: deps demo check check-all unit fuzz system build-unit build-fuzz build-tests

# ---- labs ----
LABS = lab1 lab2 lab3 lab4 lab5
$(LABS): lab%:
	$(Q)BUILD=$(BUILD) scripts/lab check $*

labs: ## Check the answers to the labs of docs/labs; lab1 to lab5 check one
	$(Q)failed=0; for n in $(LABS:lab%=%); do BUILD=$(BUILD) scripts/lab check $$n || failed=1; done; exit $$failed

.PHONY: labs $(LABS)

# ---- lint ----
LINTS = lint-clang lint-format lint-tidy lint-cppcheck lint-shell
SOURCES = $(shell git ls-files '*.c' '*.h')
C_FILES = $(filter-out %.h,$(SOURCES))
GENERATED = $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN) $(AGENT_GEN)
missing_tool = echo "skip $@ $(1) is not installed"
# The code of L0 and guests is freestanding, what boots a machine 32-bit too.
lint_flags = -std=gnu11 -D_GNU_SOURCE -DNESTBED_VERSION='"lint"' -Iinclude -I. -I$(BUILD)/gen -Iworkloads/rt $(CPU_READ_CFLAGS) $(CLUSTER_CFLAGS) \
	$(if $(filter l0hv/% workloads/%,$(1)),-ffreestanding -mgeneral-regs-only) \
	$(if $(filter experiments/rom/% experiments/peers/kvm/boot/%,$(1)),-ffreestanding -m32)

lint: ## Both compilers, clang-format, clang-tidy, cppcheck, shellcheck
	$(Q)$(SUBMAKE) all build-tests
	$(Q)tests/run -o $(BUILD)/lint/log $(LINT_ITEMS)

# What clang warns of in the tests, clang-tidy reports; only those with assembly have more for it to refuse.
lint-clang: ## Build all programs and images by clang
	$(Q)if $(call have,clang); then $(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang all \
		$(patsubst tests/unit/%.c,$(BUILD)/clang/tests/%,$(shell grep -l '__asm__' tests/unit/test_*.c)); \
	else $(call missing_tool,clang); fi

lint-format: ## Layout as .clang-format says
	$(Q)if $(call have,clang-format); then clang-format --dry-run -Werror $(SOURCES); \
	else $(call missing_tool,clang-format); fi

format: ## Lay out every C file as .clang-format says
	$(Q)clang-format -i $(SOURCES)

lint-tidy: ## clang-tidy, file by file, as .clang-tidy says
	$(Q)if $(call have,clang-tidy); then $(SUBMAKE) -k -j$(shell nproc) tidy-all; \
	else $(call missing_tool,clang-tidy); fi

tidy-all: $(C_FILES:%=$(BUILD)/lint/%.tidy)

# How many states of a function the analyzer looks at; its own limit is 225000. A third of them reaches every statement that all
# of them reach, but for some of these files. See it again by warnIfReached() of its checker debug.ExprInspection.
TIDY_STATES = 75000
TIDY_DEEP   = cpu_baseline/write/qemu.c experiments/peer_kvm.c l0hv/migrate/source.c l0hv/nested/host.c
tidy_limit  = $(if $(filter $(TIDY_DEEP),$(1)),,-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_STATES))

$(BUILD)/lint/%.tidy: % .clang-tidy tests/.clang-tidy $(filter %.h,$(SOURCES)) | $(GENERATED)
	$(Q)mkdir -p $(@D) && clang-tidy --quiet --warnings-as-errors='*' $< -- $(WARN) $(call lint_flags,$<) $(call tidy_limit,$<) >$@.log 2>&1 || \
		{ cat $@.log; exit 1; }
	$(Q)touch $@

# legacyUninitvar takes the output of an asm goto for a use; the compilers and clang-tidy know better.
lint-cppcheck: ## cppcheck
	$(Q)if $(call have,cppcheck); then cppcheck --quiet --error-exitcode=1 --inline-suppr -j$(shell nproc) \
		--std=c11 --enable=warning,portability --suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=normalCheckLevelMaxBranches --suppress=toomanyconfigs --suppress=legacyUninitvar -Iinclude -I. $(C_FILES); \
	else $(call missing_tool,cppcheck); fi

lint-shell: ## shellcheck
	$(Q)if $(call have,shellcheck); then \
		shellcheck $$(git grep -lE '^#!/(usr/)?bin/(env )?(ba)?sh' -- ':!*.md'); \
	else $(call missing_tool,shellcheck); fi

# A rule a header: one command for all of them is longer than an argument may be.
HEADERS_ALONE := $(patsubst %,$(BUILD)/lint/%.alone,$(filter %.h,$(SOURCES)))
headers: $(HEADERS_ALONE) ## Compile each header alone

$(HEADERS_ALONE): $(BUILD)/lint/%.alone: % | $(GENERATED)
	$(Q)$(CC) $(WARN) $(call lint_flags,$<) -Wno-unused-function -fsyntax-only -include $< -x c /dev/null || { echo "not ok $<"; exit 1; }

.PHONY: lint format $(LINTS) tidy-all headers $(HEADERS_ALONE)
