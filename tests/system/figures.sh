#!/bin/bash
# SPDX-License-Identifier: MIT
# Figures: those that are committed are what their tables say; nestbed plot draws what was asked for; its scripts draw alone.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
nestbed=$build/nestbed
if ! command -v gnuplot >/dev/null; then
	echo "skip figures gnuplot is not installed"
	exit 0
fi
export BUILD=$build

scripts/update-figures --check >"$work/check" 2>&1
got=$?
if [ $got -eq 77 ]; then
	echo "skip committed figures are those of their tables $(tail -n 1 "$work/check")"
else
	committed() {
		cat "$work/check"
		[ "$got" -eq 0 ]
	}
	case_ "committed figures are those of their tables (else: make figures)" committed
fi
# One cell of a table changed.
stale() {
	mkdir -p "$work/golden" && cp -r results/golden/ablation-corei7_skylake_x "$work/golden/ablation" &&
		sed -i 's/,L2,cpuid,nested.shadow_vmcs=off,200,[0-9.]*,\([0-9.]*\),\([0-9.]*\),[0-9.]*,/,L2,cpuid,nested.shadow_vmcs=off,200,1.0,\1,\2,90.0,/' \
			"$work/golden/ablation/ablation.csv" || return 1
	! scripts/update-figures --check "$work/golden" >"$work/stale" && grep -q '^1 figures, 1 of them stale' "$work/stale" &&
		scripts/update-figures "$work/golden" && scripts/update-figures --check "$work/golden"
}
[ $got -eq 77 ] || case_ "a figure whose table has changed is stale, and drawn again" stale

result=results/golden/migrate-corei7_skylake_x
# width FILE POINTS: of a PDF
width() {
	grep -aqE "/MediaBox \[ 0 0 $2(\.[0-9]+)? " "$1" || { grep -a MediaBox "$1"; return 1; }
}
paper() {
	"$nestbed" plot "$result" --only down --paper single --out "$work/paper" &&
		"$nestbed" plot "$result" --only down --paper double --format pdf,svg,eps,png --out "$work/paper" &&
		width "$work/paper/down-single.pdf" 240 && width "$work/paper/down-double.pdf" 504 &&
		grep -q '^ width="673"' "$work/paper/down-double.svg" && grep -qa '^%!PS-Adobe.*EPS' "$work/paper/down-double.eps" &&
		[ -s "$work/paper/down-double.png" ] && [ "$(find "$work/paper" -type f | wc -l)" -eq 5 ]
}
# What a paper's reader edits is all there: without nestbed it comes out as the committed figure.
alone() {
	"$nestbed" plot "$result" --data "$work/it's data" >"$work/commands" && ln -s "it's data" "$work/data" && (cd "$work/data" && gnuplot rounds.gp) &&
		cp "$work/data/rounds.svg" "$work/first.svg" && rm "$work/data/rounds.svg" && bash "$work/commands" &&
		cmp "$work/data/rounds.svg" "$work/first.svg" && [ "$(find "$work/data/" -name '*.svg' | wc -l)" -eq 4 ] &&
		{ [ "$got" -eq 77 ] || cmp "$work/data/rounds.svg" "$result/rounds.svg"; }
}
# refused PATTERN ARGUMENTS...
refused() {
	local pattern=$1 status
	shift
	"$nestbed" plot "$@" >"$work/out" 2>&1
	status=$?
	cat "$work/out"
	[ "$status" -eq 2 ] && grep -qE "$pattern" "$work/out"
}
wrong() {
	refused "has no figure 'up'; it has migrate, rounds, down, tracker" "$result" --only up && refused "'gif' is no list" "$result" --format gif &&
		refused "'triple' is neither" "$result" --paper triple && refused 'there is something in it' "$result" --data "$work/paper" &&
		refused 'ratio.csv: No such file' results/golden/exit-cost-corei7_skylake_x --only peer && refused 'no such folder' "$work/nowhere"
}
# Tables that have a head only, or hold no number where one must be: figures from before don't stay.
nothing() {
	local folder table script svg other
	for folder in ablation-corei7_skylake_x phases-corei7_skylake_x exit-cost-corei7_skylake_x exit-cost-corei7_skylake_x-kvm \
		migrate-corei7_skylake_x scaling-none; do
		mkdir -p "$work/$folder" && cp "results/golden/$folder/meta.json" "$work/$folder" || return 1
		for table in "results/golden/$folder"/*.csv; do
			head -n 1 "$table" >"$work/$folder/$(basename "$table")" || return 1
		done
		for svg in "results/golden/$folder"/*.svg; do
			cp "$svg" "$work/$folder" || return 1
		done
		"$nestbed" plot "$work/$folder" 2>&1 || return 1
		! compgen -G "$work/$folder/*.svg" || return 1
	done
	# The other scripts, which no experiment calls so
	for script in cpu-matrix:cpu-baseline/pairs host-exits:; do
		other=${script#*:}
		if [ "$other" ]; then head -n 1 "results/golden/$other.csv"; else seq -s, 12; fi >"$work/head.csv"
		gnuplot -c "scripts/plots/${script%%:*}.gp" "$work/head.csv" "$work/head.svg"
		[ $? -eq 3 ] && [ ! -e "$work/head.svg" ] || return 1
	done
}
# One that fails is told, goes, and doesn't keep the others.
broken() {
	rm -rf "$work/broken" && cp -r "$result" "$work/broken" && printf 'a,b\n1,2\n' >"$work/broken/migrate.csv" || return 1
	"$nestbed" plot --format svg "$work/broken" 2>&1
	[ $? -eq 1 ] && [ ! -e "$work/broken/migrate.svg" ] && [ "$work/broken/tracker.svg" -nt "$work/broken/tracker.csv" ] &&
		[ "$(find "$work/broken" -name '.*')" = "" ]
}
case_ "tables with nothing to draw" nothing
case_ "a figure that can't be drawn" broken
case_ "figures for paper are as wide as its columns" paper
case_ "tables and scripts draw without nestbed" alone
case_ "what can't be drawn is named" wrong
exit "$failed"
