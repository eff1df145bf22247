#!/bin/bash
# SPDX-License-Identifier: MIT
# L0 as its own L1: what runs below two of them sees what it sees below one. And two processors with VMX each.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# below_two NAME MEMORY ARGUMENTS...: the VM that the arguments describe, under L0 under L0
below_two() {
	local name=$1 memory=$2
	shift 2
	"$nestbed" boot --bundle="$work/$name.bundle" "$@" &&
		"$nestbed" boot --timeout 400 --nested --memory="$memory" --module="$work/$name.bundle" "$build/l0.elf" \
			>"$work/$name" 2>"$work/$name.err" &&
		l0_lives "$name" && ! grep -aE '^@l0 fault |disagreement: ' "$work/$name"
}
below_one() {
	local name=$1
	shift
	boot "$name" 0 "$@" && l0_lives "$name"
}
# same NAME PATH1 PATH2: the text of the guest at the end of the path, below one and below two
same() {
	diff <(text "one-$1" "$2> ") <(text "two-$1" "$3> ")
}

for guest in state outside exits; do
	line=
	[ "$guest" = exits ] && line=iterations=5
	case_ "$guest below L0" below_one "one-$guest" "$guest" --cmdline "$line"
	case_ "$guest below L0 below L0" below_two "two-$guest" 256M "$guest" --cmdline "$line"
	case_ "$guest says the same" same "$guest" "$guest" "l0/$guest"
done
case_ "l1hv and a guest of its own below L0 below L0" below_two "two-l1hv" 400M --nested --memory=80M l1hv --module=hello
case_ "that guest speaks" said two-l1hv '^l0/l1hv/l2> hello'
case_ "vmxtest below L0" below_one one-vmxtest --nested vmxtest
case_ "vmxtest below L0 below L0" below_two two-vmxtest 300M --nested vmxtest
case_ "vmxtest finds the same" same vmxtest vmxtest l0/vmxtest

smp() {
	boot "$1" 0 vmxsmp --cpus 2 "${@:2}" && said "$1" ' passed, 0 failed,'
}
case_ "two processors in VMX operation, bare" smp smp-bare --bare
case_ "two processors in VMX operation, under L0" smp smp-l0 --nested
case_ "the same without shadowing" smp smp-no-shadow --nested --set nested.shadow_vmcs=off
case_ "the same where L1 is offered no EPT" smp smp-no-ept --nested --set "nested.limit=IA32_VMX_EPT_VPID_CAP 0"
exit "$failed"
