#!/bin/bash
# SPDX-License-Identifier: MIT
# Linux's KVM as L0 on the same machine: its kernel is got and booted, the same guests run on it, and their costs stand beside ours.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
programs=$(realpath "$build")

# ---- what goes wrong ----
# refused REASON VARIABLE=VALUE...: the packages can't be had; that is said in the last line, and no folder is left
refused() {
	local reason=$1
	shift
	if env "$@" "$programs/peers/prepare" "$work/nothing" >"$work/prepare" 2>&1; then
		echo "it worked"
		return 1
	fi
	tail -n 1 "$work/prepare" | grep -qF "$reason" && [ -z "$(find "$work" -maxdepth 1 -name 'nothing*')" ]
}
no_kernel() {
	NESTBED_BUILD=$work/bare_build refuse_to_run
}
refuse_to_run() {
	local got
	mkdir -p "$NESTBED_BUILD/peers" && cp -r "$programs"/{guests,hosts,plots,l0.elf,rom.bin} "$NESTBED_BUILD" &&
		cp "$programs/peers/prepare" "$NESTBED_BUILD/peers" || return 1
	NESTBED_KERNEL_DEB=$work/no.deb NESTBED_BUSYBOX_DEB=$work/no.deb "$nestbed" run exit-cost --peer kvm --set ops=cpuid \
		--set iterations=1 --out "$work/refused.result" >"$work/refused" 2>"$work/refused.err"
	got=$?
	[ "$got" -eq 4 ] && said refused 'no KVM to run here' && ! said refused 'shut down after'
}
echo "not a package" >"$work/text.deb"
case_ "a package that is not there" refused "no.deb" NESTBED_KERNEL_DEB="$work/no.deb" NESTBED_BUSYBOX_DEB="$work/no.deb"
case_ "a file that is no package" refused "text.deb" NESTBED_KERNEL_DEB="$work/text.deb" NESTBED_BUSYBOX_DEB="$work/text.deb"
case_ "without a kernel the experiment is refused" no_kernel

unknown() {
	! "$nestbed" run exit-cost --peer xen --out "$work/unknown.result" >"$work/unknown" 2>"$work/unknown.err" &&
		said unknown "'xen' is neither kvm nor none" && [ ! -e "$work/unknown.result" ]
}
case_ "an L0 that nobody knows" unknown

# stub NAME PATTERN ARGUMENTS...: what the loader of Linux says to what is no Linux
stub() {
	local name=$1 pattern=$2
	shift 2
	boot "$name" - --bare "$@" "$programs/peers/linux.elf" && said "$name" "$pattern"
}
head -c 100000 /dev/zero >"$work/zeros"
case_ "the loader without a kernel" stub nothing 'boot: no Linux bzImage was given'
case_ "the loader with what is no kernel" stub zeros 'boot: the first module is no Linux bzImage' --module "$work/zeros"

# ---- the real thing ----
if ! "$programs/peers/prepare" "$programs/peers/kvm" >"$work/prepare" 2>&1; then
	echo "skip KVM as L0 $(tail -n 1 "$work/prepare")"
	exit "$failed"
fi
vmlinuz=$programs/peers/kvm/vmlinuz
case_ "the loader with too little memory" stub small 'boot: the machine has too little memory' --memory 32M --module "$vmlinuz"

# row L0 LEVEL OP CONFIG COLUMN: of exit-cost.csv
row() {
	awk -F, -v l0="$1" -v level="$2" -v op="$3" -v config="$4" -v column="$5" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i; next }
		$2 == l0 && $3 == level && $4 == op && $5 == config { print $at }' "$work/kvm.result/exit-cost.csv"
}
run_kvm() {
	"$nestbed" run exit-cost --peer kvm --set ops=cpuid,vmcall,vmread --set iterations=20 --set trace=2 \
		--out "$work/kvm.result" \
		>"$work/kvm" 2>"$work/kvm.err"
}
# Whatever the kernel's version: each L0 exited, and it took more than none and less than a million instructions.
costs() {
	local l0 where level op config n ticks exits
	for where in "nestbed L1 cpuid -" "nestbed L2 vmcall shadow=on;merge=incremental" "nestbed L1 vmread shadow=on" \
		"kvm L1 cpuid mitigations=off" "kvm L1 cpuid mitigations=default" "kvm L2 cpuid shadow=on;mitigations=off" \
		"kvm L2 vmcall shadow=off;mitigations=default" "kvm L1 vmread shadow=on;mitigations=off"; do
		read -r l0 level op config <<<"$where"
		n=$(row "$l0" "$level" "$op" "$config" iterations)
		ticks=$(row "$l0" "$level" "$op" "$config" ticks_per_op)
		exits=$(row "$l0" "$level" "$op" "$config" l0_exits_per_op)
		echo "$where: $n iterations, $ticks ticks, $exits exits"
		awk -v n="$n" -v t="$ticks" -v e="$exits" 'BEGIN { exit !(n == 20 && t > 50 && t < 1000000 && e >= 1 && e < 100) }' || return 1
	done
}
# Mitigations cost something, shadowing saves something: what was asked for was done.
settings_tell() {
	awk -v a="$(row kvm L2 vmcall 'shadow=on;mitigations=off' ticks_per_op)" \
		-v b="$(row kvm L2 vmcall 'shadow=on;mitigations=default' ticks_per_op)" \
		-v c="$(row kvm L2 vmcall 'shadow=off;mitigations=off' ticks_per_op)" 'BEGIN { print a, b, c; exit !(a < b && a < c) }'
}
same_everywhere() {
	said kvm 'computed and printed is the same in all 20 runs'
}
ratios() {
	local ours theirs ratio
	IFS=, read -r _ _ _ _ _ ours theirs ratio _ <<<"$(grep ',L1,cpuid,kvm,mitigations=off,' "$work/kvm.result/ratio.csv")"
	awk -v o="$ours" -v t="$theirs" -v r="$ratio" 'BEGIN { print o, t, r; d = t / o - r; exit !(o > 0 && d < 0.06 && d > -0.06) }' &&
		[ "$ours" = "$(row nestbed L1 cpuid - ticks_per_op)" ]
}
figure() {
	[ -s "$work/kvm.result/peer.svg" ] && [ -s "$work/kvm.result/peer.png" ]
}
versions() {
	grep -q '"packages": "linux-image-[^ ]* [0-9.-]*, *busybox-static ' "$work/kvm.result/meta.json" &&
		said kvm.records 'hello producer=kvm version="[0-9]+\.[0-9]+.*name=nested value=0x1' &&
		said kvm.records 'host command line: .*mitigations=off'
}
# counted L0 CLASS: of a CPUID of L1, in instructions.csv
counted() {
	awk -F, -v l0="$1" -v class="$2" '$2 == l0 && $3 == "L1" && $5 == "cpuid" && $6 == "L0" && $7 == class { print $8; exit }' \
		"$work/kvm.result/instructions.csv"
}
# What the trace has between the marks is what the guest's clock told, but for its own instructions.
trace_tells() {
	local l0 config
	for l0 in nestbed kvm; do
		config=$([ "$l0" = kvm ] && echo mitigations=off || echo -)
		awk -v all="$(counted "$l0" all)" -v entries="$(counted "$l0" entry)" -v reads="$(counted "$l0" vmread)" \
			-v ticks="$(row "$l0" L1 cpuid "$config" ticks_per_op)" 'BEGIN { print all, entries, reads, ticks
				d = ticks - all; exit !(entries == 1 && reads > 0 && d >= 0 && d < 60) }' || return 1
	done
}
modelled() {
	awk -F, '$2 == "kvm" && $3 == "L2" && $5 == "vmcall" { n++; if ($8 <= $6) bad = 1 } END { exit bad || n != 4 }' "$work/kvm.result/modelled.csv"
}
# KVM's means of tracking find the pages that L0's do, and each costs something
track() {
	"$nestbed" run migrate --peer kvm --workload idle --set guest_mib=4 --set dirty_pages_per_s=1 --set link_mbit=4000 --set track_pages=60 \
		--out "$work/track.result" >"$work/track" 2>"$work/track.err" && said track 'All means found the same pages in every round' &&
		awk -F, '$4 ~ /^kvm-(bitmap|ring)$/ { n++; if ($8 < 10 || $9 < 10) bad = 1 } END { exit bad || n != 2 }' "$work/track.result/tracker.csv"
}
case_ "exit-cost beside KVM" run_kvm
"$nestbed" records "$work/kvm.result/records.pb" >"$work/kvm.records" 2>/dev/null
case_ "each L0's exits have a cost" costs
case_ "mitigations and shadowing tell" settings_tell
case_ "guests compute the same on both" same_everywhere
case_ "ratios are those of the costs" ratios
case_ "its figure" figure
case_ "its versions" versions
case_ "the trace has the instructions of both" trace_tells
case_ "their cycles" modelled
if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip what tracking costs KVM no network namespaces on this computer"
else
	case_ "what tracking costs KVM" track
fi
exit "$failed"
