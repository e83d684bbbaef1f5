#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Products and convolutions of the CUDA plugin by cuBLASLt and cuDNN, which are fakes on the CPU here: every sample's result
# is right whatever the libraries take, and what they must not be used for is found out.
# Usage: tests/cuda/libraries_test.sh BUILD used|tuned|unfused|declined|zeroing|off|old|other|conforms
set -u
plugin=gpu_host_libraries folder=cuda
. "$(dirname "$0")/../gpu_host/libraries.sh"
unset TENON_CUDA_LIBS TENON_CUDA_TUNE TENON_FAKE_CUBLASLT TENON_FAKE_CUDNN TENON_FAKE_RELU

products=(matmul linear linear_relu linear_grad_weight)
convolutions=(conv2d conv2d_relu conv2d_grad_input conv2d_grad_weight)

case $2 in
used)
    right "${products[@]}" "${convolutions[@]}"
    for epilogue in 1 2 4 6 512; do traced "product $epilogue"; done # none, relu, bias, both; sums of the second factor
    for operations in 1 2 3; do traced "graph $operations"; done
    ;;
unfused)
    export TENON_FAKE_CUDNN=unfused TENON_FAKE_CUBLASLT=unfused
    right conv2d conv2d_relu linear_grad_weight
    traced 'graph 1'
    traced 'product 1'
    untraced '(graph [23]|product (256|512))'
    ;;
tuned) # whichever is taken, results are right
    export TENON_CUDA_TUNE=on
    right linear_relu conv2d_grad_weight
    traced 'algorithm 1'
    traced 'engine 5'
    ;;
declined)
    export TENON_FAKE_CUDNN=none
    right "${convolutions[@]}"
    untraced 'graph .*'
    ;;
zeroing) # a relu that makes 0 of NaN is tried once, and never used for a result
    export TENON_FAKE_RELU=zero
    right linear_relu conv2d_relu
    ;;
off)
    export TENON_CUDA_LIBS=off
    right linear conv2d
    untraced '.*'
    export TENON_CUDA_LIBS=cublas
    right linear conv2d
    traced 'product .*'
    untraced 'graph .*'
    TENON_CUDA_LIBS=sometimes says 'TENON_CUDA_LIBS=sometimes is none of off, cublas, cudnn and on' "${opening[@]}"
    TENON_CUDA_TUNE=maybe says 'TENON_CUDA_TUNE=maybe is neither off nor on' "${opening[@]}"
    ;;
old) # a cuDNN of another major is refused, and told once
    export TENON_FAKE_CUDNN=old
    right conv2d
    untraced 'graph .*'
    says 'cuDNN is not used .libcudnn.so.9 says that it is version 8\.9, but 9\.x is needed' \
        "$build/tests/ops_test" "conv2d: gpu_host_libraries: as *"
    [ "$(grep -c 'cuDNN is not used' "$work/output")" = 1 ] || fail "it is not told just once: $(cat "$work/output")"
    ;;
other)
    refused cuDNN libcudnn.so.9 cudnnCreate conv2d
    untraced 'graph .*'
    ;;
conforms)
    conforms
    traced 'product .*'
    traced 'graph .*'
    ;;
*) fail "what is \"$2\"?" ;;
esac
[ $failures = 0 ]
