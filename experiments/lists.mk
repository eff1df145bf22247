# SPDX-License-Identifier: MIT
# The generated messages of experiments/agent.proto
AGENT_GEN := $(BUILD)/gen/experiments/agent.pb-c.h
