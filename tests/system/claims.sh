#!/bin/bash
# SPDX-License-Identifier: MIT
# Claims about what an exit leaves behind (docs/exact.md): each case gives the same bare, at L1, and at L2.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# exact LEVEL COMMAND-LINE: the guest's rows in $work/LEVEL.text
exact() {
	local level=$1 name=exact-$1 line=$2
	case $level in
	bare*) boot "$name" 0 exact --bare --cpu "$cpu" --cmdline "$line" && text "$name" "" >"$work/$level.text" ;;
	l1*) boot "$name" 0 exact --cpu "$cpu" --set scratch=on --cmdline "$line" && l0_lives "$name" &&
		text "$name" "exact> " >"$work/$level.text" ;;
	l2*) boot "$name" 0 l1hv --nested --cpu "$cpu" --set scratch=on --module "exact:$line" && l0_lives "$name" &&
		text "$name" "l1hv/l2> " >"$work/$level.text" ;;
	esac
}
passes() {
	exact "$@" || return 1
	! grep -E '^(FAIL|# )' "$work/$1.text" && grep -E '^[0-9]+ passed, 0 failed,' "$work/$1.text"
}
# The name of a row holds the number of its cases and a digest of all that they left. What a level skips isn't compared.
rows() {
	grep -E '^(PASS|FAIL|SKIP) ' "$work/$1.text" | sed -E 's/^(SKIP [^:]*: [^:]*): .*/\1/' |
		grep -v -F -f <(sed -n 's/^SKIP \([^:]*: [^:]*\): .*/ \1/p' "$work/$2.text"; echo no such row)
}
same_as() {
	[ -s "$work/$1.text" ] && diff <(rows "$1" "$2") <(rows "$2" "$2")
}
# The device was there: L0 executed, not the processor.
emulated() {
	said "exact-$1" 'value .*name=device .*value=1( |$)'
}

for cpu in corei7_skylake_x corei7_sandy_bridge_2600k corei5_lynnfield_750; do
	inputs=1
	[ "$cpu" = corei7_skylake_x ] && inputs=2
	case_ "exact emulation, bare, $cpu" passes "bare-$cpu" "inputs=$inputs"
	case_ "exact emulation, L1, $cpu" passes "l1-$cpu" "inputs=$inputs"
	case_ "L0 executed the operands, $cpu" emulated "l1-$cpu"
	case_ "the same state bare and at L1, $cpu" same_as "bare-$cpu" "l1-$cpu"
	case_ "exact emulation, L2, $cpu" passes "l2-$cpu" "inputs=$inputs"
	case_ "L0 executed L2's operands, $cpu" emulated "l2-$cpu"
	case_ "the same state bare and at L2, $cpu" same_as "bare-$cpu" "l2-$cpu"
done
exit "$failed"
