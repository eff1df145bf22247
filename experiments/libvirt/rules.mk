# SPDX-License-Identifier: MIT
# libvirt-run: what nestbed starts for a machine of libvirt's; nestbed itself is not linked with libvirt.
LIBVIRT_RUN_SRC := $(sort $(wildcard experiments/libvirt/*.c)) $(addprefix experiments/,files.c own_folder.c text.c)
LIBVIRT_RUN_OBJECTS := $(LIBVIRT_RUN_SRC:%.c=$(BUILD)/libvirt-run.o/%.o)
LIBVIRT_RUN_LIBS := $(shell pkg-config --libs libxml-2.0 libvirt 2>/dev/null)

ALL += $(BUILD)/libvirt-run

$(BUILD)/libvirt-run: $(LIBVIRT_RUN_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(LIBVIRT_RUN_LIBS)

$(BUILD)/libvirt-run.o/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests ----
$(call unit_test,test_nestbed_libvirt,tests/unit/test_nestbed_libvirt.c experiments/libvirt/domain_xml.c \
	experiments/libvirt/ability.c experiments/text.c,$(LIBVIRT_RUN_LIBS))
