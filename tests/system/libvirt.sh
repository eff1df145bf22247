#!/bin/bash
# SPDX-License-Identifier: MIT
# Machines as libvirt's domains, by a libvirtd that this test starts for itself and QEMU without KVM: what the machine says comes through
# the whole path, and whatever ends nestbed, no domain is left.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build, failed, uri come from cases and libvirtd; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
# shellcheck source=tests/system/libvirtd
. "$(dirname "$0")/libvirtd"
nestbed=$build/nestbed
export TMPDIR=$work
# QEMU is run by the daemon's user, and must come to its files.
chmod 711 "$work"

# nest NAME STATUS ARGUMENTS...: nestbed, its output in $work/NAME
nest() {
	local name=$1 wanted=$2 got
	shift 2
	"$nestbed" "$@" >"$work/$name" 2>"$work/$name.err"
	got=$?
	[ "$got" -eq "$wanted" ] || { cat "$work/$name.err"; echo "exit status $got, wanted $wanted: $*"; return 1; }
}
said() {
	grep -qaE -- "$2" "$work/$1" "$work/$1.err" || { cat "$work/$1" "$work/$1.err"; echo "not said: $2"; return 1; }
}

# ---- without a daemon ----
no_daemon() {
	nest absent 4 boot --machine "libvirt:qemu+unix:///session?socket=$work/absent" hello && said absent 'is a libvirtd there' &&
		nest scheme 4 boot --machine libvirt-tcg:nothing:///x hello && said scheme 'nothing:///x' &&
		nest transport 4 boot --machine libvirt-tcg:qemu+nothing:///system hello && said transport 'transport.*is the URI right' &&
		nest driver 4 boot --machine libvirt-tcg:/// hello && said driver '///: no connection driver.*is the URI right'
}
usage() {
	nest kind 2 boot --machine vmware hello && said kind "no machine 'vmware'" &&
		nest pin 2 boot --pin 1 hello && said pin 'is for machines of libvirt' &&
		nest set 2 boot --machine "$tcg" --pin '0;<x' hello && said set "'0;<x' is not a set of processors" &&
		nest many 2 boot --machine "$tcg" --pin 8000 hello && said many "no processor 8000; this computer has $(getconf _NPROCESSORS_ONLN): 0" &&
		nest pool 2 move --machine libvirt-tcg --policy pool dirtier && said pool "Bochs' models" &&
		nest agent 2 move --machine libvirt-tcg --agent 'nestbed agent' dirtier && said agent 'exclude each other' &&
		nest alone 2 run migrate --machine libvirt-tcg && said alone 'runs on machine bochs alone' &&
		nest trace 2 run exit-cost --machine "$tcg" --set trace=1 && said trace 'are for machine bochs, not libvirt-tcg'
}
# libvirt's test driver is a connection that answers, to a computer without QEMU.
no_qemu() {
	nest test 4 boot --machine libvirt:test:///default hello && said test "can't run this machine"
}
doctor() {
	"$nestbed" doctor >"$work/doctor" 2>&1
	for kind in libvirt libvirt-tcg; do
		grep -qE "^(ok|no) +$kind +(libvirt [0-9.]+, QEMU|- +libvirt: qemu:///system)" "$work/doctor" || { cat "$work/doctor"; return 1; }
	done
}
case_ "doctor says what of it can be had" doctor
case_ "no daemon: refused, with what to install" no_daemon
case_ "a connection without QEMU is refused" no_qemu

daemon_start >"$work/why" || { echo "skip machines through libvirtd $(tail -n 1 "$work/why")"; exit "$failed"; }
command -v virsh >/dev/null || { echo "skip machines through libvirtd virsh is not installed"; exit "$failed"; }
domains() {
	virsh -q -c "$uri" list --all --name | sed '/^$/d'
}
# Should a case fail, QEMU must not outlive its daemon.
destroy_all() {
	local d
	for d in $(domains 2>/dev/null); do
		virsh -q -c "$uri" destroy "$d"
	done
}
trap 'destroy_all >/dev/null 2>&1; daemon_stop; rm -rf "$work" "$daemon"' EXIT
# no_domain SECONDS: none is left after so long at most, and no folder of any
no_domain() {
	local i left=
	for ((i = 0; i <= $1 * 10; i++)); do
		left=$(domains; find "$work" -maxdepth 1 -name 'nestbed-*')
		[ -z "$left" ] && return 0
		sleep 0.1
	done
	echo "left: $left"
	return 1
}
tcg=libvirt-tcg:$uri

# ---- the whole path ----
refusal_of_l0() {
	nest l0 4 boot --machine "$tcg" hello && said l0 '^@ hello .*unit=cycles' && said l0 '^@ refusal .*VT-x' && no_domain 0
}
bare() {
	nest bare 0 boot --machine "$tcg" --bare --keep "$work/keep" --module "$build/guests/aout.bin:a,b=<c> & d" --cmdline "one 'two'" hello &&
		said bare '^bye$' && said bare 'cmdline "[^ ]*/hello one .two."' && said bare 'module 0: .*/aout a,b=<c> & d"' &&
		no_domain 0 && "$nestbed" boot --bare --module "$build/guests/aout.bin:a,b=<c> & d" --cmdline "one 'two'" hello >"$work/bochs" &&
		diff <(sed -E 's,"[^ "]*/,",; /^memory/d' "$work/bare") <(sed -E '/^memory/d' "$work/bochs")
}
com1() {
	nest com1 0 boot --machine "$tcg" --pin 0 --bare devices && said com1 '^com1> devices: COM1$'
}
# What libvirt takes without a schema of its own is only known by its schema.
valid() {
	virt-xml-validate "$work/keep/domain.xml" domain && grep -q 'iobase=.0xe9' "$work/keep/domain.xml"
}
triple() {
	nest triple 5 boot --machine "$tcg" --bare triple && said triple 'not by the shutdown port' && no_domain 0
}
wrong() {
	nest named 0 boot --machine "$tcg" --bare --cpu qemu64 hello && said named '^bye$' &&
		nest wrong 5 boot --machine "$tcg" --bare --cpu NoSuchProcessor hello && said wrong 'NoSuchProcessor' && no_domain 0
}
links() {
	nest link 4 link --machine "$tcg" && said link 'link-0: refused: .*VT-x' && said link 'link-1: refused: .*VT-x' && no_domain 0
}
moves() {
	nest move 4 move --from host-passthrough --machine "$tcg" --to qemu64 --memory 8M dirtier && said move 'refused: .*VT-x' && no_domain 0
}
experiment() {
	nest run 4 run exit-cost --machine "$tcg" --pin 0 --set ops=cpuid --set iterations=1 --out "$work/result" && said run 'l1: refused: .*VT-x' &&
		said result/meta.json '"machine": "libvirt-tcg"' && said result/meta.json '"libvirt-tcg": "libvirt .*QEMU' &&
		grep -q '"end": "shut down"' "$work/result/meta.json" && said result/meta.json '"unit": "cycles"' &&
		said result/meta.json '"pin": "0"' && said result/meta.json '"signature": [1-9]' && said result/meta.json '"microcode": ' &&
		said result/meta.json "\"processor\": (\"$(sed -nE '/^model name/ { s/.*: //; s/[^A-Za-z0-9 ]/./g; p; q }' /proc/cpuinfo)\"|null)" && no_domain 0 &&
		nest report 0 report -o "$work/report.html" "$work/result" && grep -A 1 'unit of time' "$work/report.html" | grep -q cycles &&
		cp -r "$work/result" "$work/other" && sed -i -E 's/("microcode": ).*/\1"0x9999"/' "$work/other/meta.json" &&
		"$nestbed" compare "$work/result" "$work/other" >"$work/compared" 2>&1; said compared '^microcode: .* in the first, 0x9999 in the second$'
}
case_ "L0 says through libvirt that there is no VT-x" refusal_of_l0
case_ "a bare guest says through libvirt what it says on Bochs" bare
case_ "COM1 is told, on one processor" com1
case_ "a triple fault is told" triple
case_ "a processor that libvirt knows, and one that it does not" wrong
case_ "two machines with a NIC" links
case_ "a move between two domains" moves
case_ "an experiment: its machine and its unit are told" experiment
case_ "wrong usage" usage
if command -v virt-xml-validate >/dev/null; then
	case_ "the domain is what libvirt's schema allows" valid
else
	echo "skip the domain is what libvirt's schema allows virt-xml-validate is not installed"
fi

# ---- what lacks ----
# The daemon may not open /dev/kvm, so that the answer does not hang on this computer; on an AMD it is another one.
no_kvm() {
	nest kvm 4 boot --machine "libvirt:$uri" hello && said kvm "AMD's|shows no VT-x|modprobe kvm_intel" &&
		nest kvm-run 4 run exit-cost --machine "libvirt:$uri" --out "$work/refused" && [ ! -e "$work/refused" ] && no_domain 0
}
case_ "without VT-x for guests: refused before anything starts" no_kvm

# ---- nothing is left ----
# spin NAME: a machine that runs until it is ended, its nestbed's id in $spinning
spin() {
	"$nestbed" boot --machine "$tcg" --bare spin >"$work/$1" 2>"$work/$1.err" &
	spinning=$!
	for _ in {1..100}; do
		grep -qa '^spin' "$work/$1" && return 0
		sleep 0.1
	done
	echo "it does not run"
	return 1
}
killed() {
	spin killed && [ -n "$(domains)" ] && kill -KILL "$spinning" && no_domain 10
}
# The process between nestbed and libvirt: the daemon ends what it began.
helper_killed() {
	local child
	spin helper && child=$(cat "/proc/$spinning/task/$spinning/children") && [ -n "$child" ] && kill -KILL "${child% }" || return 1
	wait "$spinning"
	[ $? -eq 5 ] && no_domain 10
}
interrupted() {
	spin interrupted || return 1
	kill -INT "$spinning"
	wait "$spinning"
	[ $? -eq 130 ] && no_domain 0
}
timed_out() {
	nest late 5 boot --machine "$tcg" --bare --timeout 1 spin && said late 'ran out of time' && no_domain 0
}
# It prints faster than anybody reads, and ends for all that.
flood() {
	local begun
	cat >"$work/flood.S" <<'EOT'
		.section .mb, "ax"
		.long 0x1BADB002, 0, -0x1BADB002
		.globl _start
	_start:	mov $0xe9, %edx
	1:	mov $_start, %esi
		mov $65536, %ecx
		rep outsb
		jmp 1b
EOT
	gcc -m32 -nostdlib -static -Wl,-Ttext=0x200000,--section-start=.mb=0x100000,--build-id=none -o "$work/flood.elf" "$work/flood.S" || return 1
	"$nestbed" boot --machine "$tcg" --bare "$work/flood.elf" >"$work/flood" 2>"$work/flood.err" &
	spinning=$!
	for _ in {1..100}; do
		[ -s "$work/flood" ] && break
		sleep 0.1
	done
	begun=$SECONDS
	kill -INT "$spinning"
	wait "$spinning"
	[ $? -eq 130 ] || { cat "$work/flood.err"; return 1; }
	[ -s "$work/flood" ] && no_domain 0 || return 1
	[ $((SECONDS - begun)) -lt 9 ] || { echo "ended after $((SECONDS - begun)) s"; return 1; }
}
# Whoever is killed while the domain starts leaves files, which the next to start removes.
killed_early() {
	local child left
	kill -STOP "$pid"
	"$nestbed" boot --machine "$tcg" --bare spin >/dev/null 2>&1 &
	spinning=$!
	sleep 0.2
	kill -CONT "$pid"
	for _ in {1..500}; do
		left=$(find "$work" -maxdepth 1 -name 'nestbed-libvirt.*')
		[ -n "$left" ] && break
	done
	child=$(cat "/proc/$spinning/task/$spinning/children")
	kill -KILL "${child% }"
	wait "$spinning"
	[ -d "$left" ] || { echo "it was not killed early enough"; return 1; }
	nest next 4 boot --machine "$tcg" hello && no_domain 10
}
case_ "nestbed is killed" killed
case_ "libvirt-run is killed as it starts" killed_early
case_ "libvirt-run is killed" helper_killed
case_ "^C" interrupted
case_ "out of time" timed_out
case_ "a machine that prints endlessly" flood
no_file() {
	no_domain 0 && ! find "$work" -maxdepth 1 -name 'nestbed*' | grep .
}
case_ "no file is left" no_file
# Without its daemon a domain cannot be ended; that is told, with what ends it. Last, for the daemon is gone then.
left() {
	local qemu status
	spin left || return 1
	qemu=$(pgrep -f "$work/nestbed-libvirt")
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	pid=
	kill -INT "$spinning"
	wait "$spinning"
	status=$?
	kill -KILL "$qemu" && [ "$status" -eq 130 ] &&
		said left.err "the domain nestbed-$spinning-spin could not be destroyed.*virsh destroy nestbed-$spinning-spin, or kill $qemu\$"
}
case_ "the daemon is killed: what is left is told" left
destroy_all >/dev/null 2>&1
daemon_stop
case_ "nothing of libvirtd is left" daemon_gone
exit "$failed"
