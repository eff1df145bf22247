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
case_ "a guest that says hello, at each exit" bare_guest
case_ "registers and FPU, at each exit" renewed state 1 state
case_ "devices and timers, every 7 exits" renewed devices 7 devices
case_ "four processors, every 7 exits" renewed smp 7 smp --cmdline cpus=4 --cpus 4
case_ "signals between two processors, every 200 exits" renewed signals 200 signals --nested --cpus 2
case_ "L2 below L0's own hypervisor, every 20 exits" renewed l1hv 20 l1hv --nested --module state:
case_ "VMX row by row, every 1000 exits" renewed vmxtest 1000 vmxtest --nested
case_ "paging without unrestricted guest, every 7 exits" renewed old 7 state --cpu corei5_lynnfield_750
exit "$failed"
