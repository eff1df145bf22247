# SPDX-License-Identifier: MIT
# The migration stream's messages, and the tests of this folder.
$(BUILD)/gen/migration/stream.pb-c.c: migration/stream.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(BUILD)/gen/migration && protoc-c --proto_path=. --c_out=$(BUILD)/gen migration/stream.proto
$(MIG_GEN): $(BUILD)/gen/migration/stream.pb-c.c ;

# Generated: warnings there are not ours.
$(BUILD)/l0/stream.pb-c.o: $(BUILD)/gen/migration/stream.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(L0_CFLAGS) -w -c -o $@ $<

$(BUILD)/nestbed.o/stream.pb-c.o: $(BUILD)/gen/migration/stream.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -w -c -o $@ $<

MIG_LIBS := -lprotobuf-c
MIG_TEST := tests/unit/migration_world.c
MIG_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_migration_*.c))
$(foreach t,$(MIG_TESTS),$(call unit_test,$(t),tests/unit/$(t).c $(MIG_TEST) $(MIG_SRC),$(MIG_LIBS)))

# The generated messages, linked into all that are tested here.
$(MIG_TESTS:%=$(BUILD)/tests/%): $(BUILD)/nestbed.o/stream.pb-c.o
$(patsubst %,$(BUILD)/san/%.o,$(MIG_SRC) $(MIG_TEST) $(MIG_TESTS:%=tests/unit/%.c)): | $(MIG_GEN)

MIG_FUZZ := migration_stream migration_machines
$(foreach f,$(MIG_FUZZ),$(call fuzzer,$(f),tests/fuzz/fuzz_$(f).c tests/fuzz/mend.h $(MIG_SRC),$(BUILD)/nestbed.o/stream.pb-c.o $(MIG_LIBS)))
$(MIG_FUZZ:%=$(BUILD)/fuzz/fuzz_%): $(BUILD)/nestbed.o/stream.pb-c.o

# Makes seeds of the first of captured streams: by hand, docs/stream.md says how.
$(BUILD)/fuzz/trim_stream: $(patsubst %,$(BUILD)/san/%.o,tests/fuzz/trim_stream.c $(MIG_SRC)) $(BUILD)/nestbed.o/stream.pb-c.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SAN_CFLAGS) -o $@ $^ $(MIG_LIBS)
$(BUILD)/san/tests/fuzz/trim_stream.c.o: | $(MIG_GEN)
