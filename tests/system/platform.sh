#!/bin/bash
# SPDX-License-Identifier: MIT
# The PC that L0 gives a VM, beside the bare one: kernels by other people find the same in both.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

passes() {
	boot "$1" 0 "${@:2}" && said "$1" ' passed, 0 failed,'
}
# What passed bare passes under L0.
no_less() {
	text "$1" '' | grep -a '^PASS ' | sort >"$work/$1.passed"
	text "$2" 'platform> ' | grep -a '^PASS ' | sort >"$work/$2.passed"
	[ -s "$work/$1.passed" ] || { echo "nothing passed: $1"; return 1; }
	! comm -23 "$work/$1.passed" "$work/$2.passed" | grep .
}
platform() {
	passes bare platform --bare && passes vm platform --nested && no_less bare vm && l0_lives vm
}
platform_on() {
	passes "vm-$1" platform --nested --cpu "$1" && l0_lives "vm-$1"
}
many() {
	passes many-bare platform --cmdline cpus=4 --cpus 4 --bare && passes many platform --cmdline cpus=4 --cpus 4 &&
		l0_lives many
}
signals() {
	passes "signals-$1" signals --nested --cpus 2 --set "slice=$1" && l0_lives "signals-$1"
}
com1() {
	boot com1 0 devices --bare && [ "$(text com1 'com1> ')" = 'devices: COM1' ] && boot com1-vm 0 devices &&
		[ "$(text com1-vm 'devices:com1> ')" = 'devices: COM1' ]
}
case_ "a PC as the bare one" platform
for cpu in corei7_haswell_4770 corei7_sandy_bridge_2600k corei5_lynnfield_750; do
	case_ "a PC with $cpu" platform_on "$cpu"
done
case_ "a PC with four processors" many
case_ "signals between two bare processors" passes signals-bare signals --bare --cpus 2
case_ "COM1 is told" com1
for slice in 1000000 30000; do
	case_ "NMI, INIT, SIPI, IPIs between two vCPUs that take turns of $slice ticks" signals "$slice"
done

# ---- images ----
printf 'NR_CPUS=1\nTEST_DEVICE=0\n' >"$work/environ"
aout() {
	boot aout-bare 0 "$build/guests/aout.bin" --bare --cmdline 'one two' --module "$work/environ:it is" &&
		boot aout-vm 0 "$build/guests/aout.bin" --cmdline 'one two' --module "$work/environ:it is" || return 1
	text aout-bare '' >"$work/one"
	text aout-vm 'aout> ' >"$work/two"
	printf 'aout one two\nenviron it is\nNR_CPUS=1\nTEST_DEVICE=0\n' | diff - "$work/one" && diff "$work/one" "$work/two"
}
# It has addresses that nobody could load, or none.
bad_image() {
	local offset=$1 bytes=$2 why=$3
	cp "$build/guests/aout.bin" "$work/bad.bin"
	# shellcheck disable=SC2059 # bytes are the format
	printf "$bytes" | dd of="$work/bad.bin" bs=1 seek="$offset" conv=notrunc status=none
	boot bad-vm 4 "$work/bad.bin" && said bad-vm "^@ refusal .*$why" && boot bad-bare - "$work/bad.bin" --bare &&
		said bad-bare '^rom: '
}
case_ "a kernel that is no ELF file, its command line and module" aout
case_ "no header" bad_image 80 '\0\0\0\0' 'no multiboot-1 header'
case_ "a load address behind the header" bad_image 96 '\377\377\377\000' 'make no sense'
case_ "an end before the beginning" bad_image 100 '\0\0\020\000' 'make no sense'
case_ "an end behind the file" bad_image 100 '\0\0\0\100' 'make no sense'
case_ "more zeroes than memory" bad_image 104 '\0\0\0\177' 'does not fit'
exit "$failed"
