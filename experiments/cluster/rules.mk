# SPDX-License-Identifier: MIT
# The program `nestbed-cluster`, which `nestbed cluster` becomes; where MPI and libyaml are.
CLUSTER_SOURCES := $(sort $(wildcard experiments/cluster/*.c))
CLUSTER_OBJECTS := $(sort $(filter-out $(BUILD)/nestbed.o/experiments/main.o,$(NESTBED_OBJECTS)) \
	$(CLUSTER_SOURCES:%.c=$(BUILD)/nestbed.o/%.o))
CLUSTER_LIBS    := $(shell pkg-config --libs ompi-c yaml-0.1 2>/dev/null)

ifneq ($(CLUSTER_LIBS),)
ALL += $(BUILD)/nestbed-cluster
endif

$(BUILD)/nestbed.o/experiments/cluster/%.o: NESTBED_CFLAGS += $(CLUSTER_CFLAGS)

$(BUILD)/nestbed-cluster: $(CLUSTER_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(NESTBED_LIBS) $(CLUSTER_LIBS)

# ---- tests ----
CLUSTER_PLAN := experiments/cluster/plan.c experiments/cluster/yaml_tree.c experiments/experiment_apply.c experiments/setting.c \
	experiments/cpu_models.c experiments/machine_kind.c experiments/text.c
CLUSTER_SCHEDULE := $(addprefix experiments/cluster/,durations.c schedule.c simulate.c) experiments/csv.c experiments/setting.c \
	experiments/text.c
CLUSTER_TESTS := tests/unit/test_cluster_attempt.c tests/unit/test_cluster_plan.c tests/unit/test_cluster_schedule.c
ifneq ($(CLUSTER_LIBS),)
$(call unit_test,test_cluster_plan,tests/unit/test_cluster_plan.c $(CLUSTER_PLAN),-lyaml)
$(call unit_test,test_cluster_attempt,tests/unit/test_cluster_attempt.c experiments/cluster/attempt.c experiments/text.c,-ljansson)
$(call fuzzer,cluster_plan,tests/fuzz/fuzz_cluster_plan.c $(CLUSTER_PLAN),-lyaml)
endif
$(call unit_test,test_cluster_schedule,tests/unit/test_cluster_schedule.c $(CLUSTER_SCHEDULE))
$(call fuzzer,durations,tests/fuzz/fuzz_durations.c experiments/cluster/durations.c experiments/csv.c experiments/setting.c experiments/text.c)
$(patsubst %,$(BUILD)/san/%.o,$(CLUSTER_TESTS) $(addprefix experiments/cluster/,attempt.c plan.c yaml_tree.c durations.c) \
	experiments/experiment_apply.c): | $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN)
