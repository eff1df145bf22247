# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: the questions of docs/labs/lab3.md. The checker breaks a copy of its own in the same three ways.
# shellcheck disable=SC2154,SC2034 # build, store, nestbed are scripts/lab's, which uses MEASURED_BY; the tables are break.sh's
ask a_name word truth "Bochs' log names the register; which control of vmcs12 lets it hold what it holds? 'vmcs-explain' shows each control's rule."
ask a_rule rule truth "What the row must say, as vmcs-explain of the unbroken tree names the rule."
ask a_reason count truth "The Log record names the exit reason, docs/exit-flow.md has its number; or exit_reason in l1hv's dump, without bit 31."
ask a_register word truth "machine/bochs.log: the line that begins with VMENTER FAIL."
ask b_name word truth "The failing rows name an instruction. Which control makes it exit?"
ask b_rule rule truth "What the row must say, as vmcs-explain of the unbroken tree names the rule."
ask b_wanted count truth "A failing row says 4402 (EXIT_REASON) is what it found, and what it wanted, in hexadecimal."
ask c_name word truth "Experiment 'phases' of both trees: the difference of the two fields.csv."
ask c_reason word truth "exit-reasons.csv of both trees, shadow=on: the row that is there in one alone."
ask c_exits count truth "exit-cost.csv of both trees, shadow=on;merge=incremental: the difference in l0_exits_per_op."
ask c_ticks ticks truth "exit-cost.csv of both trees, shadow=on;merge=incremental: the difference in ticks_per_op."

tree=$store/tree
cpuid=(boot --nested --memory=256M l1hv '--module=exits:ops=empty,cpuid iterations=20')
# broken NAME: L0 of the tree with that breakage, at $store/NAME/l0.elf, with what else is needed beside it
broken() {
	local name=$1 dir=$store/$1
	(cd "$tree" && BUILD=build scripts/lab break "$name" && make -s -j2 BUILD=build build/l0.elf) >"$store/make.log" 2>&1 ||
		{ tail -n 5 "$store/make.log" >&2; return 1; }
	rm -rf "$dir" && mkdir -p "$dir" && cp -al "$build"/{nestbed,rom.bin,guests,plots,latencies.csv} "$dir/" && cp "$tree/build/l0.elf" "$dir/"
}
# For the sources and programs of now, once.
build_broken() {
	local now name
	now=$({ echo "$programs"; git ls-files -z l0hv vmcs_merge scripts/labs | xargs -0 sha256sum; } | sha256sum)
	[ "$(cat "$store/broken" 2>/dev/null)" != "$now" ] || return 0
	echo "  building: three broken L0s" >&2
	copy_tree "$tree"
	for name in a b c; do
		broken "$name" || return 1
	done
	echo "$now" >"$store/broken"
}
# with NAME STATUS ARGUMENTS...: nestbed with that L0
with() {
	local MEASURED_BY
	MEASURED_BY=$(sha256sum "$store/$1/l0.elf")
	kept "$2" "$store/$1/nestbed" "${@:3}"
}
measure() {
	build_broken &&
		a=$(with a 3 boot --nested --memory=256M --keep=machine l1hv --module=hello) &&
		b=$(with b 0 boot --nested --cmdline=only=CR3 vmxtest) &&
		c_parts=$(with c 0 run phases --set ops=cpuid --set iterations=20 --out run) &&
		c=$(with c 0 "${cpuid[@]}") && sound=$(kept 0 "$nestbed" "${cpuid[@]}")
}
rule() {
	"$build/vmcs-explain" --all docs/labs/lab2.vmcs | sed -nE "s/^ *$1 .* -> [01] +([A-Z0-9_]+).*/\1/p"
}
# The window around the CPUIDs, a word a line; 'exits' and 'ticks' of it for one CPUID
window() {
	grep -a '^@ window .* mark=2 ' "$1/said" | tr ' {}' '\n'
}
per_cpuid() {
	window "$1" | awk -F= -v what="$2" '$1 ~ (what == "exits" ? "^count$" : "^ticks_l[012]$") { n += $2 } END { if (NR) print n / 20 }'
}
more() {
	awk -v x="$(per_cpuid "$c" "$1")" -v y="$(per_cpuid "$sound" "$1")" 'BEGIN { if (x != "" && y != "") print x - y }'
}
truth() {
	case $1 in
	[ab]_name) echo "${broken_row[${1%_name}]}" ;;
	[ab]_rule) rule "${broken_row[${1%_rule}]}" ;;
	a_reason) sed -nE "s/^VMX_EXIT\([A-Z0-9_]+, *([0-9]+), *\"$(sed -nE 's/.*disagreement: .*\(([a-z_]+),.*/\1/p' "$a/said" | head -n 1)\".*/\1/p" vmcs_merge/exit_reason.def ;;
	a_register) sed -nE 's/.*VMENTER FAIL: .* ([A-Z]+[0-9]*).*/\1/p' "$a/machine/bochs.log" | head -n 1 ;;
	b_wanted) echo $(($(sed -nE 's/.* FAIL .*4402 is [0-9a-fx]+, wanted ([0-9a-fx]+).*/\1/p' "$b/said" | head -n 1))) ;;
	c_name) awk -F, '$3 == "shadow=on" { print $4 }' "$c_parts/run/fields.csv" ;;
	c_reason) comm -13 <(window "$sound" | sort) <(window "$c" | sort) | sed -nE 's/^name=([a-z_]+)$/\1/p' ;;
	c_exits | c_ticks) more "${1#c_}" ;;
	esac
}
