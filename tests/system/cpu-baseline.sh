#!/bin/bash
# SPDX-License-Identifier: MIT
# cpu-baseline on the hosts that are kept: baselines and what they promise, refusals, formats, wrong use.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
program=$build/cpu-baseline
hosts=cpu_baseline/hosts
haswell=$hosts/corei7_haswell_4770.txt
sandy=$hosts/corei7_sandy_bridge_2600k.txt
penryn=$hosts/core2_penryn_t9600.txt
icelake=$hosts/corei7_icelake_u.txt

# ends STATUS ARGUMENTS...: what it writes in $work/out, $work/err
ends() {
	local wanted=$1 got
	shift
	"$program" "$@" >"$work/out" 2>"$work/err"
	got=$?
	[ "$got" -eq "$wanted" ] || { cat "$work/out" "$work/err"; echo "exit status $got, wanted $wanted: $*"; return 1; }
}
# A line of its output, or of its errors, has this.
said() {
	grep -qE -- "$1" "$work/out" "$work/err" || { cat "$work/out" "$work/err"; echo "not said: $1"; return 1; }
}
unsaid() {
	! grep -E -- "$1" "$work/out" "$work/err" || { echo "said: $1"; return 1; }
}
# Names of the features of the baseline, one a line: features ARGUMENTS...
features() {
	"$program" --format=json "$@" | awk '/^ "features": \[/ { inside = 1; next } /^ \]/ { inside = 0 } inside { gsub(/[ ",]/, ""); print }'
}

# ---- the hosts that are kept ----
golden() {
	BUILD=$build FIGURES=no scripts/update-baselines "$work/golden" || return 1
	local file
	for file in "$work"/golden/*; do
		diff "results/golden/cpu-baseline/${file##*/}" "$file" || return 1
	done
	[ "$(find "$work/golden" -type f | wc -l)" -ge 5 ]
}
case_ "baselines are those of results/golden (else: scripts/update-baselines)" golden

# Each pair has a baseline that runs on both, and each feature of it both have; or is refused for the reason that is told.
pairs() {
	local a b refused=0 good=0 file=("$hosts"/*.txt)
	for a in "${file[@]}"; do
		features "$a" | sort >"$work/features.${a##*/}"
	done
	for ((i = 0; i < ${#file[@]}; i++)); do
		for ((j = i; j < ${#file[@]}; j++)); do
			a=${file[i]} b=${file[j]}
			if "$program" --format=bundle "$a" "$b" >"$work/pair" 2>"$work/pair.err"; then
				"$program" --check "$work/pair" "$a" "$b" || return 1
				features "$a" "$b" | sort >"$work/features.pair"
				if [ "$i" -ne "$j" ] && comm -12 "$work/features.${a##*/}" "$work/features.${b##*/}" |
					comm -13 - "$work/features.pair" | grep .; then
					echo "in the baseline of $a and $b, but not of both"
					return 1
				fi
				good=$((good + 1))
			else
				grep -q '^Refused: ' "$work/pair.err" && grep -q 'equal or refused: ' "$work/pair.err" || return 1
				refused=$((refused + 1))
			fi
		done
	done
	echo "$good pairs with a baseline, $refused refused"
	[ $((good + refused)) -eq $((${#file[@]} * (${#file[@]} + 1) / 2)) ] && [ "$good" -gt 60 ]
}
whole_set() {
	"$program" --tsc-scaled --format=bundle "$hosts"/*.txt >"$work/all" && ends 0 --check "$work/all" "$hosts"/*.txt &&
		[ "$(grep -c ' may run on ' "$work/out")" -eq "$(find "$hosts" -name '*.txt' | wc -l)" ]
}
tsc_scaled() {
	ends 1 "$icelake" "$hosts/corei3_cnl.txt" && said 'tsc-numerator' && ends 0 --tsc-scaled "$icelake" "$hosts/corei3_cnl.txt"
}
case_ "each pair's baseline runs on both, and has nothing that one lacks" pairs
case_ "the whole set's baseline runs on each" whole_set
case_ "TSC frequencies that differ are refused, unless scaled" tsc_scaled

# ---- AVX2 ----
avx2_refused() {
	ends 1 --check "$haswell" "$sandy" && said 'may not run on corei7_sandy_bridge_2600k' &&
		[ "$(sed -n '3s/^ *\([^ ]*\).*/\1/p' "$work/out")" = avx2 ]
}
avx2_baseline() {
	features "$haswell" | grep -qx avx2 && ! features "$haswell" "$sandy" | grep -x avx2 &&
		"$program" --format=bundle "$haswell" "$sandy" >"$work/both" && ends 0 --check "$work/both" "$haswell" "$sandy"
}
avx2_explained() {
	ends 0 --explain "$haswell" "$sandy" && said '^Hidden or lowered: corei7_sandy_bridge_2600k lacks:$' && said '^    avx2 '
}
case_ "a guest that has AVX2 may not run on Sandy Bridge: avx2 is named first" avx2_refused
case_ "the baseline of Haswell and Sandy Bridge has no AVX2, and runs on both" avx2_baseline
case_ "--explain says who lacks AVX2" avx2_explained

# ---- hidden features ----
without_fpu() {
	ends 0 --without fpu "$haswell" && said 'stepping 3; less than x86-64,' && features --without fpu "$haswell" >"$work/features" &&
		! grep -xE 'fpu|mmx|fxsr|sse.*|avx.*|xsave.*|xcr0-.*' "$work/features" && grep -qx lm "$work/features" &&
		"$program" --without fpu --format=bundle "$haswell" >"$work/nofpu" && ends 0 --check "$work/nofpu" "$haswell" &&
		ends 0 --explain --without fpu "$haswell" && said 'needs fpu, which is not there'
}
without_many() {
	features "$haswell" | sort >"$work/all.features"
	features --without=avx2,rdrand "$haswell" | sort | comm -23 "$work/all.features" - >"$work/hidden"
	printf 'avx2\nrdrand\nvmx-rdrand-exit\n' | diff - "$work/hidden"
}
without_nothing() {
	ends 2 --without=avx3 "$haswell" && said "no feature 'avx3'" && ends 2 --without=signature "$haswell" && said 'is no feature'
}
case_ "without an FPU nothing is left that needs one" without_fpu
case_ "hidden features take along only what needs them" without_many
case_ "what is no feature cannot be hidden" without_nothing

# ---- pools ----
pools() {
	ends 1 --pool "$hosts" --want avx512f && said '^pool 1: 4 hosts' && said 'core2_penryn_t9600 lacks avx512f' &&
		ends 0 --pool "$hosts" && said '^pool 1: 11 hosts' && ends 1 --pool "$hosts" --want avx2,vmx-pml --format=json &&
		said '"vmx-pml"'
}
# Two vendors are two pools, and the reason stands there.
vendors() {
	mkdir -p "$work/vendors" && cp "$haswell" "$sandy" "$work/vendors" || return 1
	sed 's/ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69/ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65/' "$sandy" \
		>"$work/vendors/other.txt"
	ends 0 --pool "$work/vendors" && said '^pool 1: 2 hosts' && said '^pool 2: 1 host,' &&
		said 'not with pool 1 - vendor' && ends 1 "$sandy" "$work/vendors/other.txt" && said '^Refused: ' &&
		ends 1 --format=json "$sandy" "$work/vendors/other.txt" && said '"refused": true'
}
case_ "pools for wanted features, and hosts that fit none" pools
case_ "two vendors have no baseline and are two pools" vendors

# ---- formats ----
same_again() {
	"$program" --format=bundle "$haswell" "$sandy" >"$work/once" && "$program" --format=bundle "$work/once" >"$work/twice" &&
		diff "$work/once" "$work/twice" && "$program" --format=json "$work/once" >"$work/once.json" &&
		"$program" --format=bundle "$work/once.json" | diff "$work/once" -
}
json() {
	ends 0 --format=json --name=mine "$haswell" "$sandy" && said '"name": "mine"' && said '"verdict": "lacked"' &&
		said '"reason": "' && ends 1 --format=json --check "$haswell" "$sandy" && said '"may_run": false'
}
features_only() {
	printf '<cpu><model>Haswell</model></cpu>\n' >"$work/model.xml"
	if [ ! -d /usr/share/libvirt/cpu_map ]; then return 0; fi
	ends 0 "$work/model.xml" "$sandy" && ends 2 --format=bundle "$work/model.xml" "$sandy" && said 'list of features'
}
libvirt_xml() {
	ends 0 --format=libvirt "$haswell" "$sandy" && said "<model fallback='forbid'>Westmere</model>" &&
		said "policy='require' name='avx'" && unsaid "name='avx2'" || return 1
	{
		echo "<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>"
		cat "$work/out"
		echo '</domain>'
	} >"$work/domain.xml"
	virt-xml-validate "$work/domain.xml" domain
}
case_ "a printed baseline read again is the same" same_again
case_ "JSON, of baselines and of refusals" json
case_ "a list of features makes no bundle" features_only
if command -v virt-xml-validate >/dev/null; then
	case_ "libvirt's schema has the XML" libvirt_xml
else
	echo "skip libvirt's schema has the XML virt-xml-validate is not installed"
fi

# ---- QEMU ----
# With -S no instruction runs: QEMU takes each name, or says which one it does not know.
qemu_takes() {
	ends 0 --format=qemu "$1" || return 1
	echo quit | timeout 60 qemu-system-x86_64 -M q35,accel=tcg -cpu "$(cat "$work/out")" -nodefaults \
		-display none -S -monitor stdio >"$work/qemu" 2>&1 || { cat "$work/qemu"; return 1; }
}
# Its TCG lacks many features, and tells each with the place of its bit: by that name our table has the same place. QEMU gives no
# sub-leaf; it tells a control by the TRUE MSR, whose row is that of the MSR without TRUE, in the half of what may be 1.
qemu_places() {
	qemu_takes "$1" || return 1
	"$program" --list-fields | awk '
		function names(name) { gsub(/_/, "-", name); return name == "pclmuldq" ? "pclmulqdq" : name }
		{
			name = names($1); place = substr($0, 38, 30); gsub(/ +$/, "", place); sub(/\.[0-9*]+/, "", place)
			print name, place, substr($0, 69, 6) + 0
		}' | sort -u >"$work/ours"
	sed -nE 's/.*requested feature: CPUID\.([0-9A-F]+)H.*(E[A-D]X)\.([^ ]+) \[bit ([0-9]+)\].*/\3 \1 \2 \4/p' "$work/qemu" | awk '{
		leaf = tolower($2); sub(/^0/, "", leaf)
		print $1, "leaf", (leaf ~ /^[0-9]$/ ? leaf : "0x" leaf), $3, $4
	}' >"$work/theirs"
	sed -nE 's/.*requested feature: MSR\(([0-9A-F]+)H\)\.([^ ]+) \[bit ([0-9]+)\].*/\2 \1 \3/p' "$work/qemu" | awk '
		BEGIN {
			name["480"] = "BASIC"; name["485"] = "MISC"; name["48C"] = "EPT_VPID_CAP"; name["48B"] = "PROCBASED_CTLS2"
			name["48D"] = "PINBASED_CTLS"; name["48E"] = "PROCBASED_CTLS"; name["48F"] = "EXIT_CTLS"; name["490"] = "ENTRY_CTLS"
			name["491"] = "VMFUNC"
		}
		# The default1 controls that may be 0 are 0-bits of the other half; QEMU 7.2 has one name for two bits.
		$1 ~ /-no(exit|save|load)/ || ($1 == "vmx-invept-single-context" && $3 == 41) { next }
		{ print $1, "IA32_VMX_" name[$2], $3 + ($2 ~ /48[BDEF]|490/ ? 32 : 0) }' >>"$work/theirs"
	sort -u "$work/theirs" | comm -23 - "$work/ours" >"$work/elsewhere"
	cat "$work/elsewhere"
	[ "$(wc -l <"$work/theirs")" -gt 40 ] && [ ! -s "$work/elsewhere" ]
}
# A guest under TCG finds what was asked for, but for what TCG does not have.
qemu_guest() {
	local console=$work/console
	features "$haswell" "$sandy" | grep -v '^vmx-' | tr _ - | sed 's/^pclmuldq$/pclmulqdq/' | sort >"$work/asked"
	ends 0 --format=qemu "$haswell" "$sandy" || return 1
	timeout 60 qemu-system-x86_64 -accel tcg -cpu "$(cat "$work/out")" -m 64 -display none -no-reboot -nic none \
		-kernel "$build/guests/cpudump.elf" -device isa-debugcon,iobase=0xe9,chardev=console -chardev "file,id=console,path=$console" \
		-device isa-debug-exit,iobase=0x8900,iosize=1 >"$work/qemu" 2>&1
	sed -nE 's/.*requested feature: CPUID\.[^ ]*\.([^ ]+) \[bit.*/\1/p' "$work/qemu" | sort >"$work/absent"
	grep -qF '   0x80000008 0x00: ' "$console" || { cat "$work/qemu" "$console"; return 1; }
	features "$console" | tr _ - | sed 's/^pclmuldq$/pclmulqdq/' | sort >"$work/found"
	comm -23 "$work/asked" "$work/absent" | diff - "$work/found"
}
if command -v qemu-system-x86_64 >/dev/null; then
	for file in "$haswell" "$penryn" "$icelake"; do
		case_ "QEMU has our names, for the same bits: ${file##*/}" qemu_places "$file"
	done
	case_ "a guest of QEMU finds the baseline" qemu_guest
	case_ "a QEMU that cannot be run is told" ends 2 --format=qemu --qemu="$work/none" "$haswell"
else
	echo "skip names of QEMU qemu-system-x86_64 is not installed"
fi

# ---- wrong use, bad input ----
wrong() {
	local status=$1 text=$2
	shift 2
	ends "$status" "$@" && [ ! -s "$work/out" ] && said "$text"
}
printf 'CPU 0:\n   0x00000000 0x00: eax=0x0000000d ebx=zz\n' >"$work/bad"
case_ "no host" wrong 2 'HOST'
case_ "no such file" wrong 2 'none' "$work/none"
case_ "a bad line is told with its number" wrong 2 "bad:2: " "$haswell" "$work/bad"
mkdir "$work/empty"
case_ "a folder without hosts" wrong 2 'no file' --pool "$work/empty"
case_ "no such format" wrong 2 "no format 'yaml'" --format=yaml "$haswell"
case_ "two questions" wrong 2 'one question' --matrix --check "$haswell" "$sandy"
case_ "--explain beside another question" wrong 2 'one question' --explain --check "$haswell" "$sandy"
case_ "--want without --pool" wrong 2 'goes with --pool' --want=avx2 "$haswell"
case_ "a host beside --pool" wrong 2 'takes no HOST' --pool "$hosts" "$haswell"
case_ "a format for another question" wrong 2 'not answered in that format' --format=qemu --check "$haswell" "$sandy"
case_ "a name that is none" wrong 2 'named' --format=bundle '--name=a b' "$haswell"
case_ "no libvirt there" wrong 3 'cpu-baseline: ' --libvirt 'test:///none' "$haswell"
full() {
	"$program" "$haswell" >/dev/full 2>"$work/err"
	[ $? -eq 3 ] && grep -q 'standard output' "$work/err"
}
case_ "a full disk" full
help() {
	ends 0 --help && said 'Exit status' && ends 0 --version && said '^cpu-baseline '
}
case_ "--help and --version" help
fields() {
	ends 0 --list-fields && [ "$(wc -l <"$work/out")" -gt 500 ] && ! awk '{ print $1 }' "$work/out" | sort | uniq -d | grep . &&
		! awk 'length($0) < 90' "$work/out" | grep .
}
case_ "--list-fields: each name once, each with a reason" fields
self() {
	ends 0 self && said 'What a guest may see of'
}
case_ "this computer" self
exit "$failed"
