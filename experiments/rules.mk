# SPDX-License-Identifier: MIT
# The host program `nestbed`.
NESTBED_SOURCES := $(sort $(wildcard experiments/*.c)) $(CONFIG_SRC) bundle/bundle.c $(MIG_SRC) \
	cpu_baseline/write/program.c $(addprefix experiments/cluster/,durations.c schedule.c simulate.c)
NESTBED_OBJECTS := $(NESTBED_SOURCES:%.c=$(BUILD)/nestbed.o/%.o) $(BUILD)/nestbed.o/record.pb-c.o \
	$(BUILD)/nestbed.o/stream.pb-c.o $(BUILD)/nestbed.o/agent.pb-c.o
NESTBED_LIBS    := -lprotobuf-c -ljansson -lm
NESTBED_CFLAGS   = $(HOST_CFLAGS) -MMD -MP -ffile-prefix-map=$(BUILD)/=build/

ALL += $(BUILD)/nestbed

$(BUILD)/nestbed: $(NESTBED_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(NESTBED_LIBS)

$(BUILD)/nestbed.o/%.o: %.c | $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN) $(AGENT_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -c -o $@ $<

# Generated: warnings there are not ours.
$(BUILD)/nestbed.o/record.pb-c.o: $(BUILD)/gen/nestbed/record.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -w -c -o $@ $<

# What nestbed and its agent say to each other
$(BUILD)/gen/experiments/agent.pb-c.c: experiments/agent.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(BUILD)/gen/experiments && protoc-c --proto_path=. --c_out=$(BUILD)/gen experiments/agent.proto
$(AGENT_GEN): $(BUILD)/gen/experiments/agent.pb-c.c ;

$(BUILD)/nestbed.o/agent.pb-c.o: $(BUILD)/gen/experiments/agent.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOST_CC) $(NESTBED_CFLAGS) -w -c -o $@ $<

$(BUILD)/nestbed.o/experiments/version.o: $(BUILD)/version.txt
$(BUILD)/nestbed.o/experiments/version.o: NESTBED_CFLAGS += -DNESTBED_VERSION='"$(VERSION)"'

# Figures are drawn by scripts beside the program.
NESTBED_PLOTS := $(wildcard scripts/plots/*.gp)
ALL += $(NESTBED_PLOTS:scripts/plots/%=$(BUILD)/plots/%)

$(BUILD)/plots/%: scripts/plots/%
	$(Q)mkdir -p $(@D) && cp $< $@

# What a report's page looks like and does.
NESTBED_PAGE := $(wildcard experiments/report/*)
ALL += $(NESTBED_PAGE:experiments/report/%=$(BUILD)/report/%)

$(BUILD)/report/%: experiments/report/%
	$(Q)mkdir -p $(@D) && cp $< $@

# What slow instructions cost, with its sources.
ALL += $(BUILD)/latencies.csv

$(BUILD)/latencies.csv: experiments/latencies.csv
	$(Q)mkdir -p $(@D) && cp $< $@

# How long tasks took.
ALL += $(BUILD)/durations.csv

$(BUILD)/durations.csv: experiments/cluster/durations.csv
	$(Q)mkdir -p $(@D) && cp $< $@

# What CPU models say of themselves, for the baseline of those between which a VM moves.
NESTBED_HOSTS := $(wildcard cpu_baseline/hosts/*.txt)
ALL += $(NESTBED_HOSTS:cpu_baseline/hosts/%=$(BUILD)/hosts/%)

$(BUILD)/hosts/%: cpu_baseline/hosts/%
	$(Q)mkdir -p $(@D) && cp $< $@

# ---- tests ----
NESTBED_DECODE := experiments/stream.c experiments/decode.c experiments/record_text.c experiments/printer.c \
	experiments/text.c
NESTBED_FRAMES := tests/unit/nestbed_frames.c
NESTBED_TABLES := experiments/capture.c experiments/csv.c experiments/exit_cost_rows.c experiments/exit_cost_table.c \
	experiments/verdict.c $(NESTBED_DECODE) $(NESTBED_FRAMES)
NESTBED_EXIT_TRACE := experiments/exit_trace_rows.c experiments/latencies.c experiments/trace.c experiments/capture.c \
	experiments/csv.c experiments/exit_cost_rows.c experiments/verdict.c $(NESTBED_DECODE) $(NESTBED_FRAMES)
NESTBED_MACHINE := experiments/bochs_output.c experiments/bochsrc.c experiments/boot_image.c experiments/bundle_write.c \
	experiments/text.c bundle/bundle.c
NESTBED_MOVE := experiments/move_path.c experiments/move_watch.c experiments/move_tap.c experiments/move_rows.c \
	experiments/cpu_models.c experiments/setting.c experiments/csv.c experiments/text.c migration/session.c
NESTBED_COMPARE := experiments/table.c experiments/columns.c experiments/compare.c experiments/compare_text.c \
	experiments/csv.c experiments/text.c
NESTBED_REPORT := experiments/report.c experiments/html.c experiments/svg_inline.c experiments/claims.c experiments/result.c \
	experiments/files.c $(NESTBED_COMPARE)
$(call unit_test,test_nestbed_stream,tests/unit/test_nestbed_stream.c experiments/stream.c experiments/text.c)
$(call unit_test,test_nestbed_decode,tests/unit/test_nestbed_decode.c $(NESTBED_DECODE) $(NESTBED_FRAMES),$(NESTBED_LIBS))
$(call unit_test,test_nestbed_setting,tests/unit/test_nestbed_setting.c experiments/setting.c experiments/processors.c experiments/cpu_models.c experiments/text.c)
$(call unit_test,test_nestbed_machine,tests/unit/test_nestbed_machine.c $(NESTBED_MACHINE))
$(call unit_test,test_nestbed_trace,tests/unit/test_nestbed_trace.c experiments/trace.c experiments/elf_code.c experiments/text.c)
$(call unit_test,test_nestbed_exit_trace,tests/unit/test_nestbed_exit_trace.c $(NESTBED_EXIT_TRACE),$(NESTBED_LIBS))
$(call unit_test,test_nestbed_tables,tests/unit/test_nestbed_tables.c $(NESTBED_TABLES),$(NESTBED_LIBS))
$(call unit_test,test_nestbed_move,tests/unit/test_nestbed_move.c $(NESTBED_MOVE),$(NESTBED_LIBS))
$(call unit_test,test_nestbed_migrate,tests/unit/test_nestbed_migrate.c experiments/migrate_cases.c experiments/setting.c experiments/cpu_models.c experiments/text.c)
$(call unit_test,test_nestbed_peer,tests/unit/test_nestbed_peer.c experiments/cpio.c experiments/peer_split.c experiments/exit_cost_ratio.c $(NESTBED_TABLES),$(NESTBED_LIBS))
$(call unit_test,test_nestbed_host_exits,tests/unit/test_nestbed_host_exits.c experiments/host_exits_rows.c experiments/csv.c experiments/text.c)
$(call unit_test,test_nestbed_compare,tests/unit/test_nestbed_compare.c $(NESTBED_COMPARE),-lm)
$(call unit_test,test_nestbed_report,tests/unit/test_nestbed_report.c $(NESTBED_REPORT),-ljansson -lm)
$(call unit_test,test_wire_script,tests/unit/test_wire_script.c experiments/wire_script.c experiments/text.c)
$(call fuzzer,wire_script,tests/fuzz/fuzz_wire_script.c experiments/wire_script.c experiments/text.c)
$(call fuzzer,compare,tests/fuzz/fuzz_compare.c $(NESTBED_COMPARE),-lm)
$(call fuzzer,svg_inline,tests/fuzz/fuzz_svg_inline.c experiments/svg_inline.c experiments/html.c experiments/text.c)
$(call fuzzer,latencies,tests/fuzz/fuzz_latencies.c experiments/latencies.c experiments/trace.c experiments/csv.c experiments/text.c)
$(call fuzzer,nestbed_trace,tests/fuzz/fuzz_nestbed_trace.c experiments/trace.c experiments/bochs_output.c experiments/text.c)
NESTBED_AGENT := experiments/agent_message.c experiments/agent_write.c experiments/cpu_models.c experiments/text.c
NESTBED_REMOTE := experiments/machine_remote.c experiments/agent_connect.c experiments/agent_link.c experiments/child.c experiments/files.c \
	experiments/setting.c experiments/wire.c experiments/wire_end.c experiments/wire_pcap.c $(NESTBED_AGENT)
$(call unit_test,test_nestbed_agent,tests/unit/test_nestbed_agent.c $(NESTBED_REMOTE),$(NESTBED_LIBS))
$(call fuzzer,agent,tests/fuzz/fuzz_agent.c $(NESTBED_AGENT),$(BUILD)/nestbed.o/agent.pb-c.o $(NESTBED_LIBS))
$(call fuzzer,nestbed_stream,tests/fuzz/fuzz_nestbed_stream.c $(NESTBED_DECODE),$(BUILD)/nestbed.o/record.pb-c.o $(NESTBED_LIBS))

$(BUILD)/tests/test_nestbed_agent $(BUILD)/fuzz/fuzz_agent: $(BUILD)/nestbed.o/agent.pb-c.o
$(patsubst %,$(BUILD)/san/%.o,$(NESTBED_REMOTE) tests/unit/test_nestbed_agent.c): | $(AGENT_GEN)

# The generated record code, linked into those that name records.
$(BUILD)/tests/test_nestbed_decode $(BUILD)/tests/test_nestbed_tables $(BUILD)/tests/test_nestbed_move \
	$(BUILD)/tests/test_nestbed_exit_trace $(BUILD)/tests/test_nestbed_peer \
	$(BUILD)/fuzz/fuzz_nestbed_stream: $(BUILD)/nestbed.o/record.pb-c.o
$(BUILD)/tests/test_nestbed_move: $(BUILD)/nestbed.o/stream.pb-c.o
$(patsubst %,$(BUILD)/san/%.o,$(sort $(NESTBED_TABLES) $(NESTBED_MOVE) $(NESTBED_EXIT_TRACE)) experiments/peer_split.c \
	experiments/exit_cost_ratio.c experiments/host_exits_rows.c tests/unit/test_nestbed_peer.c tests/unit/test_nestbed_host_exits.c tests/unit/test_nestbed_decode.c \
	tests/unit/test_nestbed_exit_trace.c tests/unit/test_nestbed_tables.c tests/unit/test_nestbed_move.c): \
	| $(BUILD)/gen/nestbed/record.pb-c.h $(MIG_GEN)

# ---- golden results ----
golden: all ## Measure results/golden again
	$(Q)experiments/golden write $(BUILD) $(ITEMS)

reproduce: all ## Measure again, compare with results/golden bit for bit
	$(Q)experiments/golden compare $(BUILD) $(ITEMS)

figures: all ## Draw the figures of the documents again, from results/golden
	$(Q)BUILD=$(BUILD) scripts/update-figures

.PHONY: golden reproduce figures
