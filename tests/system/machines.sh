#!/bin/bash
# SPDX-License-Identifier: MIT
# Processors of several generations, several vCPUs, several VMs on one L0, and configurations that are refused.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# ---- processors ----
runs_on() {
	boot "state-$1" 0 state --cpu "$1" && said "state-$1" ' passed, 0 failed,' && l0_lives "state-$1" &&
		boot "l2-$1" 0 l1hv --nested --memory 48M --module state --cpu "$1" && said "l2-$1" '^l1hv/l2> .* passed, 0 failed,' &&
		l0_lives "l2-$1"
}
refused() {
	boot penryn 4 hello --cpu core2_penryn_t9600 && said penryn '^@ refusal .*EPT'
}
for cpu in corei7_skylake_x corei7_haswell_4770 corei7_sandy_bridge_2600k corei5_lynnfield_750; do
	case_ "L1 and L2 run on $cpu" runs_on "$cpu"
done
case_ "core2_penryn_t9600 is refused: no EPT" refused

# ---- several vCPUs ----
vcpus() {
	boot "smp-$1" 0 smp --cmdline "cpus=$1" --set "vcpus=$1" && said "smp-$1" '^smp> .* passed, 0 failed,' &&
		l0_lives "smp-$1"
}
case_ "two vCPUs" vcpus 2
case_ "four vCPUs" vcpus 4

# ---- several VMs: nestbed boot makes bundles of one, so they are made here (docs/bundle.md) ----
le32() {
	printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}
le64() {
	le32 $(($1 & 0xffffffff))
	le32 $(($1 >> 32))
}
# bundle FILE NAME=PATH...: the first is the configuration
bundle() {
	local file=$1 offset=4096 entry name path size
	shift
	{
		printf 'NBBNDL01' # NB_BUNDLE_MAGIC as its bytes lie
		le32 $#
		le32 0
		for entry; do
			name=${entry%%=*} path=${entry#*=}
			size=$(stat -c %s "$path")
			printf '%s' "$name"
			head -c $((48 - ${#name})) /dev/zero
			le64 "$offset"
			le64 "$size"
			offset=$(((offset + size + 4095) / 4096 * 4096))
		done
	} >"$file"
	for entry; do
		truncate -s %4096 "$file"
		cat "${entry#*=}" >>"$file"
	done
}
# vms NAME STATUS CONFIGURATION GUEST...: boots L0 as what it is, a multiboot kernel with a bundle
vms() {
	local name=$1 status=$2 entries=("config=$work/$1.config") guest
	printf '%s\n' "$3" >"$work/$name.config"
	shift 3
	for guest; do
		entries+=("$guest=$build/guests/$guest.elf")
	done
	bundle "$work/$name.bundle" "${entries[@]}"
	boot "$name" "$status" "$build/l0.elf" --bare --memory 256M --module "$work/$name.bundle"
}
two_of_a_kind() {
	vms two 0 "[vm a]
image = state
cmdline = seed=1
memory = 16M
slice = 20000
[vm b]
image = state
cmdline = seed=2
memory = 16M
slice = 30000" state && said two '^a> .* passed, 0 failed,' && said two '^b> .* passed, 0 failed,' &&
		said two '^@ end vms=2' && l0_lives two
}
beside() {
	vms "beside-$1" - "[vm bad]
image = $1
cmdline = rounds=100 seed=7
memory = 16M
slice = 50000
nested = on
[vm good]
image = state
cmdline = rounds=200
memory = 16M
slice = 50000" "$1" state && said "beside-$1" '^good> .* passed, 0 failed,' &&
		said "beside-$1" '^@ stop vm=good cause=SHUTDOWN' && said "beside-$1" '^@ stop vm=bad cause=' &&
		l0_lives "beside-$1"
}
case_ "two VMs take turns" two_of_a_kind
for guest in triple nowhere hostile vmxhostile; do
	case_ "a VM beside $guest comes to its end" beside "$guest"
done

# ---- configurations ----
refuses() {
	vms bad - "$2" hello && said bad "^@ refusal .*line $1" && ! grep -q '^a> ' "$work/bad"
}
case_ "an unknown key names its line" refuses 3 "[vm a]
image = hello
colour = red"
case_ "a bad size names its line" refuses 3 "[vm a]
image = hello
memory = 5G"
case_ "a missing image names its line" refuses 2 "[vm a]
image = absent"
case_ "a key outside a section names its line" refuses 1 "image = hello"
exit "$failed"
