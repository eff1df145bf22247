#!/bin/bash
# SPDX-License-Identifier: MIT
# What a VM sees of the processor by its policy: it is that and nothing else, what is hidden is off at L1 and L2, and a VM whose
# policy shows more than there is does not start.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
hosts=cpu_baseline/hosts
skylake=corei7_skylake_x haswell=corei7_haswell_4770 sandy=corei7_sandy_bridge_2600k icelake=corei7_icelake_u

# policy NAME HOST... [--without=FEATURE,...]: the baseline of these models' bare processors, in $work/NAME.cpu
policy() {
	local name=$1 word args=()
	shift
	for word; do
		case $word in
		-*) args+=("$word") ;;
		*) args+=("$hosts/$word.txt") ;;
		esac
	done
	"$build/cpu-baseline" --format=bundle --name="$name" "${args[@]}" >"$work/$name.cpu"
}
policy skylake $skylake && policy haswell $haswell && policy both $haswell $sandy && policy all $haswell $sandy $icelake --tsc-scaled &&
	policy few $skylake --without=rdrand,rdseed,rdtscp,invpcid,xsaves,fsgsbase,smep,smap,pcid,x2apic,tsc-deadline,tsc_adjust,pge,vme,de &&
	policy old $icelake --without=avx512f,umip,syscall,nx,mtrr,sep && policy no-xsave $haswell --without=xsave &&
	policy no-fpu $skylake --without=fpu && policy no-tsc $skylake --without=tsc,pat || exit 1

# ---- a guest that chooses by CPUID ----
# refused NAME MODEL POLICY REASON: nothing has run
refused() {
	boot "$1" 4 avx2 --cpu "$2" --policy "$work/$3.cpu" && said "$1" "^@ refusal .*missing=\"$4\"" && ! grep -q '^avx2' "$work/$1"
}
chooses() {
	boot "$1" 0 avx2 --cpu "$2" "${@:4}" && l0_lives "$1" && [ "$(text "$1" 'avx2> avx2: ' | head -1)" = "by $3" ] &&
		text "$1" 'avx2> avx2: ' | grep -o 'rounds are right, .*' >"$work/$1.digest"
}
same_way() {
	chooses avx2-haswell "$haswell" AVX2 && chooses sse2-haswell "$haswell" SSE2 --policy "$work/both.cpu" &&
		chooses sse2-sandy "$sandy" SSE2 --policy "$work/both.cpu" &&
		diff "$work/avx2-haswell.digest" "$work/sse2-haswell.digest" && diff "$work/sse2-haswell.digest" "$work/sse2-sandy.digest"
}
forced() {
	boot forced 0 avx2 --cpu "$sandy" --policy "$work/haswell.cpu" --set cpu.force=on && said forced '^@ log .*all the same: avx2 is lacking' &&
		said forced '^avx2> avx2: by AVX2' && said forced '^avx2> unexpected vector 6 #UD' && l0_lives forced
}
case_ "a policy with AVX2 on a processor without: refused" refused no-avx2 $sandy haswell 'avx2 is lacking'
case_ "a policy of Skylake on Sandy Bridge: refused" refused skylake-sandy $sandy skylake 'avx512f is lacking'
case_ "a policy that does not tell what the processor needs told: refused" refused untold $skylake both 'fdp-excptn-only is .*'
case_ "with the baseline the guest goes the same way on both" same_way
case_ "with force it goes the wrong way, to #UD" forced

# ---- what it sees ----
dump() {
	boot "$1" 0 cpudump --cpu "$2" "${@:3}" && l0_lives "$1" && text "$1" 'cpudump> ' >"$work/$1.dump"
}
same_dump() {
	dump "$1-haswell" "$haswell" --policy "$work/$1.cpu" "${@:2}" && dump "$1-sandy" "$sandy" --policy "$work/$1.cpu" "${@:2}" &&
		diff "$work/$1-haswell.dump" "$work/$1-sandy.dump"
}
# What L0 makes itself: TSC and bus of 1 GHz, its own leaf; CR4's bits and the VMCS, as MSRs 489H and 48AH tell.
less_own() {
	"$build/cpu-baseline" --format=bundle --tsc-scaled "$@" | grep -vE '^cpuid = 0x(00000015|00000016|40000000) |^msr = 0x000004(89|8a) '
}
# The policy, but what L0 offers no VM; nothing else.
is_policy() {
	dump "$1-plain" "$2" --nested && dump "$1-seen" "$2" --nested --policy "$work/$1.cpu" &&
		less_own "$work/$1.cpu" "$work/$1-plain.dump" >"$work/wanted" && less_own "$work/$1-seen.dump" >"$work/seen" &&
		diff "$work/wanted" "$work/seen" && grep '^msr 0x00000480 ' "$work/$1-plain.dump" | diff - <(grep '^msr 0x00000480 ' "$work/$1-seen.dump")
}
uncached() {
	dump cached "$haswell" --policy "$work/both.cpu" && dump uncached "$haswell" --policy "$work/both.cpu" --set cached_cpuid=off &&
		diff "$work/cached.dump" "$work/uncached.dump" && answers on && answers off && diff "$work/answers-on" "$work/answers-off"
}
# Also of sub-leaves and leaves behind the last.
answers() {
	boot "cost-$1" 0 cpuidcost --cpu "$skylake" --set "cached_cpuid=$1" && text "cost-$1" 'cpuidcost> answers ' >"$work/answers-$1" &&
		[ -s "$work/answers-$1" ]
}
case_ "two processors look the same by their baseline" same_dump both
case_ "likewise with VT-x" same_dump both --nested
while read -r name model; do
	case_ "policy $name on $model is what the VM sees" is_policy "$name" "$model"
done <<END
skylake $skylake
haswell $haswell
both $sandy
all $icelake
few $skylake
no-fpu $skylake
END
case_ "the same without a table of answers" uncached
# A control that the processor lacks would be a VMCS that it refuses to L0.
forced_vmx() {
	dump vmx-plain "$sandy" --nested && dump vmx-forced "$sandy" --nested --policy "$work/haswell.cpu" --set cpu.force=on &&
		diff <(grep '^msr ' "$work/vmx-plain.dump") <(grep '^msr ' "$work/vmx-forced.dump") &&
		grep -q '0x00000007 0x00: .* ebx=0x000027ab ' "$work/vmx-forced.dump"
}
case_ "VT-x by force is no more than the processor's" forced_vmx

# ---- what it may do ----
# hides LEVEL MODEL POLICY LEAST: each case as CPUID says, at least so many of them hidden
hides() {
	local name=hides-$1-$3 from="hidden> "
	shift
	case $name in
	*-l1-*) boot "$name" 0 hidden --cpu "$1" --policy "$work/$2.cpu" --nested ;;
	*) from="l1hv/l2> " && boot "$name" 0 l1hv --memory 48M --module hidden --cpu "$1" --policy "$work/$2.cpu" --nested ;;
	esac && l0_lives "$name" || return 1
	[ -s "$work/$name" ] && text "$name" "$from" >"$work/$name.text" && ! grep '^FAIL' "$work/$name.text" &&
		grep -q ' passed, 0 failed,' "$work/$name.text" && [ "$(grep -c '^hidden: ' "$work/$name.text")" -ge "$3" ]
}
plain() {
	boot "plain-$1" 0 hidden --cpu "$1" && said "plain-$1" ' passed, 0 failed,' && l0_lives "plain-$1"
}
case_ "without a policy all is as CPUID says" plain $skylake
case_ "likewise on Ice Lake" plain $icelake
while read -r name model least; do
	for level in l1 l2; do
		case_ "what $name hides is off: $level" hides $level "$model" "$name" "$least"
	done
done <<END
few $skylake 27
old $icelake 16
no-xsave $haswell 13
END
case_ "what no-tsc hides is off: l1" hides l1 $skylake no-tsc 12

# ---- VM entries of an L1 ----
# MAXPHYADDR of 36 instead of 40
sed 's/^\(cpuid = 0x80000008 0x00\) 0x00003028/\1 0x00003024/' "$work/skylake.cpu" >"$work/narrow.cpu"
entries() {
	boot "entries-$1" 0 vmxtest --nested --policy "$work/$1.cpu" --cmdline "only=$2" && l0_lives "entries-$1" &&
		said "entries-$1" "vmxtest> [1-9][0-9]* passed, 0 failed,"
}
narrow() {
	! cmp -s "$work/narrow.cpu" "$work/skylake.cpu" && entries narrow entry
}
policy no-nx $skylake --without=nx || exit 1
case_ "VM entries of an L1 with narrower addresses" narrow
case_ "VM entries of an L1 without NX: L2's EFER" entries no-nx entry_guest:_EFER
case_ "likewise L1's own" entries no-nx entry_host:_EFER

# ---- an FPU that CPUID hides ----
x87() {
	local name=x87-$1 from=$2
	shift 2
	boot "$name" 0 "$@" && text "$name" "$from" >"$work/$name.text" && grep -q '4 passed, 0 failed,' "$work/$name.text" &&
		grep '^x87 ' "$work/$name.text" >"$work/$name.digests"
}
# hidden_x87 NAME FROM EXITS ARGUMENTS...: as on the bare machine, with so many exits of exceptions in the table
hidden_x87() {
	x87 "${@:1:2}" "${@:4}" --policy "$work/no-fpu.cpu" && l0_lives "x87-$1" && grep -q '^CPUID hides' "$work/x87-$1.text" &&
		diff "$work/x87-bare.digests" "$work/x87-$1.digests" && said "x87-$1" "^@ window .* name=exception_nmi count=$3 "
}
x87_shown() {
	x87 bare '' x87 --bare && x87 l1 'x87> ' x87 && x87 l2 'l1hv/l2> ' l1hv --nested --memory 48M --module x87 &&
		diff "$work/x87-bare.digests" "$work/x87-l1.digests" && diff "$work/x87-bare.digests" "$work/x87-l2.digests"
}
case_ "x87 results: bare, at L1, at L2" x87_shown
case_ "the same at L1 with CR0.EM and a hidden FPU, by one exit" hidden_x87 hidden-l1 'x87> ' 1 x87
case_ "the same at L2, by one exit" hidden_x87 hidden-l2 'l1hv> ' 1 l1hv --nested --memory 48M --module x87
case_ "the same with full merges" hidden_x87 hidden-full 'l1hv> ' 1 l1hv --nested --memory 48M --module x87 --set nested.incremental_merge=off
case_ "the same beside a VM that knows its FPU" hidden_x87 hidden-two 'x87> ' 1 x87 --beside state --set slice=20000

# ---- errors ----
wrong_file() {
	printf '%b' "$2" >"$work/$1.cpu"
	boot "$1" 2 hello --policy "$work/$1.cpu" && said "$1" "$1.cpu: $3"
}
no_file() {
	boot no-file 2 hello --policy "$work/none.cpu" && said no-file 'none.cpu: No such file'
}
contradiction() {
	boot contradiction 4 hello --nested --set 'nested.limit=IA32_VMX_PINBASED_CTLS 0' && said contradiction '^@ refusal .*contradict'
}
case_ "a policy file that is not there" no_file
case_ "a policy file with a bad line" wrong_file bad-line '[cpu c]\ncpuid = 0 0 1 2 3\n' "line 2: 'cpuid' must be"
case_ "a policy file with two policies" wrong_file two '[cpu c]\ncpuid=0 0 1 2 3 4\n[cpu d]\ncpuid=0 0 1 2 3 4\n' 'expected one'
case_ "a policy file with a VM" wrong_file vm '[cpu c]\ncpuid=0 0 1 2 3 4\n[vm b]\nimage=k\n' 'expected one'
case_ "a limit of VT-x that contradicts the processor" contradiction
exit "$failed"
