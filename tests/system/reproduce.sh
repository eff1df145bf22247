#!/bin/bash
# SPDX-License-Identifier: MIT
# The golden results come out again, bit for bit, from the source as it is.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
for program in bochs-bin make; do
	if ! command -v "$program" >/dev/null; then
		echo "skip reproduce $program is not installed"
		exit 0
	fi
done
make --no-print-directory BUILD="$build" golden-build || exit 1
experiments/golden compare "$build/golden"
case $? in
0) echo "ok reproduce" ;;
77) echo "skip reproduce the golden results were made by another compiler or Bochs" ;;
*)
	echo "not ok reproduce"
	exit 1
	;;
esac
