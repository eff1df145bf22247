#!/bin/bash
# SPDX-License-Identifier: MIT
# Two machines whose L0s exchange bytes over the link, as it should be and with every fault of the wire (docs/link.md).
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

mib=1048576
# try NAME STATUS ARGUMENTS...: nestbed link, its table in $work/NAME; true when the exit status is STATUS
try() {
	local name=$1 wanted=$2 got
	shift 2
	"$nestbed" link --timeout 100 "$@" >"$work/$name" 2>"$work/$name.err"
	got=$?
	[ "$got" -eq "$wanted" ] || { echo "exit status $got, wanted $wanted: $*"; cat "$work/$name.err"; return 1; }
}
# value NAME HOST COLUMN
value() {
	awk -F, -v host="$2" -v column="$3" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$1 == host { print $at[column] }' "$work/$1"
}
# is NAME HOST COLUMN OPERATOR NUMBER
is() {
	local got
	got=$(value "$1" "$2" "$3")
	test "${got:--1}" "$4" "$5" || { echo "$3 of host $2 is $got, wanted $4 $5"; return 1; }
}
# all came, and as what was sent: nestbed compared digests; here the counts
all_came() {
	is "$1" 0 bytes_sent -eq "$2" && is "$1" 1 bytes_received -eq "$2" &&
		is "$1" 1 bytes_sent -eq "$3" && is "$1" 0 bytes_received -eq "$3" &&
		is "$1" 0 bad_frames -eq 0 && is "$1" 1 bad_frames -eq 0 && is "$1" 0 nic_errors -eq 0
}

if ! try probe 0 --bytes 1 && grep -q 'no link is possible here' "$work/probe.err"; then
	echo "skip link no network namespaces on this computer"
	exit 0
fi

one_byte() { all_came probe 1 0; }
case_ "one byte" one_byte

cheap() {
	local sent
	try cheap 0 --bytes $((4 * mib)) && all_came cheap $((4 * mib)) 0 || return 1
	sent=$(($(value cheap 0 wire_bytes) + $(value cheap 1 wire_bytes)))
	[ $(((sent - 4 * mib) * 20)) -lt "$sent" ] || { echo "$sent bytes for $((4 * mib))"; return 1; }
	is cheap 0 again_frames -eq 0
}
case_ "without faults: headers and acks below 5 %, nothing again" cheap

lossy() {
	try lossy 0 --bytes $((4 * mib)) --link loss=1%,seed=3 && all_came lossy $((4 * mib)) 0 &&
		is lossy 0 again_frames -gt 0 && is lossy 0 again_bytes -lt $((4 * mib * 3 / 100))
}
case_ "1 % loss: below 3 % again" lossy

spoilt() {
	try spoilt 0 --bytes "$mib" --back "$mib" --from corei7_sandy_bridge_2600k --to corei7_haswell_4770 \
		--link loss=2%,dup=2%,reorder=2%,corrupt=2%,rate=200Mbit,delay=200us &&
		all_came spoilt "$mib" "$mib" && is spoilt 0 corrupt_frames -gt 0 && is spoilt 1 double_frames -gt 0
}
case_ "both ways, all faults at once, other processors" spoilt

cut() {
	try cut 0 --bytes "$mib" --link cut@round=0:1500ms && all_came cut "$mib" 0 && is cut 0 probe_frames -gt 3
}
case_ "a cut" cut

same_losses() {
	try again 0 --bytes $((4 * mib)) --link loss=1%,seed=3 && is again 0 digest_sent = "$(value lossy 0 digest_sent)" &&
		is again 1 digest_received = "$(value lossy 1 digest_received)"
}
case_ "the same seed, the same digests" same_losses

# 24 bytes of file header, then records of 16 bytes and the frame: walked to its end
capture() {
	try capture 0 --bytes 100000 --pcap "$work/pcap" || return 1
	[ "$(od -An -tx4 -N4 "$work/pcap" | tr -d ' ')" = a1b23c4d ] || { echo "no pcap magic"; return 1; }
	[ "$(od -An -tx1 -j52 -N2 "$work/pcap" | tr -d ' ')" = 88b5 ] || { echo "the first frame is none of the link"; return 1; }
	[ "$(stat -c %s "$work/pcap")" -gt 102000 ]
}
case_ "frames in a pcap file" capture

dead() {
	try dead 4 --bytes 1000 --link loss=100% && grep -q "a peer that answers" "$work/dead.err"
}
case_ "a wire that carries nothing: the L0s say so" dead

no_nic() {
	boot nonic 4 hello --set l0.host=3 && said nonic '^@ refusal .*e1000'
}
case_ "a host number without a NIC is refused" no_nic
# A user namespace that may make no other: where that works, the refusal can be seen.
# shellcheck disable=SC2016 # the inner shell expands it
no_namespace() {
	unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_net_namespaces && echo 0 >/proc/sys/user/max_user_namespaces &&
		exec "$1" link --bytes 1' - "$nestbed" >"$work/alone" 2>&1
	[ $? -eq 4 ] && grep -q 'no link is possible here' "$work/alone"
}
if unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces' 2>/dev/null; then
	case_ "without network namespaces no link is possible, and that is said" no_namespace
else
	echo "skip without network namespaces no link is possible: user namespaces with limits are not allowed here"
fi
bad_script() {
	try script 2 --link loss=2 && grep -q "'loss' must be a percentage" "$work/script.err"
}
case_ "a bad script is refused" bad_script
no_file() {
	try file 1 --pcap "$work/none/x" && grep -q "none/x: No such file" "$work/file.err"
}
case_ "a pcap file that cannot be written is told" no_file

exit "$failed"
