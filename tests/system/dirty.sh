#!/bin/bash
# SPDX-License-Identifier: MIT
# Dirty tracking: three means, one set; no written page is missed at L1 and L2; what it costs the guest.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
skylake=corei7_skylake_x

# tracked NAME MEANS ROUND GUEST ARGUMENTS...: boots it, its rounds proved; ROUND: ticks, 0 for the guest's marks
tracked() {
	local name=$1 means=$2 round=$3 guest=$4
	shift 4
	boot "$name" 0 "$guest" --cpu "$skylake" --set "migrate.track=$means" --set "migrate.round=$round" \
		--set migrate.prove=on "$@" && l0_lives "$name"
}
# Every round was proved, there were some, and none missed a page.
none_missed() {
	said "$1" 'round [0-9]+ by .* 0 missed' && ! grep -aE 'missed page|round .* [1-9][0-9]* missed' "$work/$1"
}
# The sets without what a comparison of them must not hang on.
sets() {
	sed -nE 's/.*round ([0-9]+) by [a-z]+: ([0-9]+ pages, set [0-9a-f]+).*/\1 \2/p' "$work/$1"
}
same_sets() {
	[ -n "$(sets "$1")" ] && diff <(sets "$1") <(sets "$2")
}
checks_pass() {
	said "$1" ' passed, 0 failed,'
}
proved() {
	tracked "$@" && none_missed "$1" && checks_pass "$1"
}

patterns=(zipf adversarial)
for pattern in "${patterns[@]}"; do
	for means in wp ad pml; do
		case_ "dirtier, $pattern: no page is missed: $means" proved "$pattern-$means" "$means" 0 dirtier --memory 8M \
			--cmdline "pattern=$pattern rounds=4 pages=700"
	done
	case_ "dirtier, $pattern: wp and ad find the same sets" same_sets "$pattern-wp" "$pattern-ad"
	case_ "dirtier, $pattern: wp and pml find the same sets" same_sets "$pattern-wp" "$pattern-pml"
done
for means in wp ad pml; do
	case_ "dirtier on two processors: no page is missed: $means" proved "two-$means" "$means" 0 dirtier --memory 8M --cpus 2 \
		--cmdline "cpus=2 rounds=3 pages=300" --set slice=20000
	case_ "dirtier as L2: no page is missed: $means" proved "l2-$means" "$means" 0 l1hv --nested --memory 24M \
		--cmdline memory=8M --module "dirtier:rounds=3 pages=300"
done
case_ "devices as L2, rounds by ticks: no page is missed" proved ticks wp 3000000 l1hv --nested --memory 48M --module devices
case_ "wbinvd: no page is missed" proved wbinvd pml 0 wbinvd --memory 4M
# MSR lists, page-modification log, #VE area, virtual-APIC page, flags of EPT12, VMCS regions: L0 writes for L1
case_ "vmxtest: no page is missed" proved vmxtest pml 4000000 vmxtest --nested --memory 4M

# ticks_l0 and ticks_l1 of the dirtier's window
l0_ticks() {
	sed -nE 's/.*@ window .*ticks_l0=([0-9]+).*/\1/p' "$work/$1"
}
cost() {
	boot "cost-$1" 0 dirtier --cpu "$skylake" --memory 64M --set "migrate.track=$1" \
		--cmdline "rounds=6 pages=4000 round=1200 hot_percent=0" && checks_pass "cost-$1" && [ -n "$(l0_ticks "cost-$1")" ]
}
cheapest() {
	for means in wp ad; do
		echo "pml $(l0_ticks cost-pml), $means $(l0_ticks "cost-$means")"
		[ "$(l0_ticks cost-pml)" -lt "$(l0_ticks "cost-$means")" ] || return 1
	done
}
for means in off wp ad pml; do
	case_ "what tracking costs: $means" cost "$means"
done
case_ "pml costs least" cheapest

refused() {
	boot "refused-$1" 4 hello --cpu "$2" --set "migrate.track=$1" && said "refused-$1" "refusal .*missing=\"$3"
}
case_ "ad is refused where EPT has no flags" refused ad corei7_sandy_bridge_2600k 'accessed and dirty flags for EPT"'
case_ "pml is refused where there is no log" refused pml corei7_haswell_4770 'page-modification logging'
best() {
	boot "best-$1" 0 hello --cpu "$1" --set migrate.track=auto --set migrate.round=10000 && said "best-$1" "round 0 by $2:"
}
case_ "auto: write protection on Sandy Bridge" best corei7_sandy_bridge_2600k wp
case_ "auto: dirty flags on Haswell" best corei7_haswell_4770 ad
case_ "auto: the log on Skylake" best $skylake pml
exit "$failed"
