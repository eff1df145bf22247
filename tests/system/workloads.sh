#!/bin/bash
# SPDX-License-Identifier: MIT
# The guests that are moved: the same text bare, as L1 and as L2, and their self-checks can fail.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from common; cases are called by name
set -u
# shellcheck source=tests/system/common
. "$(dirname "$0")/common"

# same NAME GUEST CMDLINE: bare, under L0 and under l1hv it passes, and says the same
same() {
	boot "$1-bare" 0 "$2" --bare --memory 8M --cmdline "$3" && said "$1-bare" '^[1-9].* passed, 0 failed,' &&
		boot "$1-l1" 0 "$2" --memory 8M --cmdline "$3" && l0_lives "$1-l1" &&
		boot "$1-l2" 0 l1hv --nested --memory 24M --cmdline memory=8M --module "$2:$3" && l0_lives "$1-l2" &&
		diff <(text "$1-bare" '') <(text "$1-l1" "$2> ") && diff <(text "$1-bare" '') <(text "$1-l2" 'l1hv/l2> ')
}
same_avx2() {
	boot avx2-bare 0 avx2 --bare --cmdline "every=7 move=20" && said avx2-bare 'rounds are right' &&
		boot avx2-l1 0 avx2 --cmdline "every=7 move=20" &&
		boot avx2-l2 0 l1hv --nested --memory 24M --cmdline memory=8M --module "avx2:every=7 move=20" &&
		diff <(text avx2-bare '') <(text avx2-l1 'avx2> ') && diff <(text avx2-bare '') <(text avx2-l2 'l1hv/l2> ')
}
for pattern in sequential random zipf adversarial; do
	case_ "dirtier, $pattern: bare, as L1 and as L2 the same" same "$pattern" dirtier \
		"pattern=$pattern pages=200 writes=3000 round=700 fill=2 move=1000"
done
case_ "idle: bare, as L1 and as L2 the same" same idle idle "fill=2 beats=20 beat=20000"

two() {
	boot two 0 dirtier --memory 16M --cpus 2 --cmdline "cpus=2 writes=2000 pages=100 rate=100000 move=1" && l0_lives two &&
		boot again 0 dirtier --memory 16M --cpus 2 --cmdline "cpus=2 writes=2000 pages=100" --set slice=5000 &&
		said two '^dirtier> 2 passed, 0 failed,' && diff <(text two 'dirtier> ') <(text again 'dirtier> ')
}
case_ "dirtier on two processors: its digest hangs on its work alone" two

wbinvd_as_l2() {
	boot "wbinvd-$1" 0 l1hv --nested --memory 24M --cmdline "memory=8M wbinvd=$1" --module wbinvd:move=3 && l0_lives "wbinvd-$1" &&
		said "wbinvd-$1" '^l1hv/l2> PASS wbinvd' && said "wbinvd-$1" '^l1hv/l2> 3 passed, 0 failed, 1 skipped'
}
reaches_l1() {
	wbinvd_as_l2 on && said wbinvd-on 'name=l1.exits.wbinvd value=10 '
}
passes_l1_by() {
	wbinvd_as_l2 off && ! grep -a 'name=l1.exits.wbinvd ' "$work/wbinvd-off"
}
case_ "wbinvd as L2: exits to l1hv" reaches_l1
case_ "wbinvd as L2: l1hv does not want to know" passes_l1_by
wbinvd_two() {
	boot wbinvd-two 0 wbinvd --memory 16M --cpus 2 --cmdline "cpus=2 move=3" --set slice=20000 && l0_lives wbinvd-two &&
		said wbinvd-two '^wbinvd> PASS the other processor' && said wbinvd-two ' passed, 0 failed,'
}
case_ "wbinvd beside a processor that writes" wbinvd_two
case_ "avx2: bare, as L1 and as L2 the same" same_avx2

# A write of a page that nobody touches again is the one to lose: the first of 'sequential' with more pages than writes.
spoilt() {
	boot "$1" 0 dirtier --memory 16M --cmdline "pattern=sequential pages=2000 writes=1900 $2" && said "$1" "^dirtier> FAIL .*$3"
}
case_ "dirtier finds the one write that was lost" spoilt lose lose=1 '1 pages lost writes, 0 have too many, 0 are torn, first page 0;'
case_ "dirtier finds the one write that was made twice" spoilt twice twice=700 '0 pages lost writes, 1 have too many, 0 are torn, first page 699;'
case_ "dirtier finds the one write that was torn" spoilt tear tear=1900 '0 pages lost writes, 0 have too many, 1 are torn, first page 1899;'
case_ "dirtier finds it while it writes" spoilt probe "lose=1 probe=10" '.* [1-9][0-9]* probes wrong'

paced() {
	local writes
	boot paced 0 dirtier --memory 16M --cmdline "pages=100 round=50 rate=20000 ticks=100000000" || return 1
	writes=$(sed -nE 's/^dirtier> .* rounds, ([0-9]+) writes.*/\1/p' "$work/paced")
	echo "$writes writes"
	[ "$writes" -ge 1950 ] && [ "$writes" -le 2050 ]
}
case_ "dirtier holds its rate" paced
exit "$failed"
