# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: a copy of the tree for lab 3, and what can be broken in it. Spoilers below.
# shellcheck disable=SC2154 # build and die are scripts/lab's

# A breakage is a row of a table in vmcs_merge/ that says something else.
declare -A broken_file=([a]=vmcs_merge/controls_list.h [b]=vmcs_merge/controls_list.h [c]=vmcs_merge/bitmaps.c)
declare -A broken_row=([a]=CTL2_UNRESTRICTED_GUEST [b]=CPU_CR3_STORE_EXITING [c]=F_GUEST_RIP)
declare -A broken_from=([a]=BIT_FROM12 [b]=BIT_FROM12 [c]='SHADOW_READ | SHADOW_WRITE')
declare -A broken_to=([a]=BIT_OFF [b]=BIT_FROM01 [c]=SHADOW_READ)

# copy_tree DIR: with times, so that make finds everything built; what was built is in DIR/build, whatever BUILD is here.
copy_tree() {
	local dir=$1 file
	if [ -e "$dir" ] && [ ! -e "$dir/.lab-copy" ]; then
		die 2 "$dir is there already, and is no copy that scripts/lab made"
	fi
	[ -d "$build/l0" ] || die 4 "$build/l0 is not there: run 'make' first"
	rm -rf "$dir"
	mkdir -p "$dir/.lab-copy" || die 4 "$dir cannot be made"
	# Without git the tree is what an archive of it held.
	{ git ls-files -coz --exclude-standard 2>/dev/null || find . -path ./build -prune -o -path ./results/runs -prune -o -type f -print0; } |
		xargs -0 cp -p --parents -t "$dir" || die 4 "the tree cannot be copied to $dir"
	# The Makefile asks git; what is above DIR is not asked then.
	git init -q "$dir" 2>/dev/null
	mkdir "$dir/build"
	for file in "$build"/*; do
		case ${file##*/} in
		check | fuzz | tests | lint | labs | clang) ;;
		*) cp -a "$file" "$dir/build/" || die 4 "$file cannot be copied to $dir/build" ;;
		esac
	done
	# The lists of headers name what was built as it was called here.
	find "$dir/build" -name '*.d' -exec sed -i "s#${BUILD:-build}/#build/#g" {} +
	for file in "${broken_file[@]}"; do
		cp -p "$file" "$dir/.lab-copy/${file##*/}"
	done
}

# break_tree NAME: in the tree of this script. The others are mended first.
break_tree() {
	local name=$1 file
	[ "$name" = none ] || [ -n "${broken_file[$name]-}" ] || die 2 "'$name': expected a, b, c or none"
	[ -d .lab-copy ] || die 2 "$PWD is not a copy: 'scripts/lab copy DIR' makes one"
	for file in "${broken_file[@]}"; do
		cmp -s ".lab-copy/${file##*/}" "$file" || cp ".lab-copy/${file##*/}" "$file" || die 4 "$file cannot be written"
	done
	[ "$name" != none ] || return 0
	file=${broken_file[$name]}
	awk -v row="${broken_row[$name]}," -v from="${broken_from[$name]}," -v to="${broken_to[$name]}," '
	index($0, row) && (at = index($0, from)) { $0 = substr($0, 1, at - 1) to substr($0, at + length(from)); n++ }
	{ print }
	END { exit n != 1 }' ".lab-copy/${file##*/}" >.lab-copy/new || die 4 "$file has no such row"
	cat .lab-copy/new >"$file"
}
