# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: the questions of docs/labs/lab5.md.
# shellcheck disable=SC2154 # build and nestbed are scripts/lab's
ask young_features count truth "cpu-baseline of Haswell and Skylake-X: its second line."
ask old_features count truth "cpu-baseline of the three: its second line."
ask young_level word truth "Likewise: x86-64-v..., what a compiler may use."
ask old_level word truth "Likewise, of the three."
ask first_lost word truth "cpu-baseline --check: the first name of the first list. Programs rely on it most."
ask older_features count truth "The second line again, with core2_penryn_t9600 instead of Sandy Bridge."
ask avx2_hosts count truth "cpu-baseline --pool --want=avx2: how many hosts does it name behind 'pool 1'?"
ask refused_reasons count truth "The line '0->1 refused;': reasons are separated by semicolons, behind the colon."
ask refused_by word truth "What did the guest compute by after the refusal? It says so."
ask pool_by word truth "The same, of the move with --policy pool."
ask same_digest word truth "Compare the digests of the guests that were refused and that moved under the pool's baseline: yes or no."
ask forced_vector count truth "With cpu.force the guest meets an exception: its number."
ask lacked_last word truth "With cpu.force host 1 logs what it lacks: the last feature, by its name."

haswell=corei7_haswell_4770 skylake=corei7_skylake_x sandy=corei7_sandy_bridge_2600k penryn=core2_penryn_t9600
baseline() {
	local host hosts=()
	for host; do
		hosts+=("$PWD/cpu_baseline/hosts/$host.txt")
	done
	kept 0 "$build/cpu-baseline" "${hosts[@]}"
}
move() {
	kept 0 "$nestbed" move --from "$haswell" --to "$sandy" --memory 8M "$@" avx2 'rounds=2000 move=10'
}
measure() {
	young=$(baseline "$haswell" "$skylake") && old=$(baseline "$haswell" "$skylake" "$sandy") && older=$(baseline "$haswell" "$skylake" "$penryn") &&
		checked=$(kept 1 "$build/cpu-baseline" --check "$PWD/cpu_baseline/hosts/$haswell.txt" "$PWD/cpu_baseline/hosts/$sandy.txt") &&
		pools=$(kept 1 "$build/cpu-baseline" --pool "$PWD/cpu_baseline/hosts" --want=avx2) &&
		refused=$(move) && pooled=$(move --policy pool) && forced=$(move --set host1.cpu.force=on)
}
features() {
	sed -nE '2s/.* ([0-9]+) features$/\1/p' "$1/said"
}
level() {
	sed -nE '2s/.*; (x86-64[^,]*), .*/\1/p' "$1/said"
}
computes_by() {
	sed -nE 's/^avx2> avx2: by ([A-Z0-9]+).*/\1/p' "$1/said"
}
digest() {
	sed -nE 's/^avx2> avx2: .* are right, digest (.*)/\1/p' "$1/said"
}
truth() {
	case $1 in
	young_features) features "$young" ;;
	old_features) features "$old" ;;
	older_features) features "$older" ;;
	young_level) level "$young" ;;
	old_level) level "$old" ;;
	first_lost) awk 'NR == 3 { print $1 }' "$checked/said" ;;
	avx2_hosts) awk '/^pool 1:/ { print $3 }' "$pools/said" ;;
	refused_reasons) sed -nE 's/^0->1 refused; [^:]*: //p' "$refused/said" | tr ';' '\n' | grep -c . ;;
	refused_by) computes_by "$refused" ;;
	pool_by) computes_by "$pooled" ;;
	same_digest) [ -n "$(digest "$refused")" ] && if [ "$(digest "$refused")" = "$(digest "$pooled")" ]; then echo yes; else echo no; fi ;;
	forced_vector) sed -nE 's/^avx2> unexpected vector ([0-9]+) .*/\1/p' "$forced/said" ;;
	lacked_last) sed -nE 's/^@1 log text=".* all the same: ([a-z0-9_]+) is lacking"/\1/p' "$forced/said" | tail -n 1 ;;
	esac
}
