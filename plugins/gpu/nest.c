/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins dims that every operand steps through evenly, so that most walks have one dim and few have more than three. */
#include "nest.h"

#include <string.h>

enum { BLOCKS_EACH = 16 }; /* for a multiprocessor, at most */

static int joins(const gpu_nest *nest, uint32_t outer, int inner, const int64_t *const *strides, int64_t size)
{
    for (int k = 0; k < nest->operands; k++)
        if (strides[k][outer] != nest->strides[k][inner] * size) return 0;
    return 1;
}

gpu_nest gpu_nest_of(uint32_t rank, const int64_t *dims, int n, const int64_t *const *strides)
{
    gpu_nest reversed = {.n = 1, .operands = n}, nest;
    for (uint32_t d = rank; d-- > 0;) {
        int last = reversed.rank - 1;
        reversed.n *= dims[d];
        if (dims[d] == 1) continue;
        if (last >= 0 && joins(&reversed, d, last, strides, reversed.dims[last])) {
            reversed.dims[last] *= dims[d];
            continue;
        }
        last = reversed.rank++;
        reversed.dims[last] = dims[d];
        for (int k = 0; k < n; k++) reversed.strides[k][last] = strides[k][d];
    }
    nest = reversed;
    for (int i = 0; i < reversed.rank; i++) {
        nest.dims[i] = reversed.dims[reversed.rank - 1 - i];
        for (int k = 0; k < n; k++) nest.strides[k][i] = reversed.strides[k][reversed.rank - 1 - i];
    }
    return nest;
}

int64_t gpu_stride_of(const tn_tensor_desc *desc, uint32_t rank, uint32_t d)
{
    uint32_t missing = desc ? rank - desc->rank : rank;
    return d < missing || desc->dims[d - missing] == 1 ? 0 : desc->strides[d - missing];
}

int gpu_nest_dense(const gpu_nest *nest)
{
    if (nest->rank == 0) return 1;
    if (nest->rank > 1) return 0;
    for (int k = 0; k < nest->operands; k++)
        if (nest->strides[k][0] != 1) return 0;
    return 1;
}

gpu_divisor gpu_divisor_of(uint32_t by)
{
    uint32_t shift = 0;
    while ((UINT64_C(1) << shift) < by) shift++;
    uint64_t factor = ((UINT64_C(1) << 32) * ((UINT64_C(1) << shift) - by)) / by + 1;
    return (gpu_divisor){by, (uint32_t)factor, shift};
}

gpu_grid gpu_grid_for(const tn_device *device, int64_t n, uint32_t threads, uint32_t each)
{
    int64_t most = (int64_t)gpu_limits_of(device)->multiprocessors * BLOCKS_EACH;
    int64_t blocks = (n + (int64_t)threads * each - 1) / ((int64_t)threads * each);
    if (blocks > most) blocks = most;
    return (gpu_grid){.x = blocks < 1 ? 1 : (uint32_t)blocks, .y = 1, .z = 1, .threads = threads};
}
