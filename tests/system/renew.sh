#!/bin/bash
# SPDX-License-Identifier: MIT
# A VM that is captured, destroyed and made anew of the captured bytes, again and again, passes its tests as before.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# renewed NAME EXITS GUEST ARGUMENTS...
renewed() {
	local name=$1 exits=$2
	shift 2
	boot "$name" 0 "$@" --set "migrate.renew=$exits" && l0_lives "$name" && said "$name" ' passed, 0 failed,'
}
bare_guest() {
	boot hello 0 hello --set migrate.renew=1 && said hello '^hello> bye' && l0_lives hello
}
# By the policy of a processor without FPU: CR0.EM holds until the guest's first FPU instruction.
hidden_fpu() {
	"$build/cpu-baseline" --format=bundle --name=p --without=fpu cpu_baseline/hosts/corei7_skylake_x.txt >"$work/p.cpu" &&
		renewed fpu 1 x87 --policy "$work/p.cpu" && boot fpu-once 0 x87 && text fpu 'x87> x87 ' >"$work/one" &&
		text fpu-once 'x87> x87 ' | diff - "$work/one" && [ -s "$work/one" ]
}
# fuzzed EXITS: each entry of the seeded L1 comes to the same, renewed or not
fuzzed() {
	local n
	for n in 0 "$1"; do
		boot "fuzz-$n" 0 vmxfuzz --nested --cmdline 'seed=1 entries=60 limit=500000' --set "migrate.renew=$n" && l0_lives "fuzz-$n" &&
			text "fuzz-$n" 'vmxfuzz> ' >"$work/entries-$n" || return 1
	done
	diff "$work/entries-0" "$work/entries-$1" && [ -s "$work/entries-0" ]
}
case_ "a guest that says hello, at each exit" bare_guest
case_ "registers and FPU, at each exit" renewed state 1 state
case_ "devices and timers, every 7 exits" renewed devices 7 devices
case_ "four processors, every 7 exits" renewed smp 7 smp --cmdline cpus=4 --cpus 4
case_ "signals between two processors, every 200 exits" renewed signals 200 signals --nested --cpus 2
case_ "L2 below L0's own hypervisor, every 20 exits" renewed l1hv 20 l1hv --nested --memory 48M --module state:
case_ "VMX row by row, every 1000 exits" renewed vmxtest 1000 vmxtest --nested
case_ "devices of L2, every 7 exits" renewed l2-devices 7 l1hv --nested --memory 48M --module devices:count=200000
case_ "a PC, every 20 exits" renewed platform 20 platform --nested
case_ "L1 and L2 on two processors, every 100 exits" renewed vmxsmp 100 vmxsmp --nested --cmdline cpus=2 --cpus 2
case_ "a TPR threshold over VTPR, every 20 exits" renewed tpr 20 vmxtest --nested --cmdline only=entry_controls:_TPR
case_ "an FPU that the VM is not shown, at each exit" hidden_fpu
case_ "a seeded L1 with what it spoils, every 20 exits" fuzzed 20
case_ "paging without unrestricted guest, every 7 exits" renewed old 7 state --cpu corei5_lynnfield_750
exit "$failed"
