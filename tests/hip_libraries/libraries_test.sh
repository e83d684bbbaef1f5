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
other)
    refused rocBLAS librocblas.so.4 rocblas_create_handle linear
    untraced 'product .*'
    ;;
conforms)
    conforms
    traced 'product .*'
    traced 'convolution .*'
    ;;
*) fail "what is \"$2\"?" ;;
esac
[ $failures = 0 ]
