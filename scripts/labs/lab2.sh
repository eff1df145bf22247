# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: the questions of docs/labs/lab2.md.
# shellcheck disable=SC2154,SC2034 # build is scripts/lab's, measured and goals are used by functions
given=docs/labs/lab2.vmcs
declare -A control=([rdpmc_exiting]=CPU_RDPMC_EXITING [cr8_load_exiting]=CPU_CR8_LOAD_EXITING [hlt_exiting]=CPU_HLT_EXITING
	[io_bitmaps]=CPU_IO_BITMAPS [intr_window]=CPU_INTR_WINDOW [virtual_nmis]=PIN_VIRTUAL_NMIS [vpid]=CTL2_VPID [invpcid]=CTL2_INVPCID
	[ack_interrupt]=EXIT_CTL_ACK_INTERRUPT [ia32e_guest]=ENTRY_CTL_IA32E_GUEST [load_debug]=ENTRY_CTL_LOAD_DEBUG)
for k in rdpmc_exiting cr8_load_exiting hlt_exiting io_bitmaps intr_window virtual_nmis vpid invpcid ack_interrupt ia32e_guest load_debug; do
	ask $k bit truth "Find the row of ${control[$k]} in docs/nested-features.md: whose wish decides? Then the bit in both VMCSs of $given."
done
ask exception_bitmap hex truth "An exception exits if either wants it: docs/vmcs-merge.md, 'The rules'."
ask tsc_offset hex truth "Both are in use. What does L2 read, if L1 adds its offset to a clock that already has L0's? Modulo 2^64."
ask own word own_file "The lines above say which goals are not reached."

# CONTROL or field, its bits or value in vmcs12, vmcs01 and vmcs02: '.' is any; '+' any value that is not 0
goals=("CPU_RDTSC_EXITING 0 . 1" "CTL2_RDTSCP . 1 0" "CTL2_EPT 0 . 1" "ENTRY_CTL_LOAD_EFER 0 . 1" "CTL2_VMCS_SHADOWING 1 1 0" "TSC_OFFSET + + 0")

measure() {
	measured=$("$build/vmcs-explain" --all "$given")
}
# explained NAME: '0xVMCS12 0xVMCS01 0xVMCS02 RULE' of what vmcs-explain says on standard input
explained() {
	sed -nE "s/^ *$1 .*vmcs12=([0-9a-fx]+) vmcs01=([0-9a-fx]+) -> ([0-9a-fx]+) +([A-Z0-9_]+).*/\1 \2 \3 \4/p"
}
truth() {
	local name=${control[$1]-}
	if [ -n "$name" ]; then
		explained "$name" <<<"$measured" | cut -d ' ' -f 3,4
	else
		explained "${1^^}" <<<"$measured" | cut -d ' ' -f 3
	fi
}
fits() {
	case $1 in
	.) ;;
	+) [ $(($2)) -ne 0 ] ;;
	*) [ $(($2)) -eq "$1" ] ;;
	esac
}
own_file() {
	local file=$1 said goal n=0 missed=0 name want12 want01 want02 v12 v01 v02
	[ -f "$file" ] || { echo "$file: there is no such file"; return 1; }
	cmp -s "$file" "$given" && { echo "$file: that is the given one"; return 1; }
	said=$("$build/vmcs-explain" --all "$file" 2>&1) || { echo "$said"; return 1; }
	for goal in "${goals[@]}"; do
		n=$((n + 1))
		read -r name want12 want01 want02 <<<"$goal"
		read -r v12 v01 v02 _ <<<"$(explained "$name" <<<"$said")"
		if ! { [ -n "$v02" ] && fits "$want12" "$v12" && fits "$want01" "$v01" && fits "$want02" "$v02"; }; then
			echo "$file: goal $n, $name: vmcs12=${v12:-?} vmcs01=${v01:-?} -> ${v02:-?}"
			missed=1
		fi
	done
	return $missed
}
