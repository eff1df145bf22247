#!/bin/bash
# SPDX-License-Identifier: MIT
# WBINVD, WBNOINVD and INVD of a guest that moves: a barrier, and what the captured stream says when a step of it is left out.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip barrier no network namespaces on this computer"
	exit 0
fi

late= # a device that has not written yet what it was told to, at each of the instructions
# go NAME KEY=VALUE...: two processors, one writes all the time; a slow link, so that barriers come while pages wait
go() {
	local name=$1 set=()
	shift
	for key in "$@"; do set+=(--set "host0.migrate.$key"); done
	"$nestbed" move --timeout 60 --capture "$work/$name.streams" --cpus 2 --memory 8M --set migrate.prove=on \
		--set migrate.rate=20000000 --set migrate.down_time=100000 --set migrate.patience=1000 --set migrate.rounds=4 "${set[@]}" \
		--set scratch=on wbinvd "cpus=2 move=1 rounds=100 $late" >"$work/$name" 2>"$work/$name.err" || { cat "$work/$name.err"; return 1; }
	said "$name" ' passed, 0 failed,' # wherever it ran
}
stream() {
	"$nestbed" stream verify "$work/$1.streams/hop-0.stream" >"$work/$1.verify" 2>&1
}

whole() {
	go whole && said whole '^0->1 moved: ' && stream whole && grep -qE ' [1-9][0-9]* barriers, running' "$work/whole.verify"
}
case_ "a barrier with all its steps" whole

# In real time the guest runs while a message is on its way: the barrier begins behind it. real NAME KEY=VALUE...
real() {
	local name=$1 set=()
	shift
	for key in "$@"; do set+=(--set "host0.migrate.$key"); done
	"$nestbed" move --timeout 100 --cpus 2 --memory 8M --link rate=20Mbit --set migrate.patience=1000 --set host0.migrate.rounds=4 \
		--set host0.migrate.down_time=100000 --set migrate.virtual_time=off "${set[@]}" wbinvd "move=1 rounds=100" >"$work/$name" 2>"$work/$name.err" || cat "$work/$name.err"
	said "$name" ' passed, 0 failed,' && ! grep -aE "^@[0-9]+ fault " "$work/$name"
}
real_whole() {
	real real && said real '^0->1 moved: '
}
case_ "in real time, while a message is half out" real_whole
case_ "likewise, without stopping the vCPUs" real running barrier_skip=2

# without STEP TEXT: the stream itself shows that the step is missing
without() {
	go "without-$1" "barrier_skip=$((1 << $1))" || return 1
	stream "without-$1" && { echo "the stream does not show it"; return 1; }
	grep -q "$2" "$work/without-$1.verify" && return 0
	cat "$work/without-$1.verify"
	return 1
}
memory='the digest of memory differs' order='all vCPUs stop, then flush EPT, then write back'
case_ "without stopping the vCPUs" without 1 "$memory"
case_ "without draining the log" without 4 "$memory"
case_ "without flushing EPT" without 5 "$order"
case_ "without WBINVD" without 6 "$order"
case_ "without sending what was written" without 7 "$memory"
case_ "without Barrier" without 8 'the stream ends within\|ends in phase\|barriers'
case_ "without waiting for the answer" without 9 "in phase 'barrier'"
case_ "without resuming" without 10 'a new epoch must begin'

drained() {
	local late=late=100000
	go drained && said drained '^0->1 moved: ' && stream drained && grep -qE ' [1-9][0-9]* barriers, running' "$work/drained.verify" &&
		said drained 'name="late writes pending before" value=200 ' && said drained 'name="late writes made behind" value=[1-9]'
}
case_ "a device that writes later has written behind it" drained
undrained() {
	local late=late=100000
	without 3 'PageBatch: a page that was written before the barrier was sent after it'
}
case_ "without draining devices" undrained

# nested L1 WORD BARRIERS: L2 executes it while its VM moves; so many Barriers are in the stream, and End counts them too
nested() {
	local name=$1-$2
	"$nestbed" move --timeout 100 --capture "$work/$name.streams" --nested --memory 40M --set migrate.prove=on --set migrate.patience=1000 \
		--module "wbinvd:move=1 rounds=1000 only=wbinvd" "$1" "wbinvd=$2" >"$work/$name" 2>"$work/$name.err" || { cat "$work/$name.err"; return 1; }
	said "$name" '^0->1 moved: ' && said "$name" ' 2 passed, 0 failed,' && stream "$name" &&
		"$nestbed" stream show "$work/$name.streams/hop-0.stream" >"$work/$name.show" || return 1
	[ "$(grep -c ' source [0-9]* Barrier ' "$work/$name.show")" = "$3" ] && grep -q " End .* barriers=$3\$" "$work/$name.show" && return 0
	grep -E ' (Barrier|End) ' "$work/$name.show"
	return 1
}
case_ "of L2, exiting to L1, which executes it" nested l1hv-wbinvd on 1
case_ "of L2, exiting to L0" nested l1hv off 1
case_ "of L2, exiting to L1, which does nothing" nested l1hv on 0

exit "$failed"
