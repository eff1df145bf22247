#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions that are traced (exit-cost --set trace=N): they are those that L0 counts itself, tracing changes nothing, and a
# table of latencies that is wrong is refused.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# traced CPU [SETTINGS...]: a run in $work/CPU with as many iterations traced as measured
traced() {
	local cpu=$1
	shift
	"$nestbed" run exit-cost --cpu "$cpu" --set iterations=20 --set trace=20 "$@" --out "$work/$cpu" >"$work/$cpu.out" 2>&1 ||
		{ cat "$work/$cpu.out"; return 1; }
}

# VM entries, VMREADs, VMWRITEs and VMPTRLDs of each operation: accounting.csv is L0's own count, of other machine runs.
accounted() {
	awk -F, 'NR > 1 { print $2, $4, $3, $5, $6, $7, $8 }' "$1/accounting.csv" |
		grep -E '^(L1 (-|shadow=(on|off))|L2 shadow=(on|off);merge=incremental) ' | sort
}
counted() {
	awk -F, 'NR > 1 && $6 == "L0" {
		op = $3 " " $4 " " $5
		n[op, $7] = $8
		seen[op]
	}
	END {
		split("entry vmread vmwrite vmptrld", class, " ")
		for (op in seen) {
			line = op
			for (i = 1; i <= 4; i++)
				line = line " " ((op, class[i]) in n ? n[op, class[i]] : "0.0")
			print line
		}
	}' "$1/instructions.csv" | sort
}
counts_agree() {
	local operations
	operations=$(counted "$work/$1" | awk '$4 > 0' | wc -l)
	[ "$operations" -ge "$2" ] || { echo "$operations operations with a VM entry, not $2"; return 1; }
	diff <(accounted "$work/$1") <(counted "$work/$1")
}
# The classes make up all instructions, but for rounding; each line of the trace was understood.
complete() {
	! grep -q unreadable "$work/$1/instructions.csv" &&
		awk -F, 'NR > 1 && $7 == "all" { all[$3, $4, $5, $6] = $8 }
			NR > 1 && $7 != "all" { sum[$3, $4, $5, $6] += $8 }
			END {
				for (k in all)
					if (all[k] - sum[k] > 1 || sum[k] - all[k] > 1) {
						print k, all[k], sum[k]
						exit 1
					}
			}' "$work/$1/instructions.csv"
}

# What each operation took, and what the workload wrote: samples RUN CPU
samples() {
	"$nestbed" records "$work/$2/records.pb" | sed -n "/machine run $1\"/,/machine run /p" |
		sed -E 's/^@(exits|l1hv\/l2) (sample .*)/@ \2/; s/^(exits|l1hv\/l2)> /> /' | grep -aE '^(@ sample|>) '
}
same_samples() {
	[ "$(samples "$1" "$3" | wc -l)" -gt 30 ] && diff <(samples "$1" "$3") <(samples "$2" "$3")
}
# Some operations again: the instructions of each hang neither on the run nor on the others.
again() {
	local table ops=cpuid,vmcall,mmio_write
	mv "$work/$1" "$work/first" && traced "$1" --set "ops=$ops" || return 1
	for table in instructions modelled; do
		[ "$(of "$ops" "$work/$1/$table.csv" | cut -d, -f 5 | sort -u | wc -l)" -eq 3 ] &&
			diff <(of "$ops" "$work/first/$table.csv") <(of "$ops" "$work/$1/$table.csv") || return 1
	done
}
# of OPERATIONS TABLE: their rows
of() {
	awk -F, -v ops=",$1," 'index(ops, "," $5 ",")' "$2"
}

cpu=corei7_skylake_x
case_ "traced, $cpu" traced "$cpu"
case_ "counts are L0's own, $cpu" counts_agree "$cpu" 35
case_ "every instruction is in a class, $cpu" complete "$cpu"
case_ "tracing changes no tick at L1" same_samples l1 trace-l1 "$cpu"
case_ "tracing changes no tick at L2 with VMCS shadowing" same_samples l2-shadow-incremental trace-l2-shadow "$cpu"
case_ "tracing changes no tick at L2 without" same_samples l2-noshadow-incremental trace-l2-noshadow "$cpu"
case_ "some of them again, alone" again "$cpu"
cpu=corei7_sandy_bridge_2600k # no VMCS shadowing
case_ "traced, $cpu" traced "$cpu" --set ops=cpuid,vmcall,mmio_write
case_ "counts are L0's own, $cpu" counts_agree "$cpu" 6

# ---- settings ----
head='class,cycles,processor,source,verified,remark'
# refused WORDS SETTING: exit status 2, nothing left, and these words
refused() {
	"$nestbed" run exit-cost --set ops=cpuid --set iterations=5 --set trace=5 --set "$2" --out "$work/none" >"$work/out" 2>&1
	local got=$?
	cat "$work/out"
	[ "$got" -eq 2 ] && [ ! -e "$work/none" ] && grep -qF -- "$1" "$work/out"
}
given() {
	printf '%s\nvmread,100.5,this one,measured here,yes,\n' "$head" >"$work/latencies"
	traced "$cpu" --set ops=cpuid --set cpi=0.5 --set "latencies=$work/latencies" &&
		awk -F, '$3 == "L1" && $5 == "cpuid" { n = $6; vmx = $10; plain = $12; all = $8 }
			END { exit !(n > 100 && vmx == 502.5 && plain == (n - 5) / 2 && all == vmx + plain) }' "$work/$cpu/modelled.csv"
}
untraced() {
	"$nestbed" run exit-cost --set ops=cpuid --set iterations=5 --out "$work/untraced" >"$work/out" 2>&1 &&
		[ -s "$work/untraced/exit-cost.csv" ] && [ ! -e "$work/untraced/instructions.csv" ] && [ ! -e "$work/untraced/modelled.csv" ]
}
rm -rf "${work:?}/$cpu"
case_ "latencies of one's own" given
case_ "no trace without the setting" untraced
printf '%s\n# mine\nvmraed,30,p,s,yes,\n' "$head" >"$work/latencies"
case_ "a class that is none" refused "$work/latencies:3: 'vmraed' is no class of slow instructions" "latencies=$work/latencies"
printf '%s\nvmread,fast,p,s,yes,\n' "$head" >"$work/latencies"
case_ "cycles that are none" refused "$work/latencies:2: cycles: 'fast' is neither" "latencies=$work/latencies"
case_ "no such file" refused "$work/nowhere: No such file" "latencies=$work/nowhere"
case_ "a folder" refused "$work: Is a directory" "latencies=$work"
case_ "cpi=0" refused "'0' is no number of cycles an instruction" cpi=0
case_ "trace=-1" refused "'-1' is not a number from 0 to 100000" trace=-1
exit "$failed"
