#!/bin/bash
# SPDX-License-Identifier: MIT
# Moves that cannot come to their end though both hosts live: the guest ends on its way, or the other host hears nothing any more.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip movegone no network namespaces on this computer"
	exit 0
fi

# go NAME OUTCOME WRITES OPTION...: the guest is whole where it was, and the move is over
go() {
	"$nestbed" move --timeout 60 --memory 8M "${@:4}" dirtier "rate=200000 writes=$3 pages=400 fill=4 move=50" >"$work/$1" 2>"$work/$1.err" ||
		{ cat "$work/$1.err"; return 1; }
	said "$1" "^0->1 $2: " && said "$1" '^dirtier> .* passed, 0 failed,' && said "$1" '^@0 stop .*cause=SHUTDOWN'
}
# says NAME HOST RECORD WHY
says() {
	said "$1" "^@$2 move .* said=$3 why=\"$4\"" || { grep -a ' move ' "$work/$1"; return 1; }
}

# A link so slow that the guest's life is shorter. Its last move; what tells the other host that nothing more comes, Abort or who carries the
# frames, is a matter of luck.
ends() {
	go "$1" ended 80 --set migrate.patience=5000 "${@:2}" && says "$1" 0 KEPT 'the guest ended while it moved' &&
		says "$1" 1 DROPPED '(the guest ended while it moved|so it was decided)'
}
aborts() {
	ends ends --set host0.migrate.rate=1000000 --capture "$work/streams" && "$nestbed" stream show "$work/streams/hop-0.stream" >"$work/shown" || return 1
	grep -E ' source [0-9]+ Abort .*the guest ended while it moved' "$work/shown" || { tail -n 3 "$work/shown"; return 1; }
}
case_ "the guest ends while it moves" aborts
# It is seen as soon as the source would go on, not when the other VM has ended.
beside() {
	ends beside --set host0.migrate.rate=100000000 --beside "0:idle:fill=1 beats=200" && said beside '^other> .*all is well' &&
		grep -aE '^@0 (stop|move) ' "$work/beside" | cut -d ' ' -f 1-3,6 | paste -sd , >"$work/order"
	grep -x '@0 move vm=dirtier said=STARTED,@0 stop vm=dirtier.*,@0 move vm=dirtier said=KEPT,@0 stop vm=other.*' "$work/order" || { cat "$work/order"; return 1; }
}
case_ "the guest ends while it moves, another VM does not" beside
case_ "likewise in real time" ends real --link rate=1Mbit --set migrate.virtual_time=off

# It reads nothing, and answers for the link. Long before it would give up by itself the source has done so.
deaf() {
	go "$1" kept 40000 --set migrate.patience=250 "${@:3}" && says "$1" 0 KEPT "the other host does not $2 in time.*"
}
case_ "the other host never reads" deaf mute answer --set "host1.migrate.fault=deaf 0"
case_ "the other host reads no more once it has accepted" deaf deaf take --set "host1.migrate.fault=deaf 1"
case_ "likewise in real time" deaf deaf_real take --set "host1.migrate.fault=deaf 1" --set migrate.virtual_time=off

exit "$failed"
