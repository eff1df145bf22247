#!/bin/bash
# SPDX-License-Identifier: MIT
# L0 itself: what it says on a processor without VT-x (QEMU without KVM), and what a fault of its own tells on Bochs.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# ---- a processor without VT-x ----
no_vmx() {
	timeout 60 qemu-system-x86_64 -accel tcg -cpu max,-vmx -m 256 -display none -no-reboot -nic none \
		-kernel "$build/l0.elf" -device isa-debugcon,iobase=0xe9,chardev=console \
		-chardev "file,id=console,path=$work/console" -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
		>"$work/qemu" 2>&1
	[ $? -eq 1 ] || { echo "QEMU was not ended by L0"; return 1; }
	"$nestbed" records "$work/console" >"$work/refusal" 2>"$work/refusal.err" || return 1
	said refusal ' refusal .*VT-x'
}
if command -v qemu-system-x86_64 >/dev/null; then
	case_ "a processor without VT-x: L0 says so and ends" no_vmx
else
	echo "skip a processor without VT-x qemu-system-x86_64 is not installed"
fi

# ---- faults in L0 (docs/bundle.md, key crash) ----
fault() {
	boot "crash-$1" - hello --set "l0.crash=$1" && said "crash-$1" "^@ fault .*$2" &&
		said "crash-$1" "name=rip .*name=HOST_RIP .*backtrace=$3"
}
case_ "a page fault in L0: registers, VMCS, backtrace" fault 1 'vector=14 ' 'l0_main'
case_ "a stack overflow in L0" fault 2 'vector=14 ' 'overflow.* backtrace=overflow'
case_ "a VMX instruction that fails in L0" fault 3 'VM-instruction error 12' '.*l0_main'
case_ "a panic in L0" fault 4 'panic on purpose' 'l0_main'
exit "$failed"
