#!/bin/bash
# SPDX-License-Identifier: MIT
# A plan over the ranks of an MPI job: on three hosts that are network namespaces, with a machine that dies and a move between two of
# them; and what stands when a rank is killed.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
nestbed=$(realpath "$build/nestbed")
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export NESTBED_CLUSTER_TEST=$work # what runs is known by it
for program in bochs-bin mpirun "$nestbed-cluster"; do
	if ! command -v "$program" >/dev/null; then
		echo "skip cluster $program is missing"
		exit 0
	fi
done
mkdir "$work/tmp"
export TMPDIR=$work/tmp

# Processes of this test whose command line that extended regular expression is in: running WORDS
running() {
	local process
	for process in $(pgrep -f -- "$1"); do
		if grep -qzxF "NESTBED_CLUSTER_TEST=$work" "/proc/$process/environ" 2>/dev/null; then
			echo "$process"
		fi
	done
}
# until_ SECONDS COMMAND...: false when the time is over, or $job has ended
job=
until_() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] && { [ -z "$job" ] || kill -0 "$job" 2>/dev/null; } || return 1
		sleep 0.02
	done
}
# ended: waits for $job; its exit status
ended() {
	local status
	wait "$job"
	status=$?
	job=
	return "$status"
}
no_process() {
	[ -z "$(running '(bochs-bin|nestbed|nestbed-cluster) ')" ]
}
nothing_left() {
	no_process && [ -z "$(find "$TMPDIR" -maxdepth 1 -name 'nestbed*')" ]
}

# ---- a plan that is wrong ----
wrong_plan() {
	printf 'tasks:\n- experiment: exit-cost\n  set: {iterations: none}\n' >"$work/wrong.yaml"
	mpirun --oversubscribe -np 2 "$nestbed" cluster --out "$work/wrong" "$work/wrong.yaml" >"$work/out" 2>&1
	[ $? -eq 2 ] && grep -q "wrong.yaml:3: set: iterations: 'none' is not a number" "$work/out" && [ ! -e "$work/wrong" ] &&
		[ "$(grep -c 'wrong.yaml:3' "$work/out")" -eq 1 ]
}
no_plan() {
	"$nestbed" cluster --dry-run "$work/nowhere.yaml" >"$work/out" 2>&1
	[ $? -eq 2 ] && grep -q 'nowhere.yaml: No such file' "$work/out"
}
# A simulation is a function of its settings, and refuses what is no chance.
scaling() {
	local i
	for i in 1 2; do
		"$nestbed" run scaling --set tasks=50 --set hosts=3,7 --set runs=3 --set "seed=$i" --out "$work/scaling-$i" >"$work/out" 2>&1 || return 1
	done
	[ "$(wc -l <"$work/scaling-1/scaling.csv")" -eq 17 ] && ! cmp -s "$work/scaling-1/scaling.csv" "$work/scaling-2/scaling.csv" || return 1
	for i in failures=1.5 stragglers=-1 failures=0.1.1 order=any hosts=0; do
		"$nestbed" run scaling --set "$i" --out "$work/no" >"$work/out" 2>&1
		[ $? -eq 2 ] && [ "$(wc -l <"$work/out")" -eq 1 ] && [ ! -e "$work/no" ] || return 1
	done
}
case_ "scaling: its rows, and settings that are wrong" scaling
case_ "a plan that is wrong, told once" wrong_plan
case_ "no plan" no_plan

# ---- folders; by simulations, which take no time ----
# plan NAME SETTING...: a task of experiment scaling each
plan() {
	local name=$1 setting
	shift
	echo "tasks:"
	for setting; do
		echo "  - {experiment: scaling, name: $name-${setting%%:*}, set: {tasks: 50, hosts: 3, runs: 3, ${setting#*:}}}"
	done
}
cluster() {
	mpirun --oversubscribe -np 2 "$nestbed" cluster --durations "$work/durations.csv" "$@" >"$work/out" 2>&1
}
# What another plan left, or a run that goes on, is not taken for this one's.
other_plan() {
	plan p 'a:seed: 1' 'b:seed: 2' >"$work/1.yaml"
	plan p 'a:seed: 1' 'b:durations: /nowhere' >"$work/2.yaml"
	cluster --out "$work/plans" "$work/1.yaml" && [ "$(wc -l <"$work/plans/tables/scaling.scaling.csv")" -eq 17 ] || return 1
	cluster --resume "$work/plans" "$work/2.yaml"
	[ $? -eq 1 ] && grep -q 'is of another plan or other programs: it is run again' "$work/out" && grep -q '1 of 2 tasks done, 1 failed' "$work/out" &&
		[ "$(wc -l <"$work/plans/tables/scaling.scaling.csv")" -eq 9 ] && [ ! -e "$work/plans/tasks/p-b-host" ]
}
held() {
	local i
	exec 7<>"$work/plans/.lock" && flock 7 || return 1
	for i in 1 2; do
		cluster --resume "$work/plans" "$work/1.yaml"
		[ $? -eq 2 ] && grep -q 'another cluster run writes there' "$work/out" || return 1
	done
	exec 7>&-
	grep -q nowhere "$work/plans/plan.yaml"
}
# A file system with no room: nothing is taken for done that did not come whole.
# shellcheck disable=SC2016 # the shells inside expand them
no_room() {
	unshare -m "$@" bash -c 'mount -t tmpfs -o size=120k tmpfs "$1" && exec "${@:2}"' - "$work/room" \
		bash -c 'mpirun --oversubscribe -np 2 "$1" cluster --durations "$2/d.csv" --out "$2/room/x" "$2/1.yaml"; echo "status $?"
			for t in "$2"/room/x/tasks/p-*; do echo "task $(ls "$t" | wc -l)"; done' - \
		"$nestbed" "$work" >"$work/out" 2>&1
	grep -q 'No space left' "$work/out" && [ "$(grep -c '^task ' "$work/out")" -lt 2 ] &&
		! grep '^task ' "$work/out" | grep -vx "task $(find "$work/plans/tasks/p-a-host" -type f | wc -l)" && grep -qE '^status [1-9]' "$work/out"
}
mkdir "$work/room"
own=()
[ "$(id -u)" -eq 0 ] || own=(--user --map-root-user)
case_ "another plan's results are not this one's" other_plan
case_ "a folder in which another run writes" held
if unshare -m "${own[@]}" true 2>/dev/null; then
	case_ "a file system with no room" no_room "${own[@]}"
else
	echo "skip a file system with no room none can be made here"
fi

# ---- three hosts ----
move='to: corei7_haswell_4770, guest_mib: 8, pages: 200, args: writes=2000, dirty_pages_per_s: 10000, link_mbit: 4000, track_pages: ""'
cat >"$work/three.yaml" <<END
name: three
tasks:
  - experiment: exit-cost
    set: {ops: [cpuid, vmcall], iterations: 1}
  - experiment: migrate
    set: {$move}
  - {experiment: migrate, across: yes, set: {$move}}
END
hosts=cpu_baseline/hosts
three() {
	scripts/cluster-netns -b "$build" --durations "$work/durations.csv" --out "$work/three" --keep \
		--host-cpu 0="$hosts/corei7_haswell_4770.txt" --host-cpu 1="$hosts/corei7_sandy_bridge_2600k.txt" \
		--host-cpu 2="$hosts/corei7_haswell_4770.txt" "$work/three.yaml" >"$work/three.log" 2>&1
}
# The first machine of exit-cost: a move whose machine is killed has an outcome of its own. find_victim WORDS, of its settings
victim=
find_victim() {
	local run
	for run in $(running "nestbed run exit-cost .*$1"); do
		victim=$(pgrep -P "$run" -f "^bochs-bin -q" | head -n 1)
		[ -z "$victim" ] || return 0
	done
	return 1
}
three &
job=$!
until_ 60 find_victim "" && kill -KILL "$victim"
ended
status=$?
if [ "$status" -eq 77 ]; then
	echo "skip cluster $(tail -n 1 "$work/three.log")"
else
	all_done() {
		cat "$work/three.log"
		[ "$status" -eq 0 ] && [ "$(find "$work/three/tasks" -mindepth 1 -maxdepth 1 | wc -l)" -eq 4 ] &&
			grep -q '"state": "finished"' "$work/three/cluster.json"
	}
	# It ran again, and the log of the first time is there.
	once_more() {
		cat "$work/three/schedule.csv"
		[ "$(grep -c ',again$' "$work/three/schedule.csv")" -eq 1 ] && [ "$(grep -c ',done$' "$work/three/schedule.csv")" -eq 4 ] &&
			grep -rqs 'died' "$work/three/logs/"*.attempt-1.log && [ -z "$(ls -A "$work/three/failed")" ]
	}
	hosts_told() {
		cat "$work/three/hosts.csv"
		[ "$(cut -d, -f2 "$work/three/hosts.csv" | sort -u | grep -c '^host-[123]$')" -eq 3 ] &&
			grep -qE '^ *host-2-r1 .* avx2' "$work/three.log" && grep -qE '^ *host-1-r0 .*other fields' "$work/three.log" &&
			grep -q 'x86-64-v2' "$work/three/hosts/pool.txt"
	}
	# Two ranks on two hosts, and the tables of a move on one.
	across() {
		local table
		awk -F, '$2 ~ /across/ && $10 == "done" && $4 != $6 { found = 1 } END { exit !found }' "$work/three/schedule.csv" || return 1
		for table in migrate rounds down barriers; do
			cmp "$work/three/tasks/migrate-corei7_skylake_x/$table.csv" "$work/three/tasks/migrate-corei7_skylake_x-across/$table.csv" ||
				return 1
		done
		[ "$(wc -l <"$work/three/tasks/migrate-corei7_skylake_x-across/rounds.csv")" -gt 1 ]
	}
	gathered() {
		local rows
		rows=$(tail -qn +2 "$work"/three/tasks/exit-cost-*/exit-cost.csv | wc -l)
		[ "$rows" -gt 4 ] && [ "$(wc -l <"$work/three/tables/exit-cost.exit-cost.csv")" -eq $((rows + 1)) ] &&
			grep -q '^task,repeat,' "$work/three/tables/exit-cost.exit-cost.csv" &&
			[ -s "$work/three/tasks/exit-cost-corei7_skylake_x-ops=cpuid/machines/bare/bochs.log" ] &&
			"$nestbed" records "$work/three/tasks/exit-cost-corei7_skylake_x-ops=cpuid/records.pb" | grep -q 'cpuid'
	}
	predicted() {
		"$nestbed" cluster --dry-run --ranks 3 --durations "$work/durations.csv" "$work/three.yaml" >"$work/out" 2>&1 &&
			grep -q '^4 of 4 tasks ran before' "$work/out" && grep -qE ' (0\+1|0\+2|1\+2) .*across' "$work/out"
	}
	nothing_more() {
		"$nestbed" cluster --dry-run --ranks 3 --resume "$work/three" >"$work/out" 2>&1 && grep -q '^0 tasks on 3 ranks: 0.0 s' "$work/out" &&
			grep -q '^4 more are done' "$work/out"
	}
	refused_folder() {
		mpirun --oversubscribe -np 1 "$nestbed" cluster --out "$work/three" "$work/three.yaml" >"$work/out" 2>&1
		[ $? -eq 2 ] && grep -q 'a cluster run was begun there; --resume continues it' "$work/out"
	}
	case_ "three hosts: all tasks" all_done
	case_ "three hosts: a machine that died ran once more" once_more
	case_ "three hosts: what they are, and their baseline" hosts_told
	case_ "three hosts: a move between two" across
	case_ "three hosts: rows, files and records gathered" gathered
	case_ "three hosts: nothing left" nothing_left
	case_ "three hosts: predicted the next time" predicted
	case_ "three hosts: nothing more to do" nothing_more
	case_ "a folder with a result" refused_folder
fi

# ---- a rank that is killed; a task that fails twice ----
cat >"$work/two.yaml" <<END
name: two
tasks:
  - {name: long, experiment: exit-cost, set: {ops: vmcall, iterations: 1000000}}
  - {name: short, experiment: exit-cost, set: {ops: cpuid, iterations: 1}}
END
sed 's/name: long,/&timeout: 2,/' "$work/two.yaml" >"$work/two-b.yaml"
short=$work/two/tasks/short-corei7_skylake_x
mpirun --oversubscribe -np 2 "$nestbed" cluster --durations "$work/durations.csv" --out "$work/two" "$work/two.yaml" >"$work/two.log" 2>&1 &
job=$!
until_ 60 find_victim 1000000 && kill -STOP "$victim" # it hangs, and takes no time from the others
until_ 60 test -e "$short"
rank=$(for p in $(running 'nestbed cluster '); do grep -qzxF OMPI_COMM_WORLD_RANK=1 "/proc/$p/environ" && echo "$p"; done)
kill -KILL "$rank"
ended
status=$?
killed() {
	cat "$work/two.log"
	[ "$status" -ne 0 ] && until_ 5 no_process && [ -s "$short/meta.json" ] && [ -s "$short/exit-cost.csv" ] &&
		grep -q '"state": "interrupted"' "$work/two/cluster.json" && grep -q -- "--resume $work/two" "$work/two.log"
}
resumed() {
	local before after
	before=$(stat -c %i "$short")
	mpirun --oversubscribe -np 2 "$nestbed" cluster --durations "$work/durations.csv" --resume "$work/two" "$work/two-b.yaml" >"$work/out" 2>&1
	status=$?
	after=$(stat -c %i "$short")
	[ "$status" -eq 1 ] && [ "$before" = "$after" ] && grep -q '2 tasks, 1 of them done before' "$work/out" &&
		grep -q 'once more' "$work/out" && grep -q 'plan two: 1 of 2 tasks done, 1 failed' "$work/out" &&
		grep -q '| .*out of time' "$work/out" && [ -s "$work/two/failed/long-corei7_skylake_x/meta.json" ] &&
		[ "$(grep -c '^2,long-.*,\(again\|failed\)$' "$work/two/schedule.csv")" -eq 2 ]
}
# all_end NAME SIGNAL WHO: a run that is ended so while its machine hangs. WHO: mpirun, the rank with the machine, or the other
all_end() {
	local who=$3 run
	rm -rf "$work/ended"
	mpirun --oversubscribe -np 2 "$nestbed" cluster --durations "$work/durations.csv" --out "$work/ended" "$work/two.yaml" >"$work/out" 2>&1 &
	job=$!
	until_ 60 find_victim 1000000 && kill -STOP "$victim"
	run=$(awk '$1 == "PPid:" { print $2 }' "/proc/$victim/status")
	case $who in
	mpirun) who=$job ;;
	own) who=$(awk '$1 == "PPid:" { print $2 }' "/proc/$run/status") ;;
	esac
	kill "-$2" "$who"
	! ended && until_ 10 no_process
}
case_ "the rank of a machine is killed" all_end killed KILL own
case_ "mpirun is told to end" all_end told TERM mpirun

# A rank that is stopped says nothing.
silent() {
	local rank status
	rm -rf "$work/silent"
	mpirun --oversubscribe -np 2 "$nestbed" cluster --lost 2 --durations "$work/durations.csv" --out "$work/silent" "$work/two.yaml" >"$work/out" 2>&1 &
	job=$!
	until_ 60 find_victim 1000000 && kill -STOP "$victim"
	rank=$(for p in $(running 'nestbed cluster '); do grep -qzxF OMPI_COMM_WORLD_RANK=1 "/proc/$p/environ" && echo "$p"; done)
	kill -STOP "$rank"
	ended
	status=$?
	cat "$work/out"
	[ "$status" -ne 0 ] && grep -qE 'rank 1 \(host [^?]+\) has said nothing for 2 s' "$work/out" && until_ 5 no_process &&
		grep -q '"state": "interrupted"' "$work/silent/cluster.json"
}
case_ "a killed rank: all end, what was gathered stays" killed
case_ "resumed: a task that fails twice is told with its log" resumed
case_ "resumed: nothing left" nothing_left
case_ "a rank that says nothing is named, and all end" silent
exit "$failed"
