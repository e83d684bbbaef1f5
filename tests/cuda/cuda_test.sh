#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The CUDA plugin's file, with or without a GPU: it exports its entry symbol alone, is linked to no library of NVIDIA's but
# the static runtime, loads, and says what devices there are or why there are none.
# Usage: tests/cuda/cuda_test.sh BUILD PLUGIN
set -u
tenon=$(realpath "$1")/bin/tenon
plugin=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../expect.sh"
export TENON_PLUGIN_PATH=$work TENON_PLUGIN_FILES=$plugin
unset TENON_BACKEND TENON_LOG
command -v readelf nm >/dev/null || exit 77

symbols=$(nm -D --defined-only "$plugin" | awk '{print $NF}')
[ "$symbols" = tn_plugin_query_v1 ] || fail "it exports $symbols"
needed=$(readelf -d "$plugin" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
grep -qE 'cublas|cudnn|libcuda' <<<"$needed" && fail "it is linked to $needed"
subject=("$tenon" conform)
expect 0 '^conforms to level 0' "$plugin" --level 0

subject=("$tenon" doctor)
if [ -e /proc/driver/nvidia/version ]; then
    expect 0 'cuda:0'
else
    expect 0 'NVIDIA driver' # and why not
    subject=("$tenon" conform)
    expect 0 'it has no device: .*NVIDIA driver' "$plugin" --level 1
fi
[ $failures = 0 ]
