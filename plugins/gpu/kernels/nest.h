/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking a gpu_nest: each thread takes every so-many-th element. */
#ifndef GPU_KERNELS_NEST_H
#define GPU_KERNELS_NEST_H

#define GPU_FIRST ((int64_t)gpu_block_x() * gpu_threads() + gpu_thread())
#define GPU_STEP ((int64_t)gpu_blocks_x() * gpu_threads())

/* Offsets of element i in each of N operands. */
template <int N> GPU_DEVICE void gpu_offsets(const gpu_nest &nest, int64_t i, int64_t *offset)
{
    for (int k = 0; k < N; k++) offset[k] = 0;
    for (int d = nest.rank - 1; d > 0; d--) {
        int64_t rest = i / nest.dims[d], at = i - rest * nest.dims[d];
        for (int k = 0; k < N; k++) offset[k] += at * nest.strides[k][d];
        i = rest;
    }
    if (nest.rank > 0)
        for (int k = 0; k < N; k++) offset[k] += i * nest.strides[k][0];
}

#endif
