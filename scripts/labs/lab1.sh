# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: the questions of docs/labs/lab1.md.
# shellcheck disable=SC2154 # nestbed is scripts/lab's
ask l1_exits count truth "exit-cost.csv, level L1: how many exits to L0 does a CPUID take that L1 itself executes?"
for c in on off; do
	ask ${c}_exits count truth "exit-cost.csv, level L2, shadow=$c;merge=incremental: column l0_exits_per_op."
	ask ${c}_reasons words truth "exit-reasons.csv, shadow=$c;merge=incremental: LEVEL:REASON of each row of cpuid, LEVEL being who exited."
	ask ${c}_ticks ticks truth "exit-cost.csv: column ticks_per_op, operation cpuid (not vmcall), shadow=$c;merge=incremental."
	ask ${c}_l0 ticks truth "exit-cost.csv: which part of the ticks did L0 spend?"
	ask ${c}_l1 ticks truth "exit-cost.csv: which part did L1 spend on behalf of L2?"
done
ask reflected words truth "exit-reasons.csv: the row with reflected_per_op above 0, as LEVEL:REASON."
ask off_vmreads count truth "exit-reasons.csv, shadow=off: how many VMREADs of L1 exit for one CPUID?"
ask off_written word truth "fields.csv of the experiment 'phases': the field with writes_per_op above 0."
ask longest_phase word truth "phases.csv, shadow=on: the phase with the most ticks."
ask full_times ticks truth "exit-cost.csv, shadow=on: ticks with merge=full over ticks with merge=incremental."

measure() {
	cost=$(kept 0 "$nestbed" run exit-cost --set ops=cpuid --set iterations=20 --out run) &&
		parts=$(kept 0 "$nestbed" run phases --set ops=cpuid --set iterations=20 --out run)
}
# at_l2 SHADOW MERGE COLUMN
at_l2() {
	cell "$cost/run/exit-cost.csv" level=L2 op=cpuid "config=shadow=$1;merge=$2" "$3"
}
reasons() {
	awk -F, -v config="shadow=$1;merge=incremental" '$2 == "L2" && $4 == config { print $5 ":" $6 }' "$cost/run/exit-reasons.csv" | tr '\n' ' '
}
truth() {
	case $1 in
	l1_exits) cell "$cost/run/exit-cost.csv" level=L1 op=cpuid l0_exits_per_op ;;
	*_exits) at_l2 "${1%_*}" incremental l0_exits_per_op ;;
	*_reasons) reasons "${1%_*}" | sed 's/ $//' ;;
	*_ticks) at_l2 "${1%_*}" incremental ticks_per_op ;;
	*_l0) at_l2 "${1%_*}" incremental l0_ticks_per_op ;;
	*_l1) at_l2 "${1%_*}" incremental l1_ticks_per_op ;;
	reflected) awk -F, '$2 == "L2" && $9 > 0 { print $5 ":" $6 }' "$cost/run/exit-reasons.csv" | sort -u ;;
	off_vmreads) cell "$cost/run/exit-reasons.csv" level=L2 'config=shadow=off;merge=incremental' exit_level=1 reason=vmread exits_per_op ;;
	off_written) awk -F, '$3 == "shadow=off" && $6 > 0 { print $4 }' "$parts/run/fields.csv" ;;
	longest_phase) awk -F, '$3 == "shadow=on" && $5 > most { most = $5; name = $4 } END { print name }' "$parts/run/phases.csv" ;;
	full_times) awk -v a="$(at_l2 on full ticks_per_op)" -v b="$(at_l2 on incremental ticks_per_op)" 'BEGIN { print a / b }' ;;
	esac
}
