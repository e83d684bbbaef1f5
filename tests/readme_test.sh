#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Is the example in README.md the program examples/readme.c, and does that learn? Usage: tests/readme_test.sh SOURCE PROGRAM
set -euo pipefail
cd "$1"
if ! diff <(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d') <(grep -v SPDX examples/readme.c); then
    echo "README.md (<) differs from examples/readme.c (>): copy the latter into the former" >&2
    exit 1
fi

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
output=$("$2")
echo "$output"
# step 0: loss 2.3 ... step 900: a tenth of it
awk '/^step [0-9]+: loss/ { if (!n++) first = $4; last = $4 } END { exit !(n == 10 && last < 0.3 * first) }' <<<"$output"
! TENON_DATA_DIR=/nonexistent "$2" 2>/dev/null
