#!/bin/bash
# SPDX-License-Identifier: MIT
# A fault at each message of a whole move, by either end: lost, torn off, spoilt, doubled, out of order; and each end dies at each of them.
# Inside a long run of pages, where one message is handled as the next, each has one of these faults; everywhere else all of them.
# Every time the guest ends in one place, having lost nothing, or it is said that nobody has it; and nothing hangs.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

if ! "$nestbed" link --bytes 1 >"$work/probe" 2>&1 && grep -q 'no link is possible here' "$work/probe"; then
	echo "skip movefaults no network namespaces on this computer"
	exit 0
fi

# A guest that writes; and one whose WBINVD makes a barrier. Of that one only messages from the barrier on are tried: those before are the same.
declare -A arguments=([writes]="rate=200000 writes=800 pages=40 move=50" [barrier]="cpus=2 pages=2 only=wbinvd rounds=3 rate=10000000 move=1 others=8")
declare -A image=([writes]=dirtier [barrier]=wbinvd) cpus=([writes]=1 [barrier]=2)
declare -A first # message of the source that is tried
kinds='drop truncate flip twice swap'
order="the frame's sequence number" changed="the frame's CRC32C"
declare -A reason=([drop]=$order [truncate]=$changed [flip]=$changed [twice]=$order [swap]=$order)
at_once=3 # as machines wait for each other, too

# go NAME GUEST ARGUMENTS...: what one move said, and its exit status, in $work/NAME
go() {
	local name=$1 guest=$2
	shift 2
	"$nestbed" move --memory 2M --timeout 60 --cpus "${cpus[$guest]}" "$@" "${image[$guest]}" "${arguments[$guest]}" >"$work/$name" 2>&1
	echo "exit $?" >>"$work/$name"
}
# by GUEST END: its messages in order, a kind a line
by() {
	sed -nE "s/^ *[0-9]+ $2 [0-9]+ ([A-Za-z]+) .*/\1/p" "$work/shown-$1"
}
# number GUEST END KIND: of the first such message
number() {
	by "$1" "$2" | grep -nxm 1 "$3" | sed 's/:.*//' | { read -r line && echo $((line - 1)); }
}

plain() {
	go "plain-$1" "$1" --capture "$work/streams-$1" && touch "$work/plain-$1.err" && said "plain-$1" '^0->1 moved: ' &&
		said "plain-$1" ' passed, 0 failed,' && "$nestbed" stream show "$work/streams-$1/hop-0.stream" >"$work/shown-$1"
}
case_ "a guest that writes, undisturbed" plain writes
case_ "a guest with a barrier, undisturbed" plain barrier
every_kind() {
	local guest end
	for guest in writes barrier; do
		for end in source target; do by "$guest" "$end"; done
	done | sort -u | paste -sd ' ' >"$work/every"
	grep -x 'Accept Barrier BarrierApplied Commit DeviceState End Hello PageBatch Ready RoundEnd Running VcpuState ZeroRun' "$work/every" ||
		{ cat "$work/every"; return 1; }
}
case_ "every kind of message is there" every_kind
[ "$failed" -eq 0 ] || exit 1
first=([writes]=0 [barrier]=$(number barrier source Barrier))

# ---- all of them ----
# messages GUEST END FAULT: numbers of those that are tried; kill0 and kill1 are faults, too. Inside a run of pages: not one of its
# first two, nor of its last two.
messages() {
	local from=0 faults="$kinds kill0 kill1"
	[ "$2" = source ] && from=${first[$1]}
	by "$1" "$2" | awk -v from="$from" -v fault="$3" -v faults="$faults" '
		BEGIN { count = split(faults, name, " ") }
		{ pages[NR] = /^(PageBatch|ZeroRun)$/ }
		END {
			for (n = from + 1; n <= NR; n++) {
				inside = pages[n - 2] && pages[n - 1] && pages[n] && pages[n + 1] && pages[n + 2]
				if (!inside || name[n % count + 1] == fault)
					print n - 1
			}
		}'
}
# A line a move: NAME GUEST ARGUMENTS...
list() {
	local guest n kind
	for guest in writes barrier; do
		for kind in $kinds; do
			for n in $(messages "$guest" source "$kind"); do echo "$guest-0-$kind-$n $guest --set host0.migrate.fault=$kind,$n"; done
			for n in $(messages "$guest" target "$kind"); do echo "$guest-1-$kind-$n $guest --set host1.migrate.fault=$kind,$n"; done
		done
		for kind in 0 1; do
			for n in $(messages "$guest" source "kill$kind"); do echo "$guest-kill$kind-source-$n $guest --kill $kind@$n"; done
			for n in $(messages "$guest" target "kill$kind"); do echo "$guest-kill$kind-target-$n $guest --kill $kind@T:$n"; done
		done
	done
}
list >"$work/list"
while read -r name guest option value; do
	while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
	go "$name" "$guest" --set migrate.patience=250 "$option" "${value/,/ }" &
done <"$work/list"
wait

# ---- what came of them ----
show() {
	echo "${1##*/}: $2"
	tail -n 6 "$1"
	bad=1
}
# It ended, and nobody stopped it or had to.
ended() {
	grep -aqE '^0->1 (moved|kept|lost)' "$1" || show "$1" "no outcome"
	! grep -aqE '^@[0-9]+ fault |disagreement: |did not end when told|out of time' "$1" || show "$1" "no end as it should be"
}
# The guest ran to its end in one place, and found there all that it had written.
is_whole() {
	[ "$(grep -acE '^[a-z]+> .* passed, 0 failed,' "$1")" -eq 1 ] && [ "$(grep -acE '^@[01] stop .*cause=SHUTDOWN' "$1")" -eq 1 ] && grep -aqx 'exit 0' "$1"
}
whole() {
	is_whole "$1" || show "$1" "the guest is not whole"
}
# It ran to its end nowhere, and that is said.
is_lost() {
	grep -aq 'no host has the VM any more' "$1" && ! grep -aqE ' passed, |^@[01] stop ' "$1" && grep -aqx 'exit 5' "$1"
}
lost() {
	is_lost "$1" || show "$1" "not lost"
}
either() {
	is_lost "$1" || whole "$1"
}
outcome() {
	grep -aqE "^0->1 $2" "$1" || show "$1" "not $2"
}
# faulty GUEST KIND: the target finds each fault of the source before the source commits, and the source hears of it; so the guest stays.
faulty() {
	local bad=0 n file commit others=0
	commit=$(number "$1" source Commit)
	for n in $(messages "$1" source "$2"); do
		file=$work/$1-0-$2-$n
		ended "$file"
		whole "$file"
		[ "$n" -lt $((commit - 1)) ] || continue
		outcome "$file" kept
		grep -aqE "^@0 .* said=KEPT why=\"(${reason[$2]}|the other host does not answer in time)" "$file" || others=$((others + 1))
	done
	for n in $(messages "$1" target "$2"); do
		ended "$work/$1-1-$2-$n"
		whole "$work/$1-1-$2-$n"
	done
	# on a busy computer a machine may stand still for longer than these moves have patience
	[ "$others" -le 2 ] || show "$file" "$others of these moves ended for another reason"
	return "$bad"
}
# Until the target is ready only the source has the guest; then it runs there. Whether it gets ready behind End is a matter of luck.
source_dies() {
	local bad=0 n file end
	end=$(number "$1" source End)
	for n in $(messages "$1" source kill0); do
		file=$work/$1-kill0-source-$n
		ended "$file"
		if [ "$n" -lt "$end" ]; then lost "$file"; elif [ "$n" -eq "$end" ]; then either "$file"; else whole "$file"; fi
	done
	for n in $(messages "$1" target kill0); do
		file=$work/$1-kill0-target-$n
		ended "$file"
		if [ "$n" -lt "$(number "$1" target Ready)" ]; then lost "$file"; else whole "$file"; fi
	done
	return "$bad"
}
# Before it runs the guest, the source has it still; whether it does already when the Commit begins is a matter of luck.
target_dies() {
	local bad=0 n file
	for n in $(messages "$1" source kill1); do
		file=$work/$1-kill1-source-$n
		ended "$file"
		if [ "$n" -lt "$(number "$1" source Commit)" ]; then
			whole "$file"
			outcome "$file" kept
		else
			either "$file"
		fi
	done
	for n in $(messages "$1" target kill1); do
		file=$work/$1-kill1-target-$n
		ended "$file"
		if [ "$n" -lt "$(number "$1" target Running)" ]; then whole "$file"; else lost "$file"; fi
	done
	return "$bad"
}
for guest in writes barrier; do
	for kind in $kinds; do
		case_ "$kind: each message of a guest of '$guest', by either end" faulty "$guest" "$kind"
	done
	case_ "the source dies at each message of '$guest'" source_dies "$guest"
	case_ "the target dies at each message of '$guest'" target_dies "$guest"
done
echo "$(wc -l <"$work/list") moves; every kind of message: $(cat "$work/every")"
# KEEP=DIR leaves what each move said there.
[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
exit "$failed"
