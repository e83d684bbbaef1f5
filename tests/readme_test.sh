#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Are the examples in README.md those in examples/, and does the first one learn? Usage: tests/readme_test.sh SOURCE PROGRAM
set -euo pipefail
cd "$1"

# block N: the Nth block of C
block() { awk -v wanted="$1" '/^```c$/ { n++; on = n == wanted; next } /^```$/ { on = 0 } on' README.md; }

blocks=0
while read -r what file; do
    blocks=$((blocks + 1))
    if [ "$what" = whole ]; then
        diff <(block $blocks) <(grep -v SPDX "$file") && continue
        echo "README.md (<) differs from $file (>): copy the latter into the former" >&2
    else
        [[ $(<"$file") == *"$(block $blocks)"* ]] && continue
        echo "$file does not have this text of README.md:"$'\n'"$(block $blocks)" >&2
    fi
    exit 1
done < <(sed -nE 's/^<!-- the text of (examples[^:]*): .*/whole \1/p; s/^<!-- from (examples[^:]*): .*/part \1/p' README.md)
[ $blocks = "$(grep -c '^```c$' README.md)" ] || { echo "README.md has C that comes from no example" >&2 && exit 1; }

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
output=$("$2")
echo "$output"
# step 0: loss 2.3 ... step 900: a tenth of it
awk '/^step [0-9]+: loss/ { if (!n++) first = $4; last = $4 } END { exit !(n == 10 && last < 0.3 * first) }' <<<"$output"
! TENON_DATA_DIR=/nonexistent "$2" 2>/dev/null
