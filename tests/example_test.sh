#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs an example and looks at what it prints.
# Usage: example_test.sh prints FILE PROGRAM       exactly the file's text
#        example_test.sh above PERCENT PROGRAM     an accuracy, "97.31 % of", above PERCENT
#        example_test.sh saves_and_runs PERCENT PROGRAM OTHER    the first saves a file, on which the other is so right
#        example_test.sh fails_without_data PROGRAM
set -euo pipefail

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}

need_data() {
    [ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
}

# is_above PERCENT OUTPUT
is_above() {
    echo "$2"
    accuracy=$(sed -n 's/.* \([0-9.]*\) % of .*/\1/p' <<<"$2")
    awk -v found="$accuracy" -v wanted="$1" 'BEGIN { exit !(found > wanted) }'
}

case $1 in
prints)
    diff -u "$2" <("$3")
    ;;
above)
    need_data
    is_above "$2" "$("$3")"
    ;;
saves_and_runs)
    need_data
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$3" "$work/saved.tnp"
    is_above "$2" "$("$4" "$work/saved.tnp")"
    if "$4" "$work/none.tnp"; then exit 1; fi
    ;;
fails_without_data)
    if output=$(TENON_DATA_DIR=/nonexistent "$2" 2>&1); then
        echo "succeeded without data: $output"
        exit 1
    fi
    echo "$output"
    grep -q /nonexistent <<<"$output"
    [ "$(wc -l <<<"$output")" = 1 ]
    ;;
*)
    sed -n 's/^# Usage: //p' "$0"
    exit 2
    ;;
esac
