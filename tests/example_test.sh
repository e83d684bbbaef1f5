#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs an example and looks at what it prints.
# Usage: example_test.sh prints FILE PROGRAM       exactly the file's text
#        example_test.sh above PERCENT PROGRAM     an accuracy, "97.31 % of", above PERCENT
#        example_test.sh fails_without_data PROGRAM
set -euo pipefail

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}

case $1 in
prints)
    diff -u "$2" <("$3")
    ;;
above)
    [ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
    output=$("$3")
    echo "$output"
    accuracy=$(sed -n 's/.* \([0-9.]*\) % of .*/\1/p' <<<"$output")
    awk -v found="$accuracy" -v wanted="$2" 'BEGIN { exit !(found > wanted) }'
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
