#!/bin/bash
# SPDX-License-Identifier: MIT
# The golden results come out again, bit for bit, from the source as it is.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
if ! command -v bochs-bin >/dev/null; then
	echo "skip reproduce bochs-bin is not installed"
	exit 0
fi
experiments/golden check "$build"
case $? in
0) echo "ok reproduce" ;;
77) echo "skip reproduce the golden results were made by another compiler or Bochs" ;;
*)
	echo "not ok reproduce"
	exit 1
	;;
esac
