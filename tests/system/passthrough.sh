#!/bin/bash
# SPDX-License-Identifier: MIT
# A VM that reaches the machine's ports: CMOS tells it of the machine's memory instead of its own.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

own='cmos: 640 KiB, 31744 KiB from 1 MiB on, 16384 KiB from 16 MiB on'
machine='cmos: 640 KiB, [0-9]+ KiB from 1 MiB on, 24[0-9]{4} KiB from 16 MiB on' # of nestbed's 256 MiB

emulated() {
	boot emulated 0 cmos --memory 32M && said emulated "^cmos> $own\$" && l0_lives emulated
}
passed() {
	boot passed 0 cmos --memory 32M --set 'passthrough=0x70 2' && said passed "^cmos> $machine\$" && l0_lives passed
}
as_l2() {
	boot as_l2 0 l1hv --nested --memory 64M --module cmos --set 'passthrough=112 2' && said as_l2 "^l1hv/l2> $machine\$" && l0_lives as_l2
}
# The VM beside it keeps its own.
beside() {
	boot beside 0 cmos --memory 32M --set 'passthrough=0x70 2' --beside devices && said beside "^cmos> $machine\$" &&
		said beside '^devices> PASS CMOS memory keeps a byte' && said beside '^devices> .* 0 failed' && l0_lives beside
}
refused() {
	boot refused 2 cmos --set "passthrough=$1" && said refused "$2"
}
case_ "without the key CMOS is the VM's own" emulated
case_ "with it CMOS is the machine's" passed
case_ "so it is for L2 whose L1 passes the ports on" as_l2
case_ "and not for another VM" beside
case_ "the PIC's ports are refused" refused '0x21 1' "ports of the PIC, which is L0's: '0x21 1'"
case_ "the console's port is refused" refused '0xe0 16' "ports of the debug console, to which L0 writes: '0xe0 16'"
case_ "no ports are refused" refused '0x70' "'passthrough' must be an I/O port and the number of ports"
exit "$failed"
