#!/bin/bash
# SPDX-License-Identifier: MIT
# A machine at an agent: a move comes to the same, bit by bit; and whatever goes wrong is said once, and leaves nothing behind.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip agent no network namespaces on this computer"
	exit 0
fi
nestbed=$(realpath "$nestbed")
# All processes of this test have it in their environment, whoever is their parent.
export NESTBED_AGENT_TEST=$work
# left: processes, after a moment in which those that were told to end may
left() {
	local p tries=50 found
	while :; do
		found=
		for p in /proc/[0-9]*; do
			grep -qzxF "NESTBED_AGENT_TEST=$work" "$p/environ" 2>/dev/null && grep -qE 'nestbed|bochs' "$p/cmdline" 2>/dev/null &&
				found+="$(tr '\0' ' ' 2>/dev/null <"$p/cmdline")"$'\n'
		done
		[ -n "$found" ] || return 0
		((tries--)) || break
		sleep 0.1
	done
	echo "left: $found"
	return 1
}

# ---- the same result ----
migrate() {
	"$nestbed" run migrate --set guest_mib=8 --set fill=1 --set dirty_pages_per_s=20000 --set link_mbit=4000 --set pages=40 --set track_pages= \
		--set args=writes=600 --out "$work/$1.result" "${@:2}" >"$work/$1" 2>"$work/$1.err" || { cat "$work/$1.err"; return 1; }
}
same() {
	local table
	migrate here && migrate there --agent "'$nestbed' agent" || return 1
	for table in migrate rounds down barriers; do
		cmp "$work/here.result/$table.csv" "$work/there.result/$table.csv" || return 1
	done
	grep -c ',moved,' "$work/there.result/migrate.csv" | grep -x 1 && said there.result/meta.json '"agent": "' && ! said here.result/meta.json '"agent"'
}
case_ "a move to an agent's machine comes to the same" same

# move NAME STATUS OPTION...: of a guest that writes; it takes much longer than its move
move() {
	local got
	"$nestbed" move --quiet --timeout 60 --memory 8M "${@:3}" dirtier "rate=200000 writes=${writes:-800} pages=40 move=50" >"$work/$1" 2>"$work/$1.err"
	got=$?
	[ "$got" -eq "$2" ] || { echo "exit status $got, wanted $2: $(cat "$work/$1.err")"; return 1; }
}
elsewhere() {
	move elsewhere 0 --agent "unshare -rn '$nestbed' agent" && said elsewhere '^0->1 moved: ' && said elsewhere '^dirtier> .* passed, 0 failed,'
}
if unshare -rn true 2>/dev/null; then
	case_ "the agent is in a network namespace of its own" elsewhere
else
	echo "skip the agent is in a network namespace of its own this computer allows none to users"
fi
three() {
	writes=4000 move three 0 --policy pool --to corei7_skylake_x --to corei7_haswell_4770 --agent "'$nestbed' agent" --agent "exec '$nestbed' agent" && said three '^1->2 moved: '
}
case_ "two hosts at two agents" three
trial() {
	"$nestbed" link --bytes 20000 --agent "'$nestbed' agent" >"$work/trial" 2>"$work/trial.err" && said trial '^1,corei7_skylake_x,0,20000,'
}
case_ "the link's trial" trial

# ---- no agent ----
# refused NAME STATUS REASON COMMAND: in one line of nestbed's; nothing runs
refused() {
	move "$1" "$2" --agent "$4" && [ "$(grep -c '^nestbed' "$work/$1.err")" -eq 1 ] && grep -qE "^nestbed: dirtier-1: $3" "$work/$1.err" && left && return 0
	cat "$work/$1.err"
	return 1
}
hello='\030\000\000\000\012\026\010\001\022\022deadbeef0000-other' # AgentMessage { hello { protocol 1, version } }
version=$("$nestbed" --version | cut -d ' ' -f 2)
case_ "an agent of another version" refused version 4 "agent runs nestbed deadbeef0000-other, this is $version\$" "printf '$hello'; cat >/dev/null"
case_ "its computer has no Bochs" refused nothing 4 'the agent refuses it: bochs-bin is not installed' "PATH=/nonexistent '$nestbed' agent"
case_ "no such command" refused command 5 'the connection to the agent ended before it said anything.* exit status 127' "$work/none"
case_ "a command that ends at once" refused silent 5 'the connection to the agent ended before it said anything' "exit 0"
case_ "a command that says something else" refused noise 5 "the agent sent 'Welcome to hostb', which is no greeting" "echo Welcome to hostb; cat >/dev/null"
case_ "a command that ends while the machine's description is sent" refused mute 5 'the connection to the agent ended before the machine did' \
	"printf '${hello/deadbeef0000-other/$version}'; head -c 30 >/dev/null"
usage() {
	move usage 2 --agent "$@" && [ -z "$(grep -v '^Try' "$work/usage.err" | tail -n +2)" ]
}
case_ "a descriptor that is no socket" usage fd:0
case_ "an agent for a host that is not there" usage "'$nestbed' agent" --agent true
no_use() {
	! "$nestbed" run exit-cost --agent true --out "$work/no.result" >"$work/no" 2>"$work/no.err" && said no 'exit-cost has no machines that run elsewhere' &&
		[ ! -e "$work/no.result" ]
}
case_ "an experiment with machines here alone" no_use

# ---- what asks the agent ----
# asked STATUS REASON: of an agent whose input is standard input
asked() {
	timeout -k 1 10 "$nestbed" agent >"$work/asked" 2>"$work/asked.err"
	[ $? -eq "$1" ] && said asked "$2"
}
empty() {
	asked 5 'nestbed agent: the connection ended before it asked for a machine' </dev/null
}
# shellcheck disable=SC2059 # it is a format
older() {
	printf "$hello" | asked 4 "$version"
}
case_ "an agent whose input ends" empty
case_ "an agent asked by another version says its own" older

# ---- a connection that ends in the middle ----
# slowly NAME STATUS [BEFORE]: begins a move of some seconds, which is to end so; with its agent's process in $work/NAME.pid; true when its pages are on their way
slowly() {
	local i size
	writes=20000 move "$1" "$2" --link rate=2Mbit --set migrate.virtual_time=off --set migrate.patience=250 --pcap "$work/$1.pcap" \
		--agent "${3:-}sh -c 'echo \$\$ >\"$work/$1.pid\"; exec \"$nestbed\" agent'" &
	for ((i = 0; i < 400; i++)); do
		size=$(stat -c %s "$work/$1.pcap" 2>/dev/null)
		[ "${size:-0}" -lt 100000 ] || return 0
		sleep 0.05
	done
	echo "the move did not begin"
	return 1
}
agent_of() {
	cat "$work/$1.pid"
}
nestbed_of() {
	local p
	p=$(agent_of "$1")
	while p=$(sed -n 's/^PPid:\t//p' "/proc/$p/status") && [ "$(cat "/proc/$p/comm")" != nestbed ]; do :; done
	echo "$p"
}
# The source finds the link dead, and goes on; that the other machine died is said.
agent_dies() {
	slowly dies 5 && kill -9 "$(agent_of dies)" && wait $! && said dies '^0->1 kept: ' &&
		said dies '^dirtier> .* passed, 0 failed,' && said dies 'the connection to the agent ended before the machine did' && left
}
# The agent is no child of nestbed's, as on another computer: that its input ends is all that it hears.
nestbed_dies() {
	slowly killed 137 "cat | " && kill -9 "$(nestbed_of killed)" && wait $! && left
}
interrupted() {
	slowly ended 143 && kill -TERM "$(nestbed_of ended)" && wait $! && left
}
agent_ends() {
	slowly told 5 && kill -TERM "$(agent_of told)" && wait $! && said told '^0->1 kept: ' && said told '^dirtier> .* passed, 0 failed,' && left
}
stands_still() {
	slowly still 0 && kill -STOP "$(agent_of still)" && wait $! && said still '^0->1 kept: ' && said still '^dirtier> .* passed, 0 failed,'
	local got=$?
	kill -CONT "$(agent_of still)" 2>/dev/null
	left && return "$got"
}
ended_there() {
	move there 0 --set migrate.patience=250 --agent "'$nestbed' agent" --kill 1@5 && said there '^0->1 kept: ' && said there '^dirtier> .* passed, 0 failed,' && left
}
case_ "the agent is killed while the guest moves" agent_dies
case_ "the agent is told to end" agent_ends
case_ "the agent stands still" stands_still
case_ "nestbed is killed" nestbed_dies
case_ "nestbed is told to end" interrupted
case_ "nestbed ends the machine there" ended_there
case_ "nothing is left running" left
exit "$failed"
