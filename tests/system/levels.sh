#!/bin/bash
# SPDX-License-Identifier: MIT
# The same guest on the bare machine, at L1, and as L2 with and without L0 below: it passes, and says the same.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# run LEVEL GUEST COMMAND-LINE
run() {
	local name=$1-$2 guest=$2 line=$3
	case $1 in
	bare) boot "$name" 0 "$guest" --bare --cmdline "$line" && text "$name" "" >"$work/$name.text" ;;
	l1) boot "$name" 0 "$guest" --cmdline "$line" && l0_lives "$name" && text "$name" "$guest> " >"$work/$name.text" ;;
	l2) boot "$name" 0 l1hv --bare --memory 48M --module "$guest:$line" && text "$name" "l2> " >"$work/$name.text" ;;
	l2-l0) boot "$name" 0 l1hv --nested --memory 48M --module "$guest:$line" && l0_lives "$name" &&
		text "$name" "l1hv/l2> " >"$work/$name.text" ;;
	esac
}

# Bochs, whose timer an L2 without L0 below uses, does not clear the deadline (docs/bochs-differences.md).
of_bochs='FAIL x.*APIC timer, the deadline reads 0 when it is over'

passes() {
	local said=$work/$1-$2.text
	run "$1" "$2" "$3" && [ -s "$said" ] || return 1
	if [ "$1" = l2 ] && [ "$2" = devices ]; then
		! grep '^FAIL' "$said" | grep -v "$of_bochs"
	else
		! grep '^FAIL' "$said" && { ! grep -q ' passed, ' "$said" || grep -q ' passed, 0 failed,' "$said"; }
	fi
}
same_as_bare() {
	diff "$work/bare-$1.text" "$work/$2-$1.text"
}

for level in bare l1 l2 l2-l0; do
	for guest in hello state devices outside badvmx exits "smp cpus=1"; do
		line=
		[ "$guest" = "${guest% *}" ] || line=${guest#* }
		[ "$guest" = exits ] && line="iterations=20"
		guest=${guest% *}
		case_ "$guest passes: $level" passes "$level" "$guest" "$line"
	done
done
# What the others print depends on what there is: memory, devices, VMX.
for level in l1 l2 l2-l0; do
	for guest in state outside smp; do
		case_ "$guest says the same: bare and $level" same_as_bare "$guest" "$level"
	done
done
# VMCALL is skipped where there is no hypervisor.
exits_same() {
	diff <(grep -v vmcall "$work/bare-exits.text") <(grep -v vmcall "$work/$1-exits.text")
}
for level in l1 l2 l2-l0; do
	case_ "exits says the same: bare and $level" exits_same "$level"
done
exit "$failed"
