#!/bin/bash
# SPDX-License-Identifier: MIT
# What each CPU model says of itself is what cpu_baseline/hosts keeps (else: scripts/update-hosts); L0 hides and makes up, but in the same form.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

hosts_are_kept() {
	scripts/update-hosts "$work/hosts" && diff -r cpu_baseline/hosts "$work/hosts"
}
# A line a leaf and sub-leaf, none twice, and the hypervisor's leaf.
vm_form() {
	boot vm 0 cpudump --nested && l0_lives vm && text vm 'cpudump> ' >"$work/vm.text" &&
		! grep -vE '^CPU 0:$|^   0x[0-9a-f]{8} 0x[0-9a-f]{2}: eax=0x[0-9a-f]{8} ebx=0x[0-9a-f]{8} ecx=0x[0-9a-f]{8} edx=0x[0-9a-f]{8}$|^msr 0x[0-9a-f]{8} 0x[0-9a-f]{16}$' "$work/vm.text" &&
		[ -z "$(cut -c1-18 "$work/vm.text" | sort | uniq -d)" ] &&
		grep -q '^   0x40000000 0x00: ' "$work/vm.text" && grep -q '^msr 0x00000480 0x00d810004e420001$' "$work/vm.text"
}
case_ "every CPU model's dump is the one that is kept" hosts_are_kept
case_ "the dump of a VM with VT-x" vm_form
exit "$failed"
