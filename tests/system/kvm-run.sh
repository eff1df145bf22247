#!/bin/bash
# SPDX-License-Identifier: MIT
# kvm-run: wrong use, what it refuses, its records; and where this computer has KVM, VMs that end in each way.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
program=$build/peers/kvm-run
guests=$build/guests

# ends STATUS ARGUMENTS...: its records as text in $work/out, its errors in $work/err
ends() {
	local wanted=$1 got
	shift
	timeout 60 "$program" "$@" >"$work/records" 2>"$work/err"
	got=$?
	"$build/nestbed" records "$work/records" >"$work/out" 2>/dev/null
	[ "$got" -eq "$wanted" ] || { cat "$work/out" "$work/err"; echo "exit status $got, wanted $wanted: $*"; return 1; }
}
said() {
	grep -qE -- "$1" "$work/out" "$work/err" || { cat "$work/out" "$work/err"; echo "not said: $1"; return 1; }
}
no_records() {
	[ ! -s "$work/records" ] || { cat "$work/out"; echo "records all the same"; return 1; }
}

helps() {
	"$program" --help >"$work/out" 2>"$work/err" && said '--track=MEANS' && said 'Exit status:'
}
case_ "--help" helps

# wrong PATTERN ARGUMENTS...
wrong() {
	local pattern=$1
	shift
	ends 2 "$@" && said "$pattern" && no_records
}
hello=$guests/hello.elf
case_ "no image" wrong 'which IMAGE'
case_ "two images" wrong 'one IMAGE is enough' "$hello" "$hello"
case_ "an image that is not there" wrong 'nothing.elf: No such file' "$work/nothing.elf"
case_ "a folder for an image" wrong 'Is a directory' "$work"
case_ "a module that is not there" wrong 'No such file' --module "$work/nothing" "$hello"
case_ "memory that is no amount" wrong 'not an amount of memory' --memory 1000 "$hello"
case_ "too much memory" wrong 'at most 3G' --memory 4G "$hello"
case_ "tracking by what is no means" wrong "'pml'" --track pml "$hello"
case_ "a ring that is no power of two" wrong 'power of two' --ring-pages 1025 "$hello"
case_ "a ring that is too small" wrong 'not a number from 1024' --ring-pages 512 "$hello"
case_ "a unit that is none" wrong "'ticks'" --unit ticks "$hello"
case_ "a command line that is too long" wrong 'longer than' --cmdline "$(printf '%600s' x)" "$hello"
modules=()
for _ in {1..9}; do
	modules+=(--module "$hello")
done
case_ "nine modules" wrong 'more than 8 modules' "${modules[@]}" "$hello"

refused() {
	local pattern=$1
	shift
	ends 4 "$@" && said '^@ hello producer=kvm ' && said "^@ refusal .*$pattern" && said "^kvm-run: .*$pattern"
}
case_ "no device" refused 'No such file' --device "$work/nothing" "$hello"
case_ "a device that is not KVM" refused 'is not KVM' --device /dev/null "$hello"

# ---- with KVM ----
# It is there, and may be used.
if ! { : <>/dev/kvm; } 2>/dev/null; then
	echo "skip VMs /dev/kvm can't be opened"
	exit "$failed"
fi
runs() {
	local status=$1 pattern=$2
	shift 2
	ends "$status" --timeout 30 "$@" && said "$pattern" && said '^@ end vms=1 '
}
stops() {
	runs 3 "^@ stop vm=$1 cause=$2 .*name=RIP" "${@:3}"
}
case_ "hello" runs 0 '^@ stop vm=hello cause=SHUTDOWN' "$hello"
case_ "what hello was told" said '^hello> cmdline "hello"'
case_ "hello with words and a module, by another name" runs 0 '^x> cmdline "hello a=1 b"' --name x --cmdline "a=1 b" --memory 16M \
	--module "$guests/triple.elf:c=2" "$hello"
case_ "what hello was told of its module" said 'triple c=2'
case_ "a kernel by addresses" runs 0 '^aout> ' "$guests/aout.bin"
case_ "what is not there" runs 0 'passed, 0 failed' "$guests/outside.elf"
case_ "a triple fault" stops triple TRIPLE_FAULT "$guests/triple.elf"
case_ "a guest without an end" stops spin LIMIT --timeout 1 "$guests/spin.elf"
case_ "one access without an end" stops hostile LIMIT --timeout 1 --cmdline "rounds=1 only=port end=repio" "$guests/hostile.elf"
case_ "an image that is no kernel" refused 'no multiboot-1 header' "$program"
case_ "an image that does not fit" refused 'the VM has not enough memory' --memory 1M "$hello"

interrupted() {
	"$program" "$guests/spin.elf" >"$work/records" 2>"$work/err" &
	local pid=$!
	sleep 1
	kill -TERM "$pid"
	wait "$pid"
	[ $? -eq 143 ] && "$build/nestbed" records "$work/records" >"$work/out" && said 'cause=LIMIT reason="signal 15"'
}
case_ "a signal ends it, told" interrupted
full() {
	"$program" "$hello" >/dev/full 2>"$work/err"
	[ $? -eq 1 ] && said 'No space left'
}
case_ "records that can't be written" full
exit "$failed"
