#!/bin/bash
# SPDX-License-Identifier: MIT
# What an exit leaves behind, and which instructions trap (docs/exact.md): each case is the same bare, at L1, and at L2.
# `claims.sh --table` writes docs/sensitive.csv again.
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
	l2*) boot "$name" 0 l1hv --nested --memory 48M --cpu "$cpu" --set scratch=on --module "exact:$line" && l0_lives "$name" &&
		text "$name" "l1hv/l2> " >"$work/$level.text" ;;
	esac
}
passes() {
	exact "$@" || return 1
	! grep -E '^(FAIL|# )' "$work/$1.text" && grep -E '^[0-9]+ passed, 0 failed,' "$work/$1.text"
}
# The name of a row holds the number of its cases and a digest of all that they left. What a level skips isn't compared.
rows() {
	grep -E '^(PASS|FAIL|SKIP) ' "$work/$1.text" | sed -E 's/^(SKIP .*) -- .*/\1/' |
		grep -v -F -f <(sed -n 's/^SKIP \(.*\) -- .*/ \1/p' "$work/$2.text"; echo no such row)
}
same_as() {
	[ -s "$work/$1.text" ] && diff <(rows "$1" "$2") <(rows "$2" "$2")
}
# The device was there: L0 executed, not the processor.
emulated() {
	said "exact-$1" 'value .*name=device .*value=1( |$)'
}
sums() {
	echo "# $1: $(grep ' passed, ' "$work/$1.text"), $(sed -n 's/.*, \([0-9]*\) cases, 0x.*/\1/p' "$work/$1.text" |
		awk '{ sum += $1 } END { print sum }') cases"
}
# at LEVEL INPUTS
at() {
	case_ "exact, $1, $cpu" passes "$1-$cpu" "inputs=$2"
	[ "$1" = bare ] || case_ "L0 executed the operands, $1, $cpu" emulated "$1-$cpu"
	[ "$1" = bare ] || case_ "the same state bare and at $1, $cpu" same_as "bare-$cpu" "$1-$cpu"
	sums "$1-$cpu"
}

# ---- sensitive instructions ----
controls() {
	boot "controls-$1" 0 vmxtest "$2" --cpu "$cpu" --cmdline only=sensitive &&
		said "controls-$1" ' passed, 0 failed, 0 skipped'
}
table() {
	echo "where,instruction,mode,result,tells,control,set"
	sed -n 's/^PASS sensitive,\(.*\)/processor,\1,,/p' "$work/bare-$cpu.text"
	sed -n 's/^PASS sensitive,\([^,]*\),\([^,]*\),\([^,]*\),\([^,]*\),\(.*\)/VT-x,\1,\2,\5,,\3,\4/p' "$work/controls-bare"
}
documented() {
	diff docs/sensitive.csv <(table)
}
cpu=corei7_icelake_u # has UMIP
if [ "${1-}" = --table ]; then
	exact "bare-$cpu" only=sensitive && controls bare --bare && table >docs/sensitive.csv
	exit
fi
case_ "sensitive instructions, bare, $cpu" passes "bare-$cpu" only=sensitive
for level in l1 l2; do
	case_ "sensitive instructions, $level, $cpu" passes "$level-$cpu" only=sensitive
	case_ "sensitive instructions are the same bare and at $level" same_as "bare-$cpu" "$level-$cpu"
done
case_ "controls for sensitive instructions, bare" controls bare --bare
case_ "controls for sensitive instructions, under L0" controls l0 --nested
case_ "docs/sensitive.csv is what was seen" documented

# ---- state after an exit ----
cpu=corei7_skylake_x
for level in bare l1 l2; do
	at "$level" 2
done
for cpu in corei7_sandy_bridge_2600k corei5_lynnfield_750; do
	at bare 1
	at l1 1
done
exit "$failed"
