#!/bin/bash
# SPDX-License-Identifier: MIT
# Our baselines beside libvirt's own, for every feature that libvirt knows: its test driver, which is in its library, and a libvirtd
# that this test starts for itself.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build, failed, uri come from cases and libvirtd; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
# shellcheck source=tests/system/libvirtd
. "$(dirname "$0")/libvirtd"
program=$build/cpu-baseline
hosts=cpu_baseline/hosts
models=(Penryn Nehalem Westmere SandyBridge IvyBridge Haswell Haswell-noTSX Broadwell Broadwell-noTSX Skylake-Client
	Skylake-Client-noTSX-IBRS Skylake-Server Cascadelake-Server Icelake-Client Icelake-Server)
map=/usr/share/libvirt/cpu_map
if [ ! -r "$map/index.xml" ]; then
	echo "skip libvirt-baseline $map is not there"
	exit 0
fi
files=()
for m in "${models[@]}"; do
	files+=("$work/$m.xml")
	printf '<cpu>\n  <model>%s</model>\n</cpu>\n' "$m" >"$work/$m.xml"
done

# compare URI NAME HOST...: no difference without an explanation; what was found is added to $work/found-NAME
compare() {
	local uri=$1 name=$2
	shift 2
	"$program" --tsc-scaled --libvirt "$uri" "$@" >"$work/out" 2>"$work/err" || {
		echo "$*: exit status $?"
		cat "$work/out" "$work/err"
		return 1
	}
	cat "$work/out" >>"$work/found-$name"
}
# Of each kind of difference: how often. Behind it: how many features were compared.
summary() {
	echo "$1: $(awk '/: of [0-9]+ features/ { n += $3; agree += $5; differ += $7 } END { print n, "features compared,", agree + 0, "agree,", differ + 0, "differ:" }' "$work/found-$1")"
	sed -nE 's/^  ([^ ]+) +(yes|no) +(yes|no) +(.*)/\1: \4/p' "$work/found-$1" | sed -E 's/: [^ ]+ needs it told.*; [^ ]+ lacks it/: needs to be told/' | sort | uniq -c | sort -rn
}
pairs_of_models() {
	local i j
	for ((i = 0; i < ${#models[@]}; i++)); do
		for ((j = i; j < ${#models[@]}; j++)); do
			compare "$1" "$2" "${files[i]}" "${files[j]}" || return 1
		done
	done
	compare "$1" "$2" "${files[@]}" || return 1
	summary "$2" >"$work/summary-$2"
}
pairs_of_hosts() {
	local i j file=("$hosts"/*.txt)
	for ((i = 0; i < ${#file[@]}; i++)); do
		for ((j = i; j < ${#file[@]}; j++)); do
			compare "$1" "$2" "${file[i]}" "${file[j]}" || return 1
		done
	done
	compare "$1" "$2" "${file[@]}" || return 1
	summary "$2" >"$work/summary-$2"
}
# With a map that denies Haswell AVX2, ours has not what libvirt's has: nothing explains that, and the status says so.
unexplained() {
	cp -r "$map" "$work/map" && sed -i "/name='avx2'/d" "$work/map/x86_Haswell.xml" || return 1
	"$program" --libvirt "$1" --cpu-map "$work/map" "$work/Haswell.xml" >"$work/out" 2>&1
	[ $? -eq 1 ] || return 1
	grep -qE '^  avx2 +no +yes +UNEXPLAINED$' "$work/out" || { cat "$work/out"; return 1; }
}

# ---- without a daemon ----
case_ "models, pairs and all of them: test:///default" pairs_of_models test:///default driver-models
case_ "kept hosts, pairs and all of them: test:///default" pairs_of_hosts test:///default driver-hosts
case_ "a difference that nothing explains is told: test:///default" unexplained test:///default
no_hypervisor() {
	! grep Hypervisor "$work/found-driver-models"
}
case_ "no hypervisor's answer from what is none" no_hypervisor

# ---- with a daemon ----
daemon_start >"$work/why" || { echo "skip libvirtd $(tail -n 1 "$work/why")"; exit "$failed"; }
case_ "models, pairs and all of them: libvirtd" pairs_of_models "$uri" models
case_ "kept hosts, pairs and all of them: libvirtd" pairs_of_hosts "$uri" hosts
case_ "a difference that nothing explains is told: libvirtd" unexplained "$uri"
both_functions() {
	local n
	for n in models hosts; do
		grep -q '^virConnectBaselineCPU: of ' "$work/found-$n" && grep -q '^virConnectBaselineHypervisorCPU: of ' "$work/found-$n" || return 1
	done
}
case_ "libvirtd answers by both functions" both_functions
# What libvirt is said to disable since QEMU lacks it, QEMU itself says that its TCG lacks.
qemu_lacks() {
	local cpu=base name
	cat "$work/found-models" "$work/found-hosts" | sed -nE "s/^  ([^ ]+) +yes +no +libvirt disables it in its model: QEMU with 'qemu'.*/\1/p" |
		sort -u | tr _ - >"$work/disabled"
	while read -r name; do
		cpu+=,+$name
	done <"$work/disabled"
	echo quit | timeout 60 qemu-system-x86_64 -M q35,accel=tcg -cpu "$cpu" -nodefaults -display none -S -monitor stdio >"$work/qemu" 2>&1 || {
		cat "$work/qemu"
		return 1
	}
	sed -nE 's/.*requested feature: .*\.([^ ]+) \[bit.*/\1/p' "$work/qemu" | sort -u | comm -23 "$work/disabled" - >"$work/there"
	cat "$work/there"
	[ ! -s "$work/there" ]
}
if grep -q "QEMU with 'qemu'" "$work/found-models"; then
	case_ "what libvirt disables QEMU lacks" qemu_lacks
else
	echo "skip what libvirt disables QEMU lacks libvirt answered by KVM, whose limits QEMU does not list without it"
fi
# libvirtd takes the XML that --format=libvirt makes, of the whole set and of pairs, and finds each feature where it stands.
takes_xml() {
	local set
	for set in "$hosts/*.txt" "$hosts/corei7_[hs]*.txt" "$hosts/tigerlake.txt"; do
		# shellcheck disable=SC2086 # a pattern
		{
			echo "<domain type='qemu'><name>baseline</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>"
			"$program" --format=libvirt $set || return 1
			echo '</domain>'
		} >"$work/domain.xml"
		virsh -q -c "$uri" define --validate "$work/domain.xml" && virsh -q -c "$uri" dumpxml baseline >"$work/kept.xml" &&
			virsh -q -c "$uri" undefine baseline || return 1
		diff <(sed -n "/<cpu /,/<\/cpu>/s/^ *//p" "$work/domain.xml" | sort) <(sed -n "/<cpu /,/<\/cpu>/s/^ *//p" "$work/kept.xml" |
			sed "s/ check='[a-z]*'//" | sort) || return 1
	done
}
if command -v virsh >/dev/null; then
	case_ "libvirtd takes our XML as it is" takes_xml
else
	echo "skip libvirtd takes our XML as it is virsh is not installed"
fi
daemon_stop
case_ "nothing of libvirtd is left" daemon_gone
cat "$work"/summary-*
exit "$failed"
