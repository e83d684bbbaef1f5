#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A GPU plugin's file, with or without a GPU: it exports its entry symbol alone, is linked to no library that it opens by
# itself, loads, and says what devices there are or why there are none.
# Usage: tests/gpu_plugin_test.sh BUILD PLUGIN cuda|hip|hip_on_cuda
set -u
tenon=$(realpath "$1")/bin/tenon
plugin=$(realpath "$2")
name=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
export TENON_PLUGIN_PATH=$work TENON_PLUGIN_FILES=$plugin
unset TENON_BACKEND TENON_LOG HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES
command -v readelf nm >/dev/null || exit 77

case $name in
cuda)        driver=/proc/driver/nvidia/version without='NVIDIA driver' ;;
hip)         driver=/dev/kfd without='no AMD GPU: hipErrorNoDevice \(100\); there is no /dev/kfd' ;;
hip_on_cuda) driver=/proc/driver/nvidia/version without='no AMD GPU: cudaErrorInsufficientDriver \(35\)' ;;
*) echo "what is \"$name\"?" && exit 1 ;;
esac

symbols=$(nm -D --defined-only "$plugin" | awk '{print $NF}')
[ "$symbols" = tn_plugin_query_v1 ] || fail "it exports $symbols"
needed=$(readelf -d "$plugin" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
grep -qE 'cublas|cudnn|libcuda|rocblas|MIOpen' <<<"$needed" && fail "it is linked to $needed"
subject=("$tenon" conform)
expect 0 '^conforms to level 0' "$plugin" --level 0

# A library that its note names and that cannot be opened: doctor says which, why, and what would help.
subject=("$tenon" doctor)
if grep -q libcudnn "$plugin"; then
    touch "$work/libcudnn.so.9"
    LD_LIBRARY_PATH=$work expect 0 "libcudnn.so.9: missing: .*file too short; install NVIDIA's cuDNN, of that version"
fi
if [ -e $driver ]; then
    expect 0 "$name:0"
    [ $failures = 0 ]
    exit
fi
expect 0 "$without"
subject=("$tenon" backends)
expect 0 "refused: .*$without"
subject=("$tenon" conform)
expect 0 "it has no device: .*$without" "$plugin" --level 1
if [ "$name" = hip ]; then
    export ROCR_VISIBLE_DEVICES=0
    subject=("$tenon" doctor)
    expect 0 'ROCR_VISIBLE_DEVICES is set, and may hide GPUs'
fi
[ $failures = 0 ]
