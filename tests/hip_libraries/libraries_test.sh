#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Products and convolutions of the HIP plugin by rocBLAS and MIOpen, which are fakes on the CPU here: every sample's result
# is right whatever the libraries take, and what they must not be used for is found out.
# Usage: tests/hip_libraries/libraries_test.sh BUILD used|declined|off|other|conforms
set -u
plugin=gpu_host_rocm folder=hip_libraries
. "$(dirname "$0")/../gpu_host/libraries.sh"
unset TENON_HIP_LIBS TENON_FAKE_ROCBLAS TENON_FAKE_MIOPEN

products=(matmul linear linear_relu linear_grad_weight)
convolutions=(conv2d conv2d_relu conv2d_grad_input conv2d_grad_weight)

case $2 in
used)
    right "${products[@]}" "${convolutions[@]}"
    for kind in 0 1 2; do traced "product $kind"; done            # of a transpose, plain, several
    for result in 119 120 121; do traced "convolution $result"; done # w, x and y
    ;;
declined)
    export TENON_FAKE_ROCBLAS=none TENON_FAKE_MIOPEN=none
    right "${products[@]}" "${convolutions[@]}"
    untraced '.*'
    ;;
off)
    export TENON_HIP_LIBS=off
    right linear conv2d
    untraced '.*'
    export TENON_HIP_LIBS=rocblas
    right linear conv2d
    traced 'product .*'
    untraced 'convolution .*'
    TENON_HIP_LIBS=sometimes says 'TENON_HIP_LIBS=sometimes is none of off, rocblas, miopen and on' "${opening[@]}"
    ;;
other) # a library without rocBLAS' functions, or a file that is none: which function is missing, or what is wrong, is told
    sample=("$build/tests/ops_test" "linear: $plugin: as *")
    usual=$LD_LIBRARY_PATH
    export LD_LIBRARY_PATH=$build/tests/$folder/other:$usual
    right linear
    untraced 'product .*'
    says 'rocBLAS is not used .*librocblas.so.4: undefined symbol: rocblas_create_handle.: the plugin.s own' "${sample[@]}"
    [ "$(grep -c 'rocBLAS is not used' "$work/output")" = 1 ] || fail "it is not told just once: $(cat "$work/output")"
    touch "$work/librocblas.so.4"
    export LD_LIBRARY_PATH=$work:$usual
    says 'rocBLAS is not used .*librocblas.so.4: file too short.: the plugin.s own kernels' "${sample[@]}"
    ;;
conforms)
    says '^conforms to level 5' "$build/bin/tenon" conform "$TENON_PLUGIN_FILES" --ops 'linear*'
    for name in matmul 'conv2d*'; do
        says '^conforms to level 2' "$build/bin/tenon" conform "$TENON_PLUGIN_FILES" --level 2 --ops "$name"
    done
    traced 'product .*'
    traced 'convolution .*'
    ;;
*) fail "what is \"$2\"?" ;;
esac
[ $failures = 0 ]
