# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by scripts/lab: the questions of docs/labs/lab4.md.
# shellcheck disable=SC2154 # nestbed, answer and store are scripts/lab's
ask page_ticks ticks truth "A round that sends pages without zeros: its ticks over its pages."
ask link_pages ticks truth "How many pages of that time fit into 10^9 ticks?"
ask converges count rate_converges "A rate whose last line does not say 'the rest fits into the down time', so it did not converge: go down."
ask fails count rate_fails "It converged, or it is more than 1.15 times your 'converges': halve the gap between the two."
ask link_mbit count link_enough "Either that link is too slow for 40000 pages, or 0.8 times of it would do. Start from link_pages: it grows with the rate."
ask down_time count down_enough "Either that is too short, or 0.8 times of it would do. How long do the pages of the last round take?"
ask slowed_by count truth "With migrate.converge=on: the largest percentage that a round's line names."

# What docs/labs/lab4.md moves: 200 pages, written in turn at a rate. Near the threshold a move takes long, and of a
# guest that is slowed down; the guest must outlive it.
move() {
	local rate=$1 link=$2 down=$3 writes
	writes=$((rate / 16))
	[ "$rate" -lt 30000 ] || [ $# -gt 3 ] || writes=$((rate / 32))
	kept 0 "$nestbed" move --quiet --memory 4M --link "rate=${link}Mbit" --set "migrate.down_time=$down" "${@:4}" \
		dirtier "pattern=sequential pages=200 rate=$rate writes=$writes move=200"
}
converged() {
	grep -q '^0->1 moved: .*; the rest fits into the down time$' "$1/said"
}
too_fast() {
	grep -q '^0->1 moved: .*; the guest dirties pages as fast as they are sent$' "$1/said"
}
# A number that makes no move: too small, or too large for the guest or the configuration
sane() {
	[ "${#1}" -le 9 ] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}
measure() {
	fixed=$(move 40000 1000 2000000) && slowed=$(move 40000 1000 2000000 --set migrate.converge=on)
}
truth() {
	case $1 in
	page_ticks) awk '/^0->1 round 2: / { if ($6 == 0) print $10 / $4 }' "$fixed/said" ;;
	link_pages) awk -v t="$(truth page_ticks)" 'BEGIN { print 1e9 / t }' ;;
	slowed_by) sed -nE 's/.*, slowed by ([0-9]+) %.*/\1/p' "$slowed/said" | sort -n | tail -n 1 ;;
	esac
}
rate_converges() {
	local run
	sane "$1" 1000 200000 || return 1
	run=$(move "$1" 1000 2000000) || return 4
	converged "$run"
}
rate_fails() {
	local run below=${answer[converges]:-0}
	sane "$1" 1000 200000 && sane "$below" 1000 200000 && [ $(($1 * 100)) -le $((below * 115)) ] && rate_converges "$below" || return 1
	run=$(move "$1" 1000 2000000) || return 4
	too_fast "$run"
}
# enough 'ARGUMENTS' 'ARGUMENTS': of move; the first one converges, the second does not
# shellcheck disable=SC2086 # they are words
enough() {
	local run less
	run=$(move $1) || return 4
	converged "$run" || return 1
	less=$(move $2) || return 4
	too_fast "$less"
}
link_enough() {
	sane "$1" 100 100000 && enough "40000 $1 2000000" "40000 $(($1 * 8 / 10)) 2000000"
}
down_enough() {
	sane "$1" 10000 900000000 && enough "40000 1000 $1" "40000 1000 $(($1 * 8 / 10))"
}
