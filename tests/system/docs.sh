#!/bin/bash
# SPDX-License-Identifier: MIT
# Do the documents hold? Their commands run, their numbers are those of results/golden, their tables those of the source, and
# what they link to and name is there.
#
# In README.md, PAPER_NOTES.md, CONTRIBUTING.md, docs/*.md and docs/labs/*.md each line of a fenced `sh` block is a command, run in a
# scratch folder against the programs as built. '# exit status N' at its end: that is what it must end with; else 0. Each line of a
# block below a line '<!-- prints -->' must be a line of what the command before it printed; '…' in it stands for any text.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
build=$(realpath "${BUILD:-build}")
documents=(README.md PAPER_NOTES.md CONTRIBUTING.md docs/*.md docs/labs/*.md)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Not run here, for they take minutes or install packages: this test is part of `make check`, which runs tests/system/reproduce.sh
# too, tests/system/peer.sh what runs on KVM, and tests/system/cluster.sh what runs on three hosts; `make demo` is the build and the experiment that the README runs by name.
excluded=("make demo" "make check" "make reproduce" "scripts/cluster-netns --out results/runs/three docs/plans/small.yaml" "build/nestbed run exit-cost --peer kvm"
	"build/nestbed run migrate --peer kvm --workload idle --set guest_mib=8 --set dirty_pages_per_s=1 --set link_mbit=4000")

# verdict NAME STATUS: ok or not ok, with what was written to $work/out
verdict() {
	if [ "$2" -eq 0 ]; then
		echo "ok $1"
	else
		cat "$work/out"
		echo "not ok $1"
		failed=1
	fi
}

# ---- commands ----
# FILE: its commands, one a line, each with what it must print behind it, in lines that begin with a tab
commands() {
	awk '/^<!-- prints -->$/ { prints = 1; next }
	/^```/ { kind = kind ? "" : $0 == "```sh" ? "command" : prints ? "printed" : "other"; prints = 0; next }
	!NF { next }
	kind == "command" { print }
	kind == "printed" { print "\t" $0 }' "$1"
}
# LINE: $work/said has it, '…' standing for anything
printed() {
	local pattern
	pattern=$(sed -E 's/[][(){}.*+?^$|\\]/\\&/g; s/…/.*/g' <<<"$1")
	grep -qaE -- "^$pattern\$" "$work/said" || { tail -n 20 "$work/said"; echo "not printed: $1"; }
}
is_excluded() {
	local e
	for e in "${excluded[@]}"; do
		[ "$1" != "$e" ] || return 0
	done
	return 1
}
# A folder that looks like the tree to a reader's commands, where they may write.
scratch() {
	mkdir -p "$1/results/runs" && ln -s "$build" "$1/build" || return 1
	local entry
	for entry in "$root"/*; do
		case ${entry##*/} in
		build | results | labs) ;; # labs: a reader's answers
		*) ln -s "$entry" "$1/" ;;
		esac
	done
	if [ -d "$root/results/golden" ]; then
		ln -s "$root/results/golden" "$1/results/golden"
	fi
}
# The same run, but for the folder's name, is made once; that it comes out the same each time is the business of nestbed.sh and
# reproduce.sh. made COMMAND FOLDER: the result of an earlier one is put where COMMAND, in FOLDER, would have written it.
declare -A result_of
made() {
	[[ $1 =~ ^(build/nestbed run .*)--out\ ([^ ]+)$ ]] || return 1
	local run=${BASH_REMATCH[1]} result=$2/${BASH_REMATCH[2]}
	if [ -s "${result_of[$run]-}/meta.json" ]; then
		cp -r "${result_of[$run]}" "$result"
	else
		result_of[$run]=$result
		return 1
	fi
}
run_commands() {
	local command wanted got ran=
	while IFS= read -r command; do
		if [ "${command:0:1}" = $'\t' ]; then
			[ -n "$ran" ] || continue
			printed "${command:1}" >"$work/out"
			[ ! -s "$work/out" ]
			verdict "$1: prints: ${command:1}" $?
			continue
		fi
		ran=
		is_excluded "$command" && continue
		made "$command" "$2" && echo "# $1: made already: $command" && continue
		ran=$command
		wanted=$(sed -nE 's/.*# exit status ([0-9]+)$/\1/p' <<<"$command")
		(cd "$2" && timeout 200 bash -o pipefail -c "$command") >"$work/said" 2>&1 </dev/null
		got=$?
		if [ "$got" -ne "${wanted:-0}" ]; then
			tail -n 20 "$work/said"
			echo "exit status $got, not ${wanted:-0}"
		fi >"$work/out"
		verdict "$1: $command" "$((got != ${wanted:-0}))"
	done < <(commands "$1")
}
if command -v bochs-bin >/dev/null; then
	for d in "${documents[@]}"; do
		[ -n "$(commands "$d")" ] || continue
		scratch "$work/${d//\//-}" && run_commands "$d" "$work/${d//\//-}"
	done
else
	echo "skip commands bochs-bin is not installed"
fi
# An exclusion that no document needs any more goes.
for e in "${excluded[@]}"; do
	for d in "${documents[@]}"; do commands "$d"; done | grep -qxF "$e"
	verdict "excluded: $e" $?
done >"$work/excluded"
cat "$work/excluded"
grep -q '^not ok' "$work/excluded" && failed=1

# ---- numbers and tables ----
scripts/check-results >"$work/out" 2>&1
verdict "tables are those of results/golden and of the source (else: scripts/update-results)" $?

# A wrong number must show.
stale_number() {
	local copy=$work/stale.md
	awk '/^<!-- golden / { m = 1 } m && /^\| .*[0-9]\.[0-9]/ && !done { sub(/[0-9]\.[0-9]/, "77.7"); done = 1 } { print }' README.md >"$copy"
	cmp -s README.md "$copy" && return 1
	! scripts/check-results "$copy" >/dev/null 2>&1
}
stale_number
verdict "a stale number in README.md is found" $?

# Both control tables together have every control; a settings table has every key, the README every CPU model.
controls_named() {
	local c
	while read -r c; do
		grep -q "^| \`$c\` |" docs/nested-features.md || { echo "$c"; return 1; }
	done < <(sed -nE 's/^\tX\(a, b, [A-Z0-9]+, *([A-Z0-9_]+),.*/\1/p' vmcs_merge/controls_list.h)
}
controls_named >"$work/out"
verdict "each control bit is in docs/nested-features.md" $?

models_named() {
	local m
	while read -r m; do
		grep -q "^| \`$m\`" README.md || { echo "$m"; return 1; }
	done < <(sed -nE 's/^\t\{"([a-z0-9_]+)", *"[^"]+".*/\1/p' experiments/cpu_models.c)
}
models_named >"$work/out"
verdict "each CPU model with VT-x is in README.md" $?

# A row of the README's table against what L0 says of that processor: 1 GiB pages, VPID, unrestricted guest, shadowing, outcome.
# shellcheck disable=SC2016 # backquotes are text here
models_hold() {
	local model row wanted got status=0
	while IFS= read -r row; do
		model=$(cut -d '`' -f 2 <<<"$row")
		"$build/nestbed" boot --memory 4M --cpu "$model" hello >"$work/model" 2>&1
		got="$?$(grep -aoE 'name=(ept_1g|vpid|unrestricted_guest|vmcs_shadowing) value=0x[01]' "$work/model" | sort | tr -d '\n')"
		wanted=$(awk -F ' *[|] *' '{ yes["yes"] = 1; print ($8 == "yes" ? 0 : 4) "name=ept_1g value=0x" ($4 ~ /1 GiB/) + 0 \
			"name=unrestricted_guest value=0x" ($6 in yes) + 0 "name=vmcs_shadowing value=0x" ($7 in yes) + 0 \
			"name=vpid value=0x" ($5 in yes) + 0 }' <<<"$row")
		[ "$got" = "$wanted" ] || { echo "$model: wanted $wanted, got $got"; status=1; }
	done < <(grep -E '^\| `[a-z0-9_]+`.* (yes|no) \|.*(yes|refused) \|' README.md)
	return $status
}
if command -v bochs-bin >/dev/null; then
	models_hold >"$work/out"
	verdict "what README.md says of each CPU model holds" $?
fi

# FILE.csv has the columns of its table in README.md, and no other.
columns_named() {
	local table source
	for table in exit-cost exit-reasons accounting; do
		source=$(find results/golden -path "*exit-cost*/$table.csv" | head -n 1)
		[ -n "$source" ] || { echo "no $table.csv"; return 1; }
		for column in $(head -n 1 "$source" | tr , ' '); do
			grep -q "^| .*\`$column\`.* |" README.md || { echo "$table.csv: $column"; return 1; }
		done
	done
}
columns_named >"$work/out"
verdict "each column of the tables is in README.md" $?

# The same of tables that are in no golden result, from the source; and each class of traced instructions is in docs/experiments.md.
traced_named() {
	local table column columns class
	for table in instructions modelled host_exits; do
		columns=$(sed -n "/^void ${table}_csv(/,/^}/p" experiments/exit_trace_rows.c experiments/host_exits_rows.c | tr -d '\n' | grep -o 'csv_start([^;]*;' |
			grep -o '"[^"]*"' | tr -d '"\n' | tr , ' ')
		[ -n "$columns" ] || { echo "no columns of $table.csv"; return 1; }
		for column in $columns; do
			grep -q "^| .*\`$column\`.* |" README.md || { echo "$table.csv: $column"; return 1; }
		done
	done
	while read -r class; do
		grep -q "^| \`$class\` |" docs/experiments.md || { echo "$class"; return 1; }
	done < <(sed -nE 's/^\tX\([A-Z0-9_]+, "([a-z_]+)".*/\1/p' experiments/trace.h)
}
traced_named >"$work/out"
verdict "columns and classes of traced instructions are in the documents" $?

# ---- links and names ----
# A heading as a link's fragment.
fragments() {
	sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}
links_resolve() {
	local d link file fragment status=0
	for d in "${documents[@]}"; do
		while IFS= read -r link; do
			case $link in http://* | https://*) continue ;; esac
			file=${link%%#*} fragment=
			case $link in *#*) fragment=${link#*#} ;; esac
			file=${file:+$(dirname "$d")/$file}
			file=${file:-$d}
			if [ ! -e "$file" ]; then
				echo "$d: $link: no such file"
				status=1
			elif [ -n "$fragment" ] && ! fragments "$file" | grep -qxF -- "$fragment"; then
				echo "$d: $link: no such heading"
				status=1
			fi
		done < <(awk '/^```/ { inside = !inside } !inside' "$d" | grep -oE '\]\([^)]+\)' | sed -E 's/^\]\(//; s/\)$//')
	done
	return $status
}
links_resolve >"$work/out"
verdict "links resolve" $?

# `folder/file` in backquotes is there; `name()` is in some source file. What stands for something (NAME, *, …) is left out.
# shellcheck disable=SC2016 # backquotes are text here
names_exist() {
	local d name status=0
	find cpu_baseline experiments include l0hv vmcs_merge workloads -name '*.[chS]' -exec cat {} + >"$work/sources"
	for d in "${documents[@]}"; do
		while IFS= read -r name; do
			if [ ! -e "$name" ] && [ ! -e "$(dirname "$d")/$name" ]; then
				echo "$d: $name: no such file"
				status=1
			fi
		done < <(grep -oE '`[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)+/?`' "$d" | tr -d '`' |
			grep -E '^(\.ci|cpu_baseline|docs|experiments|include|l0hv|scripts|tests|vmcs_merge|workloads)/' | grep -v NAME)
		while IFS= read -r name; do
			grep -qE "\\b$name\\(" "$work/sources" || { echo "$d: $name(): in no source file"; status=1; }
		done < <(grep -oE '`[a-z_0-9]+\(\)`' "$d" | tr -d '`()')
	done
	return $status
}
names_exist >"$work/out"
verdict "files and functions that the documents name are there" $?

# Figures need no network and no script.
pictures_closed() {
	! grep -lE '(href|src)="?https?:|<script|@import|url\(https?:' docs/figures/*.svg
}
pictures_closed >"$work/out"
verdict "pictures load nothing" $?

exit $failed
