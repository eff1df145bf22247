#!/bin/bash
# SPDX-License-Identifier: MIT
# The host program from outside: exit status, limits, signals, what it leaves behind.
# shellcheck disable=SC2317 # cases are called by name
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
nestbed=$build/nestbed
if ! command -v bochs-bin >/dev/null; then
	echo "skip nestbed bochs-bin is not installed"
	exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# status WANTED COMMAND...: output goes to $work/out and $work/err
status() {
	local wanted=$1 got
	shift
	"$@" >"$work/out" 2>"$work/err"
	got=$?
	[ "$got" -eq "$wanted" ] || { echo "status $got, not $wanted: $*"; cat "$work/err"; return 1; }
}
said() { grep -q -- "$1" "$work/out" "$work/err" || { echo "not said: $1"; cat "$work/out" "$work/err"; return 1; }; }
children_of() { tr -d " " <"/proc/$1/task/$1/children"; }

help_and_version() {
	local c
	for c in "" boot doctor list plot records run; do
		# shellcheck disable=SC2086
		status 0 "$nestbed" $c --help && said "Exit status:" || return 1
		# shellcheck disable=SC2086
		status 0 "$nestbed" $c --version && said "^nestbed " || return 1
	done
}
wrong_usage() {
	status 2 "$nestbed" && status 2 "$nestbed" fly && status 2 "$nestbed" run && status 2 "$nestbed" run fly &&
		status 2 "$nestbed" run exit-cost --set height=3 && said "it has iterations, ops" &&
		status 2 "$nestbed" run exit-cost --set iterations=0 && status 2 "$nestbed" run exit-cost --set ops=a,,b &&
		status 2 "$nestbed" run exit-cost --cpu pentium9 && said corei7_skylake_x &&
		status 2 "$nestbed" boot && status 2 "$nestbed" boot no-such-guest &&
		status 2 "$nestbed" boot --bare --nested hello && status 2 "$nestbed" boot --memory 5 hello &&
		status 2 "$nestbed" boot --set color=red hello && said "color"
}
bare_machine() { status 0 "$nestbed" boot --bare hello && said '^hello$' && said '^@ value name=hello value=1'; }
vm_of_l0() { status 0 "$nestbed" boot hello && said '^hello> hello$' && said '^@hello value name=hello value=1'; }
json() { status 0 "$nestbed" boot --json hello && said '^{"text":"hello","from":"hello"}$'; }
stopped_vm() { status 3 "$nestbed" boot triple && said '^nestbed: triple: VM triple was stopped: TRIPLE_FAULT'; }
vm_beside() {
	status 3 "$nestbed" boot --beside=hello:word --beside=triple triple && said '^hello> hello$' &&
		said 'VM triple was stopped.*; VM triple-2 was stopped' &&
		status 2 "$nestbed" boot --bare --beside=hello hello
}
kept_machine() {
	status 0 "$nestbed" boot --keep="$work/kept/a" hello && [ -s "$work/kept/a/bochs.log" ] &&
		status 1 "$nestbed" boot --keep=/dev/null/a hello && said "Not a directory"
}
# A computer without Bochs: refused before anything is written.
no_bochs() {
	local program
	mkdir -p "$work/bin"
	for program in bash sh ls cat sed tr head; do
		ln -sf "$(command -v "$program")" "$work/bin/"
	done
	status 4 env PATH="$work/bin" "$nestbed" boot hello && said 'bochs-bin is not installed' &&
		status 4 env PATH="$work/bin" "$nestbed" run exit-cost --out "$work/none" && [ ! -e "$work/none" ] &&
		status 4 env PATH="$work/bin" "$nestbed" doctor && said '^MISSING  Bochs ' && said 'apt-get install bochs$'
}
unknown_operation() {
	status 1 "$nestbed" run exit-cost --set ops=cupid --out "$work/cupid" && said 'no operation "cupid"'
}
# A guest's command line is its name and its arguments, at every level.
command_line() {
	status 0 "$nestbed" boot --bare hello --cmdline='x y' && said '^cmdline "hello x y"$' &&
		status 0 "$nestbed" boot hello --cmdline='x y' && said '^hello> cmdline "hello x y"$' &&
		status 0 "$nestbed" boot --nested --memory=128M l1hv '--module=hello:x y' &&
		said '^l1hv/l2> cmdline "hello x y"$'
}
machine_panics() {
	status 5 "$nestbed" boot --bare triple && said "3rd (.*) exception with no resolution" && said "last lines of its log"
}
time_limit() { status 5 "$nestbed" boot --bare --timeout 1 spin && said "ran out of time"; }
refused_processor() { status 4 "$nestbed" boot --cpu core2_penryn_t9600 hello && said '^nestbed: hello: refused: .*EPT'; }
records_file() {
	status 0 "$nestbed" boot --records "$work/r.pb" hello && status 0 "$nestbed" records "$work/r.pb" &&
		said '^@ stop vm=hello cause=SHUTDOWN' && said '^hello> hello$'
}

# Whatever ends nestbed ends its machine; $1 is the signal, $2 the status.
ended_by() {
	local pid machine
	"$nestbed" boot --bare spin >"$work/out" 2>"$work/err" &
	pid=$!
	for _ in {1..50}; do
		machine=$(children_of "$pid") && grep -q spin "$work/out" && break
		sleep 0.1
	done
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null
	[ $? -eq "$2" ] || { echo "wrong status after $1"; return 1; }
	for _ in {1..50}; do
		# Gone, or a zombie that only waits for init.
		grep -q '^State:.Z' "/proc/$machine/status" 2>/dev/null || [ ! -e "/proc/$machine" ] && return 0
		sleep 0.1
	done
	echo "the machine outlives nestbed"
	return 1
}
interrupted() { ended_by INT 130; }
terminated() { ended_by TERM 143; }
killed() { ended_by KILL 137; }

interrupted_run_leaves_nothing() {
	local pid
	"$nestbed" run exit-cost --set iterations=1000000 --out "$work/cut" >/dev/null 2>&1 &
	pid=$!
	sleep 1
	kill -TERM "$pid"
	wait "$pid"
	[ $? -eq 143 ] && [ -z "$(find "$work" -name 'cut*')" ]
}
result_without_a_reader() {
	"$nestbed" run exit-cost --set ops=cpuid --set iterations=5 --out "$work/unread" 2>&1 | :
	[ -s "$work/unread/exit-cost.csv" ]
}
nothing_listens() {
	local pid machine
	"$nestbed" boot --bare spin >"$work/out" 2>&1 &
	pid=$!
	for _ in {1..50}; do
		grep -q spin "$work/out" && break
		sleep 0.1
	done
	machine=$(children_of "$pid")
	# Sockets of the machine that listen (state 0A) in this network namespace
	find "/proc/$machine/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' >"$work/sockets"
	awk 'NR == FNR {mine[$1]; next} $4 == "0A" && $10 in mine {bad = 1} END {exit bad}' "$work/sockets" /proc/net/tcp
	local open=$?
	kill "$pid"
	wait "$pid"
	return "$open"
}
experiment_twice() {
	local a=$work/a b=$work/b table
	status 0 "$nestbed" run exit-cost --set ops=cpuid,vmcall --set iterations=20 --out "$a" &&
		said 'is the same in all 8 runs' &&
		said '^accounting is part of it: [0-9.]* insns of [0-9.]* at L2 vmcall (' &&
		status 0 "$nestbed" run exit-cost --set ops=cpuid,vmcall --set iterations=20 --out "$b" --jobs 1 || return 1
	for table in exit-cost exit-reasons accounting; do
		cmp "$a/$table.csv" "$b/$table.csv" || return 1
	done
	[ -s "$a/records.pb" ] && [ -s "$a/meta.json" ] &&
		status 2 "$nestbed" run exit-cost --out "$a" && said "there is something in it"
}
figures_from_tables() {
	command -v gnuplot >/dev/null || return 77
	rm -f "$work"/a/*.png "$work"/a/*.svg
	status 0 "$nestbed" plot "$work/a" && [ -s "$work/a/exit-cost.png" ] && [ -s "$work/a/exits-per-op.svg" ] &&
		[ ! -s "$work/err" ]
}

# Each optimisation is worth something, and what L2 computes hangs on none.
ablation() {
	status 0 "$nestbed" run ablation --set ops=vmcall,cpuid --set iterations=20 --out "$work/ablation" &&
		said 'is the same in all 10 runs' && [ -s "$work/ablation/records.pb" ] &&
		awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
			$at["op"] == "empty" { next }
			$at["config"] == "all on" { on++; wrong += $at["percent_of_all_on"] != "100.0"; next }
			{ better[$at["config"]] += $at["percent_of_all_on"] > 100; off++ }
			END {
				for (c in better)
					if (!better[c]) { print "nothing is lost with " c; wrong++ }
				exit wrong || on != 2 || off != 18
			}' "$work/ablation/ablation.csv"
}
# The phases make up what L0 did; with VMCS shadowing no field is left that L1 uses once in two operations, or oftener.
phases_and_census() {
	status 0 "$nestbed" run phases --set iterations=20 --out "$work/phases" && said 'is the same in all 2 runs' &&
		awk -F, '$2 == "vmcall" && $3 == "shadow=on" { n++; sum += $5 } $4 == "merge" && $5 > 0 { merged++ }
			END { exit n != 8 || sum < 1000 || !merged }' "$work/phases/phases.csv" &&
		grep -q 'vmcall,shadow=off,EXIT_REASON,1.0,0.0' "$work/phases/fields.csv" &&
		awk -F, '$3 == "shadow=on" && ($5 >= 0.5 || $6 >= 0.5) { print; left++ } END { exit left }' "$work/phases/fields.csv"
}

failed=0
for t in help_and_version wrong_usage bare_machine vm_of_l0 json stopped_vm vm_beside kept_machine no_bochs unknown_operation command_line machine_panics time_limit refused_processor \
	records_file interrupted terminated killed interrupted_run_leaves_nothing result_without_a_reader nothing_listens experiment_twice \
	figures_from_tables ablation phases_and_census; do
	$t
	case $? in
	0) echo "ok $t" ;;
	77) echo "skip $t gnuplot is not installed" ;;
	*)
		echo "not ok $t"
		failed=1
		;;
	esac
done
exit $failed
