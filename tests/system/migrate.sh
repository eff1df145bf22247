#!/bin/bash
# SPDX-License-Identifier: MIT
# Experiment migrate: tables and figures; the same twice; an idle guest costs hardly more than its memory; each means of tracking; what is refused.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip migrate no network namespaces on this computer"
	exit 0
fi

# run NAME STATUS ARGUMENTS...: the experiment, its result in $work/NAME.result
run() {
	local name=$1 wanted=$2 got
	shift 2
	"$nestbed" run migrate --out "$work/$name.result" --timeout 100 "$@" >"$work/$name" 2>"$work/$name.err"
	got=$?
	[ "$got" -eq "$wanted" ] || { echo "exit status $got, wanted $wanted: $*"; cat "$work/$name.err"; return 1; }
}
# column NAME TABLE COLUMN: its values, a line each
column() {
	awk -F, -v name="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$work/$1.result/$2.csv"
}
# is NAME TABLE COLUMN VALUE...
is() {
	local name=$1 table=$2 name_of=$3
	shift 3
	diff <(column "$name" "$table" "$name_of") <(printf '%s\n' "$@")
}
small=(--set guest_mib=8 --set pages=100 --set fill=1 --set link_mbit=4000)

one() {
	run one 0 "${small[@]}" --set dirty_pages_per_s=20000 --set track_pages=50,400 --link loss=1%,reorder=1% &&
		is one migrate outcome moved && is one migrate dirty_pages_per_s 20000 && grep -qF '"unit": "insns"' "$work/one.result/meta.json" &&
		for figure in migrate rounds down tracker; do
			if [ ! -s "$work/one.result/$figure.svg" ] || [ ! -s "$work/one.result/$figure.png" ]; then
				echo "no figure $figure"
				return 1
			fi
		done
}
case_ "tables and figures of one move" one

# Not even what the wire loses changes a row.
again() {
	run again 0 "${small[@]}" --set dirty_pages_per_s=20000 --set track_pages=50,400 &&
		for table in migrate rounds down tracker; do
			cmp "$work/one.result/$table.csv" "$work/again.result/$table.csv" || return 1
		done
}
case_ "the same seed, the same tables" again

idle() {
	run idle 0 --workload idle --set guest_mib=16 --set fill=4 --set dirty_pages_per_s=1 --link rate=10Gbit,delay=20us --set track_pages= &&
		is idle migrate outcome moved && is idle migrate link_mbit 10000 && [ ! -e "$work/idle.result/tracker.csv" ] || return 1
	awk -v sent="$(column idle migrate bytes)" -v least="$(column idle migrate lower_bound_bytes)" 'BEGIN {
		printf "%d bytes sent, %d of memory: %.4f\n", sent, least, sent / least
		exit !(least > 4194304 && sent <= 1.02 * least && sent >= least)
	}'
}
case_ "an idle guest: at most 1.02 of its memory that is not zero" idle

trackers() {
	run trackers 0 "${small[@]}" --set dirty_pages_per_s=20000 --set tracker=wp,ad,pml --set track_pages= &&
		is trackers migrate tracker wp ad pml && is trackers migrate outcome moved moved moved
}
case_ "moved by each means of tracking" trackers
# The log costs the guest least, and all find the same pages: the run ends with an error where they do not.
cheapest() {
	awk -F, 'NR > 1 { cost[$5, $4] = $7; pages[$5] } END {
		for (p in pages) {
			n++
			if (!(cost[p, "pml"] > 0 && cost[p, "pml"] < cost[p, "ad"] && cost[p, "ad"] < cost[p, "wp"]))
				bad = 1
		}
		exit bad || n != 2
	}' "$work/one.result/tracker.csv"
}
case_ "the log costs the guest least" cheapest

nested() {
	run nested 0 --from corei7_skylake_x --to corei7_haswell_4770 --set level=L2 --set guest_mib=40 --set pages=100 --set fill=0 --set link_mbit=4000 \
		--set dirty_pages_per_s=20000 --set track_pages= && is nested migrate outcome moved && is nested migrate level L2 &&
		is nested migrate to_cpu corei7_haswell_4770
}
case_ "a hypervisor with its guest, between two processors" nested

# Refused is a result; the guest stays and checks itself.
refused() {
	run refused 0 --from corei7_haswell_4770 --to corei7_sandy_bridge_2600k --set policy=none "${small[@]}" --set dirty_pages_per_s=20000 \
		--set track_pages= && is refused migrate outcome refused && [ ! -e "$work/refused.result/down.svg" ]
}
case_ "without a policy: refused" refused

# A guest that ends too early, or finds its memory wrong, fails the run; its row is there all the same.
short() {
	run short 1 "${small[@]}" --set dirty_pages_per_s=20000 --set track_pages= --set args=writes=20 && grep -q 'the guest ended before its move' "$work/short.err" &&
		is short migrate outcome ended
}
case_ "a guest that ends before it is moved" short
wrong() {
	run wrong 1 "${small[@]}" --set dirty_pages_per_s=20000 --set track_pages= --set args=lose=30 && grep -q 'found its memory wrong' "$work/wrong.err"
}
case_ "a guest that lost a write" wrong

# usage WORDS ARGUMENTS...: an error that holds the words, and nothing written
usage() {
	local words=$1
	shift
	run usage 2 "$@" || return 1
	grep -q "$words" "$work/usage.err" && [ ! -e "$work/usage.result" ] && return 0
	cat "$work/usage.err"
	return 1
}
case_ "a workload that is not there" usage "workload: 'hello' is none of" --workload hello
case_ "a rate where there is none" usage 'idle has no rate' --set workload=dirtier,idle
case_ "two rates of the wire" usage 'link has a rate, and link_mbit has others' --link rate=1Gbit --set link_mbit=100
case_ "a rate that no column can tell" usage 'link: rate: 64000 bits' --link rate=64kbit
case_ "a processor that is not there" usage 'to: .*i486' --to i486
case_ "pages that are none" usage 'track_pages: ' --set track_pages=1
exit "$failed"
