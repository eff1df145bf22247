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
	boot "$1" 0 latewrite --memory 16M --set scratch=on "${@:2}" && said "$1" '^latewrite> 10 passed, 0 failed, 0 skipped' && l0_lives "$1"
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
exit "$failed"
