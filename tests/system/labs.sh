#!/bin/bash
# SPDX-License-Identifier: MIT
# The labs of docs/labs: right answers are found right, wrong ones by line, and what cannot be read is told. The right answers come from
# elsewhere than the checkers': golden results, the rules of the source, a model of pre-copy, machines that say it in other words.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
build=$(realpath "$build")
export BUILD=$build
golden=results/golden
cost=$golden/exit-cost-corei7_skylake_x

# lab N FILE STATUS: what it said is in $work/said
lab() {
	local got
	scripts/lab check "$1" "$2" >"$work/said" 2>"$work/said.err"
	got=$?
	[ "$got" -eq "$3" ] || { cat "$work/said" "$work/said.err"; echo "exit status $got, wanted $3: lab $1 $2"; return 1; }
}
tells() {
	grep -qE -- "$1" "$work/said" || { cat "$work/said"; echo "not said: $1"; return 1; }
}
right() {
	"answers$1" >"$work/lab$1.txt" && lab "$1" "$work/lab$1.txt" 0 && tells "^lab $1: ([0-9]+) of \1 right$"
}
# wrong N KEY=VALUE...: right answers but these; each is told with its line, and no other
wrong() {
	local n=$1 file=$work/wrong$1.txt change key told
	shift
	cp "$work/lab$n.txt" "$file" || return 1
	for change; do
		key=${change%%=*}
		grep -q "^$key = " "$file" || { echo "no answer $key"; return 1; }
		sed -i "s#^$key = .*#$key = ${change#*=}#" "$file"
	done
	lab "$n" "$file" 1 || return 1
	for change; do
		key=${change%%=*}
		tells "^$file:$(grep -n "^$key = " "$file" | cut -d: -f 1): $key: wrong\. " || return 1
	done
	told=$(grep -c ': wrong\. ' "$work/said")
	[ "$told" -eq $# ] || { cat "$work/said"; echo "$told lines are wrong, not $#"; return 1; }
}

# ---- what is not an answer ----
# A form has each key of its lab, and is no answer; nothing is measured for it.
form() {
	lab "$1" "docs/labs/lab$1.txt" 1 && tells "^lab $1: 0 of $(grep -cE '^[a-z0-9_]+ =' "docs/labs/lab$1.txt") right$" &&
		[ "$(grep -cE '^docs.*:[0-9]+: .*: not answered yet$' "$work/said")" -eq "$(grep -cE '^[a-z0-9_]+ =' "docs/labs/lab$1.txt")" ] &&
		! grep -q measuring "$work/said.err"
}
for n in 1 2 3 4 5; do
	case_ "the form of lab $n has its keys" form "$n"
done
nothing() {
	lab 1 "$work/nothing" 2 && tells 'cp docs/labs/lab1.txt labs/lab1.txt'
}
unreadable() {
	printf 'l1_exits = 1\non_exits = many # words\nl1_exits = 2\n\nno answer\noff_exit = 3\n' >"$work/bad.txt"
	lab 1 "$work/bad.txt" 2 && tells "bad.txt:2: on_exits: expected a whole number, got 'many'$" && tells "bad.txt:3: 'l1_exits' was answered in line 1 already" &&
		tells "bad.txt:5: expected 'key = value', got 'no answer'" && tells "bad.txt:6: 'off_exit' is not a key" && ! grep -q ' 1 ' "$work/said.err"
}
case_ "no answers" nothing
case_ "lines that cannot be read" unreadable

# ---- lab 1, from the golden results ----
answers1() {
	local c config
	gold() {
		awk -F, -v level="$1" -v config="$2" -v n="$3" '$3 == level && $4 == "cpuid" && $5 == config { print $n }' \
			"$cost/exit-cost.csv"
	}
	echo "l1_exits = $(gold L1 - 10 | cut -d. -f 1)"
	for c in on off; do
		config="shadow=$c;merge=incremental"
		echo "${c}_exits = $(gold L2 "$config" 10 | cut -d. -f 1)"
		echo "${c}_ticks = $(gold L2 "$config" 7)"
		echo "${c}_l0 = $(gold L2 "$config" 8)"
		echo "${c}_l1 = $(gold L2 "$config" 9)"
		echo "${c}_reasons = $(grep ",L2,cpuid,$config," "$cost/exit-reasons.csv" | cut -d, -f 5,6 | tr ',\n' ': ')"
	done
	echo "reflected = 2:cpuid"
	echo "off_vmreads = $(grep ',L2,cpuid,shadow=off;merge=incremental,1,vmread,' "$cost/exit-reasons.csv" | cut -d, -f 7 | cut -d. -f 1)"
	echo "off_written = GUEST_RIP"       # what skipping an instruction writes
	echo "longest_phase = vmcs12_update" # with shadowing: fields are copied
	echo "full_times = $(echo "$(gold L2 'shadow=on;merge=full' 7) / $(gold L2 'shadow=on;merge=incremental' 7)" | awk '{ print $1 / $3 }')"
}
case_ "lab 1, right" right 1
case_ "lab 1, wrong" wrong 1 on_exits=2 off_reasons=2:cpuid off_l0=3000 longest_phase=merge

# ---- lab 2, by the rules of the source ----
# bit WORD BIT NAME: by the control's rule, its bit in vmcs02 and the rule's name
bit() {
	local row rule a b
	row=$(sed -nE "s/^\tX\(a, b, ([A-Z0-9]+), *$1, *([0-9]+), *BIT_([A-Z0-9]+),.*/\1 \2 \3/p" vmcs_merge/controls_list.h)
	read -r word at rule <<<"$row"
	case $word in CPU2) word=CPU_CTLS2 ;; *) word=${word}_CTLS ;; esac
	read -r a b <<<"$(awk -v w="$word" '$1 == w { printf "%s ", $3 }' docs/labs/lab2.vmcs)"
	a=$((a >> at & 1)) b=$((b >> at & 1))
	case $rule in
	OR) echo "$((a | b)) OR" ;;
	AND) echo "$((a & b)) AND" ;;
	FROM12) echo "$a FROM_VMCS12" ;;
	FROM01) echo "$b FROM_VMCS01" ;;
	ON) echo "1 ON" ;;
	*) echo "0 $rule" ;;
	esac
}
answers2() {
	local name
	for name in CPU_RDPMC_EXITING CPU_CR8_LOAD_EXITING CPU_HLT_EXITING CPU_IO_BITMAPS CPU_INTR_WINDOW PIN_VIRTUAL_NMIS CTL2_VPID CTL2_INVPCID \
		EXIT_CTL_ACK_INTERRUPT ENTRY_CTL_IA32E_GUEST ENTRY_CTL_LOAD_DEBUG; do
		sed -E 's/^(CPU|PIN|CTL2|EXIT_CTL|ENTRY_CTL)_//; s/.*/\L&/' <<<"$name" | tr '\n' ' '
		echo "= $(bit "$name")"
	done
	echo 'exception_bitmap = 0x20000'
	printf 'tsc_offset = 0x%x\n' $((0xfffffffffff00000 + 0xffffffffffcabd69))
	sed -E '/\[vmcs12\]/,/\[vmcs01\]/ { s/(CPU_CTLS2 .*)0x1010ea/\10x1050e0/; s/(ENTRY_CTLS .*)0xd1ff/\10x51ff/; s/(TSC_OFFSET .*)0xfffffffffff00000/\10x354297/ }
		s/0xb5186dfa/0xb5187dfa/; /\[vmcs01\]/,$ s/0x1010ea/0x1050ea/' docs/labs/lab2.vmcs >"$work/own.vmcs"
	echo "own = $work/own.vmcs"
}
case_ "lab 2, right" right 2
own_wrong() {
	sed 's/0x354297/0x354298/; s/0xb5187dfa/0xb5186dfa/' "$work/own.vmcs" >"$work/near.vmcs"
	wrong 2 "own=$work/near.vmcs" vpid='0 FROM_VMCS01' load_debug='1 OR' tsc_offset=0xffffffffffcabd69 && tells 'near.vmcs: goal 1, CPU_RDTSC_EXITING: ' &&
		tells 'near.vmcs: goal 6, TSC_OFFSET: ' && [ "$(grep -c 'near.vmcs: goal' "$work/said")" -eq 2 ]
}
# As the source and docs/nested-features.md name the rules
own_names() {
	sed -E 's/^(.* = [01] )(OR|AND|ON|OFF|POLICY)$/\1BIT_\2/; s/^(.* = [01] )FROM_VMCS/\1bit_from/' "$work/lab2.txt" >"$work/names.txt"
	grep -q ' BIT_OR$' "$work/names.txt" && grep -q ' bit_from01$' "$work/names.txt" && lab 2 "$work/names.txt" 0
}
case_ "lab 2, right by the source's names" own_names
case_ "lab 2, wrong" own_wrong
# docs.sh sees that the machine prints the numbers that stand in the text.
given_numbers() {
	local v n=0
	while read -r v; do
		grep -qE "= $v\$" docs/labs/lab2.vmcs || { echo "$v is not in docs/labs/lab2.vmcs"; return 1; }
		n=$((n + 1))
	done < <(sed -nE 's/^name=.* value=(0x[0-9a-f]+).*/\1/p' docs/labs/lab2.md)
	[ "$n" -eq 12 ]
}
case_ "lab 2, its VMCSs are those of the text" given_numbers

# ---- lab 3: what a breakage changes in the source, and what L2 itself measures ----
# The checker builds and boots what the text says; here it is only looked at.
broken_trees() {
	local n command
	scripts/lab copy "$work/copy" || return 1
	for n in a b c; do
		(cd "$work/copy" && scripts/lab break "$n") || return 1
		diff vmcs_merge "$work/copy/vmcs_merge" | grep '^[<>]' >"$work/changed-$n"
		[ "$(wc -l <"$work/changed-$n")" -eq 2 ] || { cat "$work/changed-$n"; return 1; }
	done
	(cd "$work/copy" && scripts/lab break none) && diff -r vmcs_merge "$work/copy/vmcs_merge" || return 1
	for command in 'make -j2 build/l0.elf' 'build/nestbed boot --nested --memory=256M --keep=machine l1hv --module=hello   # exit status 3'; do
		grep -qxF "$command" docs/labs/lab3.md || { echo "docs/labs/lab3.md: no '$command'"; return 1; }
	done
}
case_ "lab 3, a copy, and one row broken at a time" broken_trees
name_of() {
	grep -oE '(CPU|CTL2|F)_[A-Z0-9_]+' "$work/changed-$1" | head -n 1 | sed 's/^F_//'
}
# Ticks of a CPUID in a machine that is booted with that nestbed, by L2's own Sample
sample() {
	"$1" boot --nested --memory=256M l1hv '--module=exits:ops=empty,cpuid iterations=20' | sed -nE 's/^@l1hv\/l2 sample .*op=cpuid .* ticks=([0-9]+) .*/\1/p'
}
answers3() {
	cat <<-EOT
		a_reason = 33
		a_register = CR0
		a_name = $(name_of a)
		a_rule = $(bit "$(name_of a)" | cut -d ' ' -f 2)
		b_wanted = $((0x1c))
		b_name = $(name_of b)
		b_rule = $(bit "$(name_of b)" | cut -d ' ' -f 2)
		c_exits = 1
		c_reason = vmwrite
		c_name = $(name_of c)
		c_ticks = $((($(sample "$build/labs/c/nestbed") - $(sample "$build/nestbed")) / 20))
	EOT
}
# The checker builds what answers3 measures.
first() {
	answers3 2>"$work/answers3" | sed 's/^c_ticks = .*/c_ticks = 1/' >"$work/lab3.txt"
	lab 3 "$work/lab3.txt" 1 && tells ': c_ticks: wrong\. ' && tells '^lab 3: 10 of 11 right$'
}
case_ "lab 3, one wrong" first
case_ "lab 3, right" right 3
case_ "lab 3, wrong" wrong 3 a_rule=OR a_register=CR4 b_name=CPU_CR3_LOAD_EXITING c_reason=vmread c_exits=2
in_the_clone() {
	scripts/lab break a 2>"$work/clone"
	[ $? -eq 2 ] && grep -q "is not a copy: 'scripts/lab copy DIR' makes one" "$work/clone" && git diff --quiet HEAD -- vmcs_merge
}
no_overwriting() {
	mkdir "$work/mine" && touch "$work/mine/file"
	scripts/lab copy "$work/mine" 2>"$work/clone"
	[ $? -eq 2 ] && [ -e "$work/mine/file" ]
}
# The copy of a tree that lies in the build is no part of it, nor of what is built.
copy_apart() {
	[ -e "$build/labs/tree/Makefile" ] && ! make -n BUILD="$(realpath --relative-to=. "$build")" help 2>&1 | grep -E 'overriding|labs/tree'
}
case_ "lab 3, a clone is not broken" in_the_clone
case_ "lab 3, the copy is no part of the build" copy_apart
case_ "lab 3, a copy replaces nothing else" no_overwriting

# ---- lab 4, by a model: rounds shrink while rate x ticks of a page is well below 1 ----
answers4() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$at["link_mbit"] == 1000 && $at["round"] == 2 && !page { page = $at["ticks"] / $at["pages"] }
	END {
		carries = 1e9 / page
		for (slow = 0; 40000 * (100 - slow) / 100 > 0.85 * carries; slow += 20)
			;
		printf "page_ticks = %.0f\nlink_pages = %.0f\nconverges = %.0f\nfails = %.0f\n", page, carries, 0.74 * carries, 0.84 * carries
		printf "link_mbit = %.0f\ndown_time = %.0f\nslowed_by = %d\n", 40000 / carries / 0.74 * 1000, 210 * page, slow
	}' "$golden"/migrate-corei7_skylake_x/rounds.csv
}
case_ "lab 4, right" right 4
case_ "lab 4, wrong" wrong 4 link_pages=20000 converges=40000 fails=40001 link_mbit=1000 down_time=2000000 slowed_by=20

# ---- lab 5, from the golden pairs and a move's records ----
answers5() {
	local hosts=cpu_baseline/hosts h n=0
	pair() {
		awk -F, -v a="$1" -v b="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["host"] == a && $at["other"] == b { print $at["features"] }' "$golden"/cpu-baseline/pairs.csv
	}
	for h in "$hosts"/*.txt; do
		"$build/cpu-baseline" "$h" | grep -qw avx2 && n=$((n + 1))
	done
	"$nestbed" move --from corei7_haswell_4770 --to corei7_sandy_bridge_2600k --memory 8M avx2 "rounds=2000 move=10" | grep -a 'said=KEPT' |
		grep -oE 'reason="[^"]*"' >"$work/reasons"
	cat <<-EOT
		young_features = $(pair corei7_haswell_4770 corei7_skylake_x)
		young_level = x86-64-v3
		old_features = $(pair corei7_skylake_x corei7_sandy_bridge_2600k)
		old_level = x86-64-v2
		first_lost = avx2
		older_features = $(pair corei7_haswell_4770 core2_penryn_t9600)
		avx2_hosts = $n
		refused_reasons = $(wc -l <"$work/reasons")
		refused_by = avx2
		pool_by = sse2
		same_digest = yes
		forced_vector = 6
		lacked_last = $(tail -n 1 "$work/reasons" | cut -d '"' -f 2 | cut -d ' ' -f 1)
	EOT
}
case_ "lab 5, right" right 5
case_ "lab 5, wrong" wrong 5 old_features=153 first_lost=sse2 avx2_hosts=5 pool_by=AVX2 same_digest=no forced_vector=13

exit "$failed"
