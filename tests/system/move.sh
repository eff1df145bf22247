#!/bin/bash
# SPDX-License-Identifier: MIT
# A running guest moves between machines: over pairs of processors and chains, as L1 and with an L2 that runs; what is refused; faults of the
# link; a machine that dies. Each captured stream is verified offline.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
skylake=corei7_skylake_x haswell=corei7_haswell_4770 sandy=corei7_sandy_bridge_2600k
dirtier="rate=200000 writes=6000 pages=100"

# go NAME STATUS ARGUMENTS...: nestbed move, its output in $work/NAME, its streams in $work/NAME.streams
go() {
	local name=$1 wanted=$2 got
	shift 2
	"$nestbed" move --timeout 100 --capture "$work/$name.streams" "$@" >"$work/$name" 2>"$work/$name.err"
	got=$?
	[ "$got" -eq "$wanted" ] || { echo "exit status $got, wanted $wanted: $*"; cat "$work/$name.err"; return 1; }
	! grep -aE '^@[0-9]+ fault |disagreement: ' "$work/$name" && ! grep -a 'did not end when told' "$work/$name.err"
}
# Its streams are right. That of a machine that was killed ends anywhere.
verified() {
	local stream
	for stream in "$work/$1.streams"/*; do
		"$nestbed" stream verify "$stream" || return 1
	done
}
# moved NAME HOPS...: these hops were made, and what the guest says of itself is as if it had not moved
moved() {
	local name=$1 hop
	shift
	for hop in "$@"; do
		said "$name" "^$hop moved: " || return 1
	done
	said "$name" ' passed, 0 failed,' && verified "$name"
}
digest() {
	sed -nE 's/.*> .* writes, digest ([0-9a-f]{16})$/\1/p' "$work/$1"
}
same_digest() {
	[ -n "$(digest "$1")" ] && [ "$(digest "$1")" = "$(digest "$2")" ] && return 0
	echo "digests of $1 and $2 differ, or are not there"
	return 1
}

if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip move no network namespaces on this computer"
	exit 0
fi

unmoved() {
	boot still 0 dirtier --memory 8M --cmdline "$dirtier" && [ -n "$(digest still)" ]
}
case_ "the guest that stays" unmoved

to_its_like() {
	go like 0 --from "$haswell" --to "$haswell" dirtier "$dirtier move=100" && moved like '0->1' && same_digest like still
}
case_ "Haswell to Haswell, 64 MiB" to_its_like

there_and_back() {
	go back 0 --from "$skylake" --to "$sandy" --to 0 --policy pool --at 'tick 4000000' --memory 8M dirtier "$dirtier" &&
		moved back '0->1' '1->0' && same_digest back still
}
case_ "Skylake to Sandy Bridge and back, under their baseline" there_and_back

circle() {
	go circle 0 --from "$skylake" --to "$haswell" --to "$sandy" --to 0 --policy pool --at 'tick 4000000' --memory 8M dirtier "$dirtier" &&
		moved circle '0->1' '1->2' '2->0' && same_digest circle still
}
case_ "over three processors and back to the first" circle

nested() {
	go nested 0 --from "$skylake" --to "$haswell" --policy pool --at 'tick 25000000' --nested --memory 40M \
		--module "dirtier:$dirtier" l1hv && moved nested '0->1' && same_digest nested still
}
case_ "a hypervisor whose guest runs" nested

# The same seed: streams, tables and text do not hang on how fast machines and the wire were.
again() {
	go again 0 --from "$haswell" --to "$haswell" dirtier "$dirtier move=100" &&
		cmp "$work/like.streams/hop-0.stream" "$work/again.streams/hop-0.stream" &&
		diff <(grep -aE '^0->1 |^dirtier> ' "$work/like") <(grep -aE '^0->1 |^dirtier> ' "$work/again")
}
case_ "twice the same, byte by byte" again

# Real time: what the guest does while frames are on their way hangs on the machine, what it ends with does not.
real_time() {
	go real 0 --set migrate.virtual_time=off --memory 8M dirtier "$dirtier move=100" && moved real '0->1' && same_digest real still
}
case_ "in real time" real_time

two_processors() {
	go two 0 --cpus 2 --memory 8M dirtier "$dirtier move=100 cpus=2" && moved two '0->1'
}
case_ "with two processors that write" two_processors

# The processor that was the last to run here is not the first of the VM, which halts.
two_back() {
	go back 0 --from "$skylake" --to "$haswell" --to 0 --policy pool --cpus 2 --memory 2M halted moves=2 && moved back '1->0' && said back ' 1 passed, 0 failed,'
}
case_ "with two processors, there and back" two_back

# A VM that was alone on its host shares it with one that arrives, and one that arrives does not wait for its end.
shared() {
	go shared 0 --memory 2M --beside '1:dirtier:rounds=400 pages=200' dirtier "rate=200000 writes=800 pages=40 move=50" && moved shared '0->1' &&
		[ "$(grep -aoE '^@1 stop vm=[a-z]+' "$work/shared" | head -n 1)" = '@1 stop vm=dirtier' ]
}
case_ "to a host that has a VM of its own" shared

# Processors that have no XSAVE: 512 bytes of x87 and SSE.
no_xsave() {
	go fxsave 0 --from corei5_arrandale_m520 --to corei5_arrandale_m520 --memory 2M --at 'exit 20' cpudump && said fxsave '^0->1 moved: ' && verified fxsave
}
case_ "between processors without XSAVE" no_xsave

lossy() {
	go lossy 0 --from "$haswell" --to "$haswell" --link loss=1%,dup=1%,reorder=1%,corrupt=1%,seed=5 dirtier "$dirtier move=100" &&
		moved lossy '0->1' && diff <(grep -aE '^0->1 ' "$work/like") <(grep -aE '^0->1 ' "$work/lossy")
}
case_ "over a bad wire: the same rounds, the same stream" lossy

refused() {
	go refused 0 --from "$haswell" --to "$sandy" --memory 8M dirtier "$dirtier move=100" &&
		said refused '^0->1 refused;' && said refused 'avx2' && said refused ' passed, 0 failed,' && verified refused && same_digest refused still
}
case_ "without a policy AVX2 keeps the guest where it is" refused

# ---- what the gate refuses, before a page; the guest goes on where it is ----
# kept_for NAME REASON ARGUMENTS...
kept_for() {
	local name=$1 reason=$2
	shift 2
	go "$name" 0 --memory 8M "$@" && said "$name" '^0->1 refused;' && said "$name" "^@0 .* said=KEPT .*reason=\"$reason\"" && verified "$name" &&
		"$nestbed" stream show "$work/$name.streams/hop-0.stream" >"$work/$name.shown" && ! grep -E ' (PageBatch|ZeroRun) ' "$work/$name.shown" &&
		said "$name" ' passed, 0 failed,'
}
small="rate=200000 writes=800 pages=40 move=50"
bound() {
	kept_for bound 'it is bound to I/O ports 70H to 71H of its host' --set 'host0.passthrough=112 2' dirtier "$small" &&
		grep ' Hello .*bound="I/O ports 70H to 71H"' "$work/bound.shown"
}
case_ "a VM that reaches the machine's ports" bound
case_ "a target whose bundle gives it ports" kept_for binds "this host's bundle binds it to I/O ports 70H to 71H" --set 'host1.passthrough=112 2' dirtier "$small"
case_ "another size of memory" kept_for memory 'memory of 8388608 bytes: this host has 16777216 for it' --set host1.memory=16M dirtier "$small"
case_ "another number of processors" kept_for cpus '1 vCPUs: this host has 2 for it' --set host1.vcpus=2 dirtier "$small"
case_ "no VT-x for it" kept_for nested "nested virtualization is on: this host's bundle says off" --set host0.nested=on dirtier "$small"
case_ "no scratch device" kept_for scratch "the scratch device is there: this host's bundle says off" --set host0.scratch=on dirtier "$small"
case_ "VT-x that shows what is not there" kept_for vmx 'vmx-shadow-vmcs is lacking' --nested --from "$haswell" --to "$sandy" dirtier "$small"

# ---- a guest that chose AVX2 ----
avx2="rounds=2000 move=10"
sum() {
	sed -nE 's/^avx2> avx2: [0-9]+ rounds are right, (digest .*)/\1/p' "$work/$1"
}
stays_by_avx2() {
	go avx2 0 --from "$haswell" --to "$sandy" --memory 8M avx2 "$avx2" && said avx2 '^0->1 refused;.* avx2 is lacking' && said avx2 '^avx2> avx2: by AVX2' &&
		[ -n "$(sum avx2)" ] && verified avx2
}
moves_by_sse2() {
	go sse2 0 --from "$haswell" --to "$sandy" --policy pool --memory 8M avx2 "$avx2" && said sse2 '^0->1 moved: ' && said sse2 '^avx2> avx2: by SSE2' &&
		[ "$(sum sse2)" = "$(sum avx2)" ] && verified sse2
}
forced() {
	go forced 0 --from "$haswell" --to "$sandy" --set host1.cpu.force=on --memory 8M avx2 "$avx2" && said forced '^0->1 moved: ' &&
		said forced '^@1 log .*all the same: avx2 is lacking' && said forced '^avx2> avx2: by AVX2' && said forced '^avx2> unexpected vector 6 #UD' &&
		! grep 'rounds are right' "$work/forced"
}
case_ "AVX2 to a processor without: refused, and it goes on" stays_by_avx2
case_ "under the baseline of both it moves, by SSE2, to the same digest" moves_by_sse2
case_ "by force it moves, and ends by #UD" forced

killed() {
	go "killed-$1" "$2" --kill "$1" --memory 8M --set migrate.patience=1000 dirtier "$dirtier move=100" &&
		said "killed-$1" "^0->1 $3" && { [ "$2" -ne 0 ] || same_digest "killed-$1" still; }
}
case_ "the target dies in the first round: the guest stays" killed 1@3 0 kept
case_ "the source dies in the first round: the guest is gone, and that is said" killed 0@3 5 lost
case_ "the source dies when the target is ready: it runs there" killed 0@T:1 0 moved

table() {
	go table 0 --csv --memory 8M --link rate=500Mbit,delay=20us dirtier "$dirtier move=100" &&
		grep -qE "^$skylake,$skylake,dirtier,L1,8,500,200000,pml,[0-9]+,.*,moved,[0-9a-f]{16}$" "$work/table" &&
		[ "$(wc -l <"$work/table")" -eq 2 ]
}
case_ "a table" table
usage() {
	"$nestbed" move --to "$1" hello >"$work/usage" 2>&1
	[ $? -eq 2 ] && grep -q "$2" "$work/usage"
}
case_ "a host that is not there" usage 7 'not a number from 0 to 0'
case_ "a model that is not there" usage i486 'no CPU model'

exit "$failed"
