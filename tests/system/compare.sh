#!/bin/bash
# SPDX-License-Identifier: MIT
# nestbed compare on copies of golden results in which something was changed: what differs is told, and the exit status.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
nestbed=$build/nestbed
was=results/golden/exit-cost-corei7_skylake_x

# copy NAME: a run of its own to be changed, in $work/NAME
copy() {
	rm -rf "${work:?}/$1" && mkdir "$work/$1" && cp "$was"/*.csv "$was/meta.json" "$work/$1"
}
# compared STATUS PATTERN ARGUMENTS...: the exit status, and a line of what was said
compared() {
	local wanted=$1 pattern=$2 got
	shift 2
	"$nestbed" compare "$@" >"$work/out" 2>&1
	got=$?
	[ "$got" -eq "$wanted" ] && grep -qE -- "$pattern" "$work/out" && return
	cat "$work/out"
	echo "exit status $got, wanted $wanted and $pattern: $*"
	return 1
}
equal() {
	copy equal && compared 0 '^equal: 870 rows of 3 tables$' "$was" "$work/equal"
}
# The second of the three numbers of a line is one more.
cell() {
	copy cell && sed -i 's/^\(corei7_skylake_x,nestbed,L1,vmcall,-,200,\)167\.0/\1168.0/' "$work/cell/exit-cost.csv" &&
		compared 1 '^exit-cost.csv +nestbed L1 vmcall - +ticks_per_op +167\.0 +168\.0 +\+1\.0 +\+0\.6$' "$was" "$work/cell" &&
		compared 1 '^differs: 1 difference in 870 rows of 3 tables$' "$was" "$work/cell" &&
		compared 1 '^exit-cost.csv,nestbed L1 vmcall -,ticks_per_op,167.0,168.0,\+1.0,\+0.6$' --csv "$was" "$work/cell" &&
		compared 0 '^equal: ' --tolerance 1 "$was" "$work/cell" &&
		compared 0 '^equal: .* of 1 table$' --table accounting.csv "$was" "$work/cell"
}
# Ticks of a table that names no unit are exact too: Bochs counts.
moves() {
	cp -r results/golden/migrate-corei7_skylake_x "$work/moves" && sed -i '2s/,pml,2,123345104,/,pml,2,123345105,/' "$work/moves/migrate.csv" &&
		sed -i '2s/,stop,183$/,stop,184/' "$work/moves/down.csv" &&
		compared 1 'total_ticks +123345104 +123345105 +\+1 +\+0.0$' results/golden/migrate-corei7_skylake_x "$work/moves" &&
		compared 1 '^differs: 2 differences in ' results/golden/migrate-corei7_skylake_x "$work/moves"
}
fewer() {
	copy fewer && sed -i '40,79d' "$work/fewer/exit-cost.csv" && rm "$work/fewer/accounting.csv" &&
		sed -i 's/"iterations": "200"/"iterations": "100"/' "$work/fewer/meta.json" &&
		compared 2 '^setting iterations: 200 in the first, 100 in the second$' "$was" "$work/fewer" &&
		compared 1 '^and 16 more: --all shows them$' --force "$was" "$work/fewer" &&
		compared 1 '^accounting.csv +- +- +table +- ' --force --all "$was" "$work/fewer" &&
		compared 0 '^equal: ' --subset "$was" "$work/fewer" &&
		compared 1 ' row +- +row ' --subset "$work/fewer" "$was"
}
# Rows that were lost are no part of a run, and a comparison of nothing finds nothing equal.
lost() {
	copy lost && sed -i '2,$d' "$work/lost"/*.csv && compared 1 '^exit-cost.csv +- +- +rows +- ' --subset "$was" "$work/lost" &&
		compared 1 '^differs: 3 differences in 0 rows of 3 tables$' --subset "$was" "$work/lost" &&
		compared 1 '^nothing compared: 0 rows of 3 tables$' "$work/lost" "$work/lost" &&
		compared 1 'nothing compared: no row is in both' --csv "$work/lost" "$work/lost" &&
		rm "$work/lost"/*.csv && compared 1 '^nothing compared: 0 rows of 0 tables$' --subset "$was" "$work/lost" &&
		compared 1 '^exit-cost.csv +- +- +table +- ' --subset --table exit-cost.csv "$was" "$work/lost" || return 1
	# A table without rows in both, beside others that have some
	compared 0 '^equal: 20[0-9] rows of 5 tables$' --subset results/golden/migrate-corei7_skylake_x results/golden/migrate-corei7_skylake_x
}
# Settings that are no strings, and a run that failed
values() {
	copy values && copy others && sed -i 's/"trace": "0"/"trace": [1, 2.5]/' "$work/values/meta.json" &&
		sed -i 's/"trace": "0"/"trace": [1, 3]/' "$work/others/meta.json" &&
		compared 2 '^setting trace: 0 in the first, \[1, 2.5\] in the second$' "$was" "$work/values" &&
		compared 2 '^setting trace: \[1, 2.5\] in the first, \[1, 3\] in the second$' "$work/values" "$work/others" &&
		compared 0 '^equal: ' "$work/values" "$work/values" && copy bad &&
		sed -i '2i "exit_status": 3,' "$work/bad/meta.json" && compared 0 '^exit status: the second run ended with 3$' "$was" "$work/bad"
}
other() {
	compared 2 '^experiment: exit-cost in the first, ablation in the second$' "$was" results/golden/ablation-corei7_skylake_x &&
		compared 2 '^host_cpu: ' "$was" results/golden/exit-cost-corei7_haswell_4770 &&
		compared 1 'exit-cost.csv: host_cpu is corei7_skylake_x in the first' --force "$was" results/golden/exit-cost-corei7_haswell_4770
}
# What Bochs' ticks were called doesn't matter; what a real processor's are does.
units() {
	copy units && sed -i 's/"unit": "insns"/"unit": "ticks"/' "$work/units/meta.json" && compared 0 '^equal: ' "$was" "$work/units" &&
		copy cycles && sed -i 's/"unit": "insns"/"unit": "cycles"/; s/"machine": "bochs"/"machine": "libvirt"/' "$work/cycles/meta.json" &&
		compared 2 '^unit: insns in the first, cycles in the second$' "$was" "$work/cycles"
}
tools() {
	copy tools && sed -i 's/gcc [0-9.]*/gcc 99/' "$work/tools/meta.json" && compared 0 '^versions: compiler: gcc' "$was" "$work/tools"
}
refused() {
	copy broken && echo '{"experiment": ' >"$work/broken/meta.json" &&
		compared 2 'broken/meta.json:[0-9]+: ' "$was" "$work/broken" &&
		echo '[1]' >"$work/broken/meta.json" && compared 2 'an object with a string "experiment" was expected' "$work/broken" "$was" &&
		cp "$was/meta.json" "$work/broken" && echo 'a,b' >>"$work/broken/exit-cost.csv" &&
		compared 2 'exit-cost.csv:[0-9]+: 2 fields where the head has 11' "$was" "$work/broken" &&
		mkdir "$work/empty" && compared 2 'there is no meta.json' "$was" "$work/empty" &&
		compared 2 'no such folder' "$was" "$work/nowhere" && compared 2 'neither run has a x.csv' --table x.csv "$was" "$was" &&
		compared 2 "'many' is no number" --tolerance many "$was" "$was" && compared 2 'which two RUNs' "$was"
}
case_ "a result equals its copy" equal
case_ "a cell that differs" cell
case_ "a tick of a move" moves
case_ "rows and tables that are not there" fewer
case_ "rows and tables that were lost" lost
case_ "settings that are no strings, a run that failed" values
case_ "results of something else" other
case_ "results of another unit" units
case_ "other tools are told" tools
case_ "what can't be compared" refused
exit "$failed"
