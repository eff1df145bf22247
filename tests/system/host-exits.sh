#!/bin/bash
# SPDX-License-Identifier: MIT
# Experiment host-exits: what exits cost on this computer's own KVM, where it has one; and what is said where it can't be used.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
nestbed=$(realpath "$build/nestbed")

# refused COMMAND...: run by it, nestbed says that KVM can't be used and why, and leaves no folder
refused() {
	"$@" "$nestbed" run host-exits --out "$work/refused.result" >"$work/refused" 2>&1
	[ $? -eq 4 ] && grep -q "this computer's KVM can't be used: /dev/kvm: " "$work/refused" && [ ! -e "$work/refused.result" ]
}
can_open() {
	{ : <>/dev/kvm; } 2>/dev/null
}
if ! can_open; then
	case_ "a computer without a KVM that can be used" refused env
	echo "skip host-exits /dev/kvm can't be opened: $({ : <>/dev/kvm; } 2>&1 | sed 's/.*: //')"
	exit "$failed"
fi
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all)
if [ "$(id -u)" -eq 0 ] && chmod 755 "$work" && "${nobody[@]}" test -x "$nestbed" && ! "${nobody[@]}" bash -c ': <>/dev/kvm' 2>/dev/null; then
	case_ "a user who may not open it" refused "${nobody[@]}"
else
	echo "skip a user who may not open it none can be made here"
fi

"$nestbed" run host-exits --set iterations=100 --set repeats=3 --timeout 60 --out "$work/result" >"$work/out" 2>"$work/err"
status=$?
if [ "$status" -eq 3 ] && grep -q 'UNSUPPORTED (KVM cannot emulate' "$work/err"; then
	echo "skip host-exits this KVM can't run the guest: $(sed -n 's/.*was stopped: //p' "$work/err" | head -n 1)"
	exit "$failed"
fi
ran() {
	cat "$work/out" "$work/err"
	[ "$status" -eq 0 ] && [ -s "$work/result/host-exits.svg" ] && [ -s "$work/result/host-exits.png" ]
}
# Each operation exits, so that it takes some hundred cycles at the least; the spread is one.
rows() {
	awk -F, 'NR > 1 { n++; if ($(NF) != "cycles" || $(NF - 2) < 100 || $(NF - 2) > $(NF - 3) || $(NF - 3) > $(NF - 1)) bad = 1 }
		END { exit bad || n != 5 }' "$work/result/host-exits.csv"
}
told() {
	grep -q '"machine": "kvm"' "$work/result/meta.json" && grep -q '"unit": "cycles"' "$work/result/meta.json"
}
case_ "host-exits" ran
case_ "its rows" rows
case_ "its meta.json" told
exit "$failed"
