#!/bin/bash
# SPDX-License-Identifier: MIT
# A device of L0 that writes to the guest's memory later: it comes, it is tracked, and it survives a renewal.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

without() {
	boot bare 0 latewrite --bare && said bare '^0 passed, 0 failed, 1 skipped' &&
		boot off 0 latewrite && said off '^latewrite> 0 passed, 0 failed, 1 skipped' && l0_lives off
}
# with NAME ARGUMENTS...
with() {
	boot "$1" 0 latewrite --memory 4M --set scratch=on "${@:2}" && said "$1" '^latewrite> 10 passed, 0 failed, 0 skipped' && l0_lives "$1"
}
tracked() {
	with "$1" --set "migrate.track=$1" --set migrate.prove=on --set migrate.round=0 && said "$1" 'round [0-9]+ by .* 0 missed' &&
		! grep -aE 'missed page|round .* [1-9][0-9]* missed' "$work/$1"
}
# The other VM halts without a deadline of its own most of the time.
beside() {
	with beside --beside "idle:fill=1 beats=20" --cmdline delay=3000000 && said beside '^idle> .*all is well'
}
case_ "without the device there is nothing to see" without
case_ "it writes when it is time, and not outside memory" with plain
case_ "on Sandy Bridge too" with sandy --cpu corei7_sandy_bridge_2600k
case_ "beside another VM" beside
case_ "what is pending is renewed, every 7 exits" with renew7 --set migrate.renew=7
case_ "what is pending is renewed, at each exit" with renew1 --set migrate.renew=1 --cmdline "delay=3000000 rounds=5"
for means in wp ad pml; do
	case_ "no page is missed: $means" tracked "$means"
done

# What is pending when the VM stops is written before its last pages are sent.
moved() {
	local stream
	"$nestbed" move --timeout 100 --capture "$work/$1.streams" --memory 4M --set scratch=on --set migrate.prove=on "${@:2}" >"$work/$1" 2>"$work/$1.err" ||
		{ cat "$work/$1.err"; return 1; }
	said "$1" '^0->1 moved: ' && { [ "$1" != back ] || said back '^1->0 moved: '; } && said "$1" '^latewrite> 10 passed, 0 failed, 0 skipped' || return 1
	for stream in "$work/$1.streams"/*; do "$nestbed" stream verify "$stream" || return 1; done
}
if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip latewrite its moves: no network namespaces on this computer"
else
	case_ "it moves" moved move latewrite "delay=3000000 move=20 rounds=50"
	again() {
		moved again --link loss=1%,dup=1%,reorder=1%,seed=5 latewrite "delay=3000000 move=20 rounds=50" &&
			cmp "$work/move.streams/hop-0.stream" "$work/again.streams/hop-0.stream"
	}
	case_ "the same, byte by byte, over a bad wire" again
	case_ "it moves in real time" moved real --set migrate.virtual_time=off latewrite "move=20 rounds=1000"
	case_ "there and back" moved back --from corei7_skylake_x --to corei7_haswell_4770 --to 0 --policy pool --at 'tick 20000000' latewrite "delay=1000000 rounds=200"
fi
exit "$failed"
