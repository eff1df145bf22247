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
