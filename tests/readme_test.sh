#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Is the example in README.md the program that the tests compile and run? Usage: tests/readme_test.sh SOURCE
set -euo pipefail
cd "$1"
if ! diff <(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d') <(grep -v SPDX examples/readme.c); then
    echo "README.md (<) differs from examples/readme.c (>): copy the latter into the former" >&2
    exit 1
fi
echo "README.md shows examples/readme.c as it is"
