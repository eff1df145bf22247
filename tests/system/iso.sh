#!/bin/bash
# SPDX-License-Identifier: MIT
# The CD image: a BIOS starts GRUB, GRUB starts L0, and L0 reports on COM1; on a processor without VT-x (QEMU without KVM) and with it (Bochs).
# shellcheck disable=SC1091,SC2154,SC2317 # work, build, nestbed and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"
make_iso=experiments/iso/make-iso
image=$work/nestbed.iso
boots=(--nested --memory=128M l1hv '--module=exits:ops=empty,cpuid iterations=5')

"$make_iso" "$build" "$image" "${boots[@]}" >"$work/made" 2>&1
case $? in
0) echo "ok the image is made" ;;
4)
	echo "skip iso $(tail -n 1 "$work/made")"
	exit 0
	;;
*)
	cat "$work/made"
	echo "not ok the image is made"
	exit 1
	;;
esac

no_guest() {
	! "$make_iso" "$build" "$work/none.iso" no-such-guest >"$work/none" 2>&1 && said none no-such-guest &&
		[ -z "$(find "$work" -name 'none.iso*')" ]
}
# The file's name is the same; what it needs is named.
no_tools() {
	local program got
	mkdir -p "$work/bin"
	for program in bash dirname rm mktemp; do
		ln -sf "$(command -v "$program")" "$work/bin/"
	done
	PATH=$work/bin "$make_iso" "$build" "$work/none.iso" hello >"$work/tools" 2>&1
	got=$?
	[ "$got" -eq 4 ] && said tools 'apt-get install .*grub-common.*xorriso.*mtools' && [ ! -e "$work/none.iso" ]
}
no_vmx() {
	timeout 100 qemu-system-x86_64 -accel tcg -cpu max,-vmx -m 512 -display none -no-reboot -nic none -cdrom "$image" \
		-serial "file:$work/serial" -device isa-debug-exit,iobase=0xf4,iosize=0x04 >"$work/qemu" 2>&1
	[ $? -eq 1 ] || { cat "$work/qemu"; echo "QEMU was not ended by L0"; return 1; }
	"$nestbed" records "$work/serial" >"$work/refusal" 2>"$work/refusal.err" && said refusal '^@ hello .*unit=cycles' &&
		said refusal '^@ refusal .*VT-x'
}
case_ "a guest that is not there: no image" no_guest
case_ "what lacks to make one is told" no_tools
if command -v qemu-system-x86_64 >/dev/null; then
	case_ "without VT-x: L0 says so on COM1" no_vmx
else
	echo "skip without VT-x: L0 says so on COM1 qemu-system-x86_64 is not installed"
fi

# ---- with VT-x: by Bochs' BIOS, without its port 0xE9 ----
# shellcheck disable=SC2016 # dollars are for the inner shell
with_vmx() {
	cat >"$work/bochsrc" <<-END
		cpu: model=corei7_skylake_x, count=1, ips=20000000, reset_on_triple_fault=0
		memory: guest=512, host=512
		romimage: file=/usr/share/bochs/BIOS-bochs-latest
		vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
		ata0-master: type=cdrom, path=$image, status=inserted
		boot: cdrom
		clock: sync=none, time0=1
		com1: enabled=1, mode=file, dev=$work/com1
		log: $work/bochs.log
		panic: action=fatal
		display_library: rfb, options="timeout=0"
		sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
		speaker: enabled=0
		plugin_ctrl: speaker=0, sb16=0, es1370=0, voodoo=0
	END
	echo c >"$work/debugger"
	# Its display listens on the network, which is therefore one without a way out.
	timeout 200 unshare --map-root-user --net bochs-bin -q -f "$work/bochsrc" -rc "$work/debugger" >"$work/bochs" 2>&1 </dev/null
	grep -q 'Shutdown port: shutdown requested' "$work/bochs.log" || { tail -n 3 "$work/bochs.log"; return 1; }
	"$nestbed" records "$work/com1" >"$work/l2" 2>"$work/l2.err"
	said l2 '^@ hello .*unit=insns' && said l2 '^@ stop vm=l1hv cause=SHUTDOWN' && boot direct 0 "${boots[@]}" &&
		diff <(text l2 'l1hv/l2> ') <(text direct 'l1hv/l2> ') && text l2 'l1hv/l2> ' | grep -q 'end: 2 operations'
}
if ! unshare --map-root-user --net true 2>/dev/null; then
	echo "skip with VT-x: L2 runs, told on COM1 no network namespaces on this computer"
elif [ ! -r /usr/share/bochs/BIOS-bochs-latest ] || [ ! -r /usr/share/bochs/VGABIOS-lgpl-latest ]; then
	echo "skip with VT-x: L2 runs, told on COM1 Bochs' BIOS is not installed"
else
	case_ "with VT-x: L2 runs, told on COM1" with_vmx
fi
exit "$failed"
