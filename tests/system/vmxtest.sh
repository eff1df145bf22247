#!/bin/bash
# SPDX-License-Identifier: MIT
# What L1 sees of its L2, row by row: on the bare machine and under L0, on several processors.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

vmxtest() {
	local name=$1
	shift
	boot "$name" 0 vmxtest --cpu "$cpu" "$@" || { grep FAIL "$work/$name"; return 1; }
	grep -E '(^|> )(PASS|FAIL|SKIP) ' "$work/$name" | sed -E 's/^vmxtest> //' >"$work/$name.rows"
	! grep '^FAIL' "$work/$name.rows" && said "$name" ' passed, 0 failed,'
}
under_l0() {
	vmxtest "$@" && l0_lives "$1"
}
# A check is there in both; what passes bare passes under L0, unless it is for Bochs that L0 cannot.
side_by_side() {
	scripts/vmxtest-table -j "$work/bare-$cpu" "$work/l0-$cpu" >"$work/table" &&
		! grep '^PASS SKIP' "$work/table" | grep -v -- " -- Bochs " && sed -n "1s/.*: /# $cpu: /p" "$work/table" >"$work/sums"
}

# What L1 is offered is what it finds: Sandy Bridge's controls on Skylake.
limited() {
	under_l0 limited --nested --set "nested.limit=IA32_VMX_PROCBASED_CTLS2 0xff00000000" &&
		grep -q '^SKIP PML: a write' "$work/limited.rows" && grep -q '^PASS PML: a write' "$work/l0-$cpu.rows"
}

for cpu in corei7_icelake_u corei3_cnl broadwell_ult corei7_haswell_4770 corei7_ivy_bridge_3770k corei7_sandy_bridge_2600k \
	corei5_arrandale_m520 corei5_lynnfield_750 tigerlake corei7_skylake_x; do
	case_ "bare, $cpu" vmxtest "bare-$cpu" --bare
	case_ "under L0, $cpu" under_l0 "l0-$cpu" --nested
	case_ "side by side, $cpu" side_by_side
	cat "$work/sums"
done
cpu=corei7_skylake_x
# What firmware does, L1 has to do itself.
unlocked() {
	boot unlocked 0 badvmx --nested --set nested.vmx_locked=off && said unlocked 'PASS VMXON while .* is unlocked' &&
		said unlocked ' passed, 0 failed' && l0_lives unlocked
}
# An exit that cannot be made ends the VM.
aborts() {
	for which in store load base; do
		boot "abort-$which" 3 vmxtest --nested --cmdline "abort=$which" &&
			said "abort-$which" 'VMX abort: entry 2 of a VM-exit MSR list' && l0_lives "abort-$which" || return 1
	done
}
case_ "VMX aborts" aborts
case_ "VMX that L1 has to switch on" unlocked
case_ "without shadowing" under_l0 no-shadow --nested --set nested.shadow_vmcs=off
case_ "with full merges" under_l0 full --nested --set nested.incremental_merge=off
case_ "with the secondary controls of an older processor" limited
case_ "without lazy fields" under_l0 eager --nested --set nested.lazy_rare_fields=off
off=()
for switch in shadow_vmcs incremental_merge cached_checks cached_host_state watch_msr_bitmap clean_fields; do
	off+=(--set "nested.$switch=off")
done
case_ "with every optimisation off" under_l0 off --nested "${off[@]}" --set cached_cpuid=off --set nested.lazy_rare_fields=off
case_ "with all but lazy fields off" under_l0 lazy --nested "${off[@]}" --set cached_cpuid=off
exit "$failed"
