#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests that mean harm: the VM is stopped with the right cause, or goes on; L0 lives, and so does the VM beside it.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

stopped() {
	local name=$1 cause=$2
	shift 2
	boot "$name" 3 "$@" && said "$name" "^@ stop vm=[a-z0-9]+ cause=$cause" && l0_lives "$name"
}
# Ends by itself or is stopped: either is right.
survived() {
	local name=$1
	shift
	boot "$name" - "$@" && said "$name" '^@ stop vm=' && l0_lives "$name"
}
l2_stopped() {
	boot "$1" 3 l1hv --nested --memory 48M --module "$1" && said "$1" "^@l1hv stop vm=l2 cause=$2" &&
		said "$1" '^@ stop vm=l1hv cause=SHUTDOWN' && l0_lives "$1"
}

case_ "triple fault" stopped triple TRIPLE_FAULT triple
case_ "jump into nowhere" stopped nowhere BAD_ACCESS nowhere
case_ "endless loop: the limit" stopped spin LIMIT spin --set l0.limit=20000000
case_ "CPUID storm: the limit" stopped storm LIMIT cpuidstorm --cmdline count=0 --set l0.limit=20000000
case_ "triple fault of L2" l2_stopped triple TRIPLE_FAULT
for end in idt cr3 jump; do
	case_ "ends by $end" stopped "end-$end" BAD_ACCESS hostile --cmdline "only=none end=$end"
done
case_ "string I/O without end to where no memory is: the limit" stopped end-repio LIMIT hostile \
	--cmdline "only=none end=repio" --set l0.limit=50000000
case_ "ends by gdt" survived end-gdt hostile --cmdline "only=none end=gdt"
for seed in 1 2 3 4; do
	for row in msr port control mmio; do
		case_ "random $row, seed $seed" survived "$row-$seed" hostile --cmdline "seed=$seed only=$row" \
			--set l0.limit=2000000000
	done
	case_ "random VMX, seed $seed" survived "vmx-$seed" vmxhostile --nested --cmdline "seed=$seed" \
		--set l0.limit=4000000000
	case_ "random VMX without shadowing, seed $seed" survived "vmx-off-$seed" vmxhostile --nested \
		--cmdline "seed=$seed" --set nested.shadow_vmcs=off --set l0.limit=4000000000
done
case_ "VMX is not offered: vmxhostile ends" survived vmx-none vmxhostile
exit "$failed"
